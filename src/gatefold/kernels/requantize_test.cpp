#include "gatefold/kernels/requantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace gatefold {
namespace {

constexpr SaturationLimits kSigned{-128, 127};
constexpr SaturationLimits kUnsigned{0, 255};

TEST(Requantize, TiesGoToEvenBeforeTheZeroPointIsAdded) {
  const struct {
    float value;
    std::int32_t want;
  } table[] = {{0.5F, 1}, {1.5F, 3}, {2.5F, 3}, {-0.5F, 1}, {-1.5F, -1}, {-2.5F, -1}, {0.49999997F, 1}, {0.50000006F, 2}};
  for (const auto& row : table) EXPECT_EQ(saturate_rounded(row.value, 1, kSigned), row.want) << row.value;
}

TEST(Requantize, SaturatesEverythingThatDoesNotFit) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(saturate_rounded(infinity, 0, kSigned), 127);
  EXPECT_EQ(saturate_rounded(-infinity, 0, kSigned), -128);
  EXPECT_EQ(saturate_rounded(1e30F, -100, kUnsigned), 255);
  EXPECT_EQ(saturate_rounded(-1e30F, 100, kUnsigned), 0);
  EXPECT_EQ(saturate_rounded(std::numeric_limits<float>::quiet_NaN(), 5, kSigned), 5);
  EXPECT_EQ(requantize(INT32_MAX, 1, 0, kSigned), 127);
  EXPECT_EQ(requantize(INT32_MIN, 1, 0, kUnsigned), 0);
}

TEST(Requantize, RoundsAsTheLibraryDoes) {
  std::mt19937 random(3);
  for (int i = 0; i < 100000; ++i) {
    const float value = std::uniform_real_distribution<float>(-300, 300)(random);
    for (const float near : {value, std::floor(value) + 0.5F, std::nextafter(std::floor(value) + 0.5F, value)}) {
      const auto want = std::clamp(static_cast<std::int32_t>(std::nearbyint(near)), -128, 127);
      ASSERT_EQ(saturate_rounded(near, 0, kSigned), want) << near;
    }
  }
}

TEST(Requantize, ScalesRoundToFloat32InOrder) {
  const float sx = 0.1F, sw = 0.3F, sy = 0.7F;
  const float product = sx * sw;
  EXPECT_EQ(requantize_scale(sx, sw, sy), product / sy);
  EXPECT_EQ(quantize(1.25F, 0.5F, 3, kSigned), 5);
  EXPECT_EQ(quantize(0.75F, 0.5F, 3, kSigned), 5);
}

}  // namespace
}  // namespace gatefold
