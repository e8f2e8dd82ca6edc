// Convolution and matrix product, loop by loop. Products and sums in double, one rounding to float32 per output.
#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/strides.h"

namespace gatefold {
namespace {

struct ConvLoops {
  std::span<const float> x, w;
  std::int64_t ic, ih, iw, kh, kw;
  Window window;

  /// The sum over one window: output channel `oc` of a group that starts at input channel `first`.
  [[nodiscard]] double at(std::int64_t n, std::int64_t oc, std::int64_t first, std::int64_t ic_count, std::int64_t oh,
                          std::int64_t ow) const {
    double sum = 0;
    for (std::int64_t c = 0; c < ic_count; ++c) {
      for (std::int64_t r = 0; r < kh; ++r) {
        const std::int64_t h = oh * window.stride[0] + r * window.dilation[0] - window.pads[0];
        if (h < 0 || h >= ih) continue;
        for (std::int64_t s = 0; s < kw; ++s) {
          const std::int64_t v = ow * window.stride[1] + s * window.dilation[1] - window.pads[1];
          if (v < 0 || v >= iw) continue;
          const auto at_x = static_cast<std::size_t>(((n * ic + first + c) * ih + h) * iw + v);
          const auto at_w = static_cast<std::size_t>(((oc * ic_count + c) * kh + r) * kw + s);
          sum += static_cast<double>(x[at_x]) * static_cast<double>(w[at_w]);
        }
      }
    }
    return sum;
  }
};

}  // namespace

Status plain(const Conv& op, const Inputs& in, Outputs out) {
  for (const std::size_t i : {0U, 1U}) {
    if (in[i].type != ElementType::kFloat32) return no_code_for("Conv", in[i].type);
  }
  GATEFOLD_REQUIRE(op.window.auto_pad == AutoPad::kExplicit);
  const Shape& xs = in[0].shape;
  const Shape& ws = in[1].shape;
  const Shape& ys = out[0].shape;
  const ConvLoops loops{in[0].values<float>(), in[1].values<float>(), xs[1], xs[2], xs[3], ws[2], ws[3], op.window};
  const std::int64_t oc_per_group = ys[1] / op.group;
  std::size_t next = 0;
  const auto y = out[0].values<float>();
  for (std::int64_t n = 0; n < ys[0]; ++n) {
    for (std::int64_t oc = 0; oc < ys[1]; ++oc) {
      const double bias = in.has(2) ? static_cast<double>(in[2].values<float>()[static_cast<std::size_t>(oc)]) : 0.0;
      for (std::int64_t oh = 0; oh < ys[2]; ++oh) {
        for (std::int64_t ow = 0; ow < ys[3]; ++ow) {
          y[next++] = static_cast<float>(loops.at(n, oc, oc / oc_per_group * ws[1], ws[1], oh, ow) + bias);
        }
      }
    }
  }
  return Done{};
}

namespace {

/// The last two axes of an operand as a matrix: extents after the optional transposition, and strides.
struct Matrix {
  std::int64_t rows, columns, row_stride, column_stride;
};

/// A 1-D left operand is a row, a 1-D right operand a column.
Matrix matrix_of(const Shape& shape, bool transpose, bool right) {
  if (shape.rank() == 1) return right ? Matrix{shape[0], 1, 1, 0} : Matrix{1, shape[0], 0, 1};
  const std::int64_t rows = shape[shape.rank() - 2];
  const std::int64_t columns = shape[shape.rank() - 1];
  return transpose ? Matrix{columns, rows, 1, columns} : Matrix{rows, columns, columns, 1};
}

/// Leading axes, and how far apart matrices lie along each when broadcast to `batch`.
Shape batch_of(const Shape& shape) { return Shape(shape.dims().first(static_cast<std::size_t>(shape.rank() > 2 ? shape.rank() - 2 : 0))); }
Strides batch_strides(const Shape& shape, const Shape& batch) {
  Strides strides = broadcast_strides(batch_of(shape), batch);
  if (shape.rank() > 2) {
    const std::int64_t matrix = shape[shape.rank() - 1] * shape[shape.rank() - 2];
    for (std::int64_t& stride : strides) stride *= matrix;
  }
  return strides;
}

}  // namespace

Status plain(const MatMul& op, const Inputs& in, Outputs out) {
  for (const std::size_t i : {0U, 1U}) {
    if (in[i].type != ElementType::kFloat32) return no_code_for("MatMul", in[i].type);
  }
  const Matrix a = matrix_of(in[0].shape, op.transpose_a, false);
  const Matrix b = matrix_of(in[1].shape, op.transpose_b, true);
  GATEFOLD_REQUIRE(a.columns == b.rows);
  const Shape batch = broadcast_shape(batch_of(in[0].shape), batch_of(in[1].shape));
  const bool has_c = in.has(2);
  const Shape product{a.rows, b.columns};
  const Strides c_strides = has_c ? broadcast_strides(in[2].shape, product) : Strides{};
  const float* x = in[0].values<float>().data();
  const float* w = in[1].values<float>().data();
  float* y = out[0].values<float>().data();
  walk<2>(batch, {batch_strides(in[0].shape, batch), batch_strides(in[1].shape, batch)}, [&](const auto& start) {
    for (std::int64_t m = 0; m < a.rows; ++m) {
      for (std::int64_t n = 0; n < b.columns; ++n) {
        double sum = 0;
        for (std::int64_t k = 0; k < a.columns; ++k) {
          sum += static_cast<double>(x[start[0] + m * a.row_stride + k * a.column_stride]) *
                 static_cast<double>(w[start[1] + k * b.row_stride + n * b.column_stride]);
        }
        sum *= static_cast<double>(op.alpha);
        if (has_c) {
          const auto at = static_cast<std::size_t>(m * c_strides[0] + n * c_strides[1]);
          sum += static_cast<double>(op.beta) * static_cast<double>(in[2].values<float>()[at]);
        }
        *y++ = static_cast<float>(sum);
      }
    }
  });
  return Done{};
}

}  // namespace gatefold
