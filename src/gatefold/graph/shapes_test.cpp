#include "gatefold/graph/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/model_builder.h"

namespace gatefold {
namespace {

using test::ModelBuilder;
using testing::ElementsAre;
using testing::HasSubstr;

/// One node named "n" over float32 activations of the given shapes and constants.
class One {
 public:
  One& activation(const Shape& shape, ElementType type = ElementType::kFloat32) {
    values_.emplace_back().fact = {type, shape};
    return add();
  }
  One& constant(const Tensor& tensor) {
    values_.emplace_back().constant = tensor;
    values_.back().fact = {tensor.type(), tensor.shape()};
    return add();
  }
  One& integers(std::vector<std::int64_t> list) {
    return constant(Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(list.size())}, list));
  }
  One& absent() {
    node.inputs.emplace_back();
    return *this;
  }
  Result<Inferred> infer(Operator op, std::size_t outputs = 1) {
    node.name = "n";
    node.op = std::move(op);
    for (std::size_t i = 0; i < outputs; ++i) node.outputs.emplace_back(values_.size() + i);
    return gatefold::infer(node, values_);
  }
  /// The first output's shape, or the error.
  std::string shape(Operator op, std::size_t outputs = 1) {
    const auto inferred = infer(std::move(op), outputs);
    return inferred ? inferred.value().outputs[0].shape.text() : inferred.error().message;
  }

  Node node;

 private:
  One& add() {
    values_.back().name = "v" + std::to_string(values_.size() - 1);
    node.inputs.emplace_back(ValueId(values_.size() - 1));
    return *this;
  }
  TypedValues values_;
};

Window window(std::array<std::int64_t, 2> kernel, std::array<std::int64_t, 2> stride, AutoPad pad) {
  return {kernel, stride, {1, 1}, {0, 0, 0, 0}, pad};
}

TEST(Shapes, ConvResolvesPadsAndKernel) {
  One conv;
  conv.activation({1, 3, 7, 8}).activation({6, 3, 3, 3});
  EXPECT_EQ(conv.shape(Conv{window({0, 0}, {2, 2}, AutoPad::kSameUpper), 1}), "[1, 6, 4, 4]");
  const Window found = std::get<Conv>(conv.node.op).window;
  EXPECT_THAT(found.kernel, ElementsAre(3, 3));
  EXPECT_THAT(found.pads, ElementsAre(1, 0, 1, 1));  // height needs 2, width 1: the odd one at the end
  EXPECT_EQ(found.auto_pad, AutoPad::kExplicit);

  One lower;
  lower.activation({1, 3, 7, 8}).activation({6, 3, 3, 3});
  EXPECT_EQ(lower.shape(Conv{window({3, 3}, {2, 2}, AutoPad::kSameLower), 1}), "[1, 6, 4, 4]");
  EXPECT_THAT(std::get<Conv>(lower.node.op).window.pads, ElementsAre(1, 1, 1, 0));

  One dilated;
  dilated.activation({2, 4, 9, 9}).activation({4, 1, 3, 3}).activation({4});
  EXPECT_EQ(dilated.shape(Conv{Window{{3, 3}, {1, 1}, {2, 2}, {1, 1, 1, 1}, AutoPad::kExplicit}, 4}), "[2, 4, 7, 7]");
}

TEST(Shapes, ConvSaysWhatDoesNotFit) {
  const Conv plain{window({0, 0}, {1, 1}, AutoPad::kExplicit), 1};
  EXPECT_EQ(One().activation({1, 3, 8, 8}).activation({6, 4, 3, 3}).shape(plain),
            "node 'n': found 3 input channels, weights [6, 4, 3, 3] and group 1, want weights of 3 / group channels");
  EXPECT_EQ(One().activation({1, 3, 2, 8}).activation({6, 3, 3, 3}).shape(plain),
            "node 'n': height: found 2 + pads 0 and 0, want at least the window's reach of 3");
  EXPECT_EQ(One().activation({1, 3, 8}).activation({6, 3, 3}).shape(plain),
            "node 'n': found shape [1, 3, 8], want [n, c, h, w]: windows are two-dimensional");
  EXPECT_EQ(One().activation({1, 3, 8, 8}).activation({6, 3, 3, 3}).activation({5}).shape(plain),
            "node 'n': bias: found shape [5], want [6]");
  EXPECT_THAT(One().activation({1, 3, 8, 8}).activation({6, 3, 3, 3}).shape(Conv{window({3, 3}, {0, 1}, AutoPad::kExplicit), 1}),
              HasSubstr("stride 0"));
}

TEST(Shapes, MatMulBroadcastsAndDropsVectors) {
  EXPECT_EQ(One().activation({5, 1, 3, 4}).activation({2, 4, 6}).shape(MatMul{}), "[5, 2, 3, 6]");
  EXPECT_EQ(One().activation({4}).activation({4, 6}).shape(MatMul{}), "[6]");
  EXPECT_EQ(One().activation({3, 4}).activation({4}).shape(MatMul{}), "[3]");
  EXPECT_EQ(One().activation({4, 3}).activation({6, 4}).activation({6}).shape(MatMul{true, true, 1, 1}), "[3, 6]");
  EXPECT_EQ(One().activation({3, 4}).activation({5, 6}).shape(MatMul{}),
            "node 'n': shapes [3, 4] and [5, 6] do not agree: found 4 columns and 5 rows");
  EXPECT_EQ(One().activation({3, 4}).activation({4, 6}).activation({5, 3, 6}).shape(MatMul{}),
            "node 'n': found c of shape [5, 3, 6] for a product [3, 6]");
}

TEST(Shapes, PoolRoundsUpOnlyWindowsThatStartInside) {
  Pool pool{PoolKind::kMax, window({2, 2}, {2, 2}, AutoPad::kExplicit), false, true, false};
  EXPECT_EQ(One().activation({1, 3, 7, 8}).shape(pool), "[1, 3, 4, 4]");
  pool.window = Window{{1, 1}, {3, 3}, {1, 1}, {0, 0, 0, 0}, AutoPad::kExplicit};
  EXPECT_EQ(One().activation({1, 3, 3, 4}).shape(pool), "[1, 3, 1, 2]");  // height: a second window would start at 3
  EXPECT_EQ(One().activation({1, 3, 5, 9}).shape(Pool{PoolKind::kAverage, {}, true, false, false}), "[1, 3, 1, 1]");
  pool.window.pads = {1, 0, 0, 0};
  EXPECT_EQ(One().activation({1, 3, 3, 4}).shape(pool), "node 'n': height: found pads 1 and 0, want less than the window's reach of 1");
}

TEST(Shapes, ArithmeticBroadcasts) {
  EXPECT_EQ(One().activation({2, 1, 4}).activation({3, 1}).shape(Binary{}), "[2, 3, 4]");
  EXPECT_EQ(One().activation({2, 3}).activation({4}).shape(Binary{}), "node 'n': shapes [2, 3] and [4] do not broadcast");
  EXPECT_EQ(One().activation({2}).activation({2}, ElementType::kInt64).shape(Binary{BinaryKind::kPow}), "[2]");
  EXPECT_EQ(One().activation({2}).activation({2}, ElementType::kInt64).shape(Binary{}),
            "node 'n': input 1 ('v1'): found int64, want float32");
}

TEST(Shapes, ReduceCountsAxesFromTheEnd) {
  One reduce;
  reduce.activation({2, 3, 4}).integers({-1, 0});
  const auto inferred = reduce.infer(Reduce{ReduceKind::kMean, false});
  ASSERT_TRUE(inferred);
  EXPECT_EQ(inferred.value().outputs[0].shape, Shape{3});
  EXPECT_EQ(inferred.value().normal_inputs[0].second.integer_at(0), 2);
  EXPECT_EQ(One().activation({2, 3, 4}).shape(Reduce{}), "[1, 1, 1]");
  EXPECT_EQ(One().activation({2, 3}).integers({2}).shape(Reduce{}), "node 'n': found axis 2, want one of 2 dimensions");
}

TEST(Shapes, QuantisationMatchesItsAxis) {
  const Tensor scales = Tensor::of<float>(Shape{3}, {1.0F, 2.0F, 3.0F});
  EXPECT_EQ(One().activation({2, 3, 4}).constant(scales).shape(Quantize{-2}), "[2, 3, 4]");
  EXPECT_EQ(One().activation({2, 3, 4}).constant(scales).shape(Quantize{2}), "node 'n': found 3 scales for axis 2 of [2, 3, 4]");
  EXPECT_EQ(One().activation({2}).constant(Tensor::of<float>(Shape{}, {0.0F})).shape(Quantize{}),
            "node 'n': found scale 0 at index 0, want a positive number");
  EXPECT_EQ(One().activation({2}).activation({}).shape(Quantize{}),
            "node 'n': the scale or zero point is computed at run time, want constants");
  EXPECT_EQ(One().activation({2}, ElementType::kInt16).constant(Tensor::of<float>(Shape{}, {1.0F})).shape(Dequantize{}),
            "node 'n': dequantises int16, want int8, uint8 or int32");
}

TEST(Shapes, ReshapeKeepsTheCount) {
  EXPECT_EQ(One().activation({2, 3, 4}).integers({0, -1}).shape(Reshape{}), "[2, 12]");
  EXPECT_EQ(One().activation({2, 3, 4}).integers({5, -1}).shape(Reshape{}),
            "node 'n': found [2, 3, 4] of 24 elements, want a shape [5, -1]");
  EXPECT_EQ(One().activation({2, 3}).integers({-1, -1}).shape(Reshape{}), "node 'n': found two extents of -1, want at most one");
  EXPECT_EQ(One().activation({2}).integers({1, 0}).shape(Reshape{}), "node 'n': shape entry 1 copies an extent that [2] does not have");
  EXPECT_EQ(One().activation({2, 3}).activation({2}, ElementType::kInt64).shape(Reshape{}),
            "node 'n': shape ('v1') is known only at run time, want a constant");
}

TEST(Shapes, ViewsDropAndAddOnes) {
  EXPECT_EQ(One().activation({2, 3, 4}).shape(Flatten{-1}), "[6, 4]");
  EXPECT_EQ(One().activation({2, 3, 4}).shape(Flatten{3}), "[24, 1]");
  EXPECT_EQ(One().activation({1, 3, 1}).shape(Squeeze{}), "[3]");
  EXPECT_EQ(One().activation({1, 3, 1}).integers({-1}).shape(Squeeze{}), "[1, 3]");
  EXPECT_EQ(One().activation({1, 3, 1}).integers({1}).shape(Squeeze{}), "node 'n': axis 1 of [1, 3, 1]: found 3, want 1");
  EXPECT_EQ(One().activation({3, 4}).integers({-1, 0}).shape(Unsqueeze{}), "[1, 3, 4, 1]");
  EXPECT_EQ(One().activation({3}).integers({0, 0}).shape(Unsqueeze{}), "node 'n': an axis is listed twice");
  EXPECT_EQ(One().activation({3}).integers({0, 1, 2, 3, 4, 5, 6, 7}).shape(Unsqueeze{}), "node 'n': found 9 dimensions, want at most 8");
}

TEST(Shapes, MovesSayTheirExtents) {
  EXPECT_EQ(One().activation({2, 3, 4}).shape(Transpose{}), "[4, 3, 2]");
  EXPECT_EQ(One().activation({2, 3}).shape(Transpose{{0, 0}}), "node 'n': found permutation [0, 0] of 2 dimensions");
  EXPECT_EQ(One().activation({2, 3}).activation({2, 5}).shape(Concat{-1}), "[2, 8]");
  EXPECT_EQ(One().activation({2, 3}).activation({3, 3}).shape(Concat{1}), "node 'n': cannot join [2, 3] and [3, 3] along axis 1");
  EXPECT_EQ(One().activation({5, 6}).activation({2, 2}, ElementType::kInt64).shape(Gather{1}), "[5, 2, 2]");
  EXPECT_EQ(One().activation({2, 3}).integers({1, 0, 0, 2}).shape(Pad{}), "[3, 5]");
  EXPECT_EQ(One().activation({2, 3}).integers({0, 3, 0, 0}).shape(Pad{PadMode::kReflect}),
            "node 'n': axis 1: found pads 3 and 0, want less than 3 to reflect");
  EXPECT_EQ(One().activation({1, 3}).integers({2, 1}).shape(Expand{}), "[2, 3]");
  EXPECT_EQ(One().activation({1, 3, 5, 5}).constant(Tensor::of<float>(Shape{4}, {1, 1, 2.5F, 0.5F})).shape(Resize{}), "[1, 3, 12, 2]");
  EXPECT_EQ(One().activation({1, 3}).absent().integers({2, 9}).shape(Resize{}), "[2, 9]");
  EXPECT_EQ(One().activation({1, 3}).shape(Resize{}), "node 'n': found scales and sizes both present or both absent, want one");
}

TEST(Shapes, SliceClampsInBothDirections) {
  const auto slice = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    return One().activation({10}).integers({start}).integers({end}).integers({-1}).integers({step}).shape(Slice{});
  };
  EXPECT_EQ(slice(2, 7, 2), "[3]");
  EXPECT_EQ(slice(-3, INT64_MAX, 1), "[3]");
  EXPECT_EQ(slice(9, INT64_MIN, -1), "[10]");
  EXPECT_EQ(slice(INT64_MAX, 0, -3), "[3]");
  EXPECT_EQ(slice(7, 3, 1), "[0]");
  EXPECT_EQ(slice(9, 0, INT64_MIN), "[1]");
  EXPECT_EQ(slice(0, 5, 0), "node 'n': found a step of 0");
}

TEST(Shapes, SplitCoversItsAxis) {
  One split;
  split.activation({2, 7});
  const auto parts = split.infer(Split{-1}, 3);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts.value().outputs[2].shape, (Shape{2, 1}));
  EXPECT_EQ(One().activation({2, 7}).integers({3, 3}).shape(Split{1}, 2), "node 'n': found parts [3, 3], want a sum of 7");
  EXPECT_EQ(One().activation({2, 7}).integers({3, 4}).shape(Split{1}, 3), "node 'n': found 3 outputs, want 2");
}

TEST(Shapes, NothingGrowsBeyondTheLimit) {
  const std::int64_t big = std::int64_t{1} << 39;
  const std::string refusal = "node 'n': the result has more than 1099511627776 elements";
  EXPECT_EQ(One().integers({big, 4}).shape(ConstantOfShape{Tensor::of<float>(Shape{1}, {0.0F})}), refusal);
  EXPECT_EQ(One().integers({INT64_MAX, INT64_MAX}).shape(ConstantOfShape{Tensor::of<float>(Shape{1}, {0.0F})}), refusal);
  EXPECT_EQ(One().activation({big, 1}).activation({8}).shape(Binary{}), refusal);
  EXPECT_EQ(One().activation({big}).activation({big}).activation({big}).shape(Concat{0}), refusal);
  EXPECT_EQ(One().activation({4}).integers({big, big}).shape(Pad{}), refusal);
  EXPECT_EQ(One().integers({-2}).shape(ConstantOfShape{Tensor::of<float>(Shape{1}, {0.0F})}), "node 'n': found an extent of -2");
}

}  // namespace
}  // namespace gatefold
