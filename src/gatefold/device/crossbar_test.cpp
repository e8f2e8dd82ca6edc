// The crossbar: what excludes what.
#include "gatefold/device/crossbar.h"

#include <gtest/gtest.h>

#include "device/small_chip.h"

namespace gatefold {
namespace {

using test::small_chip;

Placement on(int first, int clusters, unsigned mask = 1) {
  return {static_cast<std::int16_t>(first), static_cast<std::int16_t>(clusters), static_cast<std::uint16_t>(mask), CoreSplit::kChannels};
}

TEST(Crossbar, ASegmentCarriesOneReductionAtATimeWhateverTheCores) {
  Crossbar crossbar(small_chip());
  crossbar.book_dot(on(0, 1, 1), Cycles(100));
  EXPECT_EQ(crossbar.dot_free(on(0, 1, 2), Cycles(30)), Cycles(100));
  EXPECT_EQ(crossbar.dot_free(on(0, 1, 2), Cycles(130)), Cycles(130));
  EXPECT_EQ(crossbar.dot_free(on(1, 1), Cycles(30)), Cycles(30));
}

TEST(Crossbar, ARunWaitsForItsBusiestSegment) {
  Crossbar crossbar(small_chip());
  crossbar.book_dot(on(1, 1), Cycles(50));
  crossbar.book_dot(on(2, 1), Cycles(80));
  EXPECT_EQ(crossbar.dot_free(on(0, 4), Cycles(0)), Cycles(80));
  crossbar.book_dot(on(0, 4), Cycles(200));
  for (int k = 0; k < 4; ++k) EXPECT_EQ(crossbar.dot_free(on(k, 1), Cycles(0)), Cycles(200));
}

TEST(Crossbar, AWiderSegmentCarriesAsManyAsTheFileSays) {
  DeviceSpec spec = small_chip();
  spec.segment_layers = 2;
  Crossbar crossbar(spec);
  crossbar.book_dot(on(0, 1), Cycles(100));
  EXPECT_EQ(crossbar.dot_free(on(0, 1), Cycles(0)), Cycles(0));
  crossbar.book_dot(on(0, 1), Cycles(60));
  EXPECT_EQ(crossbar.dot_free(on(0, 1), Cycles(0)), Cycles(60));
  EXPECT_EQ(crossbar.dot_free(on(1, 1), Cycles(0)), Cycles(0));
}

TEST(Crossbar, SystolicCoresOfOneClusterAreIndependent) {
  Crossbar crossbar(test::small_systolic_chip());
  crossbar.book_dot(on(0, 1, 1), Cycles(100));
  EXPECT_EQ(crossbar.dot_free(on(0, 1, 2), Cycles(0)), Cycles(0));
  EXPECT_EQ(crossbar.dot_free(on(0, 1, 3), Cycles(0)), Cycles(100));
}

TEST(Crossbar, PostProcessorsServeOneLayerAtATimePerCluster) {
  Crossbar crossbar(small_chip());
  crossbar.book_vector(on(0, 2), Cycles(100));
  EXPECT_EQ(crossbar.vector_free(on(1, 1), Cycles(0)), Cycles(100));
  EXPECT_EQ(crossbar.vector_free(on(2, 1), Cycles(0)), Cycles(0));
}

TEST(Crossbar, ThePoolServesOneLayerAtATimeOnTheWholeChip) {
  DeviceSpec spec = small_chip();
  spec.vector_pool = ValuesPerCycle(16);
  Crossbar crossbar(spec);
  crossbar.book_vector(on(0, 1), Cycles(100));
  EXPECT_EQ(crossbar.vector_free(on(3, 1), Cycles(0)), Cycles(100));
}

TEST(Crossbar, SegmentsPostProcessorsAndBusesAreBookedApart) {
  Crossbar crossbar(small_chip());
  crossbar.book_dot(on(0, 1), Cycles(100));
  crossbar.book_vector(on(0, 1), Cycles(200));
  EXPECT_EQ(crossbar.bus_free(on(0, 1), Cycles(0)), Cycles(0));
  crossbar.book_bus(on(0, 1), Cycles(300));
  EXPECT_EQ(crossbar.dot_free(on(0, 1), Cycles(0)), Cycles(100));
  EXPECT_EQ(crossbar.vector_free(on(0, 1), Cycles(0)), Cycles(200));
  EXPECT_EQ(crossbar.bus_free(on(0, 1), Cycles(0)), Cycles(300));
}

}  // namespace
}  // namespace gatefold
