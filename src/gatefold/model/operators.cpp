#include "gatefold/model/operators.h"

namespace gatefold {
namespace {

std::string_view name_of(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kRelu: return "Relu";
    case UnaryKind::kLeakyRelu: return "LeakyRelu";
    case UnaryKind::kClip: return "Clip";
    case UnaryKind::kSigmoid: return "Sigmoid";
    case UnaryKind::kTanh: return "Tanh";
    case UnaryKind::kExp: return "Exp";
    case UnaryKind::kLog: return "Log";
    case UnaryKind::kSqrt: return "Sqrt";
    case UnaryKind::kAbs: return "Abs";
    case UnaryKind::kNeg: return "Neg";
    case UnaryKind::kReciprocal: return "Reciprocal";
    case UnaryKind::kFloor: return "Floor";
    case UnaryKind::kCeil: return "Ceil";
    case UnaryKind::kRound: return "Round";
    case UnaryKind::kErf: return "Erf";
    case UnaryKind::kHardSigmoid: return "HardSigmoid";
    case UnaryKind::kHardSwish: return "HardSwish";
    case UnaryKind::kElu: return "Elu";
    case UnaryKind::kSoftplus: return "Softplus";
    case UnaryKind::kSign: return "Sign";
    case UnaryKind::kNot: return "Not";
  }
  GATEFOLD_REQUIRE(false);
}

std::string_view name_of(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::kAdd: return "Add";
    case BinaryKind::kSub: return "Sub";
    case BinaryKind::kMul: return "Mul";
    case BinaryKind::kDiv: return "Div";
    case BinaryKind::kPow: return "Pow";
    case BinaryKind::kMin: return "Min";
    case BinaryKind::kMax: return "Max";
  }
  GATEFOLD_REQUIRE(false);
}

std::string_view name_of(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::kMean: return "ReduceMean";
    case ReduceKind::kSum: return "ReduceSum";
    case ReduceKind::kMax: return "ReduceMax";
    case ReduceKind::kMin: return "ReduceMin";
  }
  GATEFOLD_REQUIRE(false);
}

struct NameOf {
  std::string_view operator()(const Conv&) const { return "Conv"; }
  std::string_view operator()(const MatMul&) const { return "MatMul"; }
  std::string_view operator()(const Pool& pool) const {
    if (pool.kind == PoolKind::kMax) return pool.global ? "GlobalMaxPool" : "MaxPool";
    return pool.global ? "GlobalAveragePool" : "AveragePool";
  }
  std::string_view operator()(const Unary& unary) const { return name_of(unary.kind); }
  std::string_view operator()(const Binary& binary) const { return name_of(binary.kind); }
  std::string_view operator()(const Reduce& reduce) const { return name_of(reduce.kind); }
  std::string_view operator()(const Softmax& softmax) const { return softmax.log ? "LogSoftmax" : "Softmax"; }
  std::string_view operator()(const BatchNorm&) const { return "BatchNormalization"; }
  std::string_view operator()(const Lrn&) const { return "LRN"; }
  std::string_view operator()(const Quantize&) const { return "QuantizeLinear"; }
  std::string_view operator()(const Dequantize&) const { return "DequantizeLinear"; }
  std::string_view operator()(const Cast&) const { return "Cast"; }
  std::string_view operator()(const Identity&) const { return "Identity"; }
  std::string_view operator()(const Reshape&) const { return "Reshape"; }
  std::string_view operator()(const Flatten&) const { return "Flatten"; }
  std::string_view operator()(const Squeeze&) const { return "Squeeze"; }
  std::string_view operator()(const Unsqueeze&) const { return "Unsqueeze"; }
  std::string_view operator()(const Transpose&) const { return "Transpose"; }
  std::string_view operator()(const Concat&) const { return "Concat"; }
  std::string_view operator()(const Slice&) const { return "Slice"; }
  std::string_view operator()(const Split&) const { return "Split"; }
  std::string_view operator()(const Gather&) const { return "Gather"; }
  std::string_view operator()(const Pad&) const { return "Pad"; }
  std::string_view operator()(const Resize&) const { return "Resize"; }
  std::string_view operator()(const Expand&) const { return "Expand"; }
  std::string_view operator()(const ShapeOf&) const { return "Shape"; }
  std::string_view operator()(const ConstantOfShape&) const { return "ConstantOfShape"; }
};

}  // namespace

std::string_view name(const Operator& op) { return std::visit(NameOf{}, op); }

}  // namespace gatefold
