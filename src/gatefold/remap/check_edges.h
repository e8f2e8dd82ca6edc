// What a checker of plans recomputes for itself: the cost of every node and edge, from the cost model alone. Shares no code
// with the planner; where both must agree is docs/decision-problem.md.
#pragma once

#include <algorithm>
#include <array>
#include <map>

#include "gatefold/remap/certificate.h"

namespace gatefold {

class CheckedEdges {
 public:
  /// Both must outlive it.
  CheckedEdges(const OptionTable& table, const Certificate& certificate);

  [[nodiscard]] const std::optional<PeriodModel>& period() const { return period_; }
  /// An option by itself, multiplier included.
  [[nodiscard]] EnergyTotal node(std::size_t layer, std::size_t option) const;
  [[nodiscard]] Footprint shape(std::size_t layer, std::size_t option) const {
    return table_->layer(LayerId(layer)).options[option].footprint;
  }
  /// What `layer` at b pays because layer `from` is at a. `best_offset`: wherever the two are, the least. `later`: transfers of
  /// tensors that another layer read before as well.
  [[nodiscard]] EnergyTotal between(std::size_t from, std::size_t layer, const Placement& a, const Placement& b, bool best_offset,
                                    bool later);
  /// The wakes of the first layer of a request after the last one of the request before.
  [[nodiscard]] EnergyTotal closing(const Footprint& last, const Footprint& first) const;
  /// between() of every candidate of each layer of the cut before `layer`, and every candidate of `layer`.
  [[nodiscard]] std::vector<std::vector<EnergyTotal>> from_cut(std::size_t layer);
  /// The candidates of the layers of the cut before `layer` that an entry of its table is for.
  [[nodiscard]] std::vector<std::size_t> candidates_of(std::size_t layer, std::size_t entry) const;
  /// The entry of the next cut's table once `layer` has taken a candidate as well.
  [[nodiscard]] std::size_t entry_after(std::size_t layer, const std::vector<std::size_t>& taken, std::size_t own) const;
  /// True if `layer` pays for where `from` is.
  [[nodiscard]] bool related(std::size_t from, std::size_t layer) const;
  /// "'conv1' option 3 (2 clusters x 1 core)"
  [[nodiscard]] std::string name(std::size_t layer, std::size_t option) const;

 private:
  struct Hop {  ///< a tensor's way to a reader
    std::size_t from;
    Bytes bytes;
    bool first;  ///< from its producer; otherwise from the reader before
  };
  [[nodiscard]] Energy wires(Bytes bytes, const Placement& a, const Placement& b, bool best_offset);

  const OptionTable* table_;
  const Certificate* certificate_;
  std::optional<PeriodModel> period_;
  std::vector<std::vector<Hop>> hops_;                   ///< by reader
  std::map<std::array<std::int64_t, 4>, Energy> wires_;  ///< by bytes, cluster counts, offset
};

/// Verifies the potentials against those edges, on a chip of so many clusters. Returns the first violation, or nothing.
[[nodiscard]] std::string check_potentials(const Certificate& certificate, CheckedEdges& edges, std::int64_t clusters);

}  // namespace gatefold
