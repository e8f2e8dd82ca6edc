// Percentiles, and numbers as text.
#include "gatefold/report/figures.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace gatefold {
namespace {

TEST(Figures, PercentilesAreNearestRank) {
  EXPECT_EQ(percentile({}, 50), std::nullopt);
  EXPECT_EQ(percentile({7}, 1), 7);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 50), 2);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 51), 3);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 100), 4);
  std::vector<std::int64_t> hundred;
  for (std::int64_t i = 100; i >= 1; --i) hundred.push_back(i);
  EXPECT_EQ(percentile(hundred, 99), 99);
}

TEST(Figures, NumbersCarryTheUnitThatFits) {
  EXPECT_EQ(seconds_text(0), "0 s");
  EXPECT_EQ(seconds_text(1.2345678e-3), "1.235 ms");
  EXPECT_EQ(seconds_text(100), "100 s");
  EXPECT_EQ(seconds_text(1e-9), "1 ns");
  EXPECT_EQ(joules_text(45.6e-6), "45.6 uJ");
  EXPECT_EQ(joules_text(-2e-3), "-2 mJ");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(23142), "22.6 KiB");
  EXPECT_EQ(bytes_text(3 << 20), "3 MiB");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(2'656'768), "2.657 M");
  EXPECT_EQ(percent_text(0.4521), "45.2 %");
}

}  // namespace
}  // namespace gatefold
