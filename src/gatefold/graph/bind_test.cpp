#include "gatefold/graph/bind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/model_builder.h"

namespace gatefold {
namespace {

using test::ModelBuilder;
using testing::ElementsAre;

/// x [batch, 3, ?, ?], y [batch, 8].
Model symbolic() {
  ModelBuilder net;
  const ValueId x = net.input("x", std::vector<Extent>{{0, "batch"}, {3, ""}, {0, "?2"}, {0, "?3"}});
  net.input("y", std::vector<Extent>{{0, "batch"}, {8, ""}});
  return net.output(net.relu("relu", x)).model();
}

std::string failure(const BuildOptions& options) {
  const auto bound = bind_symbols(symbolic(), options);
  return bound ? "" : bound.error().message;
}

TEST(Bind, SymbolsAreOneByDefaultAndItIsSaid) {
  const auto bound = bind_symbols(symbolic(), {});
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound.value().shapes[0], (Shape{1, 3, 1, 1}));
  EXPECT_THAT(bound.value().notes, ElementsAre("batch = 1 (default)", "x?2 = 1 (default)", "x?3 = 1 (default)"));
}

TEST(Bind, OptionsComeBeforeInputShapesBeforeTheDefault) {
  BuildOptions options;
  options.symbols = {{"batch", 4}};
  options.input_shapes = {Shape{4, 3, 7, 9}};
  const auto bound = bind_symbols(symbolic(), options);
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound.value().shapes[0], (Shape{4, 3, 7, 9}));
  EXPECT_EQ(bound.value().shapes[1], (Shape{4, 8}));
  EXPECT_THAT(bound.value().notes, ElementsAre("batch = 4 (given)", "x?2 = 7 (from input 'x')", "x?3 = 9 (from input 'x')"));
}

TEST(Bind, ASymbolSettledByOneInputHoldsForAll) {
  BuildOptions options;
  options.input_shapes = {std::nullopt, Shape{5, 8}};
  const auto bound = bind_symbols(symbolic(), options);
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound.value().shapes[0], (Shape{5, 3, 1, 1}));
}

TEST(Bind, UnnamedExtentsOfTwoInputsAreUnrelated) {
  ModelBuilder net;
  const ValueId a = net.input("a", std::vector<Extent>{{0, "?0"}});
  net.input("b", std::vector<Extent>{{0, "?0"}});
  net.output(net.relu("relu", a));
  BuildOptions options;
  options.input_shapes = {Shape{2}, Shape{3}};
  const auto bound = bind_symbols(net.model(), options);
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(bound.value().shapes[1], Shape{3});
}

TEST(Bind, SaysWhichDimensionsThereAre) {
  BuildOptions options;
  options.symbols = {{"bacth", 2}};
  EXPECT_EQ(failure(options), "dimension 'bacth' is not in the network; it has 'batch'");
  options.symbols = {{"?2", 2}};
  EXPECT_EQ(failure(options), "dimension '?2' is not in the network; it has 'batch'");
}

TEST(Bind, RefusesNumbersBelowOne) {
  BuildOptions options;
  options.symbols = {{"batch", 0}};
  EXPECT_EQ(failure(options), "dimension 'batch': found 0, want at least 1");
}

TEST(Bind, SaysThatEmptyInputsAreNotSupported) {
  ModelBuilder net;
  net.output(net.relu("y", net.input("x", Shape{2, 0})));
  const auto bound = bind_symbols(net.model(), {});
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(bound.error().message, "input 'x': found an extent of 0, want at least 1: empty tensors are not supported");
}

TEST(Bind, RefusesShapesThatContradictTheFile) {
  BuildOptions options;
  options.input_shapes = {Shape{1, 4, 7, 9}};
  EXPECT_EQ(failure(options), "input 'x': found shape [1, 4, 7, 9], want 3 at axis 1");
  options.input_shapes = {Shape{1, 3, 7}};
  EXPECT_EQ(failure(options), "input 'x': found shape [1, 3, 7], want 4 dimensions");
  options.input_shapes = {Shape{2, 3, 7, 9}, Shape{3, 8}};
  EXPECT_EQ(failure(options), "input 'y': found shape [3, 8], want 2 at axis 0: 'batch' is 2 (from input 'x')");
  options.symbols = {{"batch", 6}};
  EXPECT_EQ(failure(options), "input 'x': found shape [2, 3, 7, 9], want 6 at axis 0: 'batch' is 6 (given)");
  options = {};
  options.input_shapes.resize(3);
  EXPECT_EQ(failure(options), "found shapes for 3 inputs, want at most 2: the network has no more");
}

TEST(Bind, RefusesInputsBeyondAnyMachine) {
  BuildOptions options;
  options.symbols = {{"batch", std::int64_t{1} << 62}};
  EXPECT_EQ(failure(options), "input 'x': found more than 1099511627776 elements");
}

}  // namespace
}  // namespace gatefold
