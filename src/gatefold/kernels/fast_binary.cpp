// Binary operators on float32 with broadcasting, in runs that the compiler vectorises.
#include "gatefold/kernels/binary_math.h"
#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/fast.h"
#include "gatefold/kernels/strides.h"

namespace gatefold {
namespace {

/// A broadcast with neighbouring axes merged where both operands walk them as one: [1, c, h, w] + [1, c, 1, 1] has the
/// axes c and h * w. The last axis is the run; an operand advances along it by 1 or stays.
struct Runs {
  Shape outer;
  Strides a{}, b{};
  std::int64_t count = 1;
  std::int64_t step_a = 0, step_b = 0;
};

Runs runs_of(const Shape& shape, const Strides& a, const Strides& b) {
  std::vector<std::int64_t> extents;  // innermost first
  std::vector<std::int64_t> strides_a, strides_b;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (shape[axis] == 1) continue;
    if (!extents.empty() && a[at] == strides_a.back() * extents.back() && b[at] == strides_b.back() * extents.back()) {
      extents.back() *= shape[axis];
      continue;
    }
    extents.push_back(shape[axis]);
    strides_a.push_back(a[at]);
    strides_b.push_back(b[at]);
  }
  Runs runs;
  if (extents.empty()) return runs;
  runs.count = extents[0];
  runs.step_a = strides_a[0];
  runs.step_b = strides_b[0];
  std::vector<std::int64_t> outer(extents.rbegin(), extents.rend() - 1);
  runs.outer = Shape(std::span<const std::int64_t>(outer));
  for (std::size_t i = 0; i < outer.size(); ++i) {
    runs.a[i] = strides_a[outer.size() - i];
    runs.b[i] = strides_b[outer.size() - i];
  }
  return runs;
}

template <class T, class F>
void run(const T* a, std::int64_t step_a, const T* b, std::int64_t step_b, std::int64_t count, T* y, F f) {
  if (step_a == 1 && step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], b[i]);
  } else if (step_b == 0 && step_a == 1) {
    const T same = *b;
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], same);
  } else if (step_a == 0 && step_b == 1) {
    const T same = *a;
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(same, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i * step_a], b[i * step_b]);
  }
}

}  // namespace

Status fast(const Binary& op, const Inputs& in, Outputs out) {
  if (op.kind == BinaryKind::kPow) return plain(op, in, out);
  const Shape& shape = out[0].shape;
  if (shape.elements() == 0) return Done{};
  const Runs runs = runs_of(shape, broadcast_strides(in[0].shape, shape), broadcast_strides(in[1].shape, shape));
  return visit_number(name(Operator(op)), in[0].type, [&](auto zero) -> Status {
    using T = decltype(zero);
    GATEFOLD_CHECK(check_divisors<T>(op, in[1]));
    const T* a = in[0].values<T>().data();
    const T* b = in[1].values<T>().data();
    T* y = out[0].values<T>().data();
    visit_binary<T>(op.kind, [&](auto f) {
      walk<2>(runs.outer, {runs.a, runs.b}, [&](const auto& at) {
        run(a + at[0], runs.step_a, b + at[1], runs.step_b, runs.count, y, f);
        y += runs.count;
      });
    });
    return Done{};
  });
}

}  // namespace gatefold
