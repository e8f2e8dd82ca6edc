// gatefold_gaps_in_runs [--scale S]: how gaps of unknown length are spent inside runs, by the time-out and by prediction, and
// whether the bounds of both hold there, element class by element class.
//
// Networks of the zoo on two chips, placed by the static plan, one request at a time, timing only. The times between a completion and the
// next arrival come from four processes, whose mean is given in units of the break-even of losing a bank of weights:
//   periodic     uniformly within 5 % of the mean;
//   Poisson      exponential;
//   bursty       exponential, ten times denser in one of two states, which changes after 20 gaps on average;
//   adversarial  whoever chooses the gap knows the descent of the banks of weights and ends it just after the deepest state that is
//                entered within four mean gaps.
// An element's gap is longer than that by what it rests in the two requests around it. Of every element class is checked:
//   competitive <= 2 x offline
//   paid        <= competitive x 51 / 50 + reserve (predicted), paid <= competitive (time-out); docs/decision-problem.md
//   paid - without gating <= wakes of gaps that ended early
// Prints Markdown, energies over those of whoever knows every gap; the last line is what was measured. Exit status 0 if all bounds hold, 1
// if not, 2 for wrong arguments.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "gatefold/base/random.h"
#include "gatefold/device/shipped.h"
#include "gatefold/remap/gap_rule.h"
#include "gatefold/runtime/session.h"
#include "gatefold/zoo/zoo.h"
#include "scale.h"

namespace gatefold {
namespace {

constexpr std::array<const char*, 4> kProcesses{"periodic", "Poisson", "bursty", "adversarial"};
constexpr std::array<double, 5> kMeans{0.003, 0.1, 0.5, 2, 10};
constexpr std::array<const char*, 2> kNetworks{"ds-cnn", "face-320"};
constexpr std::array<const char*, 2> kChips{"edge-16", "mobile-npu"};
constexpr std::int64_t kSeeds = 5;
constexpr std::int64_t kRequests = 2000;
constexpr double kDense = 10;
constexpr double kDwell = 20;
constexpr std::size_t kUser = 1;  // the group of what the only stream uses

class Gaps {
 public:
  Gaps(std::size_t process, double mean, std::uint64_t seed) : process_(process), mean_(mean), random_(seed) {}

  Cycles next(const GapRules& rules) {
    double gap = mean_;
    switch (process_) {
      case 0: gap *= 0.95 + 0.1 * random_.uniform(); break;
      case 1: gap *= -std::log(random_.uniform()); break;
      case 2:
        if (random_.uniform() < 1 / kDwell) dense_ = !dense_;
        gap *= -std::log(random_.uniform()) * 2 / (kDense + 1) * (dense_ ? 1 : kDense);
        break;
      default:
        gap *= 4 * random_.uniform();
        for (const Cycles entered : rules.descent(kUser, index(GapClass::kWeightBank))) {
          if (static_cast<double>(entered.count()) < 4 * mean_) gap = static_cast<double>(entered.count() + 1);
        }
    }
    return Cycles(std::max<std::int64_t>(1, std::llround(gap)));
  }

 private:
  std::size_t process_;
  double mean_;
  SplitMix64 random_;
  bool dense_ = true;
};

struct Summary {
  std::int64_t runs = 0, over_bound = 0, over_twice = 0, over_early = 0, refilled = 0;
  double worst = 0;  ///< predicted over competitive
};

/// The deepest wake of each element class, a reload included.
std::array<EnergyTotal, kElementClassCount> deepest(const DeviceSpec& spec) {
  EnergyTotal uncore;
  for (const UncoreSpec& part : spec.uncore) uncore = std::max(uncore, EnergyTotal(part.gate.wake_energy));
  return {spec.cluster.wake_energy, spec.core.wake_energy, EnergyTotal(spec.bank.wake_energy_off) + refill_energy(spec),
          spec.vector_pool_gate.wake_energy, uncore};
}

void check(const Gating& gating, const DeviceSpec& spec, GapRule rule, std::int64_t requests, Summary& summary) {
  const auto wakes = deepest(spec);
  for (std::size_t of = 0; of < kElementClassCount; ++of) {
    const UnknownGaps& gaps = gating.unknown_gaps()[of];
    const std::int64_t elements = ceil_div(gaps.count, requests);
    const EnergyTotal reserve = EnergyTotal::repeated(wakes[of], PredictedRule::kReserve * elements);
    EnergyTotal bound = gaps.competitive;
    if (rule == GapRule::kPredicted) {
      const std::int64_t part = PredictedRule::kAllowance;
      bound = EnergyTotal::of_attojoules(gaps.competitive.attojoules() * (part + 1) / part) + reserve;
    }
    summary.over_bound += gaps.paid > bound ? 1 : 0;
    summary.over_twice += gaps.competitive > EnergyTotal::repeated(gaps.offline, 2) ? 1 : 0;
    summary.over_early += gaps.paid - gaps.stayed_on > gaps.early_wakes ? 1 : 0;
    summary.refilled += gaps.refilled;
  }
}

/// Serves the requests of one trace; returns what unknown gaps cost over offline.
Result<double> serve(const PreparedNetwork& network, GapRule rule, Gaps gaps, std::int64_t requests, Summary& summary) {
  const char* name = rule == GapRule::kPredicted ? "static+same" : "static+timeout";
  const auto& table = policy_table();
  const auto entry = std::find_if(table.begin(), table.end(), [name](const PolicyEntry& of) { return of.name == name; });
  GATEFOLD_REQUIRE(entry != table.end());
  const std::unique_ptr<Policy> policy = entry->make();
  const std::unique_ptr<GapRules> rules = make_gap_rules(rule, network.spec(), {});
  SharedChip chip(network.spec(), policy->scope());
  chip.chip().gating().follow(rules.get());
  RunOptions options;
  options.policy = name;
  options.timing_only = true;
  Session session(network, network.plan(), *policy, options, nullptr, chip);
  GATEFOLD_CHECK(session.boot());
  Cycles arrival;
  for (std::int64_t r = 0; r < requests; ++r) {
    GATEFOLD_CHECK(session.serve(arrival, false, nullptr));
    arrival = session.last_completion() + gaps.next(*rules);
  }
  const Gating& gating = chip.chip().gating();
  check(gating, network.spec(), rule, requests, summary);
  ++summary.runs;
  EnergyTotal paid;
  EnergyTotal offline;
  for (const UnknownGaps& of : gating.unknown_gaps()) {
    paid += of.paid;
    offline += of.offline;
  }
  return paid.joules() / offline.joules();
}

Status table_of(const PreparedNetwork& network, std::int64_t seeds, std::int64_t requests, Summary& summary) {
  const Envelope bank = gap_envelopes(network.spec())[index(GapClass::kWeightBank)];
  const auto unit = static_cast<double>(bank.crossover(bank.size() - 2).count());
  fmt::print("unit {:.3g} s\n\n| process | mean gap | time-out | predicted |\n| --- | --: | --: | --: |\n",
             unit / static_cast<double>(network.spec().clock_hz));
  for (std::size_t process = 0; process < kProcesses.size(); ++process) {
    for (const double mean : kMeans) {
      std::array<double, 2> sums{};
      for (std::int64_t seed = 1; seed <= seeds; ++seed) {
        for (const GapRule rule : {GapRule::kTimeout, GapRule::kPredicted}) {
          GATEFOLD_TRY(const double over,
                       serve(network, rule, Gaps(process, mean * unit, static_cast<std::uint64_t>(seed)), requests, summary));
          sums[rule == GapRule::kPredicted ? 1 : 0] += over / static_cast<double>(seeds);
        }
      }
      summary.worst = std::max(summary.worst, sums[1] / sums[0]);
      fmt::print("| {} | {} | {:.3f} | {:.3f} |\n", kProcesses[process], mean, sums[0], sums[1]);
    }
  }
  std::fflush(stdout);
  return Done{};
}

Status measure(double scale, Summary& summary) {
  const std::int64_t seeds = std::max<std::int64_t>(1, std::llround(kSeeds * std::sqrt(scale)));
  const std::int64_t requests = std::max<std::int64_t>(20, std::llround(kRequests * std::sqrt(scale)));
  for (const char* name : kNetworks) {
    GATEFOLD_TRY(const Model model, zoo_model(name));
    GATEFOLD_TRY(LayerGraph layers, build_layer_graph(model));
    const auto graph = std::make_shared<const LayerGraph>(std::move(layers));
    for (const char* chip : kChips) {
      GATEFOLD_TRY(DeviceSpec spec, find_device(chip));
      GATEFOLD_TRY(const auto network, prepare(graph, std::make_shared<const DeviceSpec>(std::move(spec))));
      fmt::print("\n### {} on {}, ", name, chip);
      GATEFOLD_CHECK(table_of(*network, seeds, requests, summary));
    }
  }
  return Done{};
}

}  // namespace
}  // namespace gatefold

int main(int argc, char** argv) {
  const auto scale = gatefold::bench::scale_of(argc, argv, "gatefold_gaps_in_runs");
  if (!scale) return 2;
  gatefold::Summary summary;
  const gatefold::Status done = gatefold::measure(*scale, summary);
  if (!done) {
    fmt::print(stderr, "{}\n", done.error().message);
    return 1;
  }
  fmt::print(
      "\nfigure: {} runs: bound of the rule exceeded in {} element classes, twice offline by the time-out in {}, net saving below wakes of "
      "early ends in {}; {} banks refilled; predicted over time-out at worst {:.3f}\n",
      summary.runs, summary.over_bound, summary.over_twice, summary.over_early, summary.refilled, summary.worst);
  return summary.over_bound + summary.over_twice + summary.over_early == 0 ? 0 : 1;
}
