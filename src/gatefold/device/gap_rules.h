// Gaps whose end nobody knows, between requests of a random stream: what an element can do with one, and who says what it does.
//
// Elements are told apart by their gap class, an element class and, for banks, what they hold: that decides which states can be
// entered. They are grouped by the set of streams that use them: a group's gaps end with the next request of any of these. Before a
// gap begins the rules say, for its group and class, by which descent (envelope.h) it is spent. The rules themselves are somebody
// else's: this room knows how descents are followed and what they cost, not how they are chosen.
#pragma once

#include <cstdint>
#include <vector>

#include "gatefold/device/envelope.h"
#include "gatefold/device/spec.h"

namespace gatefold {

/// Every uncore part is a class of its own; the first is kUncore.
enum class GapClass : std::uint8_t {
  kCluster,
  kCore,
  kEmptyBank,   ///< holds nothing
  kWeightBank,  ///< holds nothing but weights, which can be loaded again; a full bank of them
  kLiveBank,    ///< holds activations
  kVectorPool,
  kUncore,
};
[[nodiscard]] constexpr std::size_t index(GapClass of) { return static_cast<std::size_t>(of); }

/// What elements of each class can do with a gap, by GapClass.
[[nodiscard]] std::vector<Envelope> gap_envelopes(const DeviceSpec& spec);
/// EQ-61: to fill a bank with weights from external memory.
[[nodiscard]] Energy refill_energy(const DeviceSpec& spec);

/// Groups and streams are numbered from 0.
class GapRules {
 public:
  virtual ~GapRules() = default;
  /// A new group, of the next number: elements that the streams of this mask use (bit s: stream s, the last bit all from there on).
  /// Group 0 has an empty mask: elements that nobody has used yet.
  virtual void add_group(std::size_t group, std::uint64_t streams) = 0;
  /// A request ended a gap of a group in which no request was in progress.
  virtual void observe(std::size_t group, Cycles gap) = 0;
  /// What one of its elements has paid for an unknown gap that has ended, and what the 2-competitive descent would have. Gaps of
  /// elements end after those of their group, when they are used.
  virtual void spent(std::size_t group, std::size_t of, EnergyTotal paid, EnergyTotal competitive) = 0;
  /// How elements of the group spend the gaps that begin from now on; `of` is a position in gap_envelopes.
  [[nodiscard]] virtual Descent descent(std::size_t group, std::size_t of) const = 0;
};

}  // namespace gatefold
