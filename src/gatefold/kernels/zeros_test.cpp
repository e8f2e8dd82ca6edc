// Zeros counted: against a walk over every element, and on cases small enough to see.
#include "gatefold/kernels/zeros.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "gatefold/base/quantity.h"

namespace gatefold {
namespace {

TEST(Zeros, ElementsThatAreNotTheZeroPoint) {
  const Tensor x = Tensor::of<std::int8_t>(Shape{6}, {3, 0, 3, -1, 3, 127});
  EXPECT_EQ(nonzero_count(x.view(), 3), 3);
  EXPECT_EQ(nonzero_count(x.view(), 0), 5);
  const Tensor floats = Tensor::of<float>(Shape{4}, {0.0F, -0.0F, 1e-30F, 2.0F});
  EXPECT_EQ(nonzero_count(floats.view(), 0), 2);
}

TEST(Zeros, AChunkCountsIfAnyOfItsInputsIsNotZero) {
  // 1 x 1, four channels on two positions, chunks of two: channels 0-1 and 2-3.
  const DotGeometry dot{.ic = 4, .ih = 1, .iw = 2, .oc = 1, .oh = 1, .ow = 2};
  const Tensor x = Tensor::of<std::int8_t>(Shape{1, 4, 1, 2}, {0, 5, 0, 0, 7, 0, 0, 6});
  // Position 0: channel 2 only; position 1: channels 0 and 3.
  const ChunkCount one = nonzero_chunks(dot, x.view(), 0, 1, 2);
  EXPECT_EQ(one.slowest, 1 + 2);
  EXPECT_EQ(one.all, 1 + 2);
  const ChunkCount two = nonzero_chunks(dot, x.view(), 0, 2, 2);  // a chunk for each core: lockstep waits for one at most
  EXPECT_EQ(two.slowest, 1 + 1);
  EXPECT_EQ(two.all, 1 + 2);
}

TEST(Zeros, APositionWithoutInputsStillTakesACycle) {
  const DotGeometry dot{.ic = 8, .ih = 1, .iw = 3, .oc = 1, .oh = 1, .ow = 3};
  const Tensor x = Tensor::splat<std::int8_t>(Shape{1, 8, 1, 3}, -4).dense();
  const ChunkCount none = nonzero_chunks(dot, x.view(), -4, 2, 4);
  EXPECT_EQ(none.slowest, 3);
  EXPECT_EQ(none.all, 0);
  const ChunkCount full = nonzero_chunks(dot, x.view(), 0, 2, 3);  // two chunks of each core's four channels
  EXPECT_EQ(full.slowest, 6);
  EXPECT_EQ(full.all, 12);
}

/// The same by listing every element of every window.
ChunkCount listed(const DotGeometry& dot, const Tensor& x, std::int64_t cores, std::int64_t inputs) {
  ChunkCount sum;
  for (std::int64_t n = 0; n < dot.n; ++n) {
    for (std::int64_t oy = 0; oy < dot.oh; ++oy) {
      for (std::int64_t ox = 0; ox < dot.ow; ++ox) {
        std::int64_t most = 1;
        for (std::int64_t core = 0; core < cores; ++core) {
          std::vector<bool> nonzero;
          const Range share = part_of(dot.ic, cores, core);
          for (std::int64_t c = share.begin; c < share.end; ++c) {
            for (std::int64_t r = 0; r < dot.kh; ++r) {
              for (std::int64_t s = 0; s < dot.kw; ++s) {
                const std::int64_t y = oy * dot.sh + r * dot.dh - dot.pad_top;
                const std::int64_t at = ox * dot.sw + s * dot.dw - dot.pad_left;
                const bool inside = y >= 0 && y < dot.ih && at >= 0 && at < dot.iw;
                nonzero.push_back(inside && x.integer_at(((n * dot.ic + c) * dot.ih + y) * dot.iw + at) != 0);
              }
            }
          }
          std::vector<bool> chunk(static_cast<std::size_t>(ceil_div(std::ssize(nonzero), inputs)));
          for (std::size_t e = 0; e < nonzero.size(); ++e) {
            if (nonzero[e]) chunk[e / static_cast<std::size_t>(inputs)] = true;
          }
          const std::int64_t chunks = std::count(chunk.begin(), chunk.end(), true);
          most = std::max(most, chunks);
          sum.all += chunks;
        }
        sum.slowest += most;
      }
    }
  }
  return sum;
}

TEST(Zeros, ChunksOfRandomLayersAreThoseOfEveryElementListed) {
  std::mt19937_64 random{11};
  const auto number = [&](std::int64_t low, std::int64_t high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random); };
  for (int trial = 0; trial < 300; ++trial) {
    DotGeometry dot;
    dot.n = number(1, 2);
    dot.ic = number(1, 12);
    dot.ih = number(3, 7);
    dot.iw = number(3, 7);
    dot.kh = number(1, 3);
    dot.kw = number(1, 3);
    dot.sh = number(1, 2);
    dot.sw = number(1, 2);
    dot.pad_top = number(0, 1);
    dot.pad_left = number(0, 1);
    dot.oh = (dot.ih + dot.pad_top - dot.kh) / dot.sh + 1;
    dot.ow = (dot.iw + dot.pad_left - dot.kw) / dot.sw + 1;
    const std::int64_t percent = number(0, 100);
    std::vector<std::int8_t> values(static_cast<std::size_t>(dot.n * dot.ic * dot.ih * dot.iw));
    for (std::int8_t& value : values) value = static_cast<std::int8_t>(number(1, 100) <= percent ? number(1, 127) : 0);
    const Tensor x = Tensor::of<std::int8_t>(Shape{dot.n, dot.ic, dot.ih, dot.iw}, std::span<const std::int8_t>(values));
    const std::int64_t cores = number(1, dot.ic);
    const std::int64_t inputs = number(1, 20);
    const ChunkCount found = nonzero_chunks(dot, x.view(), 0, cores, inputs);
    const ChunkCount wanted = listed(dot, x, cores, inputs);
    ASSERT_EQ(found.slowest, wanted.slowest);
    ASSERT_EQ(found.all, wanted.all);
  }
}

TEST(Zeros, WeightsAreTernaryIfEveryFilterHasOneSize) {
  const Tensor weights = Tensor::of<std::int8_t>(Shape{2, 2, 1, 2}, {2, 0, 0, -2, 5, 5, -5, 0});
  const NonzeroWeights found = nonzero_weights(weights, {});
  EXPECT_TRUE(found.ternary);
  EXPECT_EQ(found.counts, (std::vector<std::int32_t>{1, 1, 2, 1}));
  const NonzeroWeights shifted = nonzero_weights(weights, {0, 5});
  EXPECT_FALSE(shifted.ternary);  // 0, 0, -10, -5
  EXPECT_EQ(shifted.filter, 1);
  EXPECT_EQ(shifted.counts, (std::vector<std::int32_t>{1, 1, 0, 2}));
}

}  // namespace
}  // namespace gatefold
