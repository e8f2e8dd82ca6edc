#include "gatefold/remap/sweep.h"

#include <algorithm>
#include <array>

#include "gatefold/remap/headroom.h"
#include "gatefold/remap/layer_prices.h"

namespace gatefold {
namespace {

constexpr int kSweepsMax = 4;  // each accepted shift lowers the price, so it would end anyway; what later sweeps find is small

constexpr std::int32_t kProbesMax = 8;  // of one run: the nearest may be full
constexpr std::size_t kInUseMax = 8;

struct Places {
  static constexpr std::size_t kMax = 64;
  std::array<Placement, kMax> list;
  std::size_t count = 0;
  [[nodiscard]] const Placement* begin() const { return list.data(); }
  [[nodiscard]] const Placement* end() const { return list.data() + count; }
  [[nodiscard]] bool has(const Placement& placement) const { return std::find(begin(), end(), placement) != end(); }
  void add(const Placement& placement) {
    if (count < kMax && !has(placement)) list[count++] = placement;
  }
};

class Sweeper {
 public:
  Sweeper(const Situation& situation, bool free_moves)
      : now_(situation),
        free_moves_(free_moves),
        table_(*situation.table),
        found_{*situation.homes, std::vector<char>(situation.homes->size(), 0), Cycles(0), std::nullopt},
        prices_(situation, found_.target),
        headroom_(situation, found_.target),
        moved_at_(found_.target.size(), 0),
        looked_at_(found_.target.size(), 0) {}

  Sweep run() {
    find_in_use();
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
      std::optional<Placement> best = cheapest_of(layer, places(layer));
      for (const std::int32_t position : table_.layer(layer).by_cost) {  // any shape that finds room, but for the cheapest
        if (best) break;
        places_.count = 0;
        add_shape(layer, table_.layer(layer).options[static_cast<std::size_t>(position)].footprint, INT32_MAX);
        best = cheapest_of(layer, places_);
      }
      if (!best) return false;
      move(layer, *best);
      found_.forced[v] = 1;
    }
    return true;
  }

  std::optional<Placement> cheapest_of(LayerId layer, const Places& places) {
    std::optional<Placement> best;
    EnergyTotal lowest;
    for (const Placement& candidate : places) {
      const EnergyTotal price = price_at(layer, candidate);
      if ((best && !(price < lowest)) || !has_room(layer, candidate)) continue;
      best = candidate;
      lowest = price;
    }
    return best;
  }

  /// True if the layer's shift leaves the others the room that they need.
  bool has_room(LayerId layer, const Placement& to) { return headroom_.weights_fit(layer, to) && headroom_.leaves_room(layer, to); }

  /// What a shape needs empty beside a layer's weights: room for what it reads and writes.
  [[nodiscard]] std::int64_t spare_banks(LayerId layer, const Footprint& shape) const {
    const std::vector<char>& spilled = now_.spilling->tensors;
    const std::int64_t bank = table_.spec().bank.size.count();
    const auto banks = [&](Bytes bytes) { return ceil_div(ceil_div(bytes.count(), shape.total()), bank); };
    return banks(resident_input(table_, spilled, layer)) + banks(resident_output(table_, spilled, layer)) +
           least_staging_banks(table_, spilled, layer, shape.total());
  }

  /// Where a layer could go: with its shape, with the cheapest other one, and with the cheapest one that takes fewer clusters, each
  /// where its producer and its neighbours in time are, where other layers begin, and at the nearest place with room in the fastest and
  /// in the shortest free run; and where it was planned.
  [[nodiscard]] const Places& places(LayerId layer) {
    places_.count = 0;
    const LayerOptions& options = table_.layer(layer);
    const Footprint home_shape = footprint_of(home(layer.at()));
    add_shape(layer, home_shape, kProbesMax);
    bool other = false;
    for (const std::int32_t position : options.by_cost) {
      const Footprint& shape = options.options[static_cast<std::size_t>(position)].footprint;
      const bool narrower = shape.clusters < home(layer.at()).clusters;
      if (shape == home_shape || shape.clusters > now_.profile->runs().longest() || (other && !narrower)) continue;
      add_shape(layer, shape, kProbesMax);
      other = true;
      if (narrower || home(layer.at()).clusters == 1) break;
    }
    const Placement& planned = now_.plan->assignment[layer.at()];
    if (planned != home(layer.at()) && now_.profile->available(planned, now_.now) && headroom_.weights_fit(layer, planned))
      places_.add(planned);
    return places_;
  }

  /// The places of one shape; in a run, so many clusters are tried.
  void add_shape(LayerId layer, const Footprint& shape, std::int32_t probes) {
    std::int32_t near = found_.target[layer.at()].first;
    const std::int64_t spare = spare_banks(layer, shape);
    const auto add = [&](std::int32_t first) {
      const auto there = roomy(layer, shape, first, spare);
      if (there) places_.add(*there);
      return there.has_value();
    };
    for (const Operand& operand : table_.graph().layer(layer).inputs) {
      if (!operand.tensor) continue;
      if (const auto& producer = table_.graph().activation(*operand.tensor).producer) add(near = found_.target[producer->at()].first);
    }
    if (layer.at() > 0) add(found_.target[layer.at() - 1].first);
    if (layer.at() + 1 < found_.target.size()) add(found_.target[layer.at() + 1].first);
    for (const std::int16_t k : in_use_) add(k);  // one in use costs less than one more
    const auto length = static_cast<std::int32_t>(shape.clusters);
    const auto add_in = [&](const std::optional<FreeRuns::Run>& run) {
      if (!run) return;
      const std::int32_t last = run->end - length;
      std::int32_t k = std::clamp(near, run->begin, last);
      for (std::int32_t tried = 0; tried < std::min(probes, run->length()) && !add(k); ++tried) k = k < last ? k + 1 : run->begin;
    };
    const auto fastest = now_.profile->runs().fastest_fit(length);
    const auto shortest = now_.profile->runs().best_fit(length);
    add_in(fastest);
    if (shortest != fastest) add_in(shortest);
  }

  /// The shape at a cluster, on cores that work; nullopt: it cannot run there, or has no room.
  std::optional<Placement> roomy(LayerId layer, const Footprint& shape, std::int32_t first, std::int64_t spare) {
    Placement placement = placed_at(shape, first);
    placement.streamed = home(layer.at()).streamed;
    if (placement.last() >= table_.spec().cluster_count || places_.has(placement)) return std::nullopt;
    if (now_.profile->available(placement, now_.now) && headroom_.weights_fit(layer, placement, spare)) return placement;
    const std::uint16_t failed = now_.profile->failed_cores(placement, now_.now);
    if (failed == 0 && occupied(placement)) return std::nullopt;
    for (const std::uint16_t mask : core_masks(table_.spec().cores_per_cluster, placement.cores_per_cluster(), failed)) {
      placement.core_mask = mask;
      if (now_.profile->available(placement, now_.now) && headroom_.weights_fit(layer, placement, spare)) return placement;
    }
    return std::nullopt;
  }

  /// Where layers begin, each cluster once, a few at most, in the order of the layers.
  void find_in_use() {
    in_use_.clear();
    for (const Placement& target : found_.target) {
      if (in_use_.size() == kInUseMax) break;
      if (now_.profile->available(target, now_.now) && std::find(in_use_.begin(), in_use_.end(), target.first) == in_use_.end())
        in_use_.push_back(target.first);
    }
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
      for (std::size_t v = 0; v < found_.target.size(); ++v) {
        if (sweeps > 0 && !disturbed(LayerId(v))) continue;
        moved = improve(LayerId(v), never_slower) || moved;
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

  bool improve(LayerId layer, bool never_slower) {
    Placement& target = found_.target[layer.at()];
    if (!now_.profile->available(target, now_.now)) return false;  // a core failed: its boundary sees to it
    if (now_.profile->percent(target, now_.now) == 100 && target == now_.plan->assignment[layer.at()]) return false;
    prices_.look_at(layer);
    EnergyTotal lowest = price_at(layer, target);
    std::optional<Placement> best;
    for (const Placement& candidate : places(layer)) {
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
    moved_at_[layer.at()] = ++moves_;
    find_in_use();
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
    for (const Placement& candidate : places(layer)) {
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
  Places places_;       ///< of the layer looked at
  std::vector<std::int16_t> in_use_;
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
