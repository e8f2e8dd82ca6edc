#include "gatefold/onnx/mapping.h"

#include <array>
#include <utility>

namespace gatefold::onnx_file {
namespace {

/// Operators whose whole meaning is their kind.
template <UnaryKind kind>
Status unary(Context& node) {
  return node.emit(Unary{kind}, node.inputs(1));
}
template <BinaryKind kind>
Status binary(Context& node) {
  return node.emit(Binary{kind}, node.inputs(2));
}
template <BinaryKind kind>
Status chain(Context& node) {
  return node.emit_chain(kind);
}
template <ReduceKind kind>
Status reduce(Context& node) {
  return map_reduce(node, kind);
}

Status map_leaky_relu(Context& node) { return node.emit(Unary{UnaryKind::kLeakyRelu, node.number("alpha", 0.01F)}, node.inputs(1)); }
Status map_elu(Context& node) { return node.emit(Unary{UnaryKind::kElu, node.number("alpha", 1.0F)}, node.inputs(1)); }
Status map_hard_sigmoid(Context& node) {
  return node.emit(Unary{UnaryKind::kHardSigmoid, node.number("alpha", 0.2F), node.number("beta", 0.5F)}, node.inputs(1));
}
Status map_identity(Context& node) { return node.emit(Identity{}, node.inputs(1)); }

constexpr std::array<std::pair<std::string_view, Mapping>, 65> kMappings{{
    {"Abs", unary<UnaryKind::kAbs>},
    {"Add", binary<BinaryKind::kAdd>},
    {"AveragePool", map_average_pool},
    {"BatchNormalization", map_batch_norm},
    {"Cast", map_cast},
    {"Ceil", unary<UnaryKind::kCeil>},
    {"Clip", map_clip},
    {"Concat", map_concat},
    {"Constant", map_constant},
    {"ConstantOfShape", map_constant_of_shape},
    {"Conv", map_conv},
    {"DequantizeLinear", map_dequantize},
    {"Div", binary<BinaryKind::kDiv>},
    {"Dropout", map_dropout},
    {"Elu", map_elu},
    {"Erf", unary<UnaryKind::kErf>},
    {"Exp", unary<UnaryKind::kExp>},
    {"Expand", map_expand},
    {"Flatten", map_flatten},
    {"Floor", unary<UnaryKind::kFloor>},
    {"Gather", map_gather},
    {"Gemm", map_gemm},
    {"GlobalAveragePool", map_global_average_pool},
    {"GlobalMaxPool", map_global_max_pool},
    {"HardSigmoid", map_hard_sigmoid},
    {"HardSwish", unary<UnaryKind::kHardSwish>},
    {"Identity", map_identity},
    {"LRN", map_lrn},
    {"LeakyRelu", map_leaky_relu},
    {"Log", unary<UnaryKind::kLog>},
    {"LogSoftmax", map_log_softmax},
    {"MatMul", map_matmul},
    {"Max", chain<BinaryKind::kMax>},
    {"MaxPool", map_max_pool},
    {"Min", chain<BinaryKind::kMin>},
    {"Mul", binary<BinaryKind::kMul>},
    {"Neg", unary<UnaryKind::kNeg>},
    {"Not", unary<UnaryKind::kNot>},
    {"Pad", map_pad},
    {"Pow", binary<BinaryKind::kPow>},
    {"QuantizeLinear", map_quantize},
    {"Reciprocal", unary<UnaryKind::kReciprocal>},
    {"ReduceMax", reduce<ReduceKind::kMax>},
    {"ReduceMean", reduce<ReduceKind::kMean>},
    {"ReduceMin", reduce<ReduceKind::kMin>},
    {"ReduceSum", reduce<ReduceKind::kSum>},
    {"Relu", unary<UnaryKind::kRelu>},
    {"Reshape", map_reshape},
    {"Resize", map_resize},
    {"Round", unary<UnaryKind::kRound>},
    {"Shape", map_shape},
    {"Sigmoid", unary<UnaryKind::kSigmoid>},
    {"Sign", unary<UnaryKind::kSign>},
    {"Slice", map_slice},
    {"Softmax", map_softmax},
    {"Softplus", unary<UnaryKind::kSoftplus>},
    {"Split", map_split},
    {"Sqrt", unary<UnaryKind::kSqrt>},
    {"Squeeze", map_squeeze},
    {"Sub", binary<BinaryKind::kSub>},
    {"Sum", chain<BinaryKind::kAdd>},
    {"Tanh", unary<UnaryKind::kTanh>},
    {"Transpose", map_transpose},
    {"Unsqueeze", map_unsqueeze},
    {"Upsample", map_upsample},
}};

}  // namespace

Mapping mapping_of(std::string_view type) {
  for (const auto& [name, mapping] : kMappings) {
    if (name == type) return mapping;
  }
  return nullptr;
}

}  // namespace gatefold::onnx_file
