// The lemma that lets plans forget positions: the best offset of two runs lies where one is inside the other.
#include "gatefold/remap/relations.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"

namespace gatefold {
namespace {

TEST(LeastWires, AreTheLeastOverAllOffsetsAndReachedInsideExactlyWhereTheySay) {
  for (std::int32_t from = 1; from <= 7; ++from) {
    for (std::int32_t to = 1; to <= 7; ++to) {
      for (std::int64_t bytes = 1; bytes <= 40; ++bytes) {
        const LeastWires least = least_wires(Bytes(bytes), from, to);
        EXPECT_GE(least.offset_min, std::min(0, from - to));
        EXPECT_LE(least.offset_max, std::max(0, from - to));
        for (std::int32_t offset = -10; offset <= 10; ++offset) {
          const std::int64_t pitches = byte_pitches(Bytes(bytes), 0, from, offset, to);
          const bool best = offset >= least.offset_min && offset <= least.offset_max;
          EXPECT_EQ(pitches == least.byte_pitches, best) << from << ' ' << to << ' ' << bytes << ' ' << offset;
          EXPECT_GE(pitches, least.byte_pitches);
        }
      }
    }
  }
}

TEST(Relations, TheirSumIsTheCostOfARequest) {
  const OptionTable table = test::table_of(test::residual());
  const std::vector<Relation> relations = relations_of(table);
  EXPECT_FALSE(is_chain(relations));
  for (int first = 0; first < 3; ++first) {
    const Assignment assignment{test::at(0), test::at(first, 2, 3), test::at(first), test::at(first, 1, 3)};
    EnergyTotal sum;
    for (std::size_t v = 0; v < table.size(); ++v) sum += table.option(LayerId(v), assignment[v]).alone;
    for (const Relation& relation : relations) {
      const Placement& from = assignment[relation.from];
      const Placement& to = assignment[relation.to];
      const EnergyTotal cost = relation_cost(table.spec(), relation, from, to);
      EXPECT_LE(relation_cost_min(table.spec(), relation, footprint_of(from), footprint_of(to)), cost);
      sum += cost;
    }
    EXPECT_EQ(sum, assignment_cost(table, assignment));
  }
}

TEST(Positions, AreBestForEveryRelationAndOnTheChip) {
  const OptionTable table = test::table_of(test::chain({8, 8, 8, 8}, 2));
  const std::vector<Footprint> shapes{{1, 1}, {3, 2}, {2, 1}};
  const std::vector<Relation> relations = relations_of(table);
  const auto assignment = positions_of(table, relations, shapes);
  ASSERT_TRUE(assignment);
  for (const Relation& relation : relations) {
    EXPECT_EQ(relation_cost(table.spec(), relation, (*assignment)[relation.from], (*assignment)[relation.to]),
              relation_cost_min(table.spec(), relation, shapes[relation.from], shapes[relation.to]));
  }
}

}  // namespace
}  // namespace gatefold
