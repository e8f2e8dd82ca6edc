// Model -> bytes of an ONNX file: the inverse of import, for the operators that networks built in code use.
//
// The file is of opset 13, the first with quantisation per channel, and holds the names of the model. Importing it gives the
// same nodes, constants and shapes again. The same model gives the same bytes.
#pragma once

#include <string>

#include "gatefold/base/result.h"
#include "gatefold/model/model.h"

namespace gatefold {

/// Types and shapes of the outputs are inferred, as the format wants them declared.
/// Errors: kInvalidInput (what `verify` refuses, an output whose shape does not follow from the inputs), kUnsupported (an
/// operator that is not exported, naming its node; more than 2 GiB).
[[nodiscard]] Result<std::string> export_onnx(const Model& model);

}  // namespace gatefold
