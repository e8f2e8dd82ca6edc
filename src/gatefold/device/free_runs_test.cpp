// Is the index of free runs what a scan over the clusters finds?
#include "gatefold/device/free_runs.h"

#include <gtest/gtest.h>

#include "gatefold/base/random.h"

namespace gatefold {
namespace {

using Found = FreeRuns::Run;

struct Cluster {
  bool available = true;
  std::int32_t percent = 100;
};

std::vector<Found> scan(const std::vector<Cluster>& clusters) {
  std::vector<Found> runs;
  for (std::int32_t k = 0; k < static_cast<std::int32_t>(clusters.size()); ++k) {
    const Cluster& here = clusters[static_cast<std::size_t>(k)];
    if (!here.available) continue;
    if (!runs.empty() && runs.back().end == k && runs.back().percent == here.percent) ++runs.back().end;
    else runs.push_back({k, k + 1, here.percent});
  }
  return runs;
}

template <class Better>
std::optional<Found> pick(const std::vector<Found>& runs, std::int32_t length, std::int32_t from, Better better) {
  std::optional<Found> best;
  for (const Found& run : runs) {
    if (run.length() >= length && run.begin >= from && (!best || better(run, *best))) best = run;
  }
  return best;
}

TEST(FreeRuns, AWholeChipIsOneRun) {
  const FreeRuns runs(5);
  EXPECT_EQ(runs.longest(), 5);
  EXPECT_EQ(runs.first_fit(5), (Found{0, 5, 100}));
  EXPECT_EQ(runs.first_fit(6), std::nullopt);
  EXPECT_EQ(runs.first_fit(1, 1), std::nullopt);  // no run begins there
}

TEST(FreeRuns, AThrottledClusterIsARunOfItsOwn) {
  FreeRuns runs(8);
  runs.set(3, true, 50);
  EXPECT_EQ(runs.containing(3), (Found{3, 4, 50}));
  EXPECT_EQ(runs.best_fit(1), (Found{3, 4, 50}));
  EXPECT_EQ(runs.best_fit(2), (Found{0, 3, 100}));
  EXPECT_EQ(runs.fastest_fit(1), (Found{0, 3, 100}));
  EXPECT_EQ(runs.first_fit(4), (Found{4, 8, 100}));
  runs.set(3, true, 100);
  EXPECT_EQ(runs.containing(3), (Found{0, 8, 100}));
}

TEST(FreeRuns, EveryQueryFindsWhatAScanFindsAfterRandomChanges) {
  SplitMix64 random(7);
  const auto below = [&](std::uint64_t n) { return static_cast<std::int32_t>(random.next() % n); };
  for (const std::int32_t count : {1, 2, 7, 16, 37}) {
    FreeRuns runs(count);
    std::vector<Cluster> clusters(static_cast<std::size_t>(count));
    for (int change = 0; change < 500; ++change) {
      const std::int32_t k = below(static_cast<std::uint64_t>(count));
      const Cluster next{below(3) > 0, 25 * (2 + below(3))};
      clusters[static_cast<std::size_t>(k)] = next;
      runs.set(k, next.available, next.percent);
      const std::vector<Found> expected = scan(clusters);
      std::int32_t longest = 0;
      for (const Found& run : expected) longest = std::max(longest, run.length());
      ASSERT_EQ(runs.longest(), longest);
      const std::int32_t length = 1 + below(4);
      const std::int32_t from = below(static_cast<std::uint64_t>(count));
      const auto shorter = [](const Found& a, const Found& b) { return a.length() < b.length(); };
      const auto faster = [&](const Found& a, const Found& b) {
        return a.percent > b.percent || (a.percent == b.percent && shorter(a, b));
      };
      EXPECT_EQ(runs.first_fit(length, from), pick(expected, length, from, [](const Found&, const Found&) { return false; }));
      EXPECT_EQ(runs.best_fit(length), pick(expected, length, 0, shorter));
      EXPECT_EQ(runs.fastest_fit(length), pick(expected, length, 0, faster));
      for (const Found& run : expected) {
        EXPECT_EQ(runs.containing(run.end - 1), run);
      }
      if (!clusters[static_cast<std::size_t>(k)].available) {
        EXPECT_EQ(runs.containing(k), std::nullopt);
      }
    }
  }
}

}  // namespace
}  // namespace gatefold
