// Model -> TypedModel: shapes and constants in one walk, because each needs the other. The target of a Reshape is often
// computed from the Shape of a value, which is a constant as soon as that value's shape is inferred.
#pragma once

#include "gatefold/base/result.h"
#include "gatefold/graph/bind.h"
#include "gatefold/graph/typed_model.h"

namespace gatefold {

/// Infers every fact and folds every node whose result does not depend on an input. Constant dequantised weights keep
/// their stored integers (TypedValue::dequantise), through operators that only move elements too.
/// Errors: those of `infer` and `evaluate`, naming the node; kUnsupported if folding would store more than
/// kFoldedElementsMax elements.
[[nodiscard]] Result<TypedModel> infer_and_fold(Model model, const BoundInputs& bound);

/// Removes nodes that no network output depends on.
void drop_dead_nodes(TypedModel& model);

}  // namespace gatefold
