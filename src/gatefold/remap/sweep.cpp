#include "gatefold/remap/sweep.h"

#include <algorithm>

#include "gatefold/remap/headroom.h"
#include "gatefold/remap/layer_prices.h"
#include "gatefold/remap/places.h"

namespace gatefold {
namespace {

constexpr int kSweepsMax = 4;  // each accepted shift lowers the price, so it would end anyway; what later sweeps find is small

class Sweeper {
 public:
  Sweeper(const Situation& situation, bool free_moves)
      : now_(situation),
        free_moves_(free_moves),
        table_(*situation.table),
        conditions_(situation),
        found_{*situation.homes, std::vector<char>(situation.homes->size(), 0), Cycles(0), std::nullopt},
        prices_(situation, found_.target, conditions_),
        headroom_(situation, found_.target),
        places_(situation, found_.target, headroom_, conditions_),
        moved_at_(found_.target.size(), 0),
        looked_at_(found_.target.size(), 0) {}

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

  /// False if the network has to wait.
  bool put_beside() {
    for (std::size_t v = 0; v < found_.target.size(); ++v) {
      if (!conditions_.occupied(home(v))) continue;
      const LayerId layer(v);
      prices_.look_at(layer);
      places_.find(layer);
      std::optional<Placement> best = cheapest(layer);
      const LayerOptions& options = table_.layer(layer);
      for (std::size_t i = 0; !best && i < options.by_cost.size(); ++i) {  // any shape that finds room
        places_.find(layer, options.options[static_cast<std::size_t>(options.by_cost[i])].footprint);
        best = cheapest(layer);
      }
      if (!best) return false;
      move(layer, *best);
      found_.forced[v] = 1;
    }
    return true;
  }

  /// Of the places found for the layer looked at, those with room.
  std::optional<Placement> cheapest(LayerId layer) {
    std::optional<Placement> best;
    EnergyTotal lowest;
    for (const Placement& candidate : places_) {
      const EnergyTotal price = price_at(layer, candidate);
      if ((best && !(price < lowest)) || !has_room(layer, candidate)) continue;
      best = candidate;
      lowest = price;
    }
    return best;
  }

  /// True if the layer's shift leaves the others the room that they need.
  bool has_room(LayerId layer, const Placement& to) { return headroom_.weights_fit(layer, to) && headroom_.leaves_room(layer, to); }

  /// Of a request with the layer looked at at `placement`, its shift there included.
  EnergyTotal price_at(LayerId layer, const Placement& placement) { return prices_.price_at(placement) + shift_price(layer, placement); }
  [[nodiscard]] EnergyTotal shift_price(LayerId layer, const Placement& to) const {
    return free_moves_ ? EnergyTotal() : price_shift(table_, layer, home(layer.at()), to);
  }

  /// `never_slower`: time that was bought is not given up again.
  void improve(bool never_slower) {
    bool moved = true;
    for (int sweeps = 0; moved && sweeps < kSweepsMax; ++sweeps) {
      moved = false;
      for (std::size_t v = 0; v < found_.target.size(); ++v) {
        const bool again = sweeps > 0 || never_slower;
        if (again && !disturbed(LayerId(v))) continue;
        moved = improve(LayerId(v), again, never_slower) || moved;
        looked_at_[v] = moves_;
      }
    }
  }

  /// True if a layer that it is next to, in data or in time, has moved since it was looked at.
  [[nodiscard]] bool disturbed(LayerId layer) const {
    const std::size_t v = layer.at();
    const auto since = [&](std::size_t other) { return moved_at_[other] > looked_at_[v]; };
    if (since(v) || (v > 0 && since(v - 1)) || (v + 1 < moved_at_.size() && since(v + 1))) return true;
    const LayerGraph& graph = table_.graph();
    for (const Operand& operand : graph.layer(layer).inputs) {
      if (!operand.tensor) continue;
      const Activation& activation = graph.activation(*operand.tensor);
      if (activation.producer && since(activation.producer->at())) return true;
    }
    for (const TensorId output : graph.layer(layer).outputs) {
      for (const LayerId reader : graph.activation(output).consumers) {
        if (since(reader.at())) return true;
      }
    }
    return false;
  }

  bool improve(LayerId layer, bool again, bool never_slower) {
    Placement& target = found_.target[layer.at()];
    if (!now_.profile->available(target, now_.now)) return false;  // a core failed: its boundary sees to it
    if (conditions_.percent(target) == 100 && target == now_.plan->assignment[layer.at()]) return false;
    prices_.look_at(layer);
    if (again) places_.find_beside(layer);
    else places_.find(layer);
    const Cycles cycles = prices_.cycles(layer);
    EnergyTotal lowest = price_at(layer, target);
    std::optional<Placement> best;
    for (const Placement& candidate : places_) {
      EnergyTotal price = prices_.price_at(candidate);
      if (!(price < lowest) || (never_slower && prices_.cycles_at(candidate) > cycles)) continue;
      price += shift_price(layer, candidate);
      if (!(price < lowest) || !has_room(layer, candidate)) continue;
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
    moved_at_[layer.at()] = ++moves_;
    places_.moved();
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
    places_.find(layer);
    for (const Placement& candidate : places_) {
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
      looked_at_[v] = moves_;
    }
    std::sort(offers.begin(), offers.end(), cheaper);
    const Sweep before = found_;
    std::vector<Purchase> bought;
    for (const Purchase& offer : offers) {
      if (in_time(cycles, now_.left)) break;
      const bool holds = !disturbed(offer.layer) && has_room(offer.layer, offer.to);  // earlier ones may have taken the room
      const auto here = holds ? std::optional(offer) : purchase(offer.layer);
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
  Conditions conditions_;
  Sweep found_;
  LayerPrices prices_;                   ///< with layers at their targets
  Headroom headroom_;                    ///< with what moves where it goes
  Places places_;                        ///< of the layer looked at
  std::int32_t moves_ = 0;               ///< so far
  std::vector<std::int32_t> moved_at_;   ///< per layer: its latest
  std::vector<std::int32_t> looked_at_;  ///< per layer: how many there were when it was looked at
};

}  // namespace

bool in_time(Cycles cycles, std::optional<Cycles> left) {
  // Wakes and transfers between layers take up to a sixteenth of their time on the shipped chips.
  return !left || cycles + Cycles(cycles.count() / 16) <= *left;
}

Sweep sweep(const Situation& situation, bool free_moves) { return Sweeper(situation, free_moves).run(); }

}  // namespace gatefold
