// Windows (convolution, pools) and matrix products.
#include <fmt/ranges.h>

#include <algorithm>

#include "gatefold/onnx/mapping.h"

namespace gatefold::onnx_file {
namespace {

constexpr std::int64_t kExtentMax = INT32_MAX;  // kernel x dilation, and any sum of pads, then fits in 63 bits

/// Copies attribute `name` into `target` if it is there. Errors: kInvalidInput if it has another length or an entry out of range.
template <std::size_t count>
Status read_list(const Context& node, std::string_view name, std::int64_t min, std::array<std::int64_t, count>& target) {
  if (!node.has(name)) return Done{};
  const auto values = node.integers(name);
  if (values.size() != count) return node.invalid("{} has {} entries, want {}", name, values.size(), count);
  for (const std::int64_t value : values) {
    if (value < min || value > kExtentMax) {
      return node.invalid("{} is [{}], want {} to {} each", name, fmt::join(values, ", "), min, kExtentMax);
    }
  }
  std::copy(values.begin(), values.end(), target.begin());
  return Done{};
}

/// How many axes the window slides along, as far as the node itself tells; 2 if nothing does.
std::size_t spatial_rank(const Context& node) {
  if (node.has("kernel_shape")) return node.integers("kernel_shape").size();
  if (const Tensor* weights = node.constant(1)) return static_cast<std::size_t>(std::max(weights->shape().rank() - 2, 0));
  if (node.has("strides")) return node.integers("strides").size();
  if (node.has("pads")) return node.integers("pads").size() / 2;
  return 2;
}

Result<AutoPad> auto_pad_of(const Context& node) {
  const std::string text = node.text("auto_pad", "NOTSET");
  if (text == "NOTSET") return AutoPad::kExplicit;
  if (text == "SAME_UPPER") return AutoPad::kSameUpper;
  if (text == "SAME_LOWER") return AutoPad::kSameLower;
  if (text == "VALID") return AutoPad::kValid;
  return node.invalid("auto_pad is '{}', want NOTSET, SAME_UPPER, SAME_LOWER or VALID", printable(text));
}

/// The window, with an all-zero kernel if the node gives none.
Result<Window> window_of(const Context& node) {
  if (const std::size_t rank = spatial_rank(node); rank != 2) {
    return node.unsupported("the window slides along {} axes; only 2 (height, width) are supported", rank);
  }
  Window window;
  if (!node.has("kernel_shape")) window.kernel = {0, 0};
  GATEFOLD_CHECK(read_list(node, "kernel_shape", 1, window.kernel));
  GATEFOLD_CHECK(read_list(node, "strides", 1, window.stride));
  GATEFOLD_CHECK(read_list(node, "dilations", 1, window.dilation));
  GATEFOLD_CHECK(read_list(node, "pads", 0, window.pads));
  GATEFOLD_TRY(window.auto_pad, auto_pad_of(node));
  const bool padded = window.pads != std::array<std::int64_t, 4>{};
  if (padded && window.auto_pad != AutoPad::kExplicit) {
    return node.invalid("both pads and auto_pad '{}' are given, want one of them", node.text("auto_pad", ""));
  }
  return window;
}

Status map_pool(Context& node, PoolKind kind) {
  Pool pool;
  pool.kind = kind;
  GATEFOLD_TRY(pool.window, window_of(node));
  pool.ceil_mode = node.integer("ceil_mode", 0) != 0;
  pool.count_include_pad = node.integer("count_include_pad", 0) != 0;
  return node.emit(pool, node.inputs(1));
}

Status map_global_pool(Context& node, PoolKind kind) {
  Pool pool;
  pool.kind = kind;
  pool.global = true;
  return node.emit(pool, node.inputs(1));
}

}  // namespace

Status map_conv(Context& node) {
  Conv conv;
  GATEFOLD_TRY(conv.window, window_of(node));
  conv.group = node.integer("group", 1);
  if (conv.group < 1 || conv.group > kExtentMax) return node.invalid("group is {}, want 1 to {}", conv.group, kExtentMax);
  if (const Tensor* weights = node.constant(1); weights != nullptr && weights->shape().rank() != 4) {
    return node.invalid("the weights have shape {}, want 4 axes", weights->shape().text());
  }
  return node.emit(conv, node.inputs(3));
}

Status map_matmul(Context& node) { return node.emit(MatMul{}, node.inputs(2)); }

Status map_gemm(Context& node) {
  return node.emit(
      MatMul{node.integer("transA", 0) != 0, node.integer("transB", 0) != 0, node.number("alpha", 1.0F), node.number("beta", 1.0F)},
      node.inputs(3));
}

Status map_max_pool(Context& node) {
  // The order of storage only gives meaning to the indices.
  if (node.output_used(1)) return node.unsupported("the indices (output 1) are used; only the values are supported");
  return map_pool(node, PoolKind::kMax);
}
Status map_average_pool(Context& node) { return map_pool(node, PoolKind::kAverage); }
Status map_global_max_pool(Context& node) { return map_global_pool(node, PoolKind::kMax); }
Status map_global_average_pool(Context& node) { return map_global_pool(node, PoolKind::kAverage); }

}  // namespace gatefold::onnx_file
