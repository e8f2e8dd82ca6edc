#include "gatefold/kernels/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "gatefold/kernels/tile_kernels.h"

namespace gatefold {
namespace {

using Axis = CopyAxis;

template <class T, bool kFlip>
void copy_run(const std::byte* from, std::byte* to, std::int64_t count, std::int64_t step_from, std::int64_t step_to) {
  const auto* x = reinterpret_cast<const T*>(from);
  auto* y = reinterpret_cast<T*>(to);
  constexpr T kSign = kFlip ? T{0x80} : T{0};
  if (step_from == 1 && step_to == 1) {
    if constexpr (kFlip)
      for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] ^ kSign;
    else std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
  } else if (step_to == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i * step_from] ^ kSign;
  } else if (step_from == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i * step_to] = x[i] ^ kSign;
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i * step_to] = x[i * step_from] ^ kSign;
  }
}

using Run = void (*)(const std::byte*, std::byte*, std::int64_t, std::int64_t, std::int64_t);
Run run_of(std::int64_t element, bool flip) {
  if (flip) return copy_run<std::uint8_t, true>;
  if (element == 1) return copy_run<std::uint8_t, false>;
  if (element == 2) return copy_run<std::uint16_t, false>;
  return element == 4 ? copy_run<std::uint32_t, false> : copy_run<std::uint64_t, false>;
}

/// A run of E elements at each of `count` positions: what a few channels are on their way between [c, h, w] and [h, w, c].
template <class T, int E>
void copy_groups(const std::byte* from, std::byte* to, std::int64_t count, const CopyAxis& along, const CopyAxis& across,
                 std::uint8_t sign) {
  const auto* x = reinterpret_cast<const T*>(from);
  auto* y = reinterpret_cast<T*>(to);
  for (std::int64_t i = 0; i < count; ++i) {
    for (int e = 0; e < E; ++e) y[i * along.to + e * across.to] = static_cast<T>(x[i * along.from + e * across.from] ^ sign);
  }
}

template <class T>
void copy_groups_of(std::int64_t extent, const std::byte* from, std::byte* to, std::int64_t count, const CopyAxis& along,
                    const CopyAxis& across, std::uint8_t sign) {
  switch (extent) {
    case 2: return copy_groups<T, 2>(from, to, count, along, across, sign);
    case 3: return copy_groups<T, 3>(from, to, count, along, across, sign);
    default: return copy_groups<T, 4>(from, to, count, along, across, sign);
  }
}

/// Axes of one element dropped, the rest by falling distance in the target, neighbours in both orders joined.
std::vector<Axis> joined(const Shape& shape, const Strides& from, const Strides& to) {
  std::vector<Axis> axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (shape[axis] != 1) axes.push_back({shape[axis], from[at], to[at]});
  }
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.to > b.to; });
  std::vector<Axis> out;
  for (const Axis& axis : axes) {
    if (!out.empty() && out.back().from == axis.from * axis.extent && out.back().to == axis.to * axis.extent) {
      out.back() = {out.back().extent * axis.extent, axis.from, axis.to};
    } else {
      out.push_back(axis);
    }
  }
  return out;
}

}  // namespace

StridedCopy::StridedCopy(const Shape& shape, const Strides& from, const Strides& to, std::int64_t element, bool flip)
    : element_(element), flip_(flip) {
  GATEFOLD_REQUIRE(element == 1 || element == 2 || element == 4 || element == 8);
  GATEFOLD_REQUIRE(!flip || element == 1);
  std::vector<Axis> axes = joined(shape, from, to);
  if (shape.elements() == 0) return;
  if (axes.empty()) axes.push_back({1, 1, 1});
  // The innermost axis is the longest that one side has without gaps; both is best.
  const auto worth = [](const Axis& axis) {
    const std::int64_t gaps = (axis.from == 1 ? 0 : 1) + (axis.to == 1 ? 0 : 1);
    return gaps == 0 ? axis.extent * 4 : (gaps == 1 ? axis.extent : 0);
  };
  // A few neighbours (the channels of a picture, the corners of a box) are copied together at each step of a longer axis.
  const auto few = std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) {
    return axis.extent <= 4 && (axis.from == 1 || axis.to == 1) && (element == 1 || element == 4);
  });
  if (few != axes.end() && axes.size() > 1) {
    group_ = *few;
    axes.erase(few);
  }
  const auto inner = std::max_element(axes.begin(), axes.end(), [&](const Axis& a, const Axis& b) {
    return worth(a) == worth(b) ? a.extent <= b.extent : worth(a) < worth(b);
  });
  count_ = inner->extent;
  step_from_ = inner->from;
  step_to_ = inner->to;
  axes.erase(inner);
  std::vector<std::int64_t> extents;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    extents.push_back(axes[i].extent);
    outer_from_[i] = axes[i].from;
    outer_to_[i] = axes[i].to;
  }
  outer_ = Shape(std::span<const std::int64_t>(extents));
}

void StridedCopy::run(const std::byte* from, std::byte* to) const {
  if (count_ == 0) return;
  if (group_.extent > 1) {
    const CopyAxis along{count_, step_from_, step_to_};
    const std::uint8_t sign = flip_ ? 0x80 : 0;
    if (group_.extent == 3 && element_ == 4 && step_from_ == 1 && step_to_ == 3 && group_.to == 1) {
      const TileKernels& kernels = tile_kernels(best_tile_isa());
      walk<2>(outer_, {outer_from_, outer_to_}, [&](const auto& at) {
        kernels.interleave_3(reinterpret_cast<const float*>(from) + at[0], group_.from, count_, reinterpret_cast<float*>(to) + at[1]);
      });
      return;
    }
    const auto copy = element_ == 1 ? copy_groups_of<std::uint8_t> : copy_groups_of<std::uint32_t>;
    walk<2>(outer_, {outer_from_, outer_to_},
            [&](const auto& at) { copy(group_.extent, from + at[0] * element_, to + at[1] * element_, count_, along, group_, sign); });
    return;
  }
  const Run copy = run_of(element_, flip_);
  walk<2>(outer_, {outer_from_, outer_to_},
          [&](const auto& at) { copy(from + at[0] * element_, to + at[1] * element_, count_, step_from_, step_to_); });
}

std::optional<Strides> reshaped_strides(const Shape& from, const Strides& strides, const Shape& to) {
  GATEFOLD_REQUIRE(from.elements() == to.elements());
  Strides result{};
  if (from.elements() == 0) return row_major(to);
  int next = from.rank() - 1;  // the innermost axis of `from` that is not yet used up
  std::int64_t extent = 1;     // of the part of it that is left
  std::int64_t stride = 1;
  for (int axis = to.rank() - 1; axis >= 0; --axis) {
    std::int64_t wanted = to[axis];
    if (wanted == 1) continue;
    if (extent == 1) {
      while (next >= 0 && from[next] == 1) --next;
      GATEFOLD_ENSURE(next >= 0);
      extent = from[next];
      stride = strides[static_cast<std::size_t>(next)];
      --next;
    }
    // Several axes of `from` make one of `to` only if they lie together.
    while (extent % wanted != 0) {
      if (wanted % extent != 0) return std::nullopt;
      while (next >= 0 && from[next] == 1) --next;
      GATEFOLD_ENSURE(next >= 0);
      if (strides[static_cast<std::size_t>(next)] != stride * extent) return std::nullopt;
      extent *= from[next];
      --next;
    }
    result[static_cast<std::size_t>(axis)] = stride;
    stride *= wanted;
    extent /= wanted;
  }
  return result;
}

Strides channels_last(const Shape& shape) {
  if (shape.rank() < 4) return row_major(shape);
  Strides strides{};
  std::int64_t step = 1;
  const auto place = [&](int axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  };
  for (int axis = shape.rank() - 3; axis >= 1; --axis) place(axis);
  place(shape.rank() - 1);
  place(shape.rank() - 2);
  place(0);
  return strides;
}

bool is_dense(const Shape& shape, const Strides& strides) {
  // Sorted by stride, each axis starts where the one below ends: find them one after another.
  std::int64_t step = 1;
  for (const std::int64_t all = shape.elements(); step < all;) {
    int next = 0;
    while (next < shape.rank() && (shape[next] == 1 || strides[static_cast<std::size_t>(next)] != step)) ++next;
    if (next == shape.rank()) return false;
    step *= shape[next];
  }
  return true;
}

bool same_order(const Shape& shape, const Strides& a, const Strides& b) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (shape[axis] != 1 && a[at] != b[at]) return false;
  }
  return true;
}

}  // namespace gatefold
