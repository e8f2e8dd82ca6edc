// When layers start and what time they are allowed, by the worked examples of docs/cost-model.md; and that the charges of a
// run add up to its figures exactly.
#include <gtest/gtest.h>

#include <array>

#include "cost/chain.h"
#include "gatefold/device/shipped.h"
#include "gatefold/runtime/session.h"

namespace gatefold {
namespace {

/// Everything on one core; keeps what it is asked.
class Listener : public Policy {
 public:
  [[nodiscard]] GatingScope scope() const override { return GatingScope::kAll; }
  [[nodiscard]] Assignment first_assignment(const OptionTable& table, const StaticPlan&) const override {
    return Assignment(table.size(), Placement{0, 1, 1});
  }
  [[nodiscard]] Decision decide(const Boundary& boundary) override {
    heard.push_back({boundary.now, boundary.budget});
    return {boundary.home, false, false};
  }
  std::vector<std::pair<Cycles, std::optional<Cycles>>> heard;
};

/// Adds up every charge by itself.
class Adder : public LedgerObserver {
 public:
  void on_charge(const Charge& charge) override { sums.at(static_cast<std::size_t>(charge.part)) += charge.energy; }
  std::array<EnergyTotal, kPartCount> sums{};
};

TEST(SessionTimes, TwoLayersWaitForOneRouteAndShareTheDeadline) {  // EQ-33, EQ-34
  auto spec = find_device("edge-nnic");
  ASSERT_TRUE(spec) << spec.error().message;
  const auto network = prepare(chain(2, ElementType::kInt8, 64, 25, 5, 1), std::make_shared<const DeviceSpec>(std::move(spec).value()));
  ASSERT_TRUE(network) << network.error().message;
  RunOptions options;
  options.timing_only = true;
  options.deadline = Cycles(1000);
  Listener listener;
  SharedChip chip(network.value()->spec(), listener.scope());
  Session session(*network.value(), network.value()->plan(), listener, options, nullptr, chip);
  ASSERT_TRUE(session.boot());
  ASSERT_TRUE(session.serve(Cycles(0), true, nullptr));
  EXPECT_EQ(session.last_completion(), Cycles(16 + 239 + 239));
  ASSERT_EQ(listener.heard.size(), 2U);
  EXPECT_EQ(listener.heard[0].first, Cycles(0));
  EXPECT_EQ(listener.heard[0].second, Cycles(500));  // 1000 * 239 / 478
  EXPECT_EQ(listener.heard[1].first, Cycles(16));    // when its producer starts
  EXPECT_EQ(listener.heard[1].second, Cycles(984));
  const RunResult result = session.finish(session.last_completion());
  EXPECT_EQ(result.stall, Cycles(16));
  EXPECT_EQ(result.deadline_misses, 0);
}

/// Alternates between two homes at every decision, so that weights and routes move.
class Wanderer : public Listener {
 public:
  [[nodiscard]] Decision decide(const Boundary& boundary) override {
    const Placement to{static_cast<std::int16_t>(3 - boundary.home.first), 1, 1};
    return {to, true, false};
  }
};

TEST(SessionEnergy, ChargesAddUpToTheFiguresExactly) {
  auto spec = find_device("edge-nnic");
  ASSERT_TRUE(spec) << spec.error().message;
  const auto network = prepare(chain(2, ElementType::kInt8, 64, 25, 5, 1), std::make_shared<const DeviceSpec>(std::move(spec).value()));
  ASSERT_TRUE(network) << network.error().message;
  RunOptions options;
  options.timing_only = true;
  options.policy = "static";
  Wanderer wanderer;
  SharedChip chip(network.value()->spec(), wanderer.scope());
  Session session(*network.value(), network.value()->plan(), wanderer, options, nullptr, chip);
  Adder adder;
  session.chip().ledger().observe(&adder);
  ASSERT_TRUE(session.boot());
  for (const std::int64_t arrival : {0, 5'000, 900'000}) ASSERT_TRUE(session.serve(Cycles(arrival), true, nullptr));
  const RunResult result = session.finish(Cycles(1'000'000));
  const EnergyParts& parts = result.energy;
  const std::array shown{parts.compute,       parts.memory,      parts.crossbar, parts.external, parts.leakage_on,
                         parts.leakage_gated, parts.transitions, parts.uncore,   parts.floor};
  EXPECT_EQ(shown, adder.sums);
  EXPECT_EQ(result.shifts_voluntary, 6);
  EXPECT_EQ(result.shift_bytes, Bytes(6 * 4352));
  EXPECT_EQ(parts.floor, EnergyTotal::over(EnergyPerCycle(300'000), Cycles(1'000'000)));
  // Three executions of two layers, and three inputs written.
  EXPECT_EQ(parts.compute, EnergyTotal::repeated(Energy(1'228'800'000'000), 6));
  EXPECT_EQ(parts.memory, EnergyTotal::repeated(Energy(30'528'000'000), 6) + EnergyTotal::repeated(Energy(1'500'000), 3 * 8000) +
                              EnergyTotal::repeated(Energy(2 * 1'500'000), 6 * 4352));
}

}  // namespace
}  // namespace gatefold
