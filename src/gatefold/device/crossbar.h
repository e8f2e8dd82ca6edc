// Crossbar and bus: who may use which segment, port and unit when. Resources are booked in request order: a booking
// starts when everything it needs is free and never changes later (EQ-33), so times are fixed when a layer starts.
//
// A segment carries one reduction at a time; a systolic core runs one layer at a time; the post-processors of a cluster,
// its output bus and the chip's vector pool each serve one layer at a time.
#pragma once

#include <algorithm>
#include <vector>

#include "gatefold/device/placement.h"
#include "gatefold/device/spec.h"

namespace gatefold {

class Crossbar {
 public:
  explicit Crossbar(const DeviceSpec& spec)
      : systolic_(spec.core_kind == CoreKind::kSystolic),
        pooled_(spec.vector_pool.count() > 0),
        cores_per_cluster_(spec.cores_per_cluster),
        lanes_(static_cast<std::size_t>(systolic_ ? spec.core_count() : spec.cluster_count * spec.segment_layers)),
        segment_layers_(systolic_ ? 1 : spec.segment_layers),
        post_processors_(static_cast<std::size_t>(spec.cluster_count)),
        bus_(static_cast<std::size_t>(spec.cluster_count)) {}

  /// The earliest time >= `ready` at which a dot layer's reduction (or arrays) could start there.
  [[nodiscard]] Cycles dot_free(const Placement& placement, Cycles ready) const;
  void book_dot(const Placement& placement, Cycles until);

  /// The same for vector layers (post-processors, and the pool where the chip has one).
  [[nodiscard]] Cycles vector_free(const Placement& placement, Cycles ready) const;
  void book_vector(const Placement& placement, Cycles until);

  /// The same for what only travels: move layers and shifted data.
  [[nodiscard]] Cycles bus_free(const Placement& placement, Cycles ready) const;
  void book_bus(const Placement& placement, Cycles until);

  /// The time from which the external channel is free.
  [[nodiscard]] Cycles external_free() const { return external_; }
  void book_external(Cycles until) { external_ = until; }

  /// The time from which a core could take part in a dot layer: its array is free, or its cluster's segment.
  [[nodiscard]] Cycles core_free(CoreId core) const;

 private:
  /// The slot of segment k that is free first.
  [[nodiscard]] std::size_t slot(std::int32_t cluster) const;

  bool systolic_;
  bool pooled_;
  std::int32_t cores_per_cluster_;
  std::vector<Cycles> lanes_;  ///< free from: per core (systolic), or per segment and slot
  std::int64_t segment_layers_;
  std::vector<Cycles> post_processors_;
  std::vector<Cycles> bus_;
  Cycles pool_;
  Cycles external_;
};

}  // namespace gatefold
