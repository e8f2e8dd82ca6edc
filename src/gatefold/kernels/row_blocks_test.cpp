// A layer computed in row blocks gives the bits of the whole layer, whatever it is and however many blocks there are; and what
// depends on everything is left whole.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/kernels/evaluate.h"
#include "gatefold/kernels/window.h"
#include "gatefold/model/row_cut.h"

namespace gatefold {
namespace {

using Random = std::mt19937;

std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

Tensor random_int8(Random& random, const Shape& shape) {
  std::vector<std::int8_t> values(static_cast<std::size_t>(shape.elements()));
  for (auto& value : values) value = static_cast<std::int8_t>(between(random, -128, 127));
  return Tensor::of<std::int8_t>(shape, values);
}

Tensor random_float(Random& random, const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (auto& value : values) value = std::uniform_real_distribution<float>(-2, 2)(random);
  return Tensor::of<float>(shape, values);
}

struct Subject {
  Layer layer;
  std::vector<Tensor> inputs;  ///< activations, by operand; empty where the operand is a constant
  std::vector<Shape> outputs;
};

Subject subject(const Operator& op, const std::vector<Tensor>& activations, const std::vector<Shape>& outputs,
                const std::vector<Tensor>& constants = {}) {
  Subject made;
  made.layer.name = "layer";
  made.layer.op = op;
  made.layer.output_shape = outputs[0];
  made.layer.output_type = activations[0].type();
  made.outputs = outputs;
  made.inputs = activations;
  for (std::size_t i = 0; i < activations.size() + constants.size(); ++i) {
    const bool constant = i >= activations.size();
    const Tensor& value = constant ? constants[i - activations.size()] : activations[i];
    Operand operand;
    if (constant) operand.constant = value;
    else operand.tensor = TensorId(i);
    operand.type = value.type();
    operand.shape = value.shape();
    made.layer.inputs.push_back(std::move(operand));
  }
  for (std::size_t o = 0; o < outputs.size(); ++o) made.layer.outputs.emplace_back(100 + o);
  return made;
}

void run(const Layer& layer, const std::vector<Tensor>& inputs, const std::vector<MutableTensorView>& outputs) {
  if (layer.kind == LayerKind::kDot) {
    auto kernel = DotKernel::create(layer, Numerics::kInteger);
    ASSERT_TRUE(kernel) << kernel.error().message;
    const auto packed = kernel.value().pack(kernel.value().whole());
    ASSERT_TRUE(packed) << packed.error().message;
    std::vector<std::byte> sums(static_cast<std::size_t>(kernel.value().accumulator_elements() * 4));
    TensorView x = inputs[0].view();
    x.shape = Shape{layer.dot.n, layer.dot.ic, layer.dot.ih, layer.dot.iw};
    ASSERT_EQ(x.shape.elements(), inputs[0].shape().elements());
    ASSERT_TRUE(kernel.value().accumulate(*packed.value(), x, sums.data()));
    kernel.value().finish(sums.data(), Range{0, layer.dot.oc}, outputs[0]);
    return;
  }
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    views.push_back(layer.inputs[i].constant ? layer.inputs[i].constant->view() : inputs[i].view());
  }
  const auto status = run_layer(layer, Numerics::kInteger, views, outputs);
  ASSERT_TRUE(status) << status.error().message;
}

using Bytes8 = std::vector<std::byte>;

/// In `count` blocks; 0: whole.
std::vector<Bytes8> computed(const Subject& of, std::int64_t count) {
  const LayerCut cut = cut_of(of.layer);
  const std::int64_t size = element_size(of.layer.output_type);
  std::vector<Bytes8> whole;
  std::vector<MutableTensorView> views;
  for (const Shape& shape : of.outputs) whole.emplace_back(static_cast<std::size_t>(shape.elements() * size));
  for (std::size_t o = 0; o < whole.size(); ++o) views.push_back({of.layer.output_type, of.outputs[o], whole[o].data()});
  if (count == 0) run(of.layer, of.inputs, views);
  for (std::int64_t b = 0; b < count; ++b) {
    const Range out = part_of(cut.extent, count, b);
    const Layer part = part_of_layer(of.layer, cut, out);
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < of.inputs.size(); ++i) {
      inputs.push_back(of.inputs[i]);
      if (cut.operands[i] == LayerCut::kWhole) continue;
      const CutView view = cut.view(of.inputs[i].shape(), cut.operands[i]);
      const std::int64_t element = element_size(of.inputs[i].type());
      const Range read = cut.read(out, view.extent);
      EXPECT_LE(read.count(), cut.read_at_most(out.count(), view.extent));
      Buffer rows(static_cast<std::size_t>(view.outer * read.count() * view.inner * element));
      take_rows(view, read, element, of.inputs[i].view().bytes, rows.data());
      inputs.back() = Tensor(of.inputs[i].type(), part.inputs[i].shape, std::move(rows));
    }
    std::vector<Bytes8> parts;
    std::vector<MutableTensorView> to;
    std::vector<CutView> at;
    for (const Shape& shape : of.outputs) {
      at.push_back(cut.output_view(shape));
      parts.emplace_back(static_cast<std::size_t>(at.back().outer * out.count() * at.back().inner * size));
    }
    for (std::size_t o = 0; o < parts.size(); ++o) {
      std::vector<std::int64_t> dims(of.outputs[o].dims().begin(), of.outputs[o].dims().end());
      if (cut.axis >= 0) dims[static_cast<std::size_t>(cut.axis)] = out.count();
      to.push_back({of.layer.output_type, parts.size() == 1 ? part.output_shape : Shape(dims), parts[o].data()});
    }
    run(part, inputs, to);
    for (std::size_t o = 0; o < parts.size(); ++o) put_rows(at[o], out, size, parts[o].data(), whole[o].data());
  }
  return whole;
}

void expect_same_bits(const Subject& of) {
  const std::int64_t extent = cut_of(of.layer).extent;
  ASSERT_GT(extent, 1) << name(of.layer.op);
  const auto want = computed(of, 0);
  for (std::int64_t count = 1; count <= extent; ++count) {
    EXPECT_EQ(computed(of, count), want) << name(of.layer.op) << " in " << count << " of " << extent;
  }
}

Quantisation step(float scale) { return {ElementType::kInt8, {scale}, {3}, 0}; }

/// Any convolution in int8: the height has a window that fits, and more than one output row.
Subject random_conv(Random& random) {
  DotGeometry d;
  d.ic = between(random, 1, 5);
  d.oc = between(random, 1, 5);
  if (between(random, 0, 3) == 0) d.oc = d.group = d.ic;
  d.kh = between(random, 1, 4);
  d.kw = between(random, 1, 3);
  d.dh = between(random, 1, 2);
  d.sh = between(random, 1, 3);
  d.sw = between(random, 1, 2);
  d.pad_top = between(random, 0, d.dh * (d.kh - 1));
  d.pad_bottom = between(random, 0, d.dh * (d.kh - 1));
  d.pad_left = between(random, 0, d.kw - 1);
  d.n = between(random, 1, 2);
  d.ih = between(random, d.dh * (d.kh - 1) + 1 + d.sh, 14);
  d.iw = between(random, d.kw, 7);
  d.oh = window_positions({d.kh, d.sh, d.dh, d.pad_top, d.pad_bottom}, d.ih);
  d.ow = window_positions({d.kw, d.sw, 1, d.pad_left, 0}, d.iw);
  Subject made = subject(Conv{Window{{d.kh, d.kw}, {d.sh, d.sw}, {d.dh, 1}, {d.pad_top, d.pad_left, d.pad_bottom, 0}}, d.group},
                         {random_int8(random, Shape{d.n, d.ic, d.ih, d.iw})}, {Shape{d.n, d.oc, d.oh, d.ow}},
                         {random_int8(random, Shape{d.oc, d.ic / d.group, d.kh, d.kw})});
  made.layer.dot = d;
  made.layer.kind = LayerKind::kDot;
  made.layer.integer = true;
  made.layer.inputs[0].dequantise = step(0.5F);
  made.layer.inputs[1].dequantise = Quantisation{ElementType::kInt8, {0.25F}, {0}, 0};
  made.layer.epilogue.quantise = step(4);
  return made;
}

TEST(RowBlocks, OfAnyConvolutionHaveItsBits) {
  Random random(1);
  for (int i = 0; i < 150; ++i) expect_same_bits(random_conv(random));
}

TEST(RowBlocks, OfAnyPoolHaveItsBits) {
  Random random(2);
  for (int i = 0; i < 150; ++i) {
    const std::int64_t k = between(random, 1, 4);
    const std::int64_t stride = between(random, 1, 3);
    const std::int64_t top = between(random, 0, k - 1);
    const std::int64_t bottom = between(random, 0, k - 1);
    const std::int64_t height = between(random, k + stride, 13);
    const bool ceil_mode = between(random, 0, 1) == 0;
    const std::int64_t rows = window_positions({k, stride, 1, top, bottom}, height, ceil_mode);
    if (rows < 2) continue;
    const Pool pool{between(random, 0, 1) == 0 ? PoolKind::kMax : PoolKind::kAverage,
                    Window{{k, 2}, {stride, 1}, {1, 1}, {top, 0, bottom, 0}, AutoPad::kExplicit}, false, ceil_mode,
                    between(random, 0, 1) == 0};
    expect_same_bits(subject(pool, {random_float(random, Shape{1, 3, height, 5})}, {Shape{1, 3, rows, 4}}));
  }
}

TEST(RowBlocks, OfVectorLayersHaveTheirBits) {
  Random random(3);
  const Shape image{1, 3, 5, 4};
  const Tensor x = random_float(random, image);
  expect_same_bits(subject(Unary{UnaryKind::kTanh}, {x}, {image}));
  expect_same_bits(subject(Binary{BinaryKind::kAdd}, {x, random_float(random, image)}, {image}));
  expect_same_bits(subject(Binary{BinaryKind::kMul}, {x}, {image}, {random_float(random, Shape{3, 1, 1})}));
  expect_same_bits(subject(Binary{BinaryKind::kSub}, {x}, {image}, {random_float(random, Shape{5, 1})}));  // cut along with it
  expect_same_bits(subject(Softmax{1}, {x}, {image}));
  expect_same_bits(subject(Softmax{2}, {x}, {image}));
  expect_same_bits(subject(Lrn{1e-2F, 0.75F, 1, 3}, {x}, {image}));
  expect_same_bits(subject(Pool{PoolKind::kAverage, {}, true, false, false}, {x}, {Shape{1, 3, 1, 1}}));  // by channels
  expect_same_bits(subject(Reduce{ReduceKind::kMean, true}, {x}, {Shape{1, 3, 1, 1}}, {Tensor::of<std::int64_t>({2}, {2, 3})}));
  expect_same_bits(subject(Reduce{ReduceKind::kMax, false}, {x}, {Shape{1, 5, 4}}, {Tensor::of<std::int64_t>({1}, {1})}));
}

TEST(RowBlocks, OfMoveLayersHaveTheirBits) {
  Random random(4);
  const Shape image{1, 3, 5, 4};
  const Tensor x = random_float(random, image);
  const auto moved = [&](const Operator& op, const std::vector<Tensor>& activations, const std::vector<Shape>& outputs,
                         const std::vector<Tensor>& constants = {}) {
    Subject made = subject(op, activations, outputs, constants);
    made.layer.kind = LayerKind::kMove;
    expect_same_bits(made);
  };
  moved(Transpose{{0, 2, 3, 1}}, {x}, {Shape{1, 5, 4, 3}});
  moved(Transpose{}, {x}, {Shape{4, 5, 3, 1}});
  moved(Concat{1}, {x, random_float(random, Shape{1, 2, 5, 4})}, {Shape{1, 5, 5, 4}});
  moved(Concat{2}, {x, random_float(random, Shape{1, 3, 2, 4})}, {Shape{1, 3, 7, 4}});
  moved(Split{1}, {x}, {Shape{1, 1, 5, 4}, Shape{1, 2, 5, 4}}, {Tensor::of<std::int64_t>({2}, {1, 2})});
  moved(Pad{}, {x}, {Shape{1, 3, 8, 4}}, {Tensor::of<std::int64_t>({8}, {0, 0, 1, 0, 0, 0, 2, 0})});
  moved(Resize{}, {x}, {Shape{1, 3, 10, 8}}, {Tensor::of<float>({4}, {1, 1, 2, 2})});
  moved(Expand{}, {random_float(random, Shape{3, 1, 4})}, {Shape{2, 3, 5, 4}}, {Tensor::of<std::int64_t>({4}, {2, 3, 5, 4})});
  moved(Slice{}, {x}, {Shape{1, 3, 5, 2}},
        {Tensor::of<std::int64_t>({1}, {1}), Tensor::of<std::int64_t>({1}, {3}), Tensor::of<std::int64_t>({1}, {3})});
  moved(Gather{1}, {x}, {Shape{1, 2, 5, 4}}, {Tensor::of<std::int64_t>({2}, {2, 0})});
}

TEST(RowBlocks, OfAMatrixProductAreItsRows) {
  Random random(5);
  Subject product = subject(MatMul{}, {random_int8(random, Shape{2, 3, 8})}, {Shape{2, 3, 5}}, {random_int8(random, Shape{5, 8})});
  product.layer.kind = LayerKind::kDot;
  product.layer.integer = true;
  product.layer.dot.n = 6;
  product.layer.dot.ic = 8;
  product.layer.dot.oc = 5;
  product.layer.inputs[0].dequantise = step(0.5F);
  product.layer.inputs[1].dequantise = Quantisation{ElementType::kInt8, {0.25F}, {0}, 0};
  product.layer.epilogue.quantise = step(4);
  EXPECT_EQ(cut_of(product.layer).extent, 6);
  expect_same_bits(product);
}

TEST(RowBlocks, WhatDependsOnEverythingStaysWhole) {
  Random random(6);
  const Tensor row = random_float(random, Shape{1, 12});
  EXPECT_EQ(cut_of(subject(Softmax{1}, {row}, {Shape{1, 12}}).layer).extent, 1);
  EXPECT_EQ(cut_of(subject(Reduce{ReduceKind::kSum, false}, {row}, {Shape{}}).layer).extent, 1);
  Subject product = subject(MatMul{}, {row}, {Shape{1, 5}}, {random_float(random, Shape{5, 12})});
  product.layer.kind = LayerKind::kDot;
  product.layer.dot.ic = 12;
  product.layer.dot.oc = 5;
  EXPECT_EQ(cut_of(product.layer).extent, 1);
  // Scales that differ along the rows would have to be cut with them: it is cut along its channels.
  Subject scaled = subject(Unary{UnaryKind::kRelu}, {random_float(random, Shape{1, 3, 5, 4})}, {Shape{1, 3, 5, 4}});
  scaled.layer.epilogue.quantise = Quantisation{ElementType::kInt8, std::vector<float>(5, 0.5F), std::vector<std::int32_t>(5, 0), 2};
  EXPECT_NE(cut_of(scaled.layer).axis, 2);
}

TEST(RowBlocks, AHaloIsReadTwiceAndPaddingNever) {  // EQ-50
  DotGeometry d;
  d.kh = 3;
  d.sh = 2;
  d.pad_top = d.pad_bottom = 1;
  d.ih = 352;
  d.oh = 176;
  Layer layer;
  layer.kind = LayerKind::kDot;
  layer.op = Conv{};
  layer.inputs.resize(2);
  layer.output_shape = Shape{1, 1, 176, 1};
  layer.dot = d;
  const LayerCut cut = cut_of(layer);
  EXPECT_EQ(cut.extent, 176);
  EXPECT_EQ(cut.read({0, 44}, 352), (Range{0, 88}));
  EXPECT_EQ(cut.read({44, 88}, 352), (Range{87, 176}));
  EXPECT_EQ(cut.read({132, 176}, 352), (Range{263, 352}));
  EXPECT_EQ(cut.read_at_most(44, 352), 89);
}

}  // namespace
}  // namespace gatefold
