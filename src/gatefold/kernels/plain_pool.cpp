// Max and average pooling, window by window.
//
// Average: the divisor is the number of taps inside the input or, with count_include_pad, inside the padded input;
// the part of a window that ceil_mode pushes beyond the padding is never counted. Sums in double.
#include <algorithm>
#include <limits>

#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/plain.h"

namespace gatefold {
namespace {

/// Taps [first, last) of one window along one axis that fall inside the input, and how many fall inside the padding too.
struct Taps {
  std::int64_t first, last, padded;
};

Taps taps_at(const Window& window, std::size_t axis, std::int64_t position, std::int64_t extent) {
  const std::int64_t start = position * window.stride[axis] - window.pads[axis];
  Taps taps{window.kernel[axis], 0, 0};
  for (std::int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
    const std::int64_t at = start + tap * window.dilation[axis];
    if (at < extent + window.pads[axis + 2]) ++taps.padded;
    if (at < 0 || at >= extent) continue;
    taps.first = std::min(taps.first, tap);
    taps.last = tap + 1;
  }
  taps.first = std::min(taps.first, taps.last);
  return taps;
}

template <class T>
T pooled(const Pool& op, const Window& window, const T* plane, const Shape& xs, std::int64_t oh, std::int64_t ow) {
  const Taps rows = taps_at(window, 0, oh, xs[2]);
  const Taps columns = taps_at(window, 1, ow, xs[3]);
  T highest = std::numeric_limits<T>::lowest();
  double sum = 0;
  for (std::int64_t r = rows.first; r < rows.last; ++r) {
    for (std::int64_t s = columns.first; s < columns.last; ++s) {
      const std::int64_t h = oh * window.stride[0] - window.pads[0] + r * window.dilation[0];
      const std::int64_t v = ow * window.stride[1] - window.pads[1] + s * window.dilation[1];
      const T value = plane[h * xs[3] + v];
      highest = std::max(highest, value);
      sum += static_cast<double>(value);
    }
  }
  if (op.kind == PoolKind::kMax) return highest;
  const std::int64_t inside = (rows.last - rows.first) * (columns.last - columns.first);
  const std::int64_t divisor = op.count_include_pad ? rows.padded * columns.padded : inside;
  return static_cast<T>(divisor == 0 ? 0.0 : sum / static_cast<double>(divisor));
}

template <class T>
void pool_all(const Pool& op, const TensorView& in, const MutableTensorView& out) {
  const Shape& xs = in.shape;
  const Shape& ys = out.shape;
  Window window = op.window;
  if (op.global) window = Window{.kernel = {xs[2], xs[3]}};
  GATEFOLD_REQUIRE(window.auto_pad == AutoPad::kExplicit);
  const T* x = in.values<T>().data();
  T* y = out.values<T>().data();
  for (std::int64_t plane = 0; plane < ys[0] * ys[1]; ++plane) {
    for (std::int64_t oh = 0; oh < ys[2]; ++oh) {
      for (std::int64_t ow = 0; ow < ys[3]; ++ow) *y++ = pooled(op, window, x + plane * xs[2] * xs[3], xs, oh, ow);
    }
  }
}

}  // namespace

Status plain(const Pool& op, const Inputs& in, Outputs out) {
  switch (in[0].type) {
    case ElementType::kFloat32: pool_all<float>(op, in[0], out[0]); return Done{};
    case ElementType::kInt8:
      if (op.kind != PoolKind::kMax) break;
      pool_all<std::int8_t>(op, in[0], out[0]);
      return Done{};
    case ElementType::kUInt8:
      if (op.kind != PoolKind::kMax) break;
      pool_all<std::uint8_t>(op, in[0], out[0]);
      return Done{};
    default: break;
  }
  return no_code_for(op.kind == PoolKind::kMax ? "MaxPool" : "AveragePool", in[0].type);
}

}  // namespace gatefold
