// ONNX operators -> the operators of the model room: one function per operator, in one table.
#pragma once

#include <string_view>

#include "gatefold/onnx/builder.h"

namespace gatefold::onnx_file {

/// Adds what one node computes to the model. Requires: check_form passed. Errors: name node, operator and opset.
using Mapping = Status (*)(Context&);

/// nullptr if the model room has no such operator.
[[nodiscard]] Mapping mapping_of(std::string_view type);

// Windows and matrix products.
Status map_conv(Context& node);
Status map_matmul(Context& node);
Status map_gemm(Context& node);
Status map_max_pool(Context& node);
Status map_average_pool(Context& node);
Status map_global_max_pool(Context& node);
Status map_global_average_pool(Context& node);

// Arithmetic on elements, and along axes.
Status map_clip(Context& node);
Status map_reduce(Context& node, ReduceKind kind);
Status map_softmax(Context& node);
Status map_log_softmax(Context& node);
Status map_batch_norm(Context& node);
Status map_lrn(Context& node);
Status map_quantize(Context& node);
Status map_dequantize(Context& node);
Status map_cast(Context& node);
Status map_dropout(Context& node);

// Moves and shapes.
Status map_reshape(Context& node);
Status map_flatten(Context& node);
Status map_squeeze(Context& node);
Status map_unsqueeze(Context& node);
Status map_transpose(Context& node);
Status map_concat(Context& node);
Status map_slice(Context& node);
Status map_split(Context& node);
Status map_gather(Context& node);
Status map_pad(Context& node);
Status map_resize(Context& node);
Status map_upsample(Context& node);
Status map_expand(Context& node);
Status map_shape(Context& node);
Status map_constant_of_shape(Context& node);
Status map_constant(Context& node);

}  // namespace gatefold::onnx_file
