// The places that a look at the whole network tries for a layer: a handful, of which one is the best or close to it.
//
// With the shape that it has, with the cheapest other one, and with the cheapest one that takes fewer clusters: where its producers are,
// where the layers before and after it are, where other layers begin, since a cluster in use costs less than one more, and at the nearest
// place with room in the fastest and in the shortest free run; and where it was planned.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "gatefold/remap/headroom.h"
#include "gatefold/remap/policy.h"

namespace gatefold {

/// The conditions of clusters at one time, each read once.
class Conditions {
 public:
  explicit Conditions(const Situation& situation);
  /// Speed of the slowest cluster.
  [[nodiscard]] std::int32_t percent(const Placement& placement) {
    std::int32_t slowest = 100;
    for (std::int32_t k = placement.first; k <= placement.last(); ++k) slowest = std::min<std::int32_t>(slowest, at(k).percent);
    return slowest;
  }
  [[nodiscard]] bool occupied(const Placement& placement) {
    for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
      if (at(k).occupied) return true;
    }
    return false;
  }
  /// True if no cluster is occupied and none has a core that failed.
  [[nodiscard]] bool whole(const Placement& placement) {
    for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
      if (at(k).occupied || at(k).failed) return false;
    }
    return true;
  }

 private:
  struct Known {
    std::int8_t percent = 0;  ///< 0: not read yet
    bool occupied = false;
    bool failed = false;
  };
  const Known& at(std::int32_t cluster) {
    const Known& known = known_[static_cast<std::size_t>(cluster)];
    if (known.percent == 0) read(cluster);
    return known;
  }
  void read(std::int32_t cluster);
  const Situation& situation_;
  std::vector<Known> known_;
};

class Places {
 public:
  static constexpr std::size_t kMax = 48;
  /// All must outlive it.
  Places(const Situation& situation, const Assignment& target, Headroom& headroom, Conditions& conditions);
  /// After `target` has changed.
  void moved();

  /// Fills itself anew.
  void find(LayerId layer);
  /// Beside the layers that it is next to, in data or in time, with the shape that it has there: what can have become better when those
  /// have moved.
  void find_beside(LayerId layer);
  /// With one shape only, at any place of the free runs.
  void find(LayerId layer, const Footprint& shape);

  [[nodiscard]] const Placement* begin() const { return list_.data(); }
  [[nodiscard]] const Placement* end() const { return list_.data() + count_; }

 private:
  static constexpr std::int32_t kProbesMax = 8;  ///< of one run: the nearest may be full
  static constexpr std::size_t kInUseMax = 8;
  void add(const Placement& placement) {
    if (count_ < kMax && std::find(begin(), end(), placement) == end()) list_[count_++] = placement;
  }
  /// Returns where its producer begins, or it does itself.
  std::int32_t add_beside(LayerId layer, const Footprint& shape, std::int64_t spare);
  void add_shape(LayerId layer, const Footprint& shape, std::int32_t probes);
  bool try_at(LayerId layer, const Footprint& shape, std::int32_t first, std::int64_t spare);
  bool add_at(LayerId layer, const Footprint& shape, std::int32_t first, std::int64_t spare);

  const Situation& now_;
  const Assignment& target_;
  const OptionTable& table_;
  Headroom& headroom_;
  Conditions& conditions_;
  std::array<Placement, kMax> list_;
  std::size_t count_ = 0;
  std::vector<std::int16_t> in_use_;  ///< where layers begin, each cluster once, in the order of the layers
  std::vector<std::int32_t> tried_;   ///< first clusters of the shape in hand
};

}  // namespace gatefold
