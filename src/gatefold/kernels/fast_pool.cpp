// Max and average pools in float32 and the stored integers, row by row.
#include <algorithm>
#include <limits>

#include "gatefold/base/quantity.h"
#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/fast.h"
#include "gatefold/kernels/strides.h"

namespace gatefold {
namespace {

/// Output positions at which one tap of an axis reads inside the input.
struct Reach {
  std::int64_t first, last;  ///< half-open
  std::int64_t start;        ///< input index the tap reads at position 0 (may be negative)
};

Reach reach_of(const Window& window, std::size_t axis, std::int64_t tap, std::int64_t extent, std::int64_t positions) {
  const std::int64_t start = tap * window.dilation[axis] - window.pads[axis];
  const std::int64_t stride = window.stride[axis];
  const std::int64_t first = start >= 0 ? 0 : ceil_div(-start, stride);
  const std::int64_t last = start >= extent ? 0 : (extent - 1 - start) / stride + 1;
  return {first, std::max(first, std::min(last, positions)), start};
}

/// to[i] = f(to[i], from[i * stride]).
template <class T, class F>
void fold(const T* from, std::int64_t stride, std::int64_t count, T* to, F f) {
  if (stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = f(to[i], from[i]);
  } else if (stride == 2) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = f(to[i], from[2 * i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = f(to[i], from[i * stride]);
  }
}

template <class T, class F>
void fold_plane(const Window& window, const Shape& xs, const Shape& ys, const T* x, T* y, T initial, F f) {
  std::fill_n(y, ys[2] * ys[3], initial);
  for (std::int64_t r = 0; r < window.kernel[0]; ++r) {
    const Reach rows = reach_of(window, 0, r, xs[2], ys[2]);
    for (std::int64_t oh = rows.first; oh < rows.last; ++oh) {
      const T* line = x + (oh * window.stride[0] + rows.start) * xs[3];
      for (std::int64_t s = 0; s < window.kernel[1]; ++s) {
        const Reach columns = reach_of(window, 1, s, xs[3], ys[3]);
        const std::int64_t from = columns.first * window.stride[1] + columns.start;
        fold(line + from, window.stride[1], columns.last - columns.first, y + oh * ys[3] + columns.first, f);
      }
    }
  }
}

/// How many taps count at every position of one axis.
std::vector<float> tap_counts(const Pool& op, const Window& window, std::size_t axis, std::int64_t extent, std::int64_t positions) {
  std::vector<float> counts(static_cast<std::size_t>(positions), 0.0F);
  for (std::int64_t at = 0; at < positions; ++at) {
    for (std::int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
      const std::int64_t index = at * window.stride[axis] - window.pads[axis] + tap * window.dilation[axis];
      const bool counted = op.count_include_pad ? index < extent + window.pads[axis + 2] : index >= 0 && index < extent;
      if (counted) counts[static_cast<std::size_t>(at)] += 1.0F;
    }
  }
  return counts;
}

void average(const Pool& op, const Window& window, const TensorView& in, const MutableTensorView& out) {
  const Shape& xs = in.shape;
  const Shape& ys = out.shape;
  const std::vector<float> rows = tap_counts(op, window, 0, xs[2], ys[2]);
  const std::vector<float> columns = tap_counts(op, window, 1, xs[3], ys[3]);
  const float* x = in.values<float>().data();
  float* y = out.values<float>().data();
  for (std::int64_t plane = 0; plane < ys[0] * ys[1]; ++plane, x += xs[2] * xs[3]) {
    fold_plane(window, xs, ys, x, y, 0.0F, [](float sum, float value) { return sum + value; });
    for (const float row : rows) {
      for (const float column : columns) {
        const float divisor = row * column;
        *y = divisor == 0.0F ? 0.0F : *y / divisor;
        ++y;
      }
    }
  }
}

template <class T>
void maximum(const Window& window, const TensorView& in, const MutableTensorView& out) {
  const Shape& xs = in.shape;
  const Shape& ys = out.shape;
  const T* x = in.values<T>().data();
  T* y = out.values<T>().data();
  for (std::int64_t plane = 0; plane < ys[0] * ys[1]; ++plane, x += xs[2] * xs[3], y += ys[2] * ys[3]) {
    fold_plane(window, xs, ys, x, y, std::numeric_limits<T>::lowest(), [](T a, T b) { return a < b ? b : a; });
  }
}

float sum_of(const float* x, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]);
  return static_cast<float>(sum);
}

/// y[i] = sum of row i, divided by `divisor`.
void reduce_rows(const float* x, std::int64_t rows, std::int64_t count, float divisor, float* y) {
  for (std::int64_t row = 0; row < rows; ++row) y[row] = sum_of(x + row * count, count) / divisor;
}

}  // namespace

Status fast(const Pool& op, const Inputs& in, Outputs out) {
  const Shape& xs = in[0].shape;
  const std::int64_t area = xs[2] * xs[3];
  const bool average_kind = op.kind == PoolKind::kAverage;
  if (op.global && average_kind && in[0].type == ElementType::kFloat32 && area > 0) {
    reduce_rows(in[0].values<float>().data(), xs[0] * xs[1], area, static_cast<float>(area), out[0].values<float>().data());
    return Done{};
  }
  const Window window = op.global ? Window{.kernel = {xs[2], xs[3]}} : op.window;
  GATEFOLD_REQUIRE(window.auto_pad == AutoPad::kExplicit);
  if (in[0].type == ElementType::kFloat32) {
    if (average_kind) average(op, window, in[0], out[0]);
    else maximum<float>(window, in[0], out[0]);
    return Done{};
  }
  if (average_kind) return no_code_for("AveragePool", in[0].type);
  return visit_quantised("MaxPool", in[0].type, [&](auto zero) -> Status {
    maximum<decltype(zero)>(window, in[0], out[0]);
    return Done{};
  });
}

Status fast(const Reduce& op, const Inputs& in, Outputs out) {
  const Shape& shape = in[0].shape;
  std::vector<std::int64_t> axes = in.has(1) ? integers(in[1]) : std::vector<std::int64_t>{};
  for (std::int64_t& axis : axes) axis = normal_axis(axis, shape.rank());
  const int first = axes.empty() ? 0 : static_cast<int>(*std::min_element(axes.begin(), axes.end()));
  const bool trailing = axes.empty() || static_cast<int>(axes.size()) == shape.rank() - first;
  const bool sums = op.kind == ReduceKind::kMean || op.kind == ReduceKind::kSum;
  if (!trailing || !sums || in[0].type != ElementType::kFloat32 || shape.elements() == 0) return plain(op, in, out);
  const std::int64_t count = shape.elements(first, shape.rank());
  const float divisor = op.kind == ReduceKind::kMean ? static_cast<float>(count) : 1.0F;
  reduce_rows(in[0].values<float>().data(), shape.elements(0, first), count, divisor, out[0].values<float>().data());
  return Done{};
}

}  // namespace gatefold
