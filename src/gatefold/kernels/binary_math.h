// The scalar functions behind Binary, but for Pow (whose operands may differ in type).
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "gatefold/base/result.h"
#include "gatefold/model/operators.h"

namespace gatefold {

/// Calls visit(f) with the scalar function of `kind`. Integers wrap; their divisors must have been checked.
/// Min and Max give NaN if either operand is NaN. Requires: kind != kPow.
template <class T, class Visit>
void visit_binary(BinaryKind kind, Visit visit) {
  // Unsigned arithmetic of the widest integer wraps instead of being undefined, and truncates to any narrower type.
  using Wide = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;
  const auto wide = [](T x) { return static_cast<Wide>(x); };
  switch (kind) {
    case BinaryKind::kAdd: return visit([=](T a, T b) { return static_cast<T>(wide(a) + wide(b)); });
    case BinaryKind::kSub: return visit([=](T a, T b) { return static_cast<T>(wide(a) - wide(b)); });
    case BinaryKind::kMul: return visit([=](T a, T b) { return static_cast<T>(wide(a) * wide(b)); });
    case BinaryKind::kDiv:
      return visit([=](T a, T b) {
        if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
          if (b == T(-1)) return static_cast<T>(Wide(0) - wide(a));  // the lowest value / -1 does not fit
        }
        return static_cast<T>(a / b);
      });
    case BinaryKind::kMin: return visit([](T a, T b) { return a < b || a != a ? a : b; });
    case BinaryKind::kMax: return visit([](T a, T b) { return a > b || a != a ? a : b; });
    case BinaryKind::kPow: break;
  }
  GATEFOLD_REQUIRE(false);
}

/// Errors: kInvalidInput where an integer division has a zero divisor.
template <class T>
Status check_divisors(const Binary& op, const TensorView& divisors) {
  if constexpr (std::is_integral_v<T>) {
    const auto values = divisors.values<T>();
    const auto zero = std::find(values.begin(), values.end(), T(0));
    if (op.kind == BinaryKind::kDiv && zero != values.end()) {
      return Error{ErrorCode::kInvalidInput, fmt::format("Div: divisor {} is 0 in an integer division", zero - values.begin())};
    }
  }
  return Done{};
}

}  // namespace gatefold
