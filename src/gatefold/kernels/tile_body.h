// The body of every table of tile kernels. A file that includes it has defined, in its own unnamed namespace, `Lanes` (16
// lanes of 32 bits: what a panel is), `FloatMac` and `ByteMac` (how units are multiplied and added), kPositionsMax,
// kWidePanels, kNarrowPositions and kHoldsNineTaps (and GATEFOLD_OWN_DEPTHWISE_U8, if it brings depthwise_u8 itself), and is compiled for
// its instruction set. Everything here is in the unnamed namespace too, and nothing of the standard library's is called: a function shared
// with files for other processors must not be compiled for this one.
#pragma once

#include <utility>

#include "gatefold/kernels/binary_math.h"
#include "gatefold/kernels/tile_kernels.h"

namespace gatefold {
namespace {

#define GATEFOLD_INLINE inline __attribute__((always_inline))

GATEFOLD_INLINE std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Sums of P positions by Q panels. Positions are addressed in threes, base, base + step, base + 2 step: that many fit the
/// processor's addressing, and so the pointers fit its registers.
template <class Mac, int P, int Q>
GATEFOLD_INLINE void accumulate(const DotTile& t, const std::byte* x, const std::byte* weights, typename Mac::Sum (&sums)[P][Q]) {
  const std::int64_t step = t.x_step;
  const std::int64_t panel = t.panel_bytes;
  for (auto& row : sums) {
    for (auto& sum : row) sum = Mac::zero();
  }
  for (std::int64_t tap = 0; tap < t.tap_count; ++tap) {
    const std::byte* bases[(P + 2) / 3];
#pragma GCC unroll 8
    for (int i = 0; i < (P + 2) / 3; ++i) bases[i] = x + t.taps[tap] + 3 * i * step;
    for (std::int64_t k = 0; k < t.depth; ++k) {
      typename Mac::Weights w[Q];
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q) w[q] = Mac::weights(weights + q * panel);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        const auto value = Mac::broadcast(bases[p / 3] + (p % 3) * step);
#pragma GCC unroll 8
        for (int q = 0; q < Q; ++q) sums[p][q] = Mac::add(sums[p][q], w[q], value);
      }
#pragma GCC unroll 8
      for (int i = 0; i < (P + 2) / 3; ++i) bases[i] += 4;
      weights += kPanel * 4;
    }
  }
}

// What follows the sum, by panel.
GATEFOLD_INLINE void store(const FloatFinish& f, Lanes::Float sum, std::int64_t channel, std::int64_t position, std::int64_t count,
                           std::byte* y) {
  Lanes::Float value = Lanes::add(sum, Lanes::load(f.bias + channel));
  if (f.addend != nullptr) {
    value = Lanes::add(value, Lanes::load_part(reinterpret_cast<const float*>(f.addend + position * f.addend_step) + channel, count));
  }
  Lanes::store_part(reinterpret_cast<float*>(y) + channel, Lanes::clamp(value, f.low, f.high), count);
}
GATEFOLD_INLINE void store(const ByteFinish& f, Lanes::Int sum, std::int64_t channel, std::int64_t, std::int64_t count, std::byte* y) {
  const Lanes::Float value = Lanes::mul(Lanes::to_float(Lanes::add(sum, Lanes::load(f.bias + channel))), Lanes::load(f.scale + channel));
  Lanes::store_bytes(reinterpret_cast<std::uint8_t*>(y) + channel, Lanes::rounded(Lanes::clamp(value, f.low, f.high), f.zero), count);
}
GATEFOLD_INLINE void store(const RealFinish& f, Lanes::Int sum, std::int64_t channel, std::int64_t, std::int64_t count, std::byte* y) {
  const Lanes::Float value = Lanes::mul(Lanes::to_float(Lanes::add(sum, Lanes::load(f.bias + channel))), Lanes::load(f.scale + channel));
  Lanes::store_part(reinterpret_cast<float*>(y) + channel, Lanes::clamp(value, f.low, f.high), count);
}

/// P positions from `position` on by Q panels from `panel` on.
template <class Mac, class Finish, int P, int Q>
void dot_block(const DotTile& t, const Finish& finish, std::int64_t position, std::int64_t panel) {
  typename Mac::Sum sums[P][Q];
  accumulate<Mac, P, Q>(t, t.x + position * t.x_step, t.weights + panel * t.panel_bytes, sums);
  std::byte* y = t.y + position * t.y_step;
  if ((panel + Q) * kPanel <= t.channels) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p, y += t.y_step) {
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q) store(finish, Mac::total(sums[p][q]), (panel + q) * kPanel, position + p, kPanel, y);
    }
    return;
  }
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p, y += t.y_step) {
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) {
      const std::int64_t channel = (panel + q) * kPanel;
      store(finish, Mac::total(sums[p][q]), channel, position + p, smaller(kPanel, t.channels - channel), y);
    }
  }
}

template <class Mac, class Finish>
using Block = void (*)(const DotTile&, const Finish&, std::int64_t, std::int64_t);

/// dot_block for every number of positions up to P.
template <class Mac, class Finish, int P, int Q>
struct Blocks {
  static void call(int positions, const DotTile& t, const Finish& finish, std::int64_t position, std::int64_t panel) {
    if (positions == P) dot_block<Mac, Finish, P, Q>(t, finish, position, panel);
    else if constexpr (P > 1) Blocks<Mac, Finish, P - 1, Q>::call(positions, t, finish, position, panel);
  }
};

/// All panels of `positions` positions, as wide as registers allow: few positions want more panels, so that enough sums
/// are under way at a time to hide the latency of an addition.
template <class Mac, class Finish>
void dot_positions(const DotTile& t, const Finish& finish, std::int64_t position, int positions) {
  const std::int64_t panels = (t.channels + kPanel - 1) / kPanel;
  std::int64_t panel = 0;
  if (positions == 1) {
    for (; panel + 4 * kWidePanels <= panels; panel += 4 * kWidePanels) {
      dot_block<Mac, Finish, 1, 4 * kWidePanels>(t, finish, position, panel);
    }
  }
  if constexpr (kWidePanels > 1) {
    for (; panel + kWidePanels <= panels; panel += kWidePanels) {
      Blocks<Mac, Finish, kPositionsMax, kWidePanels>::call(positions, t, finish, position, panel);
    }
  }
  for (; panel < panels; ++panel) Blocks<Mac, Finish, kPositionsMax, 1>::call(positions, t, finish, position, panel);
}

template <class Mac, class Finish>
void dot(const DotTile& t, const Finish& finish) {
  // Positions that a page separates share one set of the first-level cache, which has 8 to 12 ways.
  const std::int64_t most = t.x_step % 4096 == 0 && kPositionsMax > 8 ? 8 : kPositionsMax;
  // Tiles of equal height: 17 positions are 9 + 8, not 14 + 3.
  const std::int64_t tiles = (t.positions + most - 1) / most;
  for (std::int64_t tile = 0, position = 0; tile < tiles; ++tile) {
    const std::int64_t count = (t.positions - position + tiles - tile - 1) / (tiles - tile);
    dot_positions<Mac>(t, finish, position, static_cast<int>(count));
    position += count;
  }
}

/// P positions of C channels, sixteen inputs at a time.
template <int P, int C>
void narrow_block(const DotTile& t, const FloatFinish& finish, std::int64_t position) {
  Lanes::Float sums[P][C];
  for (int p = 0; p < P; ++p) {
    for (int c = 0; c < C; ++c) sums[p][c] = FloatMac::zero();
  }
  const std::byte* x = t.x + position * t.x_step;
  std::int64_t at = 0;  // bytes into one channel's weights
  for (std::int64_t tap = 0; tap < t.tap_count; ++tap) {
    for (std::int64_t k = 0; k < t.depth; k += kPanel, at += kPanel * 4) {
      Lanes::Float w[C];
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) w[c] = Lanes::load(reinterpret_cast<const float*>(t.weights + c * t.panel_bytes + at));
      const std::int64_t count = smaller(kPanel, t.depth - k);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const auto* from = reinterpret_cast<const float*>(x + t.taps[tap] + p * t.x_step) + k;
        const Lanes::Float value = count == kPanel ? Lanes::load(from) : Lanes::load_part(from, count);
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sums[p][c] = Lanes::fma(value, w[c], sums[p][c]);
      }
    }
  }
  for (int p = 0; p < P; ++p) {
    auto* y = reinterpret_cast<float*>(t.y + (position + p) * t.y_step);
    for (int c = 0; c < C; ++c) {
      float value = Lanes::total(sums[p][c]) + finish.bias[c];
      value = value < finish.low ? finish.low : value;
      y[c] = value > finish.high ? finish.high : value;
    }
  }
}

template <int C>
void narrow(const DotTile& t, const FloatFinish& finish) {
  std::int64_t position = 0;
  for (; position + kNarrowPositions <= t.positions; position += kNarrowPositions) narrow_block<kNarrowPositions, C>(t, finish, position);
  for (; position < t.positions; ++position) narrow_block<1, C>(t, finish, position);
}

void dot_narrow_float(const DotTile& t, const FloatFinish& finish) {
  switch (t.channels) {
    case 1: return narrow<1>(t, finish);
    case 2: return narrow<2>(t, finish);
    case 3: return narrow<3>(t, finish);
    default: return narrow<4>(t, finish);
  }
}

template <int C>
GATEFOLD_INLINE void depthwise_columns(const DepthwiseRow& row, const FloatFinish& finish, const std::byte* weights, std::int64_t channel,
                                       std::int64_t column) {
  Lanes::Float sums[C];
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) sums[c] = Lanes::load(finish.bias + channel);
  const std::byte* x = row.x + column * row.x_step + channel * 4;
  for (std::int64_t tap = 0; tap < row.tap_count; ++tap) {
    const Lanes::Float w = Lanes::load(reinterpret_cast<const float*>(weights) + tap * kPanel);
    const std::byte* from = x + row.taps[tap];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) sums[c] = Lanes::fma(Lanes::load(reinterpret_cast<const float*>(from + c * row.x_step)), w, sums[c]);
  }
  const std::int64_t count = smaller(kPanel, row.channels - channel);
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) {
    auto* y = reinterpret_cast<float*>(row.y + (column + c) * row.y_step) + channel;
    Lanes::store_part(y, Lanes::clamp(sums[c], finish.low, finish.high), count);
  }
}

/// The same for rows of three taps: every input is loaded once for the three columns that read it. Each sum takes its taps in
/// the same order.
template <int C>
GATEFOLD_INLINE void depthwise_threes(const DepthwiseRow& row, const FloatFinish& finish, const Lanes::Float (&w)[9], std::int64_t channel,
                                      std::int64_t column) {
  Lanes::Float sums[C];
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) sums[c] = Lanes::load(finish.bias + channel);
  const std::byte* x = row.x + column * row.x_step + channel * 4;
#pragma GCC unroll 3
  for (int r = 0; r < 3; ++r) {
    const std::byte* from = x + row.taps[3 * r];
#pragma GCC unroll 8
    for (int i = 0; i < C + 2; ++i) {
      const Lanes::Float value = Lanes::load(reinterpret_cast<const float*>(from + i * row.x_step));
#pragma GCC unroll 3
      for (int s = 2; s >= 0; --s) {
        if (i - s >= 0 && i - s < C) sums[i - s] = Lanes::fma(value, w[3 * r + s], sums[i - s]);
      }
    }
  }
  const std::int64_t count = smaller(kPanel, row.channels - channel);
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) {
    auto* y = reinterpret_cast<float*>(row.y + (column + c) * row.y_step) + channel;
    Lanes::store_part(y, Lanes::clamp(sums[c], finish.low, finish.high), count);
  }
}

/// Columns from 0 on of one panel; returns where it stopped.
GATEFOLD_INLINE std::int64_t depthwise_panel_of_threes(const DepthwiseRow& row, const FloatFinish& finish, const std::byte* weights,
                                                       std::int64_t channel) {
  constexpr int kColumns = 6;
  Lanes::Float w[9];
#pragma GCC unroll 9
  for (int tap = 0; tap < 9; ++tap) w[tap] = Lanes::load(reinterpret_cast<const float*>(weights) + tap * kPanel);
  std::int64_t column = 0;
  for (; column + kColumns <= row.columns; column += kColumns) depthwise_threes<kColumns>(row, finish, w, channel, column);
  for (; column + 2 <= row.columns; column += 2) depthwise_threes<2>(row, finish, w, channel, column);
  return column;
}

void depthwise_float(const DepthwiseRow& shared_row, const FloatFinish& shared_finish) {
  // Copies that no store can reach: they stay in registers.
  const DepthwiseRow row = shared_row;
  const FloatFinish finish = shared_finish;
  constexpr int kColumns = 6;
  for (std::int64_t channel = 0; channel < row.channels; channel += kPanel) {
    const std::byte* weights = row.weights + channel * row.tap_count * 4;
    std::int64_t column = 0;
    if (kHoldsNineTaps && row.threes) column = depthwise_panel_of_threes(row, finish, weights, channel);
    for (; column + kColumns <= row.columns; column += kColumns) {
      depthwise_columns<kColumns>(row, finish, weights, channel, column);
    }
    for (; column + 2 <= row.columns; column += 2) depthwise_columns<2>(row, finish, weights, channel, column);
    for (; column < row.columns; ++column) depthwise_columns<1>(row, finish, weights, channel, column);
  }
}

void clamp(const float* x, std::int64_t count, float low, float high, float* y) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float raised = x[i] < low ? low : x[i];
    y[i] = raised > high ? high : raised;
  }
}

void binary(BinaryKind kind, const float* a, const float* b, std::int64_t step_b, std::int64_t count, float* y) {
  const auto run = [=](auto f) {
    if (step_b == 0) {
      const float one = *b;
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], one);
    } else {
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], b[i]);
    }
  };
  switch (kind) {
    case BinaryKind::kAdd: return run([](float p, float q) { return p + q; });
    case BinaryKind::kSub: return run([](float p, float q) { return p - q; });
    case BinaryKind::kMul: return run([](float p, float q) { return p * q; });
    case BinaryKind::kDiv: return run([](float p, float q) { return p / q; });
    case BinaryKind::kMin: return run([](float p, float q) { return p < q || p != p ? p : q; });
    case BinaryKind::kMax: return run([](float p, float q) { return p > q || p != p ? p : q; });
    case BinaryKind::kPow: break;
  }
}

void sum_u8(const std::uint8_t* a, const std::uint8_t* b, std::int64_t count, SumScale scale, SaturationLimits limits, std::uint8_t flip,
            std::uint8_t* y) {
  const std::int32_t less = flip;  // a byte with its sign bit flipped is the int8 plus 128
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<std::uint8_t>(requantize_sum(a[i] - less, b[i] - less, scale, limits) + less);
}

void quantize_bytes(const float* x, std::int64_t count, ByteScale by, SaturationLimits limits, std::uint8_t* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<std::uint8_t>(quantize(x[i], by.scale, by.zero, limits));
}

void dequantize_bytes(const std::uint8_t* x, std::int64_t count, ByteScale by, float* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(x[i] - by.zero) * by.scale;
}

using Floats __attribute__((vector_size(64))) = float;

/// Lanes [16 V, 16 V + 16) of the three vectors interleaved.
template <int V, int... L>
GATEFOLD_INLINE void interleave(const Floats& a, const Floats& b, const Floats& c, Floats& out, std::integer_sequence<int, L...>) {
  const Floats two = __builtin_shufflevector(a, b, ((16 * V + L) % 3 == 1 ? 16 : 0) + (16 * V + L) / 3 ...);
  out = __builtin_shufflevector(two, c, (16 * V + L) % 3 == 2 ? 16 + (16 * V + L) / 3 : L...);
}

void interleave_3(const float* x, std::int64_t plane, std::int64_t count, float* y) {
  using All = std::make_integer_sequence<int, 16>;
  std::int64_t i = 0;
  for (; i + kPanel <= count; i += kPanel) {
    Floats a, b, c;
    __builtin_memcpy(&a, x + i, sizeof(a));
    __builtin_memcpy(&b, x + plane + i, sizeof(b));
    __builtin_memcpy(&c, x + 2 * plane + i, sizeof(c));
    Floats out[3];
    interleave<0>(a, b, c, out[0], All{});
    interleave<1>(a, b, c, out[1], All{});
    interleave<2>(a, b, c, out[2], All{});
    __builtin_memcpy(y + 3 * i, out, sizeof(out));
  }
  for (; i < count; ++i) {
    for (int e = 0; e < 3; ++e) y[3 * i + e] = x[e * plane + i];
  }
}

template <class T>
void maximum(const PoolRow& row, const T* x, T* y) {
  using Vector __attribute__((vector_size(64))) = T;
  constexpr std::int64_t kChunk = 64 / sizeof(T);
  for (std::int64_t column = 0; column < row.columns; ++column, x += row.x_step, y += row.y_step) {
    for (std::int64_t c = 0; c < row.channels; c += kChunk) {
      Vector best;
      __builtin_memcpy(&best, x + row.taps[0] + c, sizeof(best));
      for (std::int64_t tap = 1; tap < row.tap_count; ++tap) {
        Vector other;
        __builtin_memcpy(&other, x + row.taps[tap] + c, sizeof(other));
        best = best < other ? other : best;
      }
      if (row.channels - c >= kChunk) __builtin_memcpy(y + c, &best, sizeof(best));
      else __builtin_memcpy(y + c, &best, static_cast<std::size_t>(row.channels - c) * sizeof(T));
    }
  }
}

template <class T, class Real>
GATEFOLD_INLINE void average(const PoolRow& row, const T* x, float divisor, Real real, float* y) {
  for (std::int64_t column = 0; column < row.columns; ++column, x += row.x_step, y += row.y_step) {
    for (std::int64_t c = 0; c < row.channels; c += kPanel) {
      float sum[kPanel] = {};
      for (std::int64_t tap = 0; tap < row.tap_count; ++tap) {
        const T* from = x + row.taps[tap] + c;
        for (std::int64_t i = 0; i < kPanel; ++i) sum[i] = sum[i] + real(from[i]);
      }
      const std::int64_t count = smaller(kPanel, row.channels - c);
      for (std::int64_t i = 0; i < count; ++i) y[c + i] = sum[i] / divisor;
    }
  }
}

void average_float(const PoolRow& row, const float* x, float divisor, float* y) {
  average(
      row, x, divisor, [](float value) { return value; }, y);
}
void average_u8(const PoolRow& row, const std::uint8_t* x, ByteScale by, float divisor, float* y) {
  average(
      row, x, divisor, [by](std::uint8_t value) { return static_cast<float>(value - by.zero) * by.scale; }, y);
}

void mean_float(const float* x, std::int64_t positions, std::int64_t step, std::int64_t channels, float* y) {
  for (std::int64_t c = 0; c < channels; c += kPanel) {
    double sum[kPanel] = {};
    for (std::int64_t at = 0; at < positions; ++at) {
      const float* from = x + at * step + c;
      for (std::int64_t i = 0; i < kPanel; ++i) sum[i] += static_cast<double>(from[i]);
    }
    const std::int64_t count = smaller(kPanel, channels - c);
    for (std::int64_t i = 0; i < count; ++i) y[c + i] = static_cast<float>(sum[i]) / static_cast<float>(positions);
  }
}

void sums_u8(const std::uint8_t* x, std::int64_t positions, std::int64_t step, std::int64_t channels, std::int32_t zero, std::int32_t* y) {
  for (std::int64_t c = 0; c < channels; c += kPanel) {
    std::int32_t sum[kPanel];
    for (std::int64_t i = 0; i < kPanel; ++i) sum[i] = -static_cast<std::int32_t>(positions) * zero;
    for (std::int64_t at = 0; at < positions; ++at) {
      const std::uint8_t* from = x + at * step + c;
      for (std::int64_t i = 0; i < kPanel; ++i) sum[i] += from[i];
    }
    const std::int64_t count = smaller(kPanel, channels - c);
    for (std::int64_t i = 0; i < count; ++i) y[c + i] = sum[i];
  }
}

#ifndef GATEFOLD_OWN_DEPTHWISE_U8
// Depthwise products of bytes without instructions of their own.

std::int64_t depthwise_place(std::int64_t channel) { return channel; }

void depthwise_u8(const DepthwiseRow& row, const ByteFinish& f) {
  for (std::int64_t first = 0; first < row.channels; first += kPanel) {
    // Weights are packed in blocks of 64 channels, [group of four taps][64][4].
    const auto* block = reinterpret_cast<const std::int8_t*>(row.weights) + first / kByteBlock * kByteBlock * row.tap_count;
    const std::int64_t within = first % kByteBlock;
    const std::int64_t count = row.channels - first < kPanel ? row.channels - first : kPanel;
    for (std::int64_t column = 0; column < row.columns; ++column) {
      const auto* x = reinterpret_cast<const std::uint8_t*>(row.x + column * row.x_step) + first;
      std::int32_t sums[kPanel];
      for (std::int64_t c = 0; c < kPanel; ++c) sums[c] = f.bias[first + c];
      for (std::int64_t tap = 0; tap < row.tap_count; ++tap) {
        const std::uint8_t* from = x + row.taps[tap];
        const std::int8_t* w = block + (tap / 4 * kByteBlock + within) * 4 + tap % 4;
        for (std::int64_t c = 0; c < kPanel; ++c) sums[c] += from[c] * w[4 * c];
      }
      Lanes::Int all = Lanes::load(sums);
      const Lanes::Float value = Lanes::mul(Lanes::to_float(all), Lanes::load(f.scale + first));
      all = Lanes::rounded(Lanes::clamp(value, f.low, f.high), f.zero);
      Lanes::store_bytes(reinterpret_cast<std::uint8_t*>(row.y + column * row.y_step) + first, all, count);
    }
  }
}
#endif

constexpr TileKernels kTileKernels = {dot<FloatMac, FloatFinish>,
                                      dot_narrow_float,
                                      dot<ByteMac, ByteFinish>,
                                      dot<ByteMac, RealFinish>,
                                      depthwise_float,
                                      depthwise_u8,
                                      depthwise_place,
                                      clamp,
                                      binary,
                                      sum_u8,
                                      quantize_bytes,
                                      dequantize_bytes,
                                      interleave_3,
                                      maximum<float>,
                                      maximum<std::uint8_t>,
                                      average_float,
                                      average_u8,
                                      mean_float,
                                      sums_u8};

}  // namespace
}  // namespace gatefold
