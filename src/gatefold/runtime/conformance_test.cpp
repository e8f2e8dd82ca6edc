// The known-answer rules at their edges: one value inside, one outside.
#include "gatefold/runtime/conformance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gatefold {
namespace {

using Kind = ComparisonRule::Kind;

Tensor floats(std::vector<float> values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
}
Tensor bytes(std::vector<std::int8_t> values) {
  return Tensor::of<std::int8_t>({static_cast<std::int64_t>(values.size())}, std::span<const std::int8_t>(values));
}

TEST(Conformance, FloatsMayDifferByAThousandthAndALittle) {
  const ComparisonRule rule{Kind::kFloat, 1, 1};
  EXPECT_TRUE(compare(floats({1.0009F, 0.0F}), floats({1.0F, 0.0F}), rule).pass);
  EXPECT_TRUE(compare(floats({1.0F, 0.9e-5F}), floats({1.0F, 0.0F}), rule).pass);
  const Comparison outside = compare(floats({1.002F, 0.1F, 3.0F}), floats({1.0F, 0.0F, 3.0F}), rule);
  EXPECT_FALSE(outside.pass);
  EXPECT_EQ(outside.reason, "value 0: found 1.002, want 1 within 0.001 (and 1 more)");
  EXPECT_NEAR(outside.worst, 0.1, 1e-6);
}

TEST(Conformance, NotANumberEqualsOnlyItself) {
  const float nan = std::nanf("");
  const float infinity = std::numeric_limits<float>::infinity();
  const ComparisonRule rule{Kind::kFloat, 1, 1};
  EXPECT_TRUE(compare(floats({nan, infinity}), floats({nan, infinity}), rule).pass);
  EXPECT_FALSE(compare(floats({nan}), floats({1.0F}), rule).pass);
  EXPECT_FALSE(compare(floats({1.0F}), floats({nan}), rule).pass);
  EXPECT_FALSE(compare(floats({-infinity}), floats({infinity}), rule).pass);
}

TEST(Conformance, QuantisedValuesAreCountedInSteps) {
  std::vector<std::int8_t> want(1000, 0);
  want[3] = 100;
  std::vector<std::int8_t> got = want;
  for (std::size_t i = 100; i < 1000; ++i) got[i] = 1;
  got[10] = 2;
  const ComparisonRule rule{Kind::kSteps, 1, 0.999};
  const Comparison one_outside = compare(bytes(got), bytes(want), rule);
  EXPECT_TRUE(one_outside.pass) << one_outside.reason;
  EXPECT_FALSE(one_outside.equal_bits);
  EXPECT_EQ(one_outside.worst, 2);
  got[11] = 2;
  EXPECT_EQ(compare(bytes(got), bytes(want), rule).reason, "2 of 1000 values differ by more than one step, want at most 1");
  EXPECT_TRUE(compare(bytes(got), bytes(want), {Kind::kSteps, 1, 0.99}).pass);
  EXPECT_TRUE(compare(bytes(want), bytes(want), rule).equal_bits);
}

TEST(Conformance, QuantisedOutputsNameTheSameLargestValue) {
  const ComparisonRule rule{Kind::kSteps, 1, 0.999};
  EXPECT_EQ(compare(bytes({5, 4}), bytes({4, 5}), rule).reason, "the largest value is at 0, want 1");
  EXPECT_TRUE(compare(bytes({5, 5}), bytes({4, 5}), rule).pass);  // a tie may name either
}

TEST(Conformance, StepsOfFloatOutputsAllowForRounding) {
  EXPECT_TRUE(compare(floats({0.3F, 0.0F}), floats({0.2F, 0.0F}), {Kind::kSteps, 0.1, 0.999}).pass);
  EXPECT_FALSE(compare(floats({0.35F, 0.0F}), floats({0.2F, 0.0F}), {Kind::kSteps, 0.1, 0.999}).pass);
}

TEST(Conformance, TypesAndShapesMustBeEqual) {
  EXPECT_EQ(compare(bytes({1}), floats({1}), {}).reason, "found int8, want float32");
  EXPECT_EQ(compare(bytes({1, 2}), bytes({1}), {}).reason, "found shape [2], want [1]");
  EXPECT_EQ(compare(bytes({1, 2}), bytes({1, 3}), {Kind::kEqual, 1, 1}).reason, "value 1: found 2, want 3");
}

TEST(Conformance, TheRuleOfAnOutputFollowsTheLastQuantisedTensor) {
  LayerGraph graph;
  graph.quantised = true;
  graph.activations.resize(3);
  graph.activations[1].producer = LayerId(0);
  graph.activations[2].producer = LayerId(1);
  graph.layers.resize(2);
  graph.layers[0].inputs.resize(1);
  graph.layers[0].inputs[0].tensor = TensorId(0);
  graph.layers[0].inputs[0].dequantise = Quantisation{ElementType::kInt8, {0.5F}, {0}, 0};
  graph.layers[1].inputs.resize(1);
  graph.layers[1].inputs[0].tensor = TensorId(1);
  const NetworkOutput output{"y", TensorId(2), Shape{1}};
  ComparisonRule rule = rule_for(graph, output, Numerics::kQdqFloat);
  EXPECT_EQ(rule.kind, Kind::kSteps);
  EXPECT_EQ(rule.step, 0.5);
  EXPECT_EQ(rule.share_within, 0.99);
  graph.layers[0].epilogue.quantise = Quantisation{ElementType::kInt8, {0.25F}, {0}, 0};
  EXPECT_EQ(rule_for(graph, output, Numerics::kInteger).step, 0.25);
  EXPECT_EQ(rule_for(graph, output, Numerics::kInteger).share_within, 0.999);
  graph.activations[2].type = ElementType::kInt8;
  EXPECT_EQ(rule_for(graph, output, Numerics::kInteger).step, 1);
  graph.activations[2].type = ElementType::kInt64;
  EXPECT_EQ(rule_for(graph, output, Numerics::kInteger).kind, Kind::kEqual);
  graph.activations[2].type = ElementType::kFloat32;
  graph.quantised = false;
  EXPECT_EQ(rule_for(graph, output, Numerics::kInteger).kind, Kind::kFloat);
}

TEST(Conformance, TheLargestValuesComeInOrder) {
  const auto top = largest(floats({1, std::nanf(""), 3, 3, 2}), 4);
  ASSERT_EQ(top.size(), 4U);
  EXPECT_EQ(top[0].index, 2);
  EXPECT_EQ(top[1].index, 3);
  EXPECT_EQ(top[2].index, 4);
  EXPECT_EQ(top[3].index, 0);
  EXPECT_EQ(largest(bytes({1}), 5).size(), 1U);
}

TEST(Conformance, AccuracyCountsRowsOfAllRequests) {
  RunResult result;
  result.outputs = {{{"y", Tensor::of<float>({2, 2}, {0, 1, 1, 0})}}, {{"y", Tensor::of<float>({2, 2}, {0, 1, 1, 0})}}};
  const auto four_rows = accuracy(result, Tensor::of<std::int64_t>({4}, {1, 1, 1, 0}));
  ASSERT_TRUE(four_rows);
  EXPECT_DOUBLE_EQ(four_rows.value(), 3.0 / 4);
  EXPECT_EQ(accuracy(result, Tensor::of<std::int64_t>({2}, {1, 1})).error().message,
            "found 2 labels, want 4: one for every row of the first output of every request");
  EXPECT_EQ(accuracy(result, Tensor::of<float>({3}, {1, 1, 1})).error().message, "labels are float32, want integers");
}

TEST(Conformance, AccuracyLeavesOutRequestsThatWereShed) {
  RunResult result;
  result.outputs = {{{"y", Tensor::of<float>({2}, {0, 1})}}, {}, {{"y", Tensor::of<float>({2}, {1, 0})}}};
  const auto right = accuracy(result, Tensor::of<std::int64_t>({3}, {1, 1, 0}));
  ASSERT_TRUE(right);
  EXPECT_DOUBLE_EQ(right.value(), 1);
}

}  // namespace
}  // namespace gatefold
