#include "gatefold/kernels/quantise.h"

#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/requantize.h"
#include "gatefold/kernels/strides.h"

namespace gatefold {
namespace {

/// Calls visit(first, count, parameter) for every run of elements that share a scale.
template <class Visit>
void visit_runs(const Quantisation& by, const Shape& shape, Visit visit) {
  GATEFOLD_REQUIRE(!by.scale.empty() && by.zero_point.size() == by.scale.size());
  if (by.per_tensor()) return visit(std::int64_t{0}, shape.elements(), std::size_t{0});
  const int axis = normal_axis(by.axis, shape.rank());
  const std::int64_t channels = shape[axis];
  GATEFOLD_REQUIRE(channels == static_cast<std::int64_t>(by.scale.size()));
  const std::int64_t plane = shape.elements(axis + 1, shape.rank());
  const std::int64_t runs = shape.elements(0, axis + 1);
  for (std::int64_t run = 0; run < runs; ++run) visit(run * plane, plane, static_cast<std::size_t>(run % channels));
}

template <class T>
void dequantise_as(const Quantisation& by, const TensorView& view, float* y) {
  const T* x = view.values<T>().data();
  visit_runs(by, view.shape, [&](std::int64_t first, std::int64_t count, std::size_t at) {
    const float scale = by.scale[at];
    const std::int32_t zero = by.zero_point[at];
    for (std::int64_t i = first; i < first + count; ++i) {
      // Unsigned, because an int32 bias far from its zero point must not overflow.
      const auto shifted =
          static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::int32_t>(x[i])) - static_cast<std::uint32_t>(zero));
      y[i] = static_cast<float>(shifted) * scale;
    }
  });
}

template <class T>
void quantise_as(const Quantisation& by, const float* x, const MutableTensorView& view) {
  T* y = view.values<T>().data();
  // Copied into the loop: a store of bytes might change what is captured by reference, for all the compiler knows.
  visit_runs(by, view.shape, [=, &by, limits = saturation_limits(view.type)](std::int64_t first, std::int64_t count, std::size_t at) {
    const float scale = by.scale[at];
    const std::int32_t zero = by.zero_point[at];
    for (std::int64_t i = first; i < first + count; ++i) y[i] = static_cast<T>(quantize(x[i], scale, zero, limits));
  });
}

/// The parameters of a (De)quantize node: inputs x, scale, zero point.
Quantisation parameters(const Inputs& in, ElementType type, std::int64_t axis) {
  const auto scale = in[1].values<float>();
  Quantisation by{type, {scale.begin(), scale.end()}, std::vector<std::int32_t>(scale.size(), 0), 0};
  if (by.scale.size() > 1) by.axis = normal_axis(axis, in[0].shape.rank());
  if (!in.has(2)) return by;
  const std::vector<std::int64_t> zeros = integers(in[2]);
  GATEFOLD_REQUIRE(zeros.size() == scale.size());
  for (std::size_t i = 0; i < zeros.size(); ++i) by.zero_point[i] = static_cast<std::int32_t>(zeros[i]);
  return by;
}

}  // namespace

Status dequantise(const Quantisation& by, const TensorView& x, float* y) {
  if (x.type == ElementType::kInt32) {
    dequantise_as<std::int32_t>(by, x, y);
    return Done{};
  }
  return visit_quantised("DequantizeLinear", x.type, [&](auto zero) -> Status {
    dequantise_as<decltype(zero)>(by, x, y);
    return Done{};
  });
}

Status quantise(const Quantisation& by, const float* x, const MutableTensorView& y) {
  return visit_quantised("QuantizeLinear", y.type, [&](auto zero) -> Status {
    quantise_as<decltype(zero)>(by, x, y);
    return Done{};
  });
}

Status plain(const Quantize& op, const Inputs& in, Outputs out) {
  for (const std::size_t i : {0U, 1U}) {
    if (in[i].type != ElementType::kFloat32) return no_code_for("QuantizeLinear", in[i].type);
  }
  return quantise(parameters(in, out[0].type, op.axis), in[0].values<float>().data(), out[0]);
}

Status plain(const Dequantize& op, const Inputs& in, Outputs out) {
  if (in[1].type != ElementType::kFloat32) return no_code_for("DequantizeLinear", in[1].type);
  return dequantise(parameters(in, in[0].type, op.axis), in[0], out[0].values<float>().data());
}

}  // namespace gatefold
