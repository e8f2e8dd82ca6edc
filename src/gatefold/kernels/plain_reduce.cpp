// Reduce, Softmax, BatchNorm and Lrn: the operators that look at more than one element of the same tensor.
#include <algorithm>
#include <cmath>

#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/strides.h"

namespace gatefold {
namespace {

/// Strides into the reduced tensor, seen from the input: 0 along reduced axes.
Strides reduced_strides(const Shape& shape, const std::vector<std::int64_t>& axes) {
  std::array<bool, Shape::kRankMax> reduced{};
  reduced.fill(axes.empty());
  for (const std::int64_t axis : axes) reduced[static_cast<std::size_t>(normal_axis(axis, shape.rank()))] = true;
  Strides strides{};
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (reduced[at]) continue;
    strides[at] = step;
    step *= shape[axis];
  }
  return strides;
}

/// Floats sum in double, integers in 64 bits.
template <class T>
void reduce(ReduceKind kind, const Shape& shape, const Strides& strides, const T* x, std::span<T> y) {
  using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
  std::vector<Sum> sums(y.size(), Sum(0));
  std::vector<char> seen(y.size(), 0);
  walk<1>(shape, {strides}, [&](const auto& at) {
    const auto value = static_cast<Sum>(*x++);
    const auto into = static_cast<std::size_t>(at[0]);
    Sum& sum = sums[into];
    const bool first = !seen[into];
    seen[into] = 1;
    if (kind == ReduceKind::kMax) sum = first ? value : std::max(sum, value);
    else if (kind == ReduceKind::kMin) sum = first ? value : std::min(sum, value);
    else sum += value;
  });
  const std::int64_t count = y.empty() ? 1 : shape.elements() / static_cast<std::int64_t>(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = static_cast<T>(kind == ReduceKind::kMean ? sums[i] / static_cast<Sum>(std::max<std::int64_t>(count, 1)) : sums[i]);
  }
}

}  // namespace

Status plain(const Reduce& op, const Inputs& in, Outputs out) {
  const std::vector<std::int64_t> axes = in.has(1) ? integers(in[1]) : std::vector<std::int64_t>{};
  const Strides strides = reduced_strides(in[0].shape, axes);
  return visit_number(name(Operator(op)), in[0].type, [&](auto zero) -> Status {
    using T = decltype(zero);
    reduce<T>(op.kind, in[0].shape, strides, in[0].values<T>().data(), out[0].values<T>());
    return Done{};
  });
}

namespace {

/// One row of `count` elements that lie `step` apart.
void softmax_row(const float* x, float* y, std::int64_t count, std::int64_t step, bool log) {
  float highest = x[0];
  for (std::int64_t i = 1; i < count; ++i) highest = std::max(highest, x[i * step]);
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float power = std::exp(x[i * step] - highest);
    y[i * step] = power;
    sum += static_cast<double>(power);
  }
  if (!log) {
    const auto scale = static_cast<float>(1.0 / sum);
    for (std::int64_t i = 0; i < count; ++i) y[i * step] *= scale;
    return;
  }
  const auto shift = static_cast<float>(static_cast<double>(highest) + std::log(sum));
  for (std::int64_t i = 0; i < count; ++i) y[i * step] = x[i * step] - shift;
}

}  // namespace

Status plain(const Softmax& op, const Inputs& in, Outputs out) {
  if (in[0].type != ElementType::kFloat32) return no_code_for(name(Operator(op)), in[0].type);
  const Shape& shape = in[0].shape;
  const int axis = normal_axis(op.axis, shape.rank());
  const std::int64_t outer = shape.elements(0, axis);
  const std::int64_t rest = shape.elements(axis, shape.rank());
  // Flattened, everything from the axis on is one row; otherwise the axis is the row and what follows is independent.
  const std::int64_t count = op.flatten || axis == shape.rank() ? rest : shape[axis];
  if (count == 0 || outer == 0) return Done{};
  const std::int64_t inner = rest / count;
  const float* x = in[0].values<float>().data();
  float* y = out[0].values<float>().data();
  for (std::int64_t i = 0; i < outer; ++i) {
    for (std::int64_t j = 0; j < inner; ++j) softmax_row(x + i * rest + j, y + i * rest + j, count, inner, op.log);
  }
  return Done{};
}

Status plain(const BatchNorm& op, const Inputs& in, Outputs out) {
  for (std::size_t i = 0; i < 5; ++i) {
    if (in[i].type != ElementType::kFloat32) return no_code_for("BatchNormalization", in[i].type);
  }
  const Shape& shape = in[0].shape;
  const std::int64_t channels = shape.rank() > 1 ? shape[1] : 1;
  const std::int64_t plane = shape.rank() > 2 ? shape.elements(2, shape.rank()) : 1;
  const float* x = in[0].values<float>().data();
  float* y = out[0].values<float>().data();
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto at = static_cast<std::size_t>(c);
      const float scale = in[1].values<float>()[at] / std::sqrt(in[4].values<float>()[at] + op.epsilon);
      const float mean = in[3].values<float>()[at];
      const float bias = in[2].values<float>()[at];
      for (std::int64_t i = 0; i < plane; ++i) *y++ = (*x++ - mean) * scale + bias;
    }
  }
  return Done{};
}

Status plain(const Lrn& op, const Inputs& in, Outputs out) {
  if (in[0].type != ElementType::kFloat32) return no_code_for("LRN", in[0].type);
  const Shape& shape = in[0].shape;
  const std::int64_t channels = shape[1];
  const std::int64_t plane = shape.elements(2, shape.rank());
  const std::int64_t before = (op.size - 1) / 2;
  const std::int64_t after = op.size - 1 - before;
  const float* x = in[0].values<float>().data();
  float* y = out[0].values<float>().data();
  std::vector<float> squares(static_cast<std::size_t>(plane));
  for (std::int64_t n = 0; n < shape[0]; ++n, x += channels * plane) {
    for (std::int64_t c = 0; c < channels; ++c, y += plane) {
      std::fill(squares.begin(), squares.end(), 0.0F);
      const std::int64_t last = std::min(channels - 1, c + after);
      for (std::int64_t near = std::max<std::int64_t>(0, c - before); near <= last; ++near) {
        for (std::int64_t i = 0; i < plane; ++i) squares[static_cast<std::size_t>(i)] += x[near * plane + i] * x[near * plane + i];
      }
      const float share = op.alpha / static_cast<float>(op.size);
      for (std::int64_t i = 0; i < plane; ++i) {
        const float base = op.bias + share * squares[static_cast<std::size_t>(i)];
        // 0.75 is the value of every published network; two square roots replace a power that costs ten times as much.
        const float divisor = op.beta == 0.75F ? std::sqrt(base) * std::sqrt(std::sqrt(base)) : std::pow(base, op.beta);
        y[i] = x[c * plane + i] / divisor;
      }
    }
  }
  return Done{};
}

}  // namespace gatefold
