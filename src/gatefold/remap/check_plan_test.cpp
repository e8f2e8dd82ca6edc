// The checker accepts what the planner proves, and names what was changed.
#include "gatefold/remap/check_plan.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"
#include "gatefold/remap/certify.h"

namespace gatefold {
namespace {

Certificate planned(const OptionTable& table, const PlanObjective& objective = {}) {
  auto plan = plan_static(table, objective);
  GATEFOLD_REQUIRE(plan.has_value());
  return certify(table, objective, std::move(plan).value());
}

std::string fault(const OptionTable& table, const Certificate& certificate) {
  const Status status = check_plan(table, certificate);
  return status ? "" : status.error().message;
}

class CheckPlan : public testing::Test {
 protected:
  static DeviceSpec roomy() {
    DeviceSpec spec = test::small_chip();
    spec.bank.size = Bytes(10000);
    return spec;
  }
  /// Vector layers want many clusters and convolutions one; a later reader elsewhere pays a dear transfer.
  static DeviceSpec torn() {
    DeviceSpec spec = roomy();
    spec.floor = EnergyPerCycle(300);
    spec.sram_byte = EnergyPerByte(100);
    spec.cluster.wake_energy = Energy(1);
    spec.core.wake_energy = Energy(1);
    return spec;
  }
  void expect_fault(const std::string& want, void (*change)(Certificate&), const PlanObjective& objective = {}) {
    Certificate certificate = planned(chain_, objective);
    change(certificate);
    EXPECT_EQ(fault(chain_, certificate).substr(0, want.size()), want);
  }
  OptionTable chain_ = test::table_of(test::chain({8, 6, 9, 5}, 3), roomy());
  OptionTable graph_ = test::table_of(test::residual(), torn());
};

TEST_F(CheckPlan, AcceptsEveryKindOfCertificate) {
  EXPECT_EQ(fault(chain_, planned(chain_)), "");
  EXPECT_EQ(planned(chain_).kind, "chain");
  EXPECT_EQ(fault(graph_, planned(graph_)), "");
  EXPECT_EQ(planned(graph_).kind.substr(0, 3), "dag");
  const Cycles free = plan_static(chain_, std::nullopt).value().reference_total;
  for (const std::int64_t period : {free.count() + 1, free.count() * 2, std::int64_t{10'000}, std::int64_t{1'000'000}}) {
    const Certificate steady = planned(chain_, {{}, Cycles(period)});
    EXPECT_EQ(fault(chain_, steady), "") << period;
    EXPECT_LE(steady.bound, steady.energy);
  }
}

TEST_F(CheckPlan, AcceptsADeadlinesDual) {
  DeviceSpec spec = roomy();
  spec.lane_add = Energy(1'000'000);  // more cores are dear
  const OptionTable table = test::table_of(test::chain({8, 6, 9, 5}, 3), spec);
  const Cycles free = plan_static(table, std::nullopt).value().reference_total;
  const Certificate certificate = planned(table, {Cycles(free.count() - 1), {}});
  EXPECT_EQ(fault(table, certificate), "");
  EXPECT_GT(certificate.time_price, EnergyPerCycle(0));
  EXPECT_LE(certificate.bound, certificate.energy);
  EXPECT_GT(certificate.bound, planned(table).energy);  // and says more than the plan without a deadline
}

TEST_F(CheckPlan, NamesTheEdgeThatAChangedPotentialBreaks) {
  expect_fault("edge 'conv1' option 0 (1 x 1) -> 'conv2' option 0 (1 x 1) is violated:",
               [](Certificate& c) { c.proof.to_go[1][0] += EnergyTotal(Energy(1'000'000)); });
  expect_fault("no edge at 'conv0' option 1 (1 x 2) reaches its potential",
               [](Certificate& c) { c.proof.to_go[0][1] = c.proof.to_go[0][1] - EnergyTotal(Energy(1)); });
}

TEST_F(CheckPlan, NamesTheOptionOrPlacementThatWasChanged) {
  expect_fault("'conv2' option 1 (1 x 2): found 1 x 2,", [](Certificate& c) { c.options[2][1].cycles += Cycles(1); });
  expect_fault("'conv0' option 0 (1 x 1): found 1 x 1,", [](Certificate& c) { c.options[0][0].energy += EnergyTotal(Energy(1)); });
  expect_fault("options of 'conv0': found", [](Certificate& c) {
    c.options[0].pop_back();
    c.proof.to_go[0].pop_back();
  });
  expect_fault("plan: edge 'conv0' -> 'conv1' at cluster 3, core 0 is violated:", [](Certificate& c) { c.plan[1] = test::at(3); });
  expect_fault("plan: 'conv1' at clusters 3-4, core 0 is no option", [](Certificate& c) { c.plan[1] = test::at(3, 2); });
  expect_fault("energy: found", [](Certificate& c) { c.energy += EnergyTotal(Energy(1)); });
  expect_fault("bound: found", [](Certificate& c) { c.bound = c.bound - EnergyTotal(Energy(1)); });
  expect_fault("kind: found 'chain-relaxed' with a gap of 0.000 fJ", [](Certificate& c) { c.kind = "chain-relaxed"; });
  expect_fault("layer 0: found 'other', want 'conv0'", [](Certificate& c) { c.layers[0] = "other"; });
}

TEST_F(CheckPlan, NamesWhatAChangedMultiplierOrMeanBreaks) {
  expect_fault("edge 'conv2'", [](Certificate& c) { *c.mean += EnergyTotal(Energy(1)); }, {{}, Cycles(10'000)});
  expect_fault("no edge at 'conv2'", [](Certificate& c) { *c.mean = *c.mean - EnergyTotal(Energy(1)); }, {{}, Cycles(10'000)});
  expect_fault("no edge at 'conv0'", [](Certificate& c) { c.time_price = EnergyPerCycle(1); });
  expect_fault("mean: want one with a period, and only then", [](Certificate& c) { c.period = Cycles(10'000); });
}

TEST_F(CheckPlan, NamesWhatIsWrongWithCuts) {
  const Certificate good = planned(graph_);
  ASSERT_FALSE(good.proof.cuts.empty());
  const auto expect = [&](const std::string& want, auto change) {
    Certificate changed = good;
    change(changed);
    EXPECT_EQ(fault(graph_, changed).substr(0, want.size()), want);
  };
  expect("no edge at entry 0 of 'b' reaches its potential",
         [](Certificate& c) { c.proof.cuts[2].potentials[0] += EnergyTotal(Energy(1)); });
  expect("edge cut entry 0 -> 'b' option 0 (1 x 1) is violated:",
         [](Certificate& c) { c.proof.cuts[2].potentials[0] = c.proof.cuts[2].potentials[0] - EnergyTotal(Energy(1)); });
  expect("cut before 'c': 'b' is missing", [](Certificate& c) {
    std::erase(c.proof.cuts[2].layers, std::size_t{1});
    std::erase(c.proof.cuts[3].layers, std::size_t{1});
    c.proof.cuts[2].potentials.resize(c.proof.cuts[2].layers.empty() ? 1 : c.proof.candidates[c.proof.cuts[2].layers[0]].size());
  });
  expect("cut before 'b': 0 potentials", [](Certificate& c) { c.proof.cuts[1].potentials.clear(); });
  expect("candidates of 'a': want at least one", [](Certificate& c) { c.proof.candidates[0].clear(); });
  expect("arrivals: want one for each option", [](Certificate& c) { c.proof.to_come.pop_back(); });
}

TEST_F(CheckPlan, PositionsBeyondTheChipDoNotCompleteAnOption) {
  Certificate certificate = planned(graph_);
  std::int32_t first = 100;
  for (Candidate& candidate : certificate.proof.candidates[0]) candidate.first = first++;
  const std::string found = fault(graph_, certificate);
  EXPECT_NE(found.find("is left out, but may be part of a cheaper plan"), std::string::npos) << found;
}

TEST_F(CheckPlan, AnOptionMayBeLeftOutOfCutsOnlyIfNoCheaperPlanCanUseIt) {
  Certificate certificate = planned(graph_);
  const std::size_t option = static_cast<std::size_t>(certificate.proof.candidates[0][0].option);
  // The candidate that the plan uses is exchanged for another: everything else may still hold.
  certificate.proof.candidates[0][0].option = static_cast<std::int16_t>(option + 1);
  EXPECT_NE(fault(graph_, certificate), "");
}

}  // namespace
}  // namespace gatefold
