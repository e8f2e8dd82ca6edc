// Does a node have the form that its opset gives to its operator? Asked before the node's meaning is looked at.
#pragma once

#include "gatefold/base/result.h"
#include "gatefold/onnx/file.h"

namespace gatefold::onnx_file {

/// The operator exists in `opset` and is not deprecated; required inputs, outputs and attributes are there, no others are, and
/// each attribute is of the kind the schema asks for.
/// Errors: kInvalidInput naming the node, operator and opset, what was found and what is wanted.
[[nodiscard]] Status check_form(const FileNode& node, std::int64_t opset);

}  // namespace gatefold::onnx_file
