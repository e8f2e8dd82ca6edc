// Unary, Binary and Cast, element by element.
//
// Integers wrap on overflow (as numpy and every runtime do); integer division truncates towards zero.
#include <cmath>
#include <limits>

#include "gatefold/kernels/binary_math.h"
#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/strides.h"
#include "gatefold/kernels/unary_math.h"

namespace gatefold {
namespace {

template <class T>
T clipped(const Unary& op, T x) {
  const auto saturated = [](double bound) {
    constexpr auto low = static_cast<double>(std::numeric_limits<T>::lowest());
    constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
    if (bound >= high) return std::numeric_limits<T>::max();
    return bound <= low ? std::numeric_limits<T>::lowest() : static_cast<T>(bound);
  };
  const T raised = std::max(x, saturated(static_cast<double>(op.alpha)));
  return std::min(raised, saturated(static_cast<double>(op.beta)));
}

/// Requires: one of the kinds that integers have.
template <class T>
T integer_unary(const Unary& op, T x) {
  const auto negated = [](T value) { return static_cast<T>(0 - static_cast<std::uint64_t>(value)); };
  switch (op.kind) {
    case UnaryKind::kRelu: return std::max(x, T(0));
    case UnaryKind::kClip: return clipped(op, x);
    case UnaryKind::kAbs: return x < T(0) ? negated(x) : x;
    case UnaryKind::kNeg: return negated(x);
    default: return static_cast<T>((x > T(0)) - (x < T(0)));
  }
}

bool integers_have(UnaryKind kind) {
  return kind == UnaryKind::kRelu || kind == UnaryKind::kClip || kind == UnaryKind::kAbs || kind == UnaryKind::kNeg ||
         kind == UnaryKind::kSign;
}

Status logical_not(const Inputs& in, Outputs out) {
  if (in[0].type != ElementType::kBool) return no_code_for("Not", in[0].type);
  const auto x = in[0].values<bool>();
  const auto y = out[0].values<bool>();
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = !x[i];
  return Done{};
}

}  // namespace

Status plain(const Unary& op, const Inputs& in, Outputs out) {
  if (op.kind == UnaryKind::kNot) return logical_not(in, out);
  return visit_number(name(Operator(op)), in[0].type, [&](auto zero) -> Status {
    using T = decltype(zero);
    const auto x = in[0].values<T>();
    const auto y = out[0].values<T>();
    if constexpr (std::is_floating_point_v<T>) {
      visit_unary<T>(op, [&](auto f) {
        for (std::size_t i = 0; i < x.size(); ++i) y[i] = f(x[i]);
      });
    } else {
      if (!integers_have(op.kind)) return no_code_for(name(Operator(op)), in[0].type);
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = integer_unary(op, x[i]);
    }
    return Done{};
  });
}

namespace {

template <class A, class B>
void raise_to_power(const Inputs& in, const MutableTensorView& out) {
  const A* a = in[0].values<A>().data();
  const B* b = in[1].values<B>().data();
  A* y = out.values<A>().data();
  walk<2>(out.shape, {broadcast_strides(in[0].shape, out.shape), broadcast_strides(in[1].shape, out.shape)}, [&](const auto& at) {
    if constexpr (std::is_same_v<A, float>) *y++ = std::pow(a[at[0]], static_cast<float>(b[at[1]]));
    else *y++ = static_cast<A>(std::pow(static_cast<double>(a[at[0]]), static_cast<double>(b[at[1]])));
  });
}

/// The exponent may have another type than the base, which gives the result its type.
Status power(const Inputs& in, const MutableTensorView& out) {
  return visit_number("Pow", in[0].type, [&](auto base) -> Status {
    return visit_number("Pow", in[1].type, [&](auto exponent) -> Status {
      raise_to_power<decltype(base), decltype(exponent)>(in, out);
      return Done{};
    });
  });
}

}  // namespace

Status plain(const Binary& op, const Inputs& in, Outputs out) {
  if (op.kind == BinaryKind::kPow) return power(in, out[0]);
  return visit_number(name(Operator(op)), in[0].type, [&](auto zero) -> Status {
    using T = decltype(zero);
    GATEFOLD_CHECK(check_divisors<T>(op, in[1]));
    const T* a = in[0].values<T>().data();
    const T* b = in[1].values<T>().data();
    T* y = out[0].values<T>().data();
    const Shape& shape = out[0].shape;
    visit_binary<T>(op.kind, [&](auto f) {
      walk<2>(shape, {broadcast_strides(in[0].shape, shape), broadcast_strides(in[1].shape, shape)},
              [&](const auto& at) { *y++ = f(a[at[0]], b[at[1]]); });
    });
    return Done{};
  });
}

namespace {

/// Floats saturate and NaN becomes 0 where the language leaves the conversion undefined; integers wrap.
template <class To, class From>
To cast_to(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && !std::is_floating_point_v<To>) {
    constexpr auto low = static_cast<double>(std::numeric_limits<To>::lowest());
    constexpr auto high = static_cast<double>(std::numeric_limits<To>::max());
    const auto wide = static_cast<double>(x);
    if (std::isnan(wide)) return To(0);
    if (wide >= high) return std::numeric_limits<To>::max();
    return wide <= low ? std::numeric_limits<To>::lowest() : static_cast<To>(wide);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace

Status plain(const Cast& op, const Inputs& in, Outputs out) {
  GATEFOLD_REQUIRE(out[0].type == op.to);
  visit_type(in[0].type, [&](auto from) {
    using From = decltype(from);
    visit_type(op.to, [&](auto to) {
      using To = decltype(to);
      const auto x = in[0].values<From>();
      const auto y = out[0].values<To>();
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = cast_to<To>(x[i]);
    });
  });
  return Done{};
}

}  // namespace gatefold
