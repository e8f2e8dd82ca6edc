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

// Recorded results of the runtime that the known answers come from. Every row is a near tie that at least one other order
// of the operations gets wrong: float32 arithmetic as ONNX writes it, no fused operations, a before b, or a fixed part
// without one.
TEST(Requantize, SumsRoundNearTiesAsRecorded) {
  const struct {
    float sa;
    std::int32_t za;
    float sb;
    std::int32_t zb;
    float sy;
    std::int32_t zy, a, b, want;
  } table[] = {
      {0x1.ae406ep-6F, 129, 0x1.c9e72ep-7F, 137, 0x1.c4476cp-6F, 129, 123, 90, 100},
      {0.35F, 192, 0.11F, 214, 7.18F, 137, 184, 11, 134},
      {1.09F, 104, 3.31F, 164, 3.54F, 140, 100, 45, 28},
      {1.47F, 164, 0.25F, 197, 4.74F, 218, 128, 20, 198},
      {0.35F, 192, 0.11F, 214, 7.18F, 137, 36, 25, 126},
      {1.69F, 29, 2.06F, 108, 3.74F, 159, 56, 232, 240},
      {0.25F, 124, 1.12F, 29, 4.98F, 251, 119, 19, 248},
      {0.5F, 34, 1.81F, 98, 7.86F, 103, 134, 129, 116},
      {0.5F, 34, 1.81F, 98, 7.86F, 103, 74, 189, 127},
      {0.86F, 66, 2.37F, 88, 6.82F, 215, 86, 157, 241},
      {1.69F, 29, 2.06F, 108, 3.74F, 159, 96, 201, 240},
  };
  for (const auto& row : table) {
    const SumScale scale = sum_scale(row.sa, row.za, row.sb, row.zb, row.sy, row.zy);
    EXPECT_EQ(requantize_sum(row.a, row.b, scale, kUnsigned), row.want) << row.sa << " " << row.a << " " << row.b;
  }
}

TEST(Requantize, AFusedProductAndSumRoundsOnce) {
  std::mt19937 random(4);
  for (int i = 0; i < 100000; ++i) {
    const auto x = std::uniform_int_distribution<std::int32_t>(-128, 255)(random);
    const float factor = std::uniform_real_distribution<float>(0x1p-8F, 4)(random);
    const float sum = std::uniform_real_distribution<float>(-500, 500)(random);
    ASSERT_EQ(fused(x, factor, sum), std::fma(static_cast<float>(x), factor, sum)) << x << " " << factor << " " << sum;
  }
}

TEST(Requantize, ProductsRoundWithTheZeroPointInside) {
  EXPECT_EQ(requantize_product(1, 0.5F, 0, kUnsigned), 0);
  EXPECT_EQ(requantize_product(1, 0.5F, 1, kUnsigned), 2);
  EXPECT_EQ(requantize_product(-3, 0.5F, 1, kSigned), 0);
  EXPECT_EQ(requantize_product(255 * 255, 1, 1, kUnsigned), 255);
}

}  // namespace
}  // namespace gatefold
