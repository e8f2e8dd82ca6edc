// Decisions about a layer for people: one block for each, its options side by side, and beside each what would have to change.
#include <fmt/format.h>

#include "gatefold/report/figures.h"
#include "gatefold/report/grid.h"
#include "gatefold/report/table.h"

namespace gatefold {
namespace {

std::string percent_of(EnergyTotal part, EnergyTotal whole) {
  if (whole == EnergyTotal()) return "-";
  const double percent = part.joules() / whole.joules() * 100;
  return percent < 100 ? fmt::format("{:.3g} %", percent) : fmt::format("{:.0f} %", percent);
}

/// "costs 3 nJ (1.2 %) more".
std::string difference_text(const WeighedOption& option, const WeighedOption& chosen) {
  const EnergyTotal none;
  if (option.dearer == none) return "costs the same";
  const EnergyTotal amount = option.dearer < none ? none - option.dearer : option.dearer;
  return fmt::format("costs {} ({}) {}", joules_text(amount.joules()), percent_of(amount, chosen.cost.total()),
                     option.dearer < none ? "less" : "more");
}

/// What would have to change for this option.
std::string change_text(const Explanation& why, const WeighedOption& option, const WeighedOption& chosen) {
  const std::string difference = difference_text(option, chosen);
  switch (option.standing) {
    case Standing::kChosen: return "";
    case Standing::kPassedOver:
      if (!why.looked && option.dearer < EnergyTotal()) return difference + "; weighed again when the profile changes";
      if (option.faster) {
        return fmt::format("{}: {} cycles ({:.3g} %) faster would win", difference, option.faster->count(),
                           100.0 * static_cast<double>(option.faster->count()) / static_cast<double>(option.cycles.count()));
      }
      return option.cost.active == EnergyTotal() ? difference : difference + ": more than speed can save";
    case Standing::kLate: return fmt::format("out of budget by {} cycles; {}", option.late.count(), difference);
    case Standing::kSlower: return fmt::format("{} cycles slower, and all are late", (option.cycles - chosen.cycles).count());
    case Standing::kOccupied: return "occupied; " + difference;
    case Standing::kFailed: return "failed; " + difference;
    case Standing::kNoRoom: return "no room for its weights and activations; " + difference;
  }
  GATEFOLD_REQUIRE(false);
}

std::string heading(const ExplainedDecision& decision, std::int64_t clock_hz) {
  const Explanation& why = decision.explanation;
  std::string text = fmt::format("request {} at {}: ", decision.request, seconds_text(seconds(decision.at, clock_hz)));
  if (!why.decision.shift) text += (why.waits ? "waits for " : "stays on ") + why.home.text();
  else
    text += fmt::format("shifts from {} to {}, {}", why.home.text(), why.decision.placement.text(),
                        why.decision.forced ? "forced" : "voluntary");
  if (decision.again) text += "; its home was taken after it had been decided";
  if (!why.looked) text += "; nothing has changed since it last looked";
  if (why.budget) text += fmt::format("; may take {} cycles", why.budget->count());
  if (decision.alike > 0) text += fmt::format("; {} more alike", decision.alike);
  return text + "\n";
}

}  // namespace

std::string why_table(const ReportedRun& run, const std::string& layer) {
  std::string text =
      fmt::format("\nwhy: {} distinct decisions about layer '{}' under {}\n", run.result.why.size(), layer, run.result.policy);
  for (const ExplainedDecision& decision : run.result.why) {
    const Explanation& why = decision.explanation;
    Grid grid({"", "option", ">cost", ">dynamic", ">active", ">transfer", ">penalty", ">wake", ">cycles", "what would have to change"});
    const WeighedOption* chosen = nullptr;
    for (const WeighedOption& option : why.options) {
      if (option.standing == Standing::kChosen) chosen = &option;
    }
    GATEFOLD_REQUIRE(chosen != nullptr);
    for (const WeighedOption& option : why.options) {
      const StepCost& cost = option.cost;
      std::vector<std::string> row{&option == chosen ? "*" : "", option.placement.text() + (option.home ? " (home)" : "")};
      for (const EnergyTotal term : {cost.total(), cost.dynamic, cost.active, cost.transfer, cost.penalty, cost.wake}) {
        row.push_back(joules_text(term.joules()));
      }
      row.push_back(fmt::format("{}", option.cycles.count()));
      row.push_back(change_text(why, option, *chosen));
      grid.add(std::move(row));
    }
    text += "\n" + heading(decision, run.result.clock_hz) + grid.text("  ");
  }
  return text + "\n*: chosen. Costs are of EQ-28 (docs/cost-model.md), as far as the policy weighs them.\n";
}

}  // namespace gatefold
