// Depthwise products of bytes without instructions of their own; shared by the tables that have none. In the unnamed
// namespace, as tile_body.h says why.
#pragma once

#include "gatefold/kernels/tile_kernels.h"

namespace gatefold {
namespace {

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

}  // namespace
}  // namespace gatefold
