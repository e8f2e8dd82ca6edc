// Copies between orders against an element-by-element walk, and which reshapes need none.
#include "gatefold/kernels/strided_copy.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace gatefold {
namespace {

/// Strides of a shape whose axes lie in memory in this order, outermost first.
Strides in_order(const Shape& shape, const std::vector<int>& axes) {
  Strides strides{};
  std::int64_t step = 1;
  for (std::size_t i = axes.size(); i-- > 0;) {
    strides[static_cast<std::size_t>(axes[i])] = step;
    step *= shape[axes[i]];
  }
  return strides;
}

TEST(StridedCopy, MovesEveryElementWhereAWalkPutsIt) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    const int rank = static_cast<int>(random() % 5);
    std::vector<std::int64_t> extents;
    for (int i = 0; i < rank; ++i) extents.push_back(1 + static_cast<std::int64_t>(random() % 7));
    const Shape shape{std::span<const std::int64_t>(extents)};
    std::vector<int> a(static_cast<std::size_t>(rank));
    std::iota(a.begin(), a.end(), 0);
    std::vector<int> b = a;
    std::shuffle(a.begin(), a.end(), random);
    std::shuffle(b.begin(), b.end(), random);
    const Strides from = in_order(shape, a);
    const Strides to = in_order(shape, b);
    for (const std::int64_t element : {1, 2, 4, 8}) {
      const bool flip = element == 1 && random() % 2 == 0;
      std::vector<std::byte> x(static_cast<std::size_t>(shape.elements() * element));
      for (std::byte& one : x) one = static_cast<std::byte>(random());
      std::vector<std::byte> want(x.size()), got(x.size());
      walk<2>(shape, {from, to}, [&](const auto& at) {
        for (std::int64_t i = 0; i < element; ++i) {
          want[static_cast<std::size_t>(at[1] * element + i)] =
              x[static_cast<std::size_t>(at[0] * element + i)] ^ (flip ? std::byte{0x80} : std::byte{0});
        }
      });
      StridedCopy(shape, from, to, element, flip).run(x.data(), got.data());
      ASSERT_EQ(got, want) << shape.text() << " element " << element;
    }
  }
}

TEST(StridedCopy, PicturesBecomePixels) {
  for (const std::int64_t channels : {1, 2, 3, 4, 5}) {
    const Shape shape{2, channels, 7, 11};  // 77 pixels: whole vectors and a rest
    std::vector<float> x(static_cast<std::size_t>(shape.elements())), got(x.size());
    std::iota(x.begin(), x.end(), 0.0F);
    const auto bytes = [](std::vector<float>& values) { return reinterpret_cast<std::byte*>(values.data()); };
    StridedCopy(shape, row_major(shape), channels_last(shape), 4).run(bytes(x), bytes(got));
    for (std::size_t i = 0; i < got.size(); ++i) {
      const std::int64_t at = static_cast<std::int64_t>(i);
      const std::int64_t n = at / (77 * channels);
      EXPECT_EQ(got[i], static_cast<float>((n * channels + at % channels) * 77 + at / channels % 77)) << channels;
    }
    std::vector<float> back(x.size());
    StridedCopy(shape, channels_last(shape), row_major(shape), 4).run(bytes(got), bytes(back));
    EXPECT_EQ(back, x);
  }
}

TEST(StridedCopy, AReshapeAcrossMemoryOrderHasNoStrides) {
  const Shape image{1, 6, 2, 5};
  const Strides last = channels_last(image);
  EXPECT_EQ(reshaped_strides(image, last, Shape{1, 60}), std::nullopt);
  EXPECT_EQ(reshaped_strides(image, last, Shape{3, 2, 10}), (Strides{2, 1, 6}));
  EXPECT_EQ(reshaped_strides(image, last, Shape{6, 10}), (Strides{1, 6}));
  EXPECT_EQ(reshaped_strides(image, row_major(image), Shape{60}), (Strides{1}));
  EXPECT_EQ(reshaped_strides(Shape{1, 4, 1, 1}, channels_last(Shape{1, 4, 1, 1}), Shape{1, 4}), (Strides{0, 1}));
}

TEST(StridedCopy, GapsAreNotDense) {
  EXPECT_TRUE(is_dense(Shape{2, 3}, Strides{1, 2}));
  EXPECT_TRUE(is_dense(Shape{2, 1, 3}, Strides{3, 99, 1}));
  EXPECT_FALSE(is_dense(Shape{2, 3}, Strides{4, 1}));
  EXPECT_FALSE(is_dense(Shape{2, 3}, Strides{0, 1}));
}

TEST(StridedCopy, ChannelsLieBetweenNothing) {
  EXPECT_EQ(channels_last(Shape{2, 3, 5, 7}), (Strides{105, 1, 21, 3}));
  EXPECT_EQ(channels_last(Shape{2, 3, 4, 5, 7}), (Strides{420, 4, 1, 84, 12}));
  EXPECT_EQ(channels_last(Shape{2, 3}), (Strides{3, 1}));
}

}  // namespace
}  // namespace gatefold
