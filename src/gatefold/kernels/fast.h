// The loops of `run_layer` that the plain code is too slow for. Same inputs, outputs and errors as `plain` (plain.h); the
// same bits but for averages, which are summed in float32 here and in double there.
#pragma once

#include "gatefold/kernels/plain.h"

namespace gatefold {

/// Any broadcast, as runs of elements in which each operand either advances or stays.
[[nodiscard]] Status fast(const Binary& op, const Inputs& in, Outputs out);

/// Tap by tap along output rows, without a bounds check per element.
[[nodiscard]] Status fast(const Pool& op, const Inputs& in, Outputs out);

/// Means and sums of float32 over trailing axes row by row; everything else as `plain`.
[[nodiscard]] Status fast(const Reduce& op, const Inputs& in, Outputs out);

}  // namespace gatefold
