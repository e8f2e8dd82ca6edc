#include "gatefold/report/why_json.h"

#include <nlohmann/json.hpp>

#include "gatefold/report/figures.h"

namespace gatefold {
namespace {

using Json = nlohmann::ordered_json;

Json cost_json(const StepCost& cost) {
  return {{"total", cost.total().joules()},     {"dynamic", cost.dynamic.joules()}, {"active", cost.active.joules()},
          {"transfer", cost.transfer.joules()}, {"penalty", cost.penalty.joules()}, {"wake", cost.wake.joules()}};
}

Json decision_json(const ExplainedDecision& decision, std::int64_t clock_hz) {
  const Explanation& why = decision.explanation;
  Json json{{"request", decision.request},
            {"at_s", seconds(decision.at, clock_hz)},
            {"again", decision.again},
            {"home", why.home.text()},
            {"chosen", why.decision.placement.text()},
            {"shift", why.decision.shift},
            {"forced", why.decision.forced},
            {"waits", why.waits},
            {"looked", why.looked},
            {"budget_cycles", why.budget ? Json(why.budget->count()) : Json(nullptr)},
            {"alike", decision.alike},
            {"options", Json::array()}};
  for (const WeighedOption& option : why.options) {
    const Json faster = option.faster ? Json(option.faster->count()) : Json(nullptr);
    json["options"].push_back({{"placement", option.placement.text()},
                               {"standing", name(option.standing)},
                               {"cost_j", cost_json(option.cost)},
                               {"cycles", option.cycles.count()},
                               {"dearer_j", option.dearer.joules()},
                               {"faster_cycles", faster},
                               {"late_cycles", option.late.count()}});
  }
  return json;
}

}  // namespace

Json why_json(const std::vector<ExplainedDecision>& decisions, std::int64_t clock_hz) {
  Json list = Json::array();
  for (const ExplainedDecision& decision : decisions) list.push_back(decision_json(decision, clock_hz));
  return list;
}

}  // namespace gatefold
