// What an operator's outputs look like, from its inputs: type and shape. `evaluate` needs it to allocate; networks have
// their shapes inferred, with symbols and diagnostics, in graph/.
#pragma once

#include <span>
#include <vector>

#include "gatefold/model/operators.h"

namespace gatefold {

struct OutputFact {
  ElementType type = ElementType::kFloat32;
  Shape shape;
};

/// One entry per output. Requires: inputs that fit the operator; shape-giving inputs hold integers.
[[nodiscard]] std::vector<OutputFact> output_facts(const Operator& op, std::span<const Tensor* const> inputs);

}  // namespace gatefold
