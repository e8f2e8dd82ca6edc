// Types and shapes: what each operator makes of its inputs' types, shapes and, where a shape depends on them, values.
#pragma once

#include <utility>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/graph/typed_model.h"

namespace gatefold {

struct Inferred {
  std::vector<Fact> outputs;
  /// Constant inputs in normal form (position, value): negative axes counted from the front, absent lists filled in.
  std::vector<std::pair<std::size_t, Tensor>> normal_inputs;
};

/// Checks a node against its inputs, brings its operator into normal form (explicit pads, kernel filled in, axes not
/// negative) and returns the facts of its outputs.
/// Errors: kInvalidInput if shapes or types do not agree or a result exceeds kElementsMax; kUnsupported if a shape is
/// known only at run time or a rank is beyond this library. Both name the node.
[[nodiscard]] Result<Inferred> infer(Node& node, const TypedValues& values);

}  // namespace gatefold
