#include "gatefold/host/plans.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gatefold/base/random.h"

namespace gatefold {
namespace {

WakeModel wake_of(std::int64_t latency, std::int64_t signal) {
  WakeModel model;
  model.cost = {latency, signal};
  model.break_even_ns = latency;
  return model;
}

/// A table from rows of times, one entry per count that the layer can use.
HostOptionTable table_of(std::int32_t cores, const std::vector<std::vector<float>>& rows) {
  const std::vector<std::int32_t> counts = core_counts(cores);
  std::vector<std::int32_t> parts_max;
  for (const auto& row : rows) parts_max.push_back(counts[row.size() - 1]);
  HostOptionTable table(counts, parts_max);
  for (std::size_t layer = 0; layer < rows.size(); ++layer) {
    for (std::size_t option = 0; option < rows[layer].size(); ++option) table.set(layer, option, rows[layer][option]);
  }
  return table;
}

std::size_t chosen(const std::vector<HostPlan>& plans, std::int32_t cores, std::optional<double> budget,
                   std::vector<float> slowdown = {1, 1, 1, 1}) {
  PlanContext context;
  context.cores = cores;
  context.budget_ns = budget;
  context.slowdown = slowdown;
  return choose_plan(plans, context);
}

TEST(HostPlans, CountsAreThePowersOfTwoAndAll) {
  EXPECT_EQ(core_counts(1), (std::vector<std::int32_t>{1}));
  EXPECT_EQ(core_counts(2), (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(core_counts(6), (std::vector<std::int32_t>{1, 2, 4, 6}));
}

TEST(HostPlans, ARequestWithSlackRunsOnOneCoreAndOneInAHurryOnTwo) {
  const HostOptionTable table = table_of(2, {{100000, 55000}, {100000, 55000}});
  const std::vector<HostPlan> plans = make_plans(table, wake_of(20000, 1000), HostPolicy::kFewestCores);
  const HostPlan& slack = plans[chosen(plans, 2, 1e6)];
  EXPECT_EQ(slack.width, 1);
  EXPECT_DOUBLE_EQ(slack.ns_left[0], 200000);
  const HostPlan& hurry = plans[chosen(plans, 2, 150000)];
  EXPECT_EQ(hurry.width, 2);
  EXPECT_DOUBLE_EQ(hurry.ns_left[0], 111000) << "two layers and one signal";
  EXPECT_DOUBLE_EQ(hurry.core_ns_left[0], 2 * 111000 + 20000) << "two cores, and one wake";
  EXPECT_EQ(plans[chosen(plans, 1, 150000)].width, 1) << "with one core to use there is no other plan";
  EXPECT_EQ(plans[chosen(plans, 2, -5)].width, 2) << "late already: the fastest";
}

TEST(HostPlans, ACoreThatOthersTakeIsNotWorthHelping) {
  const HostOptionTable table = table_of(2, {{100000, 55000}, {100000, 55000}});
  const std::vector<HostPlan> plans = make_plans(table, wake_of(20000, 1000), HostPolicy::kFewestCores);
  EXPECT_EQ(plans[chosen(plans, 2, std::nullopt)].width, 2);
  EXPECT_EQ(plans[chosen(plans, 2, std::nullopt, {1, 2})].width, 1);
}

TEST(HostPlans, WithoutADeadlineASecondCoreMustBeWorthItsTime) {
  const HostOptionTable worth = table_of(2, {{1e6F, 0.9e6F}});
  const HostOptionTable not_worth = table_of(2, {{1e6F, 0.97e6F}});
  const auto width = [](const HostOptionTable& table) {
    const std::vector<HostPlan> plans = make_plans(table, wake_of(20000, 1000), HostPolicy::kFewestCores);
    return plans[chosen(plans, 2, std::nullopt)].width;
  };
  EXPECT_EQ(width(worth), 2);
  EXPECT_EQ(width(not_worth), 1);
}

TEST(HostPlans, AHelperIsReleasedOverALongGapAndSignalledAheadOfItsEnd) {
  // Layer 1 cannot be split and takes longer than the break-even; layer 2 is as long as a wake.
  const HostOptionTable table = table_of(2, {{400000, 210000}, {300000}, {25000}, {400000, 210000}});
  const std::vector<HostPlan> plans = make_plans(table, wake_of(20000, 1000), HostPolicy::kFewestCores);
  const HostPlan& plan = plans[chosen(plans, 2, std::nullopt)];
  std::vector<int> held;
  for (const LayerChoice& choice : plan.layers) held.push_back(choice.held);
  EXPECT_EQ(held, (std::vector<int>{2, 1, 2, 2}));
  EXPECT_EQ(plan.layers[2].parts, 1);
}

TEST(HostPlans, AHelperIsHeldOverAShortGap) {
  const HostOptionTable table = table_of(2, {{400000, 210000}, {5000}, {400000, 210000}});
  const std::vector<HostPlan> plans = make_plans(table, wake_of(20000, 1000), HostPolicy::kFewestCores);
  for (const LayerChoice& choice : plans[chosen(plans, 2, std::nullopt)].layers) EXPECT_EQ(choice.held, 2);
}

TEST(HostPlans, OtherPoliciesHoldAllCoresOrOne) {
  const HostOptionTable table = table_of(4, {{100000, 60000, 70000}, {100000}});
  for (const HostPlan& plan : make_plans(table, wake_of(1, 1), HostPolicy::kOneCore)) EXPECT_EQ(plan.width, 1);
  const std::vector<HostPlan> all = make_plans(table, wake_of(1, 1), HostPolicy::kAllCores);
  PlanContext context;
  context.cores = 4;
  context.widest = true;
  const std::vector<float> slowdown(4, 1);
  context.slowdown = slowdown;
  const HostPlan& widest = all[choose_plan(all, context)];
  EXPECT_EQ(widest.layers[0].parts, 2) << "the fastest cut";
  EXPECT_EQ(widest.layers[1].held, 4);
}

/// The cheapest of all sequences of held counts, tried one by one.
double cheapest_of_all(const HostOptionTable& table, const WakeModel& wake, double rate) {
  const std::size_t states = table.counts().size();
  std::size_t sequences = 1;
  for (std::size_t layer = 0; layer < table.layer_count(); ++layer) sequences *= states;
  double best = 1e300;
  for (std::size_t code = 0; code < sequences; ++code) {
    double price = 0;
    std::int32_t before = 1;
    std::size_t rest = code;
    for (std::size_t layer = 0; layer < table.layer_count(); ++layer, rest /= states) {
      const std::int32_t held = table.counts()[rest % states];
      float ns = table.ns(layer, 0);
      for (std::size_t o = 1; o < table.options(layer); ++o) {
        if (table.counts()[o] <= held) ns = std::min(ns, table.ns(layer, o));
      }
      const int woken = std::max(0, held - before);
      price += static_cast<double>(ns) * (held + rate) +
               woken * (static_cast<double>(wake.cost.latency_ns) + rate * static_cast<double>(wake.cost.signal_ns));
      before = held;
    }
    best = std::min(best, price);
  }
  return best;
}

TEST(HostPlans, ThePlansOfRandomTablesAreNoDearerThanAnySequenceOfCounts) {
  SplitMix64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<float>> rows;
    for (int layer = 0; layer < 5; ++layer) {
      const auto one = static_cast<float>(1000 + random.next() % 100000);
      std::vector<float> row{one};
      const std::size_t options = 1 + random.next() % 3;
      while (row.size() < options) row.push_back(row.back() * static_cast<float>(0.5 + 0.6 * random.uniform()));
      rows.push_back(row);
    }
    const HostOptionTable table = table_of(4, rows);
    // No wakes: nothing is shifted in time afterwards, so the recurrence alone is compared.
    const WakeModel wake = wake_of(0, 0);
    for (const double rate : {0.0, 1.0, kCoreSecondsPerSecond}) {
      double best = 1e300;
      for (const HostPlan& plan : make_plans(table, wake, HostPolicy::kFewestCores)) {
        best = std::min(best, plan.core_ns_left[0] + rate * plan.ns_left[0]);
      }
      EXPECT_NEAR(best / cheapest_of_all(table, wake, rate), 1, 1e-6);
    }
  }
}

TEST(HostOptionTable, AMeasurementMovesAnEntryByASixteenthAndAnOutlierByNoMore) {
  HostOptionTable table({1, 2}, {2});
  table.update(0, 0, 1600);
  EXPECT_FLOAT_EQ(table.ns(0, 0), 1600) << "the first is taken as it is";
  table.update(0, 0, 3200);
  EXPECT_FLOAT_EQ(table.ns(0, 0), 1700);
  table.update(0, 0, 1e9F);
  EXPECT_FLOAT_EQ(table.ns(0, 0), 1700 + 1700.0F / 16);
}

}  // namespace
}  // namespace gatefold
