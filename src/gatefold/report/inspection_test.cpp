// What inspecting a small network counts and prints.
#include "gatefold/report/inspection.h"

#include <gtest/gtest.h>

#include "gatefold/report/json.h"
#include "gatefold/report/table.h"

namespace gatefold {
namespace {

using namespace literals;

/// input -> conv (weights 8 B, bias 8 B) -> relu -> y; conv's output [1, 2, 2, 2] int8, the input [1, 1, 2, 2] float32.
LayerGraph small_graph() {
  LayerGraph graph;
  graph.name = "net";
  graph.activations.resize(3);
  graph.activations[0].name = "x";
  graph.activations[0].shape = Shape{1, 1, 2, 2};
  graph.activations[0].consumers = {LayerId(0)};
  graph.activations[0].last_use = LayerId(0);
  graph.activations[1].name = "c";
  graph.activations[1].type = ElementType::kInt8;
  graph.activations[1].shape = Shape{1, 2, 2, 2};
  graph.activations[1].producer = LayerId(0);
  graph.activations[1].consumers = {LayerId(1)};
  graph.activations[1].last_use = LayerId(1);
  graph.activations[2] = graph.activations[1];
  graph.activations[2].name = "y";
  graph.activations[2].producer = LayerId(1);
  graph.activations[2].consumers = {};
  graph.activations[2].last_use = std::nullopt;
  graph.activations[2].network_output = true;
  Layer conv;
  conv.name = "conv1";
  conv.kind = LayerKind::kDot;
  conv.op = Conv{};
  conv.inputs.resize(3);
  conv.inputs[0].tensor = TensorId(0);
  conv.inputs[1].constant = Tensor::splat<std::int8_t>({2, 1, 2, 2}, 1);
  conv.inputs[1].type = ElementType::kInt8;
  conv.inputs[1].shape = Shape{2, 1, 2, 2};
  conv.inputs[2].constant = Tensor::splat<float>({2}, 1);
  conv.inputs[2].shape = Shape{2};
  conv.outputs = {TensorId(1)};
  conv.dot.oc = 2;
  conv.dot.oh = conv.dot.ow = conv.dot.kh = conv.dot.kw = 2;
  Layer relu;
  relu.name = "relu";
  relu.op = Unary{};
  relu.inputs.resize(1);
  relu.inputs[0].tensor = TensorId(1);
  relu.outputs = {TensorId(2)};
  graph.layers.push_back(std::move(conv));
  graph.layers.push_back(std::move(relu));
  graph.inputs = {TensorId(0)};
  return graph;
}

TEST(Inspection, CountsWorkBytesAndThePriceOfAShift) {
  const Inspection inspection = inspect(small_graph());
  ASSERT_EQ(inspection.layers.size(), 2U);
  EXPECT_EQ(inspection.layers[0].macs, 2 * 4 * 4);
  EXPECT_EQ(inspection.layers[0].weights, 16_B);
  EXPECT_EQ(inspection.layers[0].inputs, 16_B);
  EXPECT_EQ(inspection.layers[0].live, 24_B);
  EXPECT_TRUE(inspection.layers[0].reads_network_input);
  EXPECT_EQ(inspection.layers[1].live, 16_B);
  EXPECT_EQ(inspection.layers[1].producers, std::vector<LayerId>{LayerId(0)});
  EXPECT_EQ(inspection.layers[1].shift_bytes(), 8_B);
  EXPECT_EQ(inspection.by_shift_price, (std::vector<LayerId>{LayerId(1), LayerId(0)}));
  EXPECT_EQ(inspection.live_peak, 24_B);
  EXPECT_NE(inspection_json(inspection, "0.1.0").find("\"cheapest_shifts\": [\n    1,\n    0\n  ]"), std::string::npos);
}

TEST(Table, InspectionListsLayersAndThenTheCheapestShifts) {
  EXPECT_EQ("\n" + inspection_table(inspect(small_graph())), R"(
net: 2 layers, 32 MACs, 16 B of weights, 24 B of activations alive at the peak

   layer  operator  kind    MACs  weights    in  out  live  producers
0  conv1  Conv      dot       32     16 B  16 B  8 B  24 B  input
1  relu   Relu      vector     0      0 B   8 B  8 B  16 B  0

live: all activations that must be kept while the layer runs, its own included

Cheapest shifts (2 of 2): what moves if the layer runs elsewhere than before
   layer  moves  weights  live inputs  routes
1  relu     8 B      0 B          8 B       1
0  conv1   32 B     16 B         16 B       1
)");
}

}  // namespace
}  // namespace gatefold
