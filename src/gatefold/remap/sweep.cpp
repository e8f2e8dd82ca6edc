#include "gatefold/remap/sweep.h"

#include <algorithm>

#include "gatefold/remap/candidates.h"
#include "gatefold/remap/headroom.h"
#include "gatefold/remap/layer_prices.h"

namespace gatefold {
namespace {

constexpr int kSweepsMax = 4;  // each accepted shift lowers the price, so it would end anyway; what later sweeps find is small

constexpr std::int32_t kPlacesMax = 8;  // of one run: the nearest may be full

class Sweeper {
 public:
  Sweeper(const Situation& situation, bool free_moves)
      : now_(situation),
        free_moves_(free_moves),
        table_(*situation.table),
        found_{*situation.homes, std::vector<char>(situation.homes->size(), 0), Cycles(0), std::nullopt},
        prices_(situation, found_.target),
        headroom_(situation, found_.target) {}

  Sweep run() {
    if (!put_beside()) {
      found_.target = *now_.homes;
      found_.waits = true;
      return std::move(found_);
    }
    // Where activations are spilled the banks that a shift fills are missing to the layers staged there: that is in no price.
    const bool gains = now_.spilling->tensors.empty();
    if (gains) improve(false);
    if (hurry() && gains) improve(true);  // the others follow those that left for time's sake
    for (std::size_t v = 0; v < found_.target.size(); ++v) found_.cycles += prices_.cycles(LayerId(v));
    return std::move(found_);
  }

 private:
  [[nodiscard]] const Placement& home(std::size_t v) const { return (*now_.homes)[v]; }
  [[nodiscard]] bool runs(std::size_t v) const { return (*now_.done)[v] == 0; }

  [[nodiscard]] bool occupied(const Placement& placement) const {
    for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
      if (now_.profile->condition(ClusterId(k), now_.now).occupied) return true;
    }
    return false;
  }

  /// False if the network has to wait.
  bool put_beside() {
    for (std::size_t v = 0; v < found_.target.size(); ++v) {
      if (!occupied(home(v))) continue;
      const LayerId layer(v);
      prices_.look_at(layer);
      std::optional<Placement> best;
      EnergyTotal lowest;
      for (const Placement& candidate : places(layer, false)) {
        const EnergyTotal price = price_at(layer, candidate);
        if ((best && !(price < lowest)) || !has_room(layer, candidate)) continue;
        best = candidate;
        lowest = price;
      }
      if (!best) return false;
      move(layer, *best);
      found_.forced[v] = 1;
    }
    return true;
  }

  /// True if the layer's shift leaves the others the room that they need.
  bool has_room(LayerId layer, const Placement& to) { return headroom_.weights_fit(layer, to) && headroom_.leaves_room(layer, to); }

  [[nodiscard]] Boundary boundary(LayerId layer) {
    Boundary here{layer, now_.now, &table_, now_.profile, &headroom_.residence(), home(layer.at()), std::nullopt, true, std::nullopt, now_.spilling};
    for (const Operand& operand : table_.graph().layer(layer).inputs) {
      if (!operand.tensor) continue;
      const auto& producer = table_.graph().activation(*operand.tensor).producer;
      if (producer) here.producer = found_.target[producer->at()];
    }
    here.plan = now_.plan;
    return here;
  }

  /// Where a layer could go: what a boundary would look at; with its shape, and with the cheapest one that takes fewer clusters, the
  /// first places of the fastest free run and those beside other layers; and where it was planned.
  [[nodiscard]] std::vector<Placement> places(LayerId layer, bool home_usable) {
    const Boundary here = boundary(layer);
    const Candidates found = find_candidates(here, home_usable);
    std::vector<Placement> places(found.begin(), found.end());
    const auto add = [&](const Room& room) {
      if (!room.barrier && std::find(places.begin(), places.end(), room.placement) == places.end()) places.push_back(room.placement);
    };
    const auto add_shape = [&](const Footprint& shape) {
      const auto length = static_cast<std::int32_t>(shape.clusters);
      const auto at = [&](std::int32_t first) {
        Placement placement = placed_at(shape, first);
        placement.streamed = here.home.streamed;
        if (placement.last() < table_.spec().cluster_count) add(with_room(here, placement));
      };
      const auto run = now_.profile->runs().fastest_fit(length);
      for (std::int32_t k = 0; run && k < kPlacesMax && run->begin + k + length <= run->end; ++k) at(run->begin + k);
      for (const std::int16_t k : clusters_in_use()) at(k);  // one in use costs less than one more
    };
    add_shape(footprint_of(here.home));
    const LayerOptions& options = table_.layer(layer);
    for (const std::int32_t position : options.by_cost) {
      const Footprint& shape = options.options[static_cast<std::size_t>(position)].footprint;
      if (shape.clusters >= here.home.clusters) continue;
      add_shape(shape);
      break;
    }
    const Placement& planned = now_.plan->assignment[layer.at()];
    if (planned != here.home && now_.profile->available(planned, now_.now) && headroom_.weights_fit(layer, planned)) add({planned, {}});
    return places;
  }

  /// Where layers begin, each cluster once, `kPlacesMax` at most, in the order of the layers.
  [[nodiscard]] std::vector<std::int16_t> clusters_in_use() const {
    std::vector<std::int16_t> found;
    for (const Placement& target : found_.target) {
      if (found.size() == kPlacesMax) break;
      if (now_.profile->available(target, now_.now) && std::find(found.begin(), found.end(), target.first) == found.end())
        found.push_back(target.first);
    }
    return found;
  }

  /// Of a request with the layer looked at at `placement`, its shift there included.
  EnergyTotal price_at(LayerId layer, const Placement& placement) {
    const EnergyTotal price = prices_.price_at(placement);
    return free_moves_ ? price : price + price_shift(table_, layer, home(layer.at()), placement);
  }

  /// `never_slower`: time that was bought is not given up again.
  void improve(bool never_slower) {
    bool moved = true;
    for (int sweeps = 0; moved && sweeps < kSweepsMax; ++sweeps) {
      moved = false;
      for (std::size_t v = 0; v < found_.target.size(); ++v) moved = improve(LayerId(v), never_slower) || moved;
    }
  }

  bool improve(LayerId layer, bool never_slower) {
    Placement& target = found_.target[layer.at()];
    if (!now_.profile->available(target, now_.now)) return false;  // a core failed: its boundary sees to it
    if (now_.profile->percent(target, now_.now) == 100 && target == now_.plan->assignment[layer.at()]) return false;
    prices_.look_at(layer);
    EnergyTotal lowest = price_at(layer, target);
    std::optional<Placement> best;
    for (const Placement& candidate : places(layer, true)) {
      const EnergyTotal price = price_at(layer, candidate);
      if (!(price < lowest) || (never_slower && prices_.cycles_at(candidate) > prices_.cycles(layer)) || !has_room(layer, candidate))
        continue;
      lowest = price;
      best = candidate;
    }
    if (best) move(layer, *best);
    return best.has_value();
  }

  /// Requires: there is room.
  void move(LayerId layer, const Placement& to) {
    headroom_.move(layer, to);
    found_.target[layer.at()] = to;
    prices_.moved(layer);
  }

  // ---- in time ----

  [[nodiscard]] Cycles remaining() const {
    Cycles cycles;
    for (std::size_t v = 0; v < found_.target.size(); ++v) {
      if (runs(v)) cycles += prices_.cycles(LayerId(v));
    }
    return cycles;
  }

  /// A move that makes a layer faster, and what that costs.
  struct Purchase {
    LayerId layer;
    Placement to;
    Cycles saved;
    EnergyTotal dearer;
  };

  /// The cheapest cycles that moving the layer buys.
  std::optional<Purchase> purchase(LayerId layer) {
    prices_.look_at(layer);
    const Cycles before = prices_.cycles(layer);
    const EnergyTotal price = price_at(layer, found_.target[layer.at()]);
    std::optional<Purchase> best;
    for (const Placement& candidate : places(layer, true)) {
      const Cycles after = prices_.cycles_at(candidate);
      if (after >= before) continue;
      const Purchase offer{layer, candidate, before - after, price_at(layer, candidate) - price};
      if ((!best || cheaper(offer, *best)) && has_room(layer, candidate)) best = offer;
    }
    return best;
  }

  /// Fewer joules per cycle.
  static bool cheaper(const Purchase& a, const Purchase& b) {
    const double left = a.dearer.joules() * static_cast<double>(b.saved.count());
    const double right = b.dearer.joules() * static_cast<double>(a.saved.count());
    return left != right ? left < right : a.layer < b.layer;
  }

  /// True if time was bought.
  bool hurry() {
    Cycles cycles = remaining();
    if (in_time(cycles, now_.left)) return false;
    Cycles planned;
    for (std::size_t v = 0; v < found_.target.size(); ++v) {
      if (runs(v)) planned += now_.plan->reference[v];
    }
    if (cycles <= planned) return false;  // nothing is slower than planned: the deadline was out of reach before
    std::vector<Purchase> offers;
    for (std::size_t v = 0; v < found_.target.size(); ++v) {
      if (!runs(v) || !now_.profile->available(found_.target[v], now_.now)) continue;
      if (const auto offer = purchase(LayerId(v))) offers.push_back(*offer);
    }
    std::sort(offers.begin(), offers.end(), cheaper);
    const Sweep before = found_;
    std::vector<Purchase> bought;
    for (const Purchase& offer : offers) {
      if (in_time(cycles, now_.left)) break;
      const auto here = purchase(offer.layer);  // earlier ones may have taken the room, or moved a neighbour
      if (!here) continue;
      bought.push_back(*here);
      move(here->layer, here->to);
      cycles -= here->saved;
    }
    if (!in_time(cycles, now_.left)) {
      found_ = before;
      prices_.refresh();
      if (now_.begins) found_.late = now_.left;
      return false;
    }
    for (const Purchase& offer : bought) {
      if (in_time(cycles + offer.saved, now_.left)) {  // later ones made it superfluous
        cycles += offer.saved;
        found_.target[offer.layer.at()] = before.target[offer.layer.at()];
        prices_.moved(offer.layer);
      } else {
        found_.forced[offer.layer.at()] = 1;
      }
    }
    return true;
  }

  const Situation& now_;
  bool free_moves_;
  const OptionTable& table_;
  Sweep found_;
  LayerPrices prices_;  ///< with layers at their targets
  Headroom headroom_;   ///< with what moves where it goes
};

}  // namespace

bool in_time(Cycles cycles, std::optional<Cycles> left) {
  // Wakes and transfers between layers take up to a sixteenth of their time on the shipped chips.
  return !left || cycles + Cycles(cycles.count() / 16) <= *left;
}

Sweep sweep(const Situation& situation, bool free_moves) { return Sweeper(situation, free_moves).run(); }

}  // namespace gatefold
