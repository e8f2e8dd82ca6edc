// When layers start and what time they are allowed: the worked examples of docs/cost-model.md, with its numbers.
#include <gtest/gtest.h>

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

TEST(SessionTimes, TwoLayersWaitForOneRouteAndShareTheDeadline) {  // EQ-33, EQ-34
  auto spec = find_device("edge-nnic");
  ASSERT_TRUE(spec) << spec.error().message;
  const auto network =
      prepare(chain(2, ElementType::kInt8, 64, 25, 5, 1), std::make_shared<const DeviceSpec>(std::move(spec).value()));
  ASSERT_TRUE(network) << network.error().message;
  RunOptions options;
  options.timing_only = true;
  options.deadline = Cycles(1000);
  Listener listener;
  Session session(*network.value(), network.value()->plan(), listener, options, nullptr);
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

}  // namespace
}  // namespace gatefold
