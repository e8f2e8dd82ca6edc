// Every operator with its defaults, in the old form and in the new one.
#include <gtest/gtest.h>

#include <limits>

#include "onnx/model_builder.h"

namespace gatefold {
namespace {

using onnx_test::Dims;
using onnx_test::float_tensor;
using onnx_test::int_tensor;
using onnx_test::ModelBuilder;
using onnx_test::Names;
using onnx_test::node_of;
using onnx_test::one_node;

Model imported(const ModelBuilder& builder) {
  auto model = builder.import();
  if (!model) {
    ADD_FAILURE() << model.error().message;
    return Model{};
  }
  return std::move(model).value();
}

/// The operator of the only node.
template <class T>
T only(const ModelBuilder& builder) {
  const Model model = imported(builder);
  EXPECT_EQ(model.nodes.size(), 1U);
  if (model.nodes.empty()) return T{};
  const T* op = std::get_if<T>(&model.nodes[0].op);
  EXPECT_NE(op, nullptr) << name(model.nodes[0].op);
  return op != nullptr ? *op : T{};
}

/// The constant behind input `index` of the first node, as integers.
Dims constant_of(const Model& model, std::size_t index) {
  const auto& inputs = model.nodes.at(0).inputs;
  if (index >= inputs.size() || !inputs[index]) return {-999};
  const auto& constant = model.value(*inputs[index]).constant;
  if (!constant) return {-998};
  Dims values;
  for (std::int64_t i = 0; i < constant->shape().elements(); ++i) values.push_back(constant->integer_at(i));
  return values;
}

std::size_t input_count(const Model& model) { return model.nodes.at(0).inputs.size(); }

struct UnaryCase {
  const char* type;
  std::int64_t opset;
  Unary wanted;
};

class UnaryDefaults : public ::testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryDefaults, AreFilled) { EXPECT_EQ(only<Unary>(one_node(GetParam().opset, GetParam().type)), GetParam().wanted); }

constexpr float kLow = std::numeric_limits<float>::lowest();
constexpr float kHigh = std::numeric_limits<float>::max();
INSTANTIATE_TEST_SUITE_P(Mapping, UnaryDefaults,
                         ::testing::Values(UnaryCase{"Relu", 7, {UnaryKind::kRelu}}, UnaryCase{"Relu", 18, {UnaryKind::kRelu}},
                                           UnaryCase{"LeakyRelu", 7, {UnaryKind::kLeakyRelu, 0.01F}},
                                           UnaryCase{"LeakyRelu", 16, {UnaryKind::kLeakyRelu, 0.01F}},
                                           UnaryCase{"Clip", 7, {UnaryKind::kClip, kLow, kHigh}},
                                           UnaryCase{"Clip", 13, {UnaryKind::kClip, kLow, kHigh}},
                                           UnaryCase{"Sigmoid", 7, {UnaryKind::kSigmoid}}, UnaryCase{"Tanh", 7, {UnaryKind::kTanh}},
                                           UnaryCase{"Exp", 7, {UnaryKind::kExp}}, UnaryCase{"Log", 13, {UnaryKind::kLog}},
                                           UnaryCase{"Sqrt", 13, {UnaryKind::kSqrt}}, UnaryCase{"Abs", 13, {UnaryKind::kAbs}},
                                           UnaryCase{"Neg", 13, {UnaryKind::kNeg}}, UnaryCase{"Reciprocal", 13, {UnaryKind::kReciprocal}},
                                           UnaryCase{"Floor", 13, {UnaryKind::kFloor}}, UnaryCase{"Ceil", 13, {UnaryKind::kCeil}},
                                           UnaryCase{"Round", 11, {UnaryKind::kRound}}, UnaryCase{"Erf", 9, {UnaryKind::kErf}},
                                           UnaryCase{"HardSigmoid", 7, {UnaryKind::kHardSigmoid, 0.2F, 0.5F}},
                                           UnaryCase{"HardSwish", 14, {UnaryKind::kHardSwish}}, UnaryCase{"Elu", 7, {UnaryKind::kElu, 1}},
                                           UnaryCase{"Softplus", 7, {UnaryKind::kSoftplus}}, UnaryCase{"Sign", 9, {UnaryKind::kSign}},
                                           UnaryCase{"Not", 7, {UnaryKind::kNot}}),
                         [](const auto& tested) { return std::string(tested.param.type) + "Opset" + std::to_string(tested.param.opset); });

TEST(Mapping, UnaryAttributesAreRead) {
  ModelBuilder sigmoid = one_node(13, "HardSigmoid");
  node_of(sigmoid).number("alpha", 3).number("beta", 4);
  EXPECT_EQ(only<Unary>(sigmoid), (Unary{UnaryKind::kHardSigmoid, 3, 4}));
  ModelBuilder elu = one_node(13, "Elu");
  node_of(elu).number("alpha", 3);
  EXPECT_EQ(only<Unary>(elu), (Unary{UnaryKind::kElu, 3, 0}));
}

TEST(Mapping, ClipReadsItsBoundsFromAttributesBeforeOpset11) {
  ModelBuilder builder = one_node(10, "Clip");
  node_of(builder).number("min", 0).number("max", 6);
  EXPECT_EQ(only<Unary>(builder), (Unary{UnaryKind::kClip, 0, 6}));
}

TEST(Mapping, ClipReadsItsBoundsFromConstantInputsSinceOpset11) {
  ModelBuilder builder(11);
  builder.input("x").output("y").constant(float_tensor("high", {1}, {6}));
  builder.node("Constant", {}, {"low"}).tensor("value", float_tensor("", {}, {-1}));
  builder.node("Clip", {"x", "low", "high"}, {"y"});
  EXPECT_EQ(only<Unary>(builder), (Unary{UnaryKind::kClip, -1, 6}));
  EXPECT_EQ(input_count(imported(builder)), 1U);
}

TEST(Mapping, BinaryOperatorsKeepTheirInputs) {
  const std::vector<std::pair<std::string, BinaryKind>> cases{{"Add", BinaryKind::kAdd},
                                                              {"Sub", BinaryKind::kSub},
                                                              {"Mul", BinaryKind::kMul},
                                                              {"Div", BinaryKind::kDiv},
                                                              {"Pow", BinaryKind::kPow}};
  for (const auto& [type, kind] : cases) {
    for (const std::int64_t opset : {7, 18}) {
      const ModelBuilder builder = one_node(opset, type, {"a", "b"});
      EXPECT_EQ(only<Binary>(builder).kind, kind) << type;
      EXPECT_EQ(input_count(imported(builder)), 2U);
    }
  }
}

TEST(Mapping, SumMinMaxOfManyBecomeChains) {
  const std::vector<std::pair<std::string, BinaryKind>> cases{
      {"Sum", BinaryKind::kAdd}, {"Min", BinaryKind::kMin}, {"Max", BinaryKind::kMax}};
  for (const auto& [type, kind] : cases) {
    const Model model = imported(one_node(13, type, {"a", "b", "c"}));
    ASSERT_EQ(model.nodes.size(), 2U);
    EXPECT_EQ(std::get<Binary>(model.nodes[0].op).kind, kind);
    EXPECT_EQ(std::get<Binary>(model.nodes[1].op).kind, kind);
    EXPECT_EQ(model.nodes[0].name, "y.1");
    EXPECT_EQ(model.nodes[1].name, "y");
    EXPECT_EQ(*model.nodes[1].inputs[0], model.nodes[0].outputs[0]);
    EXPECT_EQ(model.value(*model.nodes[1].inputs[1]).name, "c");
  }
}

TEST(Mapping, SumOfOneIsIdentityAndOfTwoOneNode) {
  only<Identity>(one_node(8, "Sum", {"a"}));
  EXPECT_EQ(only<Binary>(one_node(8, "Sum", {"a", "b"})).kind, BinaryKind::kAdd);
}

TEST(Mapping, ConvDefaults) {
  for (const std::int64_t opset : {7, 11, 18}) {
    Conv wanted;
    wanted.window.kernel = {0, 0};
    EXPECT_EQ(only<Conv>(one_node(opset, "Conv", {"x", "w"})), wanted);
  }
}

TEST(Mapping, ConvReadsEveryAttribute) {
  ModelBuilder builder = one_node(11, "Conv", {"x", "w", "b"});
  node_of(builder).integers("kernel_shape", {3, 5}).integers("strides", {2, 1}).integers("dilations", {1, 2});
  node_of(builder).integers("pads", {1, 2, 3, 4}).integer("group", 2);
  const Conv conv = only<Conv>(builder);
  EXPECT_EQ(conv, (Conv{Window{{3, 5}, {2, 1}, {1, 2}, {1, 2, 3, 4}, AutoPad::kExplicit}, 2}));
  EXPECT_EQ(input_count(imported(builder)), 3U);
}

TEST(Mapping, AutoPadIsKept) {
  const std::vector<std::pair<std::string, AutoPad>> cases{
      {"NOTSET", AutoPad::kExplicit}, {"SAME_UPPER", AutoPad::kSameUpper}, {"SAME_LOWER", AutoPad::kSameLower}, {"VALID", AutoPad::kValid}};
  for (const auto& [text, kind] : cases) {
    ModelBuilder builder = one_node(11, "Conv", {"x", "w"});
    node_of(builder).text("auto_pad", text).integers("pads", {0, 0, 0, 0});
    EXPECT_EQ(only<Conv>(builder).window.auto_pad, kind) << text;
  }
}

TEST(Mapping, MatMulAndGemm) {
  EXPECT_EQ(only<MatMul>(one_node(7, "MatMul", {"a", "b"})), MatMul{});
  EXPECT_EQ(only<MatMul>(one_node(7, "Gemm", {"a", "b", "c"})), MatMul{});
  EXPECT_EQ(only<MatMul>(one_node(11, "Gemm", {"a", "b"})), MatMul{});
  ModelBuilder builder = one_node(13, "Gemm", {"a", "b", "c"});
  node_of(builder).integer("transA", 1).integer("transB", 1).number("alpha", 2).number("beta", 3);
  EXPECT_EQ(only<MatMul>(builder), (MatMul{true, true, 2, 3}));
}

TEST(Mapping, PoolsInTheOldFormAndTheNew) {
  for (const std::int64_t opset : {7, 8, 10, 18}) {
    for (const auto& [type, kind] : {std::pair{"MaxPool", PoolKind::kMax}, std::pair{"AveragePool", PoolKind::kAverage}}) {
      ModelBuilder builder = one_node(opset, type);
      node_of(builder).integers("kernel_shape", {3, 2});
      Pool wanted;
      wanted.kind = kind;
      wanted.window.kernel = {3, 2};
      EXPECT_EQ(only<Pool>(builder), wanted) << type << opset;
    }
  }
}

TEST(Mapping, PoolsReadCeilModeAndPadCount) {
  ModelBuilder builder = one_node(11, "AveragePool");
  node_of(builder).integers("kernel_shape", {2, 2}).integer("ceil_mode", 1).integer("count_include_pad", 1);
  EXPECT_TRUE(only<Pool>(builder).ceil_mode);
  EXPECT_TRUE(only<Pool>(builder).count_include_pad);
}

TEST(Mapping, MaxPoolMayNameIndicesThatNobodyReads) {
  ModelBuilder builder = one_node(11, "MaxPool");
  node_of(builder).integers("kernel_shape", {2, 2}).proto->add_output("indices");
  EXPECT_EQ(imported(builder).nodes.at(0).outputs.size(), 1U);
}

TEST(Mapping, GlobalPools) {
  EXPECT_TRUE(only<Pool>(one_node(7, "GlobalMaxPool")).global);
  EXPECT_EQ(only<Pool>(one_node(7, "GlobalMaxPool")).kind, PoolKind::kMax);
  EXPECT_TRUE(only<Pool>(one_node(18, "GlobalAveragePool")).global);
  EXPECT_EQ(only<Pool>(one_node(18, "GlobalAveragePool")).kind, PoolKind::kAverage);
}

TEST(Mapping, ReduceAxesBecomeAnInput) {
  for (const char* type : {"ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum"}) {
    ModelBuilder builder = one_node(11, type);
    node_of(builder).integers("axes", {1, -1}).integer("keepdims", 0);
    EXPECT_EQ(constant_of(imported(builder), 1), (Dims{1, -1})) << type;
    EXPECT_FALSE(only<Reduce>(builder).keep_dims);
  }
  EXPECT_EQ(only<Reduce>(one_node(11, "ReduceMax")), (Reduce{ReduceKind::kMax, true}));
  EXPECT_EQ(only<Reduce>(one_node(11, "ReduceMin")), (Reduce{ReduceKind::kMin, true}));
}

TEST(Mapping, ReduceAxesAreAnInputSince13ForSumAnd18ForTheOthers) {
  for (const auto& [type, opset] : {std::pair{"ReduceSum", 13}, std::pair{"ReduceMean", 18}, std::pair{"ReduceMax", 18}}) {
    ModelBuilder builder = one_node(opset, type, {"x", "axes"});
    builder.constant(int_tensor("axes", {1}, {2}));
    EXPECT_EQ(constant_of(imported(builder), 1), Dims{2}) << type;
  }
}

TEST(Mapping, EmptyReduceAxesMeanAllOrNothingAsTheFileSays) {
  ModelBuilder all = one_node(13, "ReduceSum", {"x", "axes"});
  all.constant(onnx_test::tensor("axes", {0}, ::onnx::TensorProto::INT64));
  EXPECT_EQ(only<Reduce>(all).kind, ReduceKind::kSum);
  EXPECT_EQ(input_count(imported(all)), 1U);
  ModelBuilder none = one_node(18, "ReduceMean");
  node_of(none).integer("noop_with_empty_axes", 1);
  only<Identity>(none);
}

TEST(Mapping, SoftmaxFlattensFromAxisOneBefore13) {
  for (const bool log : {false, true}) {
    const char* type = log ? "LogSoftmax" : "Softmax";
    EXPECT_EQ(only<Softmax>(one_node(12, type)), (Softmax{1, log, true}));
    EXPECT_EQ(only<Softmax>(one_node(13, type)), (Softmax{-1, log, false}));
    ModelBuilder builder = one_node(13, type);
    node_of(builder).integer("axis", 2);
    EXPECT_EQ(only<Softmax>(builder).axis, 2);
  }
}

TEST(Mapping, BatchNormInEveryForm) {
  const Names inputs{"x", "s", "b", "m", "v"};
  for (const std::int64_t opset : {7, 9, 14, 15, 18}) {
    EXPECT_EQ(only<BatchNorm>(one_node(opset, "BatchNormalization", inputs)), BatchNorm{1e-5F}) << opset;
  }
  ModelBuilder builder = one_node(7, "BatchNormalization", inputs);
  node_of(builder).number("epsilon", 0.5F).integer("spatial", 1).number("momentum", 0.1F).proto->add_output("unused");
  EXPECT_EQ(only<BatchNorm>(builder).epsilon, 0.5F);
  EXPECT_EQ(imported(builder).nodes.at(0).outputs.size(), 1U);
}

TEST(Mapping, LrnDefaultsAndAttributes) {
  ModelBuilder builder = one_node(7, "LRN");
  node_of(builder).integer("size", 5);
  EXPECT_EQ(only<Lrn>(builder), (Lrn{1e-4F, 0.75F, 1, 5}));
  node_of(builder).number("alpha", 2).number("beta", 3).number("bias", 4);
  EXPECT_EQ(only<Lrn>(builder), (Lrn{2, 3, 4, 5}));
}

TEST(Mapping, QuantisationReadsItsAxisSince13) {
  for (const std::int64_t opset : {10, 13}) {
    EXPECT_EQ(only<Quantize>(one_node(opset, "QuantizeLinear", {"x", "s", "z"})).axis, 1);
    EXPECT_EQ(only<Dequantize>(one_node(opset, "DequantizeLinear", {"x", "s"})).axis, 1);
  }
  ModelBuilder builder = one_node(13, "DequantizeLinear", {"x", "s"});
  node_of(builder).integer("axis", 0);
  EXPECT_EQ(only<Dequantize>(builder).axis, 0);
  ModelBuilder quantise = one_node(13, "QuantizeLinear", {"x", "s"});
  node_of(quantise).integer("axis", -1);
  EXPECT_EQ(only<Quantize>(quantise).axis, -1);
}

TEST(Mapping, CastReadsItsType) {
  ModelBuilder builder = one_node(9, "Cast");
  node_of(builder).integer("to", ::onnx::TensorProto::INT8);
  EXPECT_EQ(only<Cast>(builder).to, ElementType::kInt8);
}

TEST(Mapping, DropoutIsIdentityAtInference) {
  for (const std::int64_t opset : {7, 10, 12, 18}) only<Identity>(one_node(opset, "Dropout"));
  ModelBuilder builder = one_node(12, "Dropout", {"x", "ratio", "training"});
  ::onnx::TensorProto no = onnx_test::tensor("training", {}, ::onnx::TensorProto::BOOL);
  no.add_int32_data(0);
  builder.constant(no);
  only<Identity>(builder);
  EXPECT_EQ(input_count(imported(builder)), 1U);
}

TEST(Mapping, ReshapeFlattenTransposeConcatGather) {
  EXPECT_FALSE(only<Reshape>(one_node(7, "Reshape", {"x", "s"})).allow_zero);
  ModelBuilder reshape = one_node(14, "Reshape", {"x", "s"});
  node_of(reshape).integer("allowzero", 1);
  EXPECT_TRUE(only<Reshape>(reshape).allow_zero);
  EXPECT_EQ(only<Flatten>(one_node(7, "Flatten")).axis, 1);
  EXPECT_TRUE(only<Transpose>(one_node(7, "Transpose")).permutation.empty());
  ModelBuilder transpose = one_node(13, "Transpose");
  node_of(transpose).integers("perm", {0, 2, 3, 1});
  EXPECT_EQ(only<Transpose>(transpose).permutation, (Dims{0, 2, 3, 1}));
  ModelBuilder concat = one_node(7, "Concat", {"a", "b", "c"});
  node_of(concat).integer("axis", -2);
  EXPECT_EQ(only<Concat>(concat).axis, -2);
  EXPECT_EQ(input_count(imported(concat)), 3U);
  EXPECT_EQ(only<Gather>(one_node(7, "Gather", {"x", "i"})).axis, 0);
  only<Identity>(one_node(7, "Identity"));
  only<Expand>(one_node(8, "Expand", {"x", "s"}));
}

TEST(Mapping, SqueezeAndUnsqueezeAxesBecomeAnInput) {
  for (const char* type : {"Squeeze", "Unsqueeze"}) {
    ModelBuilder old = one_node(11, type);
    node_of(old).integers("axes", {0, 2});
    EXPECT_EQ(constant_of(imported(old), 1), (Dims{0, 2}));
    EXPECT_EQ(input_count(imported(one_node(13, type, {"x", "axes"}))), 2U);
  }
  EXPECT_EQ(input_count(imported(one_node(11, "Squeeze"))), 1U);
}

TEST(Mapping, SliceAttributesBecomeInputs) {
  ModelBuilder old = one_node(9, "Slice");
  node_of(old).integers("starts", {1}).integers("ends", {-1}).integers("axes", {3});
  const Model model = imported(old);
  EXPECT_EQ(constant_of(model, 1), Dims{1});
  EXPECT_EQ(constant_of(model, 2), Dims{-1});
  EXPECT_EQ(constant_of(model, 3), Dims{3});
  ModelBuilder bare = one_node(9, "Slice");
  node_of(bare).integers("starts", {1}).integers("ends", {2});
  EXPECT_EQ(input_count(imported(bare)), 3U);
  EXPECT_EQ(input_count(imported(one_node(10, "Slice", {"x", "s", "e", "", "t"}))), 5U);
}

TEST(Mapping, SplitInEveryForm) {
  for (const std::int64_t opset : {7, 11}) {
    ModelBuilder old = one_node(opset, "Split");
    node_of(old).integers("split", {1, 3}).integer("axis", 1).proto->add_output("z");
    EXPECT_EQ(only<Split>(old).axis, 1);
    EXPECT_EQ(constant_of(imported(old), 1), (Dims{1, 3}));
    EXPECT_EQ(imported(old).nodes.at(0).outputs.size(), 2U);
  }
  ModelBuilder input = one_node(13, "Split", {"x", "split"});
  input.constant(int_tensor("split", {1}, {4}));
  EXPECT_EQ(constant_of(imported(input), 1), Dims{4});
  ModelBuilder count = one_node(18, "Split");
  node_of(count).integer("num_outputs", 2).proto->add_output("z");
  EXPECT_EQ(only<Split>(count).axis, 0);
  EXPECT_EQ(input_count(imported(count)), 1U);
}

TEST(Mapping, PadAttributesBecomeInputs) {
  ModelBuilder old = one_node(10, "Pad");
  node_of(old).integers("pads", {0, 1, 0, 2}).number("value", 1.5F);
  const Model model = imported(old);
  EXPECT_EQ(constant_of(model, 1), (Dims{0, 1, 0, 2}));
  EXPECT_EQ(model.value(*model.nodes.at(0).inputs.at(2)).constant->number_at(0), 1.5);
  for (const auto& [text, mode] :
       {std::pair{"constant", PadMode::kConstant}, std::pair{"reflect", PadMode::kReflect}, std::pair{"edge", PadMode::kEdge}}) {
    for (const std::int64_t opset : {11, 18}) {
      ModelBuilder builder = one_node(opset, "Pad", {"x", "pads"});
      node_of(builder).text("mode", text);
      EXPECT_EQ(only<Pad>(builder).mode, mode);
    }
  }
}

TEST(Mapping, ResizeDefaultsSince11) {
  for (const std::int64_t opset : {11, 13, 18}) {
    EXPECT_EQ(only<Resize>(one_node(opset, "Resize", {"x", "roi", "scales"})),
              (Resize{ResizeMode::kNearest, ResizeCoordinates::kHalfPixel, ResizeRounding::kRoundPreferFloor}));
  }
}

TEST(Mapping, ResizeReadsEveryAttribute) {
  ModelBuilder builder = one_node(13, "Resize", {"x", "", "scales"});
  node_of(builder).text("mode", "linear").text("coordinate_transformation_mode", "align_corners").text("nearest_mode", "ceil");
  EXPECT_EQ(only<Resize>(builder), (Resize{ResizeMode::kLinear, ResizeCoordinates::kAlignCorners, ResizeRounding::kCeil}));
  ModelBuilder other = one_node(13, "Resize", {"x", "", "scales"});
  node_of(other).text("coordinate_transformation_mode", "pytorch_half_pixel").text("nearest_mode", "round_prefer_ceil");
  EXPECT_EQ(only<Resize>(other), (Resize{ResizeMode::kNearest, ResizeCoordinates::kPytorchHalfPixel, ResizeRounding::kRoundPreferCeil}));
}

TEST(Mapping, ResizeTakesEmptyScalesForAbsent) {
  ModelBuilder builder = one_node(11, "Resize", {"x", "roi", "scales", "sizes"});
  builder.constant(onnx_test::tensor("scales", {0}, ::onnx::TensorProto::FLOAT));
  const Model model = imported(builder);
  ASSERT_EQ(input_count(model), 3U);
  EXPECT_FALSE(model.nodes[0].inputs[1]);
  EXPECT_EQ(model.value(*model.nodes[0].inputs[2]).name, "sizes");
}

TEST(Mapping, ResizeTenAndUpsampleRoundDownFromTheOrigin) {
  const Resize wanted{ResizeMode::kNearest, ResizeCoordinates::kAsymmetric, ResizeRounding::kFloor};
  EXPECT_EQ(only<Resize>(one_node(10, "Resize", {"x", "scales"})), wanted);
  EXPECT_EQ(only<Resize>(one_node(9, "Upsample", {"x", "scales"})), wanted);
  ModelBuilder builder = one_node(7, "Upsample");
  node_of(builder).numbers("scales", {1, 1, 2, 2});
  EXPECT_EQ(only<Resize>(builder), wanted);
  const Model model = imported(builder);
  EXPECT_EQ(model.value(*model.nodes.at(0).inputs.at(1)).constant->number_at(3), 2);
}

TEST(Mapping, ShapeTakesARangeSince15) {
  EXPECT_EQ(only<ShapeOf>(one_node(7, "Shape")), (ShapeOf{0, INT64_MAX}));
  ModelBuilder builder = one_node(15, "Shape");
  node_of(builder).integer("start", -2).integer("end", 3);
  EXPECT_EQ(only<ShapeOf>(builder), (ShapeOf{-2, 3}));
}

TEST(Mapping, ConstantOfShapeIsZeroUnlessTheFileSaysOtherwise) {
  const ConstantOfShape zero = only<ConstantOfShape>(one_node(9, "ConstantOfShape"));
  EXPECT_EQ(zero.value.type(), ElementType::kFloat32);
  EXPECT_EQ(zero.value.number_at(0), 0);
  ModelBuilder builder = one_node(9, "ConstantOfShape");
  node_of(builder).tensor("value", int_tensor("", {1}, {5}));
  EXPECT_EQ(only<ConstantOfShape>(builder).value.integer_at(0), 5);
}

TEST(Mapping, ConstantInEveryForm) {
  ModelBuilder builder(13);
  for (const char* output : {"a", "b", "c", "d", "e"}) builder.output(output);
  builder.node("Constant", {}, {"a"}).tensor("value", float_tensor("", {2}, {1, 2}));
  builder.node("Constant", {}, {"b"}).number("value_float", 3);
  builder.node("Constant", {}, {"c"}).numbers("value_floats", {4, 5});
  builder.node("Constant", {}, {"d"}).integer("value_int", 6);
  builder.node("Constant", {}, {"e"}).integers("value_ints", {7, 8, 9});
  const Model model = imported(builder);
  EXPECT_TRUE(model.nodes.empty());
  const auto constant = [&](std::size_t i) { return *model.value(model.outputs.at(i)).constant; };
  EXPECT_EQ(constant(0).shape(), Shape{2});
  EXPECT_EQ(constant(1).shape(), Shape{});
  EXPECT_EQ(constant(2).number_at(1), 5);
  EXPECT_EQ(constant(3).integer_at(0), 6);
  EXPECT_EQ(constant(4).shape(), Shape{3});
}

}  // namespace
}  // namespace gatefold
