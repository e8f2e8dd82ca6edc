#include "gatefold/kernels/element_loops.h"

#include "gatefold/kernels/unary_math.h"

namespace gatefold {

void apply_unary(const Unary& op, const float* x, std::int64_t count, float* y) {
  visit_unary<float>(op, [=](auto f) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i]);
  });
}

}  // namespace gatefold
