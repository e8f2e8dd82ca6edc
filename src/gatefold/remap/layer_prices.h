// What a request costs with one layer elsewhere, quickly: a look at the whole network asks that for every place of every layer.
// What does not depend on the place is found out once, when a layer is looked at; a place costs a few products then. Prices are those
// of request_price.h but for a part that is the same wherever the layer looked at is.
#pragma once

#include <optional>
#include <vector>

#include "gatefold/remap/places.h"
#include "gatefold/remap/request_price.h"

namespace gatefold {

class LayerPrices {
 public:
  /// All must outlive it. After `target` has changed: moved(), refresh().
  LayerPrices(const Situation& situation, const Assignment& target, Conditions& conditions);
  void moved(LayerId layer);
  void refresh();

  /// Cycles of one execution of a layer at its target.
  [[nodiscard]] Cycles cycles(LayerId layer) const { return cycles_[layer.at()]; }

  /// What follows is about this layer. O(layers).
  void look_at(LayerId layer);
  [[nodiscard]] Cycles cycles_at(const Placement& placement) { return cycles_at(layer_, placement); }
  /// Of a request with the layer there, shifts left out.
  [[nodiscard]] EnergyTotal price_at(const Placement& placement);

 private:
  /// A wire to or from a tensor's only reader.
  struct Wire {
    Bytes bytes;
    Placement other;
    bool to_other;
  };
  /// When other layers use a cluster, seen from the layer.
  struct Use {
    std::int16_t cluster = 0;
    bool before = false, after = false;
    bool just_before = false, just_after = false;  ///< by the layer before, by the one after
    bool from_start = false;                       ///< by the first layer
    Cycles since;                                  ///< from the end of the latest use before it
    Cycles until;                                  ///< to the start of the next
    Cycles from_first;                             ///< from the start of the first before it
    Cycles to_last;                                ///< to the end of the last after it
  };
  /// Layers one after the other in the same clusters.
  struct Stretch {
    std::int16_t first, last;  ///< clusters
    std::size_t begin, end;    ///< layers
  };
  [[nodiscard]] Cycles cycles_at(LayerId layer, const Placement& placement);
  void find_wires();
  void find_stretches();
  void find_uses();
  Use& use_of(std::int16_t cluster);
  [[nodiscard]] EnergyTotal gaps_with(const Use& use, Cycles cycles) const;
  [[nodiscard]] EnergyTotal gaps_without(const Use& use, Cycles cycles) const;
  /// Gaps and time with the layer there for so long.
  [[nodiscard]] EnergyTotal gaps_at(const Placement& placement, Cycles cycles);
  /// Of all clusters if the layer takes so long somewhere else, and of the time itself.
  [[nodiscard]] EnergyTotal elsewhere(Cycles cycles);

  const Situation& situation_;
  const Assignment& target_;
  const OptionTable& table_;
  Conditions& conditions_;
  StreamGaps gaps_;
  std::vector<Cycles> cycles_;
  bool stretches_known_ = false;
  std::vector<Stretch> stretches_;  ///< at the targets
  std::vector<Cycles> starts_;      ///< per layer, from the start of the request; one more: its end
  LayerId layer_{0};
  std::vector<Wire> wires_;
  std::vector<TensorId> shared_;  ///< tensors of the layer that several read
  Assignment tried_;              ///< target_ with the layer elsewhere; used where something is shared or spilled
  std::vector<Use> uses_;
  std::vector<std::int32_t> use_at_;  ///< per cluster: position in uses_, -1: none
  Cycles others_;                     ///< of all other layers
  std::optional<Cycles> known_;       ///< elsewhere() of so many cycles is:
  EnergyTotal elsewhere_;
};

}  // namespace gatefold
