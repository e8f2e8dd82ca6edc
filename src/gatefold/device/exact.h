// Exact non-negative fractions for resolving a device file: leakage * size * share / clock is one fraction, rounded once.
#pragma once

#include <cstdint>
#include <optional>

#include "gatefold/base/quantity.h"

namespace gatefold {

/// A fraction of two 128-bit integers in lowest terms; it remembers when one of them would not fit.
class Exact {
 public:
  /// digits * 10^exponent. Requires: digits >= 0.
  explicit Exact(std::int64_t digits, int exponent = 0);

  [[nodiscard]] Exact operator*(const Exact& other) const;
  [[nodiscard]] Exact operator/(const Exact& other) const;  ///< Requires: other > 0.

  /// The nearest integer, ties to even. nullopt: beyond 10^18, or the fraction did not fit.
  [[nodiscard]] std::optional<std::int64_t> rounded() const;
  /// The least integer not below. nullopt as above.
  [[nodiscard]] std::optional<std::int64_t> ceiling() const;

 private:
  UInt128 numerator_ = 0;
  UInt128 denominator_ = 1;
  bool fits_ = true;
};

}  // namespace gatefold
