// What is written is what is read: networks in code, to a file and back.
#include "gatefold/onnx/export.h"

#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include "gatefold/onnx/import.h"

namespace gatefold {
namespace {

/// A network of one input `x` and a chain of operators, each with constants of its own; `y` is the output.
class Chain {
 public:
  explicit Chain(std::vector<Extent> shape, ElementType type = ElementType::kFloat32) {
    model.name = "chain";
    model.opset = 13;
    last_ = value("x");
    model.inputs.push_back({last_, type, std::move(shape)});
  }
  Chain& then(Operator op, const std::vector<std::optional<Tensor>>& constants = {}) {
    std::vector<std::optional<ValueId>> inputs{last_};
    for (const auto& constant : constants) {
      if (!constant) inputs.emplace_back(std::nullopt);
      else inputs.emplace_back(value("c" + std::to_string(model.values.size()), constant));
    }
    last_ = value("v" + std::to_string(model.values.size()));
    model.nodes.push_back({"node" + std::to_string(model.nodes.size()), std::move(op), std::move(inputs), {last_}});
    return *this;
  }
  const Model& done() {
    model.outputs = {last_};
    return model;
  }
  Model model;

 private:
  ValueId value(const std::string& name, std::optional<Tensor> constant = std::nullopt) {
    model.values.push_back({name, std::move(constant)});
    return ValueId(model.values.size() - 1);
  }
  ValueId last_{0};
};

::onnx::ModelProto parsed(const std::string& bytes) {
  ::onnx::ModelProto proto;
  EXPECT_TRUE(proto.ParseFromString(bytes));
  return proto;
}

Model there_and_back(const Model& model) {
  const auto bytes = export_onnx(model);
  if (!bytes) ADD_FAILURE() << bytes.error().message;
  EXPECT_NO_THROW(::onnx::checker::check_model(parsed(bytes.value())));
  auto read = import_onnx(std::as_bytes(std::span(bytes.value().data(), bytes.value().size())), model.name);
  if (!read) ADD_FAILURE() << read.error().message;
  EXPECT_EQ(read.value().opset, 13);
  EXPECT_EQ(read.value().nodes.size(), model.nodes.size());
  return std::move(read).value();
}

template <class Op>
void expect_kept(const Op& op, std::vector<Extent> shape, const std::vector<std::optional<Tensor>>& constants = {}) {
  const Model model = there_and_back(Chain(std::move(shape)).then(op, constants).done());
  ASSERT_TRUE(std::holds_alternative<Op>(model.nodes.at(0).op));
  EXPECT_TRUE(std::get<Op>(model.nodes.at(0).op) == op) << name(Operator(op));
  EXPECT_EQ(model.nodes[0].name, "node0");
}

const std::vector<Extent> kImage{{1, ""}, {4, ""}, {9, ""}, {8, ""}};
const std::vector<Extent> kRows{{2, ""}, {3, ""}};

TEST(Export, KeepsEveryAttribute) {
  const Window padded{{3, 2}, {2, 1}, {1, 2}, {1, 0, 2, 1}, AutoPad::kExplicit};
  expect_kept(Conv{padded, 2}, kImage, {Tensor::splat<float>(Shape{6, 2, 3, 2}, 0.5F), Tensor::splat<float>(Shape{6}, 1.0F)});
  for (const AutoPad pad : {AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
    expect_kept(Conv{Window{{3, 3}, {2, 2}, {1, 1}, {0, 0, 0, 0}, pad}, 1}, kImage, {Tensor::splat<float>(Shape{1, 4, 3, 3}, 1.0F)});
  }
  expect_kept(Conv{Window{{0, 0}}, 4}, kImage, {Tensor::splat<float>(Shape{4, 1, 3, 3}, 1.0F)});
  expect_kept(Pool{PoolKind::kMax, Window{{2, 2}, {2, 2}}, false, true, false}, kImage);
  expect_kept(Pool{PoolKind::kAverage, Window{{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, false, false, true}, kImage);
  expect_kept(Pool{PoolKind::kMax, Window{}, true}, kImage);
  expect_kept(Pool{PoolKind::kAverage, Window{}, true}, kImage);
  expect_kept(MatMul{}, kRows, {Tensor::splat<float>(Shape{3, 5}, 1.0F)});
  expect_kept(MatMul{false, true, 0.5F, 2}, kRows, {Tensor::splat<float>(Shape{5, 3}, 1.0F), Tensor::splat<float>(Shape{5}, 1.0F)});
  expect_kept(MatMul{true, false, 1, 1}, kRows, {Tensor::splat<float>(Shape{2, 5}, 1.0F)});
  expect_kept(Softmax{0, false, false}, kRows);
  expect_kept(Softmax{-1, true, false}, kRows);
  expect_kept(Flatten{2}, kImage);
  for (const UnaryKind kind : {UnaryKind::kRelu, UnaryKind::kSigmoid, UnaryKind::kTanh, UnaryKind::kNeg}) expect_kept(Unary{kind}, kRows);
  for (const BinaryKind kind : {BinaryKind::kAdd, BinaryKind::kSub, BinaryKind::kMul, BinaryKind::kDiv, BinaryKind::kPow}) {
    expect_kept(Binary{kind}, kRows, {Tensor::splat<float>(Shape{3}, 2.0F)});
  }
  expect_kept(Quantize{0}, kRows, {Tensor::splat<float>(Shape{2}, 0.5F), Tensor::splat<std::int8_t>(Shape{2}, 3)});
}

TEST(Export, KeepsConstantsNamesAndAbsentInputs) {
  Chain chain({{2, ""}, {3, ""}}, ElementType::kUInt8);
  const Tensor scale = Tensor::of<float>(Shape{3}, {0.5F, 0.25F, 2.0F});
  chain.then(Dequantize{1}, {scale, std::nullopt}).then(Quantize{1}, {scale, Tensor::of<std::int8_t>(Shape{3}, {0, -128, 127})});
  const Model model = there_and_back(chain.done());
  EXPECT_EQ(model.inputs[0].type, ElementType::kUInt8);
  EXPECT_EQ(std::get<Dequantize>(model.nodes[0].op), Dequantize{1});
  EXPECT_FALSE(model.nodes[0].inputs.size() > 2 && model.nodes[0].inputs[2].has_value());
  const Tensor& zeros = *model.value(*model.nodes[1].inputs[2]).constant;
  EXPECT_EQ(zeros.type(), ElementType::kInt8);
  EXPECT_EQ(zeros.integer_at(1), -128);
  EXPECT_EQ(model.value(*model.nodes[1].inputs[1]).constant->number_at(2), 2.0);
  EXPECT_EQ(model.value(*model.nodes[1].inputs[1]).name, chain.model.value(*chain.model.nodes[1].inputs[1]).name);
}

TEST(Export, DeclaresTypeAndShapeOfTheOutput) {
  Chain chain({{0, "batch"}, {4, ""}, {9, ""}, {0, "?3"}});
  chain.then(Pool{PoolKind::kMax, Window{}, true})
      .then(Quantize{1}, {Tensor::splat<float>(Shape{}, 0.5F), Tensor::splat<std::int8_t>(Shape{}, 0)});
  const Model back = there_and_back(chain.done());
  EXPECT_EQ(back.inputs[0].shape[0].symbol, "batch");
  EXPECT_EQ(back.inputs[0].shape[3].symbol.substr(0, 1), "?");
  const auto proto = parsed(export_onnx(chain.done()).value());
  EXPECT_EQ(proto.graph().value_info_size(), 0);
  const auto& type = proto.graph().output(0).type().tensor_type();
  EXPECT_EQ(type.elem_type(), ::onnx::TensorProto::INT8);
  ASSERT_EQ(type.shape().dim_size(), 4);
  EXPECT_EQ(type.shape().dim(1).dim_value(), 4);
  EXPECT_EQ(type.shape().dim(3).dim_value(), 1);
}

TEST(Export, TheSameModelGivesTheSameBytes) {
  const auto bytes = [] { return export_onnx(Chain(kImage).then(Flatten{1}).then(Softmax{}).done()).value(); };
  EXPECT_EQ(bytes(), bytes());
}

std::string refusal(const Model& model) {
  const auto bytes = export_onnx(model);
  return bytes ? "exported" : bytes.error().message;
}

TEST(Export, RefusesWhatItCannotWrite) {
  EXPECT_EQ(refusal(Chain(kRows).then(Unary{UnaryKind::kClip, 0, 6}).done()), "node 'node0' (Clip): the operator is not exported");
  EXPECT_EQ(refusal(Chain(kRows).then(Unary{UnaryKind::kLeakyRelu}).done()), "node 'node0' (LeakyRelu): the operator is not exported");
  EXPECT_EQ(refusal(Chain(kRows).then(Softmax{1, false, true}).done()), "node 'node0' (Softmax): the operator is not exported");
  EXPECT_EQ(refusal(Chain(kImage).then(Pool{PoolKind::kAverage, Window{{2, 2}, {1, 1}, {2, 2}}}).done()),
            "node 'node0' (AveragePool): the operator is not exported");
  EXPECT_EQ(refusal(Chain(kImage).then(Transpose{}).done()), "node 'node0' (Transpose): the operator is not exported");
  EXPECT_EQ(refusal(Model{}), "the network has no output");
  Model mismatch = Chain(kRows).then(MatMul{}, {Tensor::splat<float>(Shape{4, 5}, 1.0F)}).done();
  EXPECT_EQ(refusal(mismatch), "output 'v2': its shape does not follow from the inputs");
}

}  // namespace
}  // namespace gatefold
