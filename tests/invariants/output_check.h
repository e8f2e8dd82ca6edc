// Whether an output is what the reference computed: bit by bit where every dot layer sums integers, otherwise as close as the
// contract of float networks says.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "gatefold/model/tensor.h"

namespace gatefold::test {

/// What is wrong with it; empty if nothing is. `exact`: integers throughout; `quantised`: a float dot layer's rounding may
/// turn a step of a later int8 value, so that only type and shape are compared.
inline std::string output_error(const Tensor& got, const Tensor& want, bool exact, bool quantised) {
  if (got.type() != want.type() || got.shape() != want.shape()) return "another type or shape";
  const auto size = static_cast<std::size_t>(want.shape().elements() * element_size(want.type()));
  if (exact) return std::memcmp(got.view().bytes, want.view().bytes, size) == 0 ? "" : "other bits than the reference";
  if (quantised) return "";
  double largest = 1;
  for (std::int64_t i = 0; i < want.shape().elements(); ++i) largest = std::max(largest, std::abs(want.number_at(i)));
  for (std::int64_t i = 0; i < want.shape().elements(); ++i) {
    // Sums of another order may differ so much.
    const double error = std::abs(got.number_at(i) - want.number_at(i));
    if (error <= 1e-3 * std::abs(want.number_at(i)) + 1e-5 * largest) continue;
    return fmt::format("value {}: found {}, wanted {}", i, got.number_at(i), want.number_at(i));
  }
  return "";
}

}  // namespace gatefold::test
