// The places that a layer could go to at a boundary: at most eight, found in time that does not grow with the chip.
//
// Two shapes are tried: the home's, and the cheapest other one that some free run is long enough for; each where the producer
// begins, and at the first place with room in the shortest, the fastest and the first free run. What is looked at and cannot be
// used is told to Boundary::why with what is in the way.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "gatefold/remap/explain.h"

namespace gatefold {

/// True if the layer can run where it is.
[[nodiscard]] bool can_stay(const Boundary& boundary);
/// What keeps it from that.
[[nodiscard]] Standing barrier_at_home(const Boundary& boundary);

/// A placement of the same shape, on the lowest cores of each cluster that can be used and where the weights fit, or on the
/// lowest that work and what is in the way there.
struct Room {
  Placement placement;
  std::optional<Standing> barrier;
};
[[nodiscard]] Room with_room(const Boundary& boundary, Placement placement);

/// Empty banks that each of so many cores needs beside the layer's weights: for what it reads and writes, and to stage what is spilled.
[[nodiscard]] std::int64_t spare_banks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer, std::int64_t cores);

struct Candidates {
  static constexpr std::size_t kMax = 8;
  std::array<Placement, kMax> list;
  std::size_t count = 0;
  void add(const Placement& placement) {
    if (count < kMax && std::find(begin(), end(), placement) == end()) list[count++] = placement;
  }
  [[nodiscard]] const Placement* begin() const { return list.data(); }
  [[nodiscard]] const Placement* end() const { return list.data() + count; }
};

/// If neither shape finds a place and the home cannot be used either, the cheapest shape that does.
[[nodiscard]] Candidates find_candidates(const Boundary& boundary, bool home_usable);

}  // namespace gatefold
