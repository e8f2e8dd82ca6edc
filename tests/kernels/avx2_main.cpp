// Runs the dot kernel's tests on a processor that pretends to have no VNNI: integer sums must come from the room's own
// kernel and stay the same bits.
#include <gtest/gtest.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "gatefold/kernels/dot_kernel.h"

TEST(CappedProcessor, HasNoExactLibraryPath) { EXPECT_FALSE(gatefold::has_exact_int8_dot()); }

int main(int argc, char** argv) {
  if (dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2) != dnnl::status::success) return 1;
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
