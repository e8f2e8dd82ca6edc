// The scalar functions behind Unary, in the arithmetic of their argument's type (float or double).
#pragma once

#include <cmath>

#include "gatefold/model/operators.h"

namespace gatefold {

/// Calls visit(f) with the scalar function of `op`, so that a loop inside `visit` has the choice of function hoisted out.
/// Comparisons are written so that NaN passes through. Requires: op.kind != kNot (which is bool only).
template <class T, class Visit>
void visit_unary(const Unary& op, Visit visit) {
  const T alpha = static_cast<T>(op.alpha);
  const T beta = static_cast<T>(op.beta);
  const auto unit_clamp = [](T x) { return x < T(0) ? T(0) : (x > T(1) ? T(1) : x); };
  switch (op.kind) {
    case UnaryKind::kRelu: return visit([](T x) { return x < T(0) ? T(0) : x; });
    case UnaryKind::kLeakyRelu: return visit([=](T x) { return x < T(0) ? alpha * x : x; });
    case UnaryKind::kClip:
      return visit([=](T x) {
        const T raised = x < alpha ? alpha : x;
        return raised > beta ? beta : raised;
      });
    case UnaryKind::kSigmoid: return visit([](T x) { return T(1) / (T(1) + std::exp(-x)); });
    case UnaryKind::kTanh: return visit([](T x) { return std::tanh(x); });
    case UnaryKind::kExp: return visit([](T x) { return std::exp(x); });
    case UnaryKind::kLog: return visit([](T x) { return std::log(x); });
    case UnaryKind::kSqrt: return visit([](T x) { return std::sqrt(x); });
    case UnaryKind::kAbs: return visit([](T x) { return std::fabs(x); });
    case UnaryKind::kNeg: return visit([](T x) { return -x; });
    case UnaryKind::kReciprocal: return visit([](T x) { return T(1) / x; });
    case UnaryKind::kFloor: return visit([](T x) { return std::floor(x); });
    case UnaryKind::kCeil: return visit([](T x) { return std::ceil(x); });
    case UnaryKind::kRound: return visit([](T x) { return std::nearbyint(x); });
    case UnaryKind::kErf: return visit([](T x) { return std::erf(x); });
    case UnaryKind::kHardSigmoid: return visit([=](T x) { return unit_clamp(alpha * x + beta); });
    case UnaryKind::kHardSwish: return visit([=](T x) { return x * unit_clamp(x / T(6) + T(0.5)); });
    case UnaryKind::kElu: return visit([=](T x) { return x < T(0) ? alpha * std::expm1(x) : x; });
    // log(1 + e^x) = max(x, 0) + log1p(e^-|x|) never overflows.
    case UnaryKind::kSoftplus: return visit([](T x) { return (x > T(0) ? x : T(0)) + std::log1p(std::exp(-std::fabs(x))); });
    case UnaryKind::kSign: return visit([](T x) { return x > T(0) ? T(1) : (x < T(0) ? T(-1) : x); });
    case UnaryKind::kNot: break;
  }
  GATEFOLD_REQUIRE(false);
}

}  // namespace gatefold
