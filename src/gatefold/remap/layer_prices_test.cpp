// A look at the network takes no price and no room from memory that laying everything out would not give: on random networks, places,
// conditions and rates.
#include "gatefold/remap/layer_prices.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"
#include "gatefold/base/random.h"
#include "gatefold/device/chip.h"
#include "gatefold/remap/plan.h"
#include "gatefold/remap/request_price.h"

namespace gatefold {
namespace {

using test::small_chip;
using test::table_of;

/// Layers anywhere on a chip of four clusters of two cores, which is slowed and taken in places.
class Anywhere {
 public:
  Anywhere(OptionTable table, std::uint64_t seed)
      : table_(std::move(table)), chip_(table_.spec(), GatingScope::kAll), residence_(table_, chip_.memory()), random_(seed) {
    for (std::size_t v = 0; v < table_.size(); ++v) homes_.push_back(place(LayerId(v)));
    for (std::int32_t k = 0; k < table_.spec().cluster_count; ++k) {
      chip_.profile().set_condition(ClusterId(k), {Cycles(1), number(5) == 0, number(2) == 0 ? 10 + number(90) : 100});
    }
    chip_.profile().advance(Cycles(2));
    plan_.assignment = homes_;
    if (number(4) != 0) period_ = Cycles(1 + number(2000));
  }
  std::int32_t number(std::int32_t below) { return static_cast<std::int32_t>(random_.next() % static_cast<std::uint64_t>(below)); }
  Placement place(LayerId layer) {
    const auto& options = table_.layer(layer).options;
    const Footprint& shape = options[static_cast<std::size_t>(number(static_cast<std::int32_t>(options.size())))].footprint;
    return placed_at(shape, number(table_.spec().cluster_count - static_cast<std::int32_t>(shape.clusters) + 1));
  }
  LayerId layer() { return LayerId(static_cast<std::size_t>(number(static_cast<std::int32_t>(table_.size())))); }
  Situation situation() const {
    return {Cycles(2), &table_,      &chip_.profile(), &residence_, &spilling_, &plan_, &homes_,
            &done_,    std::nullopt, EnergyTotal(),    true,        false,      period_};
  }

  OptionTable table_;
  Chip chip_;
  Residence residence_;
  Spilling spilling_;
  StaticPlan plan_;
  Assignment homes_;
  std::vector<char> done_ = std::vector<char>(table_.size(), 0);
  std::optional<Cycles> period_;
  SplitMix64 random_;
};

OptionTable any_table(std::uint64_t seed, DeviceSpec spec = small_chip()) {
  if (seed % 3 == 0) return table_of(test::residual(), spec);
  return table_of(test::chain(seed % 3 == 1 ? std::vector<std::int64_t>{4, 8, 4, 2, 8, 4} : std::vector<std::int64_t>{4, 4}, 2), spec);
}

TEST(LayerPricesTest, DifferencesAreThoseOfWholeRequests) {
  int compared = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Anywhere any(any_table(seed), seed);
    const Situation here = any.situation();
    Assignment target = any.homes_;
    Conditions conditions(here);
    LayerPrices prices(here, target, conditions);
    for (int step = 0; step < 8; ++step) {
      const LayerId layer = any.layer();
      const Placement before = target[layer.at()];
      const Placement to = any.place(layer);
      prices.look_at(layer);
      const EnergyTotal difference = prices.price_at(to) - prices.price_at(before);
      const RequestPrice without = price_request(here, target);
      target[layer.at()] = to;
      prices.moved(layer);
      const RequestPrice with = price_request(here, target);
      ASSERT_EQ(difference, with.energy - without.energy) << "seed " << seed << ", step " << step << ", layer " << layer.at();
      ASSERT_EQ(prices.cycles(layer), cycles_in(here, layer, to));
      compared += to == before ? 0 : 1;
    }
  }
  EXPECT_GT(compared, 1000);
}

TEST(HeadroomTest, WhatCountingGrantsLayingOutGrants) {
  // Cores of four small banks, so that some moves have room and others have not.
  int granted = 0;
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    DeviceSpec spec = small_chip();
    spec.bank.size = Bytes(16 + 8 * static_cast<std::int64_t>(seed % 7));
    Anywhere any(any_table(seed, spec), seed);
    bool stored = true;
    for (std::size_t v = 0; stored && v < any.homes_.size(); ++v)
      stored = any.residence_.store_weights(LayerId(v), any.homes_[v], {}).has_value();
    if (!stored) continue;
    const Situation here = any.situation();
    Assignment target = any.homes_;
    Headroom headroom(here, target);
    Memory memory(any.chip_.memory());  // in which moves are made as they come
    Residence laid_out(any.residence_, memory);
    for (int step = 0; step < 8; ++step) {
      const LayerId layer = any.layer();
      const Placement to = any.place(layer);
      if (to == target[layer.at()]) continue;
      const bool fits = laid_out.weights_fit(layer, to);
      ASSERT_EQ(headroom.weights_fit(layer, to), fits) << "seed " << seed;
      if (!fits) continue;
      Assignment moved = target;
      moved[layer.at()] = to;
      const bool room = shift_leaves_room(any.table_, laid_out, moved, layer, std::nullopt, {});
      ASSERT_EQ(headroom.leaves_room(layer, to), room) << "seed " << seed;
      (room ? granted : refused) += 1;
      if (!room) continue;
      headroom.move(layer, to);
      target = moved;
      laid_out.drop_weights(layer);
      ASSERT_TRUE(laid_out.store_weights(layer, to, {}).has_value());
    }
  }
  EXPECT_GT(granted, 500);
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace gatefold
