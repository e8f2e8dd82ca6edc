// Networks of public architecture with weights of our own: what scenarios and comparisons run when no file is at hand.
//
// Each is an int8 network in the Quantize/Dequantize form, batch 1, int8 in and int8 out. Weights are drawn from a seed and
// mean nothing; shapes, multiply-accumulates, parameters and the share of zeros behind a ReLU are those of the real thing.
// How they are drawn: network_builder.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gatefold/base/result.h"
#include "gatefold/model/model.h"

namespace gatefold {

inline constexpr std::uint64_t kZooSeed = 1;

struct ZooNetwork {
  std::string_view name;
  std::string_view task;
  Shape input;              ///< [n, c, h, w], or [n, c]
  std::int64_t parameters;  ///< weights and biases; batch norms are folded into them
  std::int64_t macs;        ///< padded taps included, as publications count
  std::string_view source;  ///< where architecture and figures were published
};

/// In the order of size.
[[nodiscard]] std::span<const ZooNetwork> zoo_networks();

/// The same name and seed give the same model, bit by bit.
/// Errors: kInvalidInput naming the networks there are, and the one that may have been meant.
[[nodiscard]] Result<Model> zoo_model(std::string_view name, std::uint64_t seed = kZooSeed);

/// The network's name if `text` is "zoo:NAME", the way that command line and scenario files ask for one; otherwise nullopt.
[[nodiscard]] std::optional<std::string> zoo_name(std::string_view text);

}  // namespace gatefold
