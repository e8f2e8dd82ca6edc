// Scalar functions along a run of floats.
#pragma once

#include <cstdint>

#include "gatefold/model/operators.h"

namespace gatefold {

/// y[i] = op(x[i]), the same values as `run_layer` gives; x and y may be the same. Requires: op.kind != kNot.
void apply_unary(const Unary& op, const float* x, std::int64_t count, float* y);

}  // namespace gatefold
