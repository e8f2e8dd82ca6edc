// Binary operators on float32 with broadcasting, in runs that the compiler vectorises.
// Arithmetic of two float or integer tensors, one run of the broadcast at a time.
#include "gatefold/kernels/binary_math.h"
#include "gatefold/kernels/broadcast_runs.h"
#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/fast.h"

namespace gatefold {
namespace {

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
