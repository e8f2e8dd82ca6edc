// What a dot layer is to the tile kernels: weights and biases without zero points, and what is done with a sum.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "gatefold/kernels/tile_layer.h"

namespace gatefold {

/// What follows the sums.
enum class TileFinish : std::uint8_t { kFloat, kByte, kReal };

/// Weights without zero points, biases with theirs, and what is done with a sum.
struct TileParameters {
  TileFinish finish = TileFinish::kFloat;
  Tensor weights;                    ///< [oc, ic / group, kh, kw], or as many elements: float32, or int8 where `shifted` is empty
  std::vector<std::int8_t> shifted;  ///< int8 weights less a zero point
  std::vector<float> bias, scale;
  std::vector<std::int32_t> sums;  ///< integer bias less the zero point's share
  float low = 0, high = 0;
  std::int32_t zero = 0;
  std::uint8_t pad = 0;  ///< byte that stands for zero in x

  [[nodiscard]] std::span<const float> real() const { return weights.values<float>(); }
  [[nodiscard]] std::span<const std::int8_t> bytes() const {
    return shifted.empty() && weights.type() == ElementType::kInt8 ? weights.values<std::int8_t>() : std::span<const std::int8_t>(shifted);
  }
  /// Nothing needs them any more.
  void drop_weights() {
    weights = {};
    shifted = {};
  }
};

/// nullopt: not covered (see make_tile_layer).
[[nodiscard]] std::optional<TileParameters> integer_tile_parameters(const Layer& layer);
[[nodiscard]] std::optional<TileParameters> float_tile_parameters(const Layer& layer, const TileLayerOptions& options);

}  // namespace gatefold
