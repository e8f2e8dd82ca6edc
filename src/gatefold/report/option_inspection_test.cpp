// The options of one layer as `inspect --options` shows them: rows, marks, rejected shapes, names.
#include "gatefold/report/option_inspection.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"
#include "gatefold/report/json.h"
#include "gatefold/report/table.h"

namespace gatefold {
namespace {

using test::at;
using test::chain;
using test::table_of;

/// conv0 from 4 to 4 channels on the chip of 4 clusters of 2 cores: up to 4 cores, the plan's on cluster 1.
LayerOptionsInspection small_inspection(bool streamed = false, std::int64_t blocks = 0) {
  Placement chosen = at(1);
  chosen.streamed = streamed;
  return inspect_options(table_of(chain({4, 4}, 2)), LayerId(0), chosen, {blocks, false});
}

TEST(OptionInspection, EveryShapeIsAnOptionOrRejectedWithItsReason) {
  const LayerOptionsInspection inspection = small_inspection();
  std::size_t rejected = 0;
  for (const RejectedShapes& group : inspection.rejected) rejected += group.shapes.size();
  EXPECT_EQ(inspection.options.size() + rejected, 4U * 2U);
  ASSERT_EQ(inspection.rejected.size(), 1U);
  EXPECT_EQ(inspection.rejected[0].reason, "more cores than input channels");
  EXPECT_EQ(inspection.rejected[0].shapes, (std::vector<Footprint>{{3, 2}, {4, 2}}));
}

TEST(OptionInspection, OnlyTheShapeOfThePlanIsChosenAndMayBeStreamed) {
  for (const bool streamed : {false, true}) {
    for (const OptionInspection& row : small_inspection(streamed).options) {
      const bool single = row.option.footprint == Footprint{1, 1};
      EXPECT_EQ(row.chosen, single);
      EXPECT_EQ(row.streamed, single && streamed);
    }
  }
}

TEST(OptionInspection, TimeAndPowerFollowFromTheClock) {
  const OptionInspection row = small_inspection().options.front();
  EXPECT_EQ(row.option.cycles, Cycles(7));
  EXPECT_DOUBLE_EQ(row.seconds, 7e-6);                                                     // at 1 MHz
  EXPECT_DOUBLE_EQ(row.held_watts, static_cast<double>(row.option.held.count()) * 1e-12);  // aJ/cycle at 1 MHz: pW
}

TEST(OptionInspection, ADominatedShapeNamesOneThatIsNoSlowerAndNoDearer) {
  DeviceSpec spec = test::small_chip();
  spec.wire_byte_pitch = EnergyPerByte(0);
  spec.core.wake_energy = Energy(5);
  const OptionTable table = table_of(chain({16, 2}, 4), spec);
  std::size_t dominated = 0;
  for (const OptionInspection& row : inspect_options(table, LayerId(0), at(0)).options) {
    EXPECT_EQ(row.option.dominated, row.dominated.has_value());
    if (!row.dominated) continue;
    ++dominated;
    const Option& by = table.option(LayerId(0), placed_at(row.dominated->by, 0));
    EXPECT_EQ(by.cycles + row.dominated->cycles, row.option.cycles);
    EXPECT_EQ(by.alone + row.dominated->energy, row.option.alone);
    EXPECT_GE(row.dominated->cycles, Cycles(0));
    EXPECT_GE(row.dominated->energy, EnergyTotal());
  }
  EXPECT_GT(dominated, 0U);
}

TEST(OptionInspection, ALayerIsFoundByNameThenByPosition) {
  const auto graph = chain({4, 4, 4}, 2);
  EXPECT_EQ(find_layer(*graph, "conv1").value(), LayerId(1));
  EXPECT_EQ(find_layer(*graph, "0").value(), LayerId(0));
  EXPECT_EQ(find_layer(*graph, "conv3").error().message, "layer 'conv3': unknown, did you mean 'conv0'?");
  EXPECT_EQ(find_layer(*graph, "2").error().message, "layer '2': unknown; want a name that `gatefold inspect` lists, or a number below 2");
  EXPECT_FALSE(find_layer(*graph, "-1"));
  EXPECT_FALSE(find_layer(*graph, "1x"));
}

TEST(OptionInspection, JsonHasTheStableKeysInTheirOrder) {
  const std::string json = options_json(small_inspection(), "0.1.0");
  std::size_t last = 0;
  for (const char* key : {"\"layer\"",     "\"device\"",    "\"hash\"",     "\"options\"",
                          "\"clusters\"",  "\"cores\"",     "\"split\"",    "\"cycles\"",
                          "\"time_s\"",    "\"dynamic_j\"", "\"compute\"",  "\"memory\"",
                          "\"crossbar\"",  "\"held_w\"",    "\"alone_j\"",  "\"weight_bytes_per_core\"",
                          "\"dominated\"", "\"chosen\"",    "\"streamed\"", "\"row_blocks\"",
                          "\"rejected\"",  "\"reason\"",    "\"shapes\""}) {
    const std::size_t found = json.find(key, last);
    ASSERT_NE(found, std::string::npos) << key;
    last = found;
  }
}

TEST(OptionInspection, TheTableShowsPricesMarksAndRejectedShapes) {
  LayerOptionsInspection inspection = small_inspection(true, 2);
  inspection.options.resize(2);
  inspection.device_reason = "default: it fits";
  EXPECT_EQ("\n" + options_table(inspection), R"(
net: layer 0 'conv0' (Conv) on small (default: it fits)

shape           cycles  time  compute  memory  crossbar    held   alone  weights/core
1 x 1                7  7 us    64 aJ   64 aJ     12 aJ   60 pW  595 aJ          32 B  chosen, streamed, in 2 row blocks
1 x 2 channels       7  7 us    80 aJ   64 aJ     12 aJ  100 pW  891 aJ          16 B  dominated: 1 x 1 is as fast and saves 296 aJ

Rejected
  more cores than input channels: 3 x 2 channels, 4 x 2 channels

shape: clusters x cores in each, and what is divided over them. held: leakage of what it keeps ON. alone: dynamic energy, and held and
the chip's unavoidable power over its time. chosen: by the static plan. dominated: what it saves is more than its neighbours could lose.
)");
}

}  // namespace
}  // namespace gatefold
