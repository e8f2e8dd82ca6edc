// The tile kernels of every instruction set against the dot kernel of the modelled chip on seeded random layers: integers to
// the bit, floats within a tolerance, and any cut into slices to the bit.
#include "gatefold/kernels/tile_layer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/kernels/evaluate.h"
#include "gatefold/kernels/strided_copy.h"
#include "kernels/random_dot.h"

namespace gatefold {
namespace {

using namespace test;

constexpr TileIsa kIsas[] = {TileIsa::kAvx512, TileIsa::kAvx2, TileIsa::kBaseline};

/// Can this processor run the table? Tables fall back, so asking for too much is asking for the best.
TileIsa at_most(TileIsa isa) { return std::min(isa, best_tile_isa()); }

/// A layer's whole output, [n, oc, oh, ow], by the dot kernel.
Tensor by_dot_kernel(const Case& made) {
  const auto kernel = DotKernel::create(made.layer, Numerics::kInteger);
  EXPECT_TRUE(kernel.has_value());
  const auto packed = kernel.value().pack(kernel.value().whole());
  EXPECT_TRUE(packed.has_value());
  std::vector<std::byte> sums(static_cast<std::size_t>(kernel.value().accumulator_elements()) * 4);
  EXPECT_TRUE(kernel.value().accumulate(*packed.value(), made.x.view(), sums.data()).has_value());
  const Layer& layer = made.layer;
  Buffer y(static_cast<std::size_t>(layer.output_shape.elements() * element_size(layer.output_type)));
  kernel.value().finish(sums.data(), {0, layer.dot.oc}, {layer.output_type, layer.output_shape, y.data()});
  return Tensor(layer.output_type, layer.output_shape, std::move(y));
}

/// Strides of [n, c, h, w] in memory as [n, h, w, c] with `gap` unused elements after each pixel.
Strides with_gaps(const Shape& s, std::int64_t gap) {
  const std::int64_t pixel = s[1] + gap;
  return {s[2] * s[3] * pixel, 1, s[3] * pixel, pixel};
}
ImageLayout layout_of(const Shape& s, std::int64_t gap, std::int64_t element) {
  const Strides strides = with_gaps(s, gap);
  return {strides[0] * element, strides[2] * element, strides[3] * element};
}

/// The same through a tile layer in `parts` slices; empty if it does not cover the layer. Gaps in the output must stay as they were.
std::vector<std::byte> by_tiles(const Case& made, TileIsa isa, int parts, std::int64_t gap) {
  const Layer& layer = made.layer;
  const std::int64_t in = element_size(made.x.type());
  const std::int64_t out = element_size(layer.output_type);
  const TileLayerOptions options{.x = layout_of(made.x.shape(), gap, in), .y = layout_of(layer.output_shape, gap, out)};
  BytePool pool(0);
  const auto tiles = make_tile_layer(layer, Numerics::kInteger, options, isa, pool);
  if (!tiles) return {};
  const auto bytes = [&](const Shape& s, std::int64_t element) {
    return std::vector<std::byte>(static_cast<std::size_t>(s[0] * s[2] * s[3] * (s[1] + gap) * element) + kTileSlack, std::byte{0xEE});
  };
  std::vector<std::byte> x = bytes(made.x.shape(), in);
  std::vector<std::byte> y = bytes(layer.output_shape, out);
  const bool flip = made.x.type() == ElementType::kInt8;
  StridedCopy(made.x.shape(), row_major(made.x.shape()), with_gaps(made.x.shape(), gap), in, flip).run(made.x.view().bytes, x.data());
  std::vector<std::byte> scratch(tiles->scratch_bytes() + kTileSlack, std::byte{0x77});
  const int count = static_cast<int>(std::min<std::int64_t>(parts, tiles->parts_max()));
  for (int part = 0; part < count; ++part) tiles->run(part, count, x.data(), y.data(), nullptr, scratch.data());

  std::vector<std::byte> plain(static_cast<std::size_t>(layer.output_shape.elements() * out));
  StridedCopy(layer.output_shape, with_gaps(layer.output_shape, gap), row_major(layer.output_shape), out,
              layer.output_type == ElementType::kInt8)
      .run(y.data(), plain.data());
  std::int64_t untouched = 0;
  for (std::size_t i = 0; i + kTileSlack < y.size(); ++i) {
    const auto within = static_cast<std::int64_t>(i) / out % (layer.output_shape[1] + gap);
    if (within >= layer.output_shape[1]) untouched += y[i] == std::byte{0xEE} ? 0 : 1;
  }
  EXPECT_EQ(untouched, 0) << "bytes between pixels were written";
  return plain;
}

class TileGroupings : public ::testing::TestWithParam<Grouping> {};

TEST_P(TileGroupings, QuantisedLayersHaveTheBitsOfTheDotKernel) {
  Random random(11);
  int covered = 0;
  for (int round = 0; round < 60; ++round) {
    Case made = integer_case(random, GetParam());
    const ElementType type = between(random, 0, 1) == 0 ? ElementType::kInt8 : ElementType::kUInt8;
    const SaturationLimits limits = saturation_limits(type);
    const bool real = between(random, 0, 4) == 0;
    if (!real) {
      made.layer.epilogue.quantise = Quantisation{type, {0.05F}, {static_cast<std::int32_t>(between(random, limits.low, limits.high))}, 0};
      made.layer.output_type = type;
    }
    if (between(random, 0, 1) == 0) made.layer.epilogue.activation = Unary{UnaryKind::kRelu, 0, 0};
    if (between(random, 0, 1) == 0) {
      std::vector<std::int32_t> bias(static_cast<std::size_t>(made.layer.dot.oc));
      for (std::int32_t& one : bias) one = static_cast<std::int32_t>(between(random, -20000, 20000));
      made.layer.inputs.push_back(constant(Tensor::of<std::int32_t>(Shape{made.layer.dot.oc}, bias)));
    }
    const Tensor want = by_dot_kernel(made);
    for (const TileIsa isa : kIsas) {
      for (const int parts : {1, 2, 5}) {
        const std::int64_t gap = between(random, 0, 3);
        const std::vector<std::byte> got = by_tiles(made, at_most(isa), parts, gap);
        if (got.empty()) continue;
        ++covered;
        ASSERT_EQ(std::memcmp(got.data(), want.view().bytes, got.size()), 0)
            << "round " << round << " isa " << static_cast<int>(isa) << " parts " << parts << " gap " << gap;
      }
    }
  }
  EXPECT_GT(covered, 100);
}

TEST_P(TileGroupings, FloatLayersAgreeAndSlicesHaveTheSameBits) {
  Random random(12);
  for (int round = 0; round < 40; ++round) {
    Case made = float_case(random, GetParam());
    if (between(random, 0, 1) == 0) made.layer.epilogue.activation = Unary{UnaryKind::kClip, -0.5F, 0.75F};
    const Tensor want = by_dot_kernel(made);
    for (const TileIsa isa : kIsas) {
      const std::vector<std::byte> whole = by_tiles(made, at_most(isa), 1, 1);
      ASSERT_FALSE(whole.empty());
      const auto* values = reinterpret_cast<const float*>(whole.data());
      for (std::int64_t i = 0; i < want.shape().elements(); ++i) {
        ASSERT_NEAR(values[i], want.values<float>()[static_cast<std::size_t>(i)], 1e-4F) << "round " << round;
      }
      EXPECT_EQ(whole, by_tiles(made, at_most(isa), 3, 1)) << "round " << round;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TileGroupings,
                         ::testing::Values(Grouping::kDense, Grouping::kDepthwise, Grouping::kGrouped, Grouping::kMatrix));

TEST(TileLayer, FewOutputChannelsOfManyInputsAgreeToo) {
  Random random(13);
  for (std::int64_t oc = 1; oc <= kNarrow; ++oc) {
    DotGeometry d;
    d.ic = 19 + oc;
    d.ih = d.oh = 6;
    d.iw = d.ow = 9;
    d.oc = oc;
    d.kh = d.kw = 3;
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    Case made{layer_of(d), random_floats(random, x_shape(d))};
    made.layer.inputs = {activation(ElementType::kFloat32, x_shape(d)), constant(random_floats(random, w_shape(d)))};
    const Tensor want = by_dot_kernel(made);
    for (const TileIsa isa : kIsas) {
      const std::vector<std::byte> got = by_tiles(made, at_most(isa), 2, 0);
      for (std::int64_t i = 0; i < want.shape().elements(); ++i) {
        ASSERT_NEAR(reinterpret_cast<const float*>(got.data())[i], want.values<float>()[static_cast<std::size_t>(i)], 1e-4F);
      }
    }
  }
}

TEST(TileLayer, AddsAnotherTensorBeforeItClamps) {
  Random random(14);
  DotGeometry d;
  d.ic = 5;
  d.oc = 21;
  d.ih = d.iw = d.oh = d.ow = 7;
  Case made{layer_of(d), random_floats(random, x_shape(d))};
  made.layer.inputs = {activation(ElementType::kFloat32, x_shape(d)), constant(random_floats(random, w_shape(d)))};
  const Tensor products = by_dot_kernel(made);
  const Tensor other = random_floats(random, y_shape(d));
  TileLayerOptions options{.x = layout_of(x_shape(d), 0, 4), .y = layout_of(y_shape(d), 0, 4), .addend_pixel = d.oc * 4};
  options.added_to = true;
  options.low = 0;
  options.high = 1;
  const auto strided = [](const Tensor& tensor) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.shape().elements()) * 4 + kTileSlack);
    StridedCopy(tensor.shape(), row_major(tensor.shape()), channels_last(tensor.shape()), 4).run(tensor.view().bytes, bytes.data());
    return bytes;
  };
  for (const TileIsa isa : kIsas) {
    BytePool pool(0);
    const auto tiles = make_tile_layer(made.layer, Numerics::kInteger, options, at_most(isa), pool);
    ASSERT_NE(tiles, nullptr);
    const std::vector<std::byte> x = strided(made.x);
    const std::vector<std::byte> addend = strided(other);
    std::vector<std::byte> y(addend.size());
    for (int part = 0; part < 2; ++part) tiles->run(part, 2, x.data(), y.data(), addend.data(), nullptr);
    std::vector<float> got(static_cast<std::size_t>(y_shape(d).elements()));
    StridedCopy(y_shape(d), channels_last(y_shape(d)), row_major(y_shape(d)), 4).run(y.data(), reinterpret_cast<std::byte*>(got.data()));
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], std::clamp(products.values<float>()[i] + other.values<float>()[i], 0.0F, 1.0F), 1e-5F);
    }
  }
}

// Clamping before rounding, four at a time, is the contract's one formula: around every half step, at both ends.
TEST(TileLayer, RequantisesAsTheContractSays) {
  for (const TileIsa isa : kIsas) {
    const TileKernels& kernels = tile_kernels(at_most(isa));
    std::vector<std::int32_t> bias(kPanel);
    std::vector<float> scale(kPanel);
    const std::byte zeros[256] = {};
    const std::int64_t tap = 0;
    for (const std::int32_t zero : {0, 1, 77, 128, 255}) {
      for (std::int32_t base = -1200; base < 1200; base += kPanel) {
        for (const float factor : {0.5F, 0.25F, 0.1F, 0.3333333F, 1.5F, 100.0F, 1e-9F}) {
          for (std::size_t i = 0; i < kPanel; ++i) {
            bias[i] = base + static_cast<std::int32_t>(i) + (i == 3 ? 2'000'000'000 : 0);
            scale[i] = factor;
          }
          std::uint8_t got[kPanel];
          const DotTile tile{zeros, 4, &tap, 1, 1, zeros, 64, 1, kPanel, reinterpret_cast<std::byte*>(got), kPanel};
          kernels.dot_u8(tile, {bias.data(), scale.data(), static_cast<float>(-zero), static_cast<float>(255 - zero), zero});
          for (std::size_t i = 0; i < kPanel; ++i) ASSERT_EQ(got[i], requantize(bias[i], factor, zero, {0, 255}));
        }
      }
    }
  }
}

}  // namespace
}  // namespace gatefold
