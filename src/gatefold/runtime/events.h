// Events that change what a chip can do while it runs, and the grammar they are written in: `--at 12ms "throttle
// cluster 1 50%"`. Events are what a compiler cannot know; policies learn of them through the profile only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/base/quantity.h"
#include "gatefold/base/result.h"
#include "gatefold/device/spec.h"

namespace gatefold {

enum class EventKind : std::uint8_t {
  kOccupy,    ///< another tenant takes the cluster's cores and segments; what lies in its banks stays ours
  kRelease,   ///< it gives them back
  kThrottle,  ///< the cluster runs at `percent` of its speed
  kFail,      ///< the element executes nothing, holds nothing and cannot be read; what lay there is lost
  kRecover,   ///< ends the throttling or the failure of that very element; it comes back empty
};

struct Event {
  EventKind kind = EventKind::kOccupy;
  ClusterId cluster{0};
  std::int32_t percent = 100;  ///< kThrottle: 1 to 100
  std::int32_t core = -1;      ///< kFail, kRecover: a core of the cluster; -1: the cluster as a whole
  std::int32_t bank = -1;      ///< and a bank of the core; -1: the core as a whole
};

struct TimedEvent {
  Cycles at;
  Event event;
};

/// `time` is a duration ("12ms"), `text` an event ("occupy cluster 0", "fail bank 0.2.1").
/// Errors: kInvalidInput saying what was found and what is wanted; an element that the chip does not have; kUnsupported for
/// an event that is not built ("cap power").
[[nodiscard]] Result<TimedEvent> parse_event(std::string_view time, std::string_view text, const DeviceSpec& device);

/// The same without a time.
[[nodiscard]] Result<Event> parse_event(std::string_view text, const DeviceSpec& device);

/// An event that contradicts those before it.
struct EventConflict {
  std::size_t index = 0;  ///< in the list of events
  std::string reason;     ///< "the cluster is failed already"
};
/// Release of a cluster that is not occupied, occupy of one that is, failure of an element that failed already, recovery of
/// one that neither failed nor is throttled. Requires: events ascending in time.
[[nodiscard]] std::vector<EventConflict> event_conflicts(const std::vector<TimedEvent>& events);

/// Orders events by time and checks them against each other. Errors: kInvalidInput listing every conflict.
[[nodiscard]] Result<std::vector<TimedEvent>> check_events(std::vector<TimedEvent> events);

/// "occupy cluster 0", "fail core 0.2".
[[nodiscard]] std::string text(const Event& event);

/// A duration in picoseconds -> device cycles, rounded up.
[[nodiscard]] Cycles cycles_of(std::int64_t picoseconds, std::int64_t clock_hz);

}  // namespace gatefold
