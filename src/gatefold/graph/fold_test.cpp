#include "gatefold/graph/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/model_builder.h"

namespace gatefold {
namespace {

using test::ModelBuilder;

Result<TypedModel> fold(const ModelBuilder& net) {
  GATEFOLD_TRY(const BoundInputs bound, bind_symbols(net.model(), {}));
  return infer_and_fold(net.model(), bound);
}

TEST(Fold, ShapeComputationsBecomeConstants) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{2, 3, 4, 5});
  const ValueId batch =
      net.node("batch", Gather{0}, {net.node("shape", ShapeOf{}, {x}), net.constant(Tensor::of<std::int64_t>(Shape{}, {0}))});
  const ValueId target = net.node("target", Concat{0}, {net.node("row", Unsqueeze{}, {batch, net.integers({0})}), net.integers({-1})});
  const ValueId y = net.node("flat", Reshape{}, {x, target});
  const auto folded = fold(net.output(y));
  ASSERT_TRUE(folded) << folded.error().message;
  ASSERT_EQ(folded.value().nodes.size(), 1U);
  EXPECT_EQ(folded.value().value(y).fact.shape, (Shape{2, 60}));
}

TEST(Fold, SplatsStaySymbolic) {
  ModelBuilder net;
  const ValueId shape = net.integers({1 << 19, 1 << 19});  // 2^38 elements, 1 TiB if they were dense
  const ValueId ones = net.node("ones", ConstantOfShape{Tensor::of<float>(Shape{1}, {3.0F})}, {shape});
  const ValueId sum = net.node("sum", Binary{}, {ones, net.scalar(2)});
  const ValueId root = net.node("negative", Unary{UnaryKind::kNeg}, {net.node("turn", Transpose{}, {sum})});
  const auto folded = fold(net.output(root));
  ASSERT_TRUE(folded) << folded.error().message;
  const auto& constant = folded.value().value(root).constant;
  ASSERT_TRUE(constant && constant->is_splat());
  EXPECT_EQ(constant->number_at(0), -5);
}

TEST(Fold, RefusesToStoreWhatAFileOnlyDescribes) {
  ModelBuilder net;
  const ValueId ones = net.node("ones", ConstantOfShape{Tensor::of<float>(Shape{1}, {1.0F})}, {net.integers({1 << 15, 1 << 14})});
  const ValueId two = net.constant(Tensor::of<std::int64_t>(Shape{2}, {0, 1}));
  const auto folded = fold(net.output(net.node("pick", Gather{0}, {ones, two})));
  ASSERT_FALSE(folded);
  EXPECT_EQ(folded.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(folded.error().message,
              testing::HasSubstr("node 'pick': computing it before the run would store 536903680 constant elements"));
}

TEST(Fold, ResultsOfAllNodesCountTogether) {
  ModelBuilder net;
  const ValueId three = net.constant(Tensor::of<std::int8_t>(Shape{3, 1}, {1, 2, 3}));
  const ValueId one = net.node("one", Slice{}, {three, net.integers({0}), net.integers({1})});
  const ValueId wide = net.node("wide", Expand{}, {one, net.integers({kFoldedElementsMax, 1})});
  const auto folded = fold(net.output(wide));  // alone it would be the most that is allowed
  ASSERT_FALSE(folded);
  EXPECT_THAT(folded.error().message, testing::HasSubstr("node 'wide': computing it before the run would store 268435457"));
}

TEST(Fold, WeightsStayIntegersThroughMoves) {
  ModelBuilder net;
  const ValueId weights = net.quantised_weights("dq", Shape{2, 3}, {0.5F, 0.25F});
  const ValueId turned = net.node("turn", Transpose{}, {weights});
  const ValueId doubled = net.node("double", Binary{}, {weights, weights});
  const auto folded = fold(net.output(turned).output(doubled));
  ASSERT_TRUE(folded) << folded.error().message;
  const TypedValue& kept = folded.value().value(turned);
  EXPECT_EQ(kept.constant->type(), ElementType::kInt8);
  EXPECT_EQ(kept.dequantise->axis, 1);
  EXPECT_EQ(kept.constant->integer_at(1), folded.value().value(weights).constant->integer_at(3));
  const TypedValue& real_sum = folded.value().value(doubled);
  EXPECT_EQ(real_sum.constant->type(), ElementType::kFloat32);
  EXPECT_EQ(real_sum.constant->number_at(3), 2 * 0.25 * static_cast<double>(kept.constant->integer_at(1)));
}

TEST(Fold, IdentityAndCastChainsOfConstantsVanish) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{4});
  const ValueId scale = net.node("scale", Identity{}, {net.constant(Tensor::of<float>(Shape{1}, {0.5F}))});
  const ValueId zero =
      net.node("zero", Cast{ElementType::kUInt8}, {net.node("same", Identity{}, {net.constant(Tensor::of<std::uint8_t>(Shape{1}, {7}))})});
  const ValueId y = net.node("q", Quantize{}, {x, scale, zero});
  const auto folded = fold(net.output(y));
  ASSERT_TRUE(folded) << folded.error().message;
  ASSERT_EQ(folded.value().nodes.size(), 1U);
  const Quantisation found = quantisation_of(folded.value().nodes[0], folded.value().values);
  EXPECT_EQ(found, (Quantisation{ElementType::kUInt8, {0.5F}, {7}, 0}));
}

TEST(Fold, ErrorsNameTheNode) {
  ModelBuilder net;
  const ValueId list = net.integers({1, 2});
  const auto folded = fold(net.output(net.node("pick", Gather{0}, {list, net.integers({5})})));
  ASSERT_FALSE(folded);
  EXPECT_THAT(folded.error().message, testing::StartsWith("node 'pick': "));
}

TEST(Fold, DeadNodesGo) {
  ModelBuilder net;
  const ValueId x = net.input("x", Shape{4});
  net.relu("unused", net.relu("feeds unused", x));
  auto folded = fold(net.output(net.relu("used", x)));
  ASSERT_TRUE(folded);
  drop_dead_nodes(folded.value());
  ASSERT_EQ(folded.value().nodes.size(), 1U);
  EXPECT_EQ(folded.value().nodes[0].name, "used");
}

}  // namespace
}  // namespace gatefold
