// Inner loops for activations that lie channels-last, [n, h, w, c], as the host executor keeps them: register tiles of
// output positions x output channels, with everything that follows the sum (bias, clamp, requantisation) done before the
// store. One table of functions per instruction set, all from one body (tile_body.h); which one runs is decided once.
//
// Quantised activations are unsigned here: an int8 tensor is kept with its sign bits flipped, x + 128, and so is its zero
// point, because the multiply-add instructions want one unsigned operand. Differences to a zero point do not change.
//
// The sum of one output element is taken in one order whatever the tile it falls into, so that results do not depend on
// how outputs are divided.
// Based on: K. Goto, R. van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008); the indirect convolution of
// M. Dukhan (2019), with the indirection reduced to a list of taps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gatefold/kernels/requantize.h"

namespace gatefold {

/// Output channels of a panel, the unit in which weights are packed: 16 values of 32 bits are the widest vector register.
inline constexpr std::int64_t kPanel = 16;
/// Output channels of a layer that is computed along its inputs instead.
inline constexpr std::int64_t kNarrow = 4;
/// Channels of a block of depthwise uint8 weights: a register of bytes.
inline constexpr std::int64_t kByteBlock = 64;
/// Bytes that kernels may read after the last element they were given.
inline constexpr std::size_t kTileSlack = 64;

enum class TileIsa : std::uint8_t { kBaseline, kAvx2, kAvx512 };
/// The best one of this processor, as far as oneDNN has not been told to use less: both obey the same limit.
[[nodiscard]] TileIsa best_tile_isa();

/// A rectangle of a dense layer's outputs: `positions`, `x_step` bytes apart in the input, by `channels`.
/// A *unit* is what one 32-bit lane multiplies at a time: one float, or four neighbouring uint8.
struct DotTile {
  const std::byte* x;        ///< first tap of the first position
  std::int64_t x_step;       ///< bytes
  const std::int64_t* taps;  ///< bytes from `x` to each tap
  std::int64_t tap_count;
  std::int64_t depth;        ///< units of a tap; what lies beyond its channels meets weights that are 0
  const std::byte* weights;  ///< panels of [tap][depth][kPanel] units
  std::int64_t panel_bytes;
  std::int64_t positions, channels;
  std::byte* y;
  std::int64_t y_step;  ///< bytes
};

/// One row of a depthwise layer's outputs.
struct DepthwiseRow {
  const std::byte* x;
  std::int64_t x_step;       ///< bytes between columns
  const std::int64_t* taps;  ///< bytes from `x`; a multiple of four of them for uint8
  std::int64_t tap_count;
  const std::byte* weights;  ///< float: [c / kPanel][tap][kPanel]; uint8: as packed (pack_depthwise_u8)
  std::int64_t columns, channels;
  std::byte* y;
  std::int64_t y_step;
  bool threes = false;  ///< nine taps, three by three, each one column after the one before: what columns read overlaps
};

/// y = min(max(sum + bias (+ addend), low), high). `bias`: a multiple of kPanel entries.
struct FloatFinish {
  const float* bias;
  float low, high;
  const std::byte* addend = nullptr;  ///< float32, laid out as y is; nullptr: none
  std::int64_t addend_step = 0;       ///< bytes
};
/// y = requantize(sum + bias, scale, zero) within the limits, as uint8. `low` and `high` are the limits less the zero point:
/// clamping before rounding is the same, since they are integers and rounding is monotone.
struct ByteFinish {
  const std::int32_t* bias;  ///< less the zero point's share of the sum
  const float* scale;
  float low, high;
  std::int32_t zero;
};
/// y = min(max(float(sum + bias) * scale, low), high).
struct RealFinish {
  const std::int32_t* bias;
  const float* scale;
  float low, high;
};

/// One scale and zero point of a uint8 tensor.
struct ByteScale {
  float scale;
  std::int32_t zero;
};

/// Distances in elements.
struct PoolRow {
  const std::int64_t* taps;
  std::int64_t tap_count, channels, columns;
  std::int64_t x_step, y_step;  ///< between columns
};

struct TileKernels {
  void (*dot_float)(const DotTile&, const FloatFinish&);
  /// For a handful of channels, which would leave lanes of a panel idle: lanes are inputs instead. `weights` are [channel][tap]
  /// [depth rounded up to kPanel], `panel_bytes` those of one channel. Requires: at most kNarrow channels.
  void (*dot_narrow_float)(const DotTile&, const FloatFinish&);
  void (*dot_u8)(const DotTile&, const ByteFinish&);
  void (*dot_u8_real)(const DotTile&, const RealFinish&);
  void (*depthwise_float)(const DepthwiseRow&, const FloatFinish&);
  void (*depthwise_u8)(const DepthwiseRow&, const ByteFinish&);
  /// Where a channel stands within its block of kByteBlock, in depthwise uint8 weights, scales and biases.
  std::int64_t (*depthwise_place)(std::int64_t channel);

  // Element by element. `step` 0: one value for all.
  void (*clamp)(const float* x, std::int64_t count, float low, float high, float* y);
  void (*binary)(BinaryKind kind, const float* a, const float* b, std::int64_t step_b, std::int64_t count, float* y);
  /// `flip` is xored to what is read and written: 128 if the tensors stand for int8.
  void (*sum_u8)(const std::uint8_t* a, const std::uint8_t* b, std::int64_t count, SumScale scale, SaturationLimits limits,
                 std::uint8_t flip, std::uint8_t* y);
  void (*quantize)(const float* x, std::int64_t count, ByteScale by, SaturationLimits limits, std::uint8_t* y);
  void (*dequantize)(const std::uint8_t* x, std::int64_t count, ByteScale by, float* y);

  /// y[3 i + e] = the i-th of plane e; planes are `plane` elements apart: a picture's [c, h, w] as [h, w, c].
  void (*interleave_3)(const float* x, std::int64_t plane, std::int64_t count, float* y);

  // Pools: neighbouring output columns whose taps all lie inside the image.
  void (*max_float)(const PoolRow&, const float* x, float* y);
  void (*max_u8)(const PoolRow&, const std::uint8_t* x, std::uint8_t* y);
  /// Sum in float32, in the order of the taps, divided by `divisor`.
  void (*average_float)(const PoolRow&, const float* x, float divisor, float* y);
  void (*average_u8)(const PoolRow&, const std::uint8_t* x, ByteScale by, float divisor, float* y);
  /// Means over `positions`, `step` elements apart: summed in double and rounded to float32, then divided by their number.
  void (*mean_float)(const float* x, std::int64_t positions, std::int64_t step, std::int64_t channels, float* y);
  /// Sums of x - zero.
  void (*sums_u8)(const std::uint8_t* x, std::int64_t positions, std::int64_t step, std::int64_t channels, std::int32_t zero,
                  std::int32_t* y);
};

[[nodiscard]] const TileKernels& tile_kernels(TileIsa isa);

namespace detail {
// Each in a file of its own, compiled for its instruction set; nullptr where the compiler has none for this processor family.
[[nodiscard]] const TileKernels* tile_kernels_baseline();
[[nodiscard]] const TileKernels* tile_kernels_avx2();
[[nodiscard]] const TileKernels* tile_kernels_avx512();
}  // namespace detail

}  // namespace gatefold
