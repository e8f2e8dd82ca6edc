// The grammar of events, word by word:
//
//     occupy cluster N | release cluster N | recover cluster N | throttle cluster N P%
//
// Words are separated by blanks. A message repeats the event as it was written, says which word is wrong and what may
// stand there. What a chip cannot do yet ("fail", "cap power") is refused as not built, never ignored.
#include "gatefold/runtime/events.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "gatefold/base/text.h"

namespace gatefold {
namespace {

constexpr std::array<std::pair<std::string_view, EventKind>, 4> kVerbs{{
    {"occupy", EventKind::kOccupy},
    {"release", EventKind::kRelease},
    {"throttle", EventKind::kThrottle},
    {"recover", EventKind::kRecover},
}};

constexpr std::int64_t kPicosecondsPerSecond = 1'000'000'000'000;

std::string_view verb(EventKind kind) {
  return std::find_if(kVerbs.begin(), kVerbs.end(), [kind](const auto& entry) { return entry.second == kind; })->first;
}

/// The words of one event, taken from the left.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  /// The next word, empty at the end.
  std::string_view next() {
    constexpr std::string_view blanks = " \t";
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
    const std::string_view word = rest_.substr(0, rest_.find_first_of(blanks));
    rest_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view rest_;
};

std::string found(std::string_view word) { return word.empty() ? "nothing" : fmt::format("'{}'", word); }

/// A whole decimal number without sign; nullopt for anything else, or beyond 31 bits.
std::optional<std::int32_t> whole_number(std::string_view word) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (word.empty() || word.front() == '-' || error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

Result<EventKind> parse_verb(std::string_view word, std::string_view next) {
  for (const auto& [name, kind] : kVerbs) {
    if (word == name) return kind;
  }
  if (word == "fail" || word == "cap") {
    return Error{ErrorCode::kUnsupported, fmt::format("'{}{}{}' is not built; events are occupy, release, throttle and recover", word,
                                                      next.empty() ? "" : " ", next)};
  }
  std::vector<std::string> names;
  for (const auto& entry : kVerbs) names.emplace_back(entry.first);
  const std::optional<std::string> near = nearest(word, names);
  return Error{ErrorCode::kInvalidInput, fmt::format("found {}, want occupy, release, throttle or recover{}", found(word),
                                                     near ? fmt::format(" (did you mean {}?)", *near) : "")};
}

Result<ClusterId> parse_cluster(std::string_view element, std::string_view number, const DeviceSpec& device) {
  if (element == "core" || element == "bank") {
    return Error{ErrorCode::kUnsupported, fmt::format("events on a {} are not built, want 'cluster'", element)};
  }
  if (element != "cluster") return Error{ErrorCode::kInvalidInput, fmt::format("found {}, want 'cluster'", found(element))};
  const std::optional<std::int32_t> index = whole_number(number);
  if (!index) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("found {} after 'cluster', want a cluster's number from 0 to {}", found(number), device.cluster_count - 1)};
  }
  if (*index >= device.cluster_count) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("there is no cluster {}: {} has clusters 0 to {}", *index, device.name, device.cluster_count - 1)};
  }
  return ClusterId(*index);
}

Result<std::int32_t> parse_percent(std::string_view word) {
  if (word.ends_with('%')) {
    const std::optional<std::int32_t> percent = whole_number(word.substr(0, word.size() - 1));
    if (percent && *percent >= 1 && *percent <= 100) return *percent;
  }
  return Error{ErrorCode::kInvalidInput, fmt::format("found {} after the cluster, want the speed that is left, 1% to 100%", found(word))};
}

Result<Event> parse_words(std::string_view text, const DeviceSpec& device) {
  Words words(text);
  Event event;
  const std::string_view first = words.next();
  const std::string_view element = words.next();
  GATEFOLD_TRY(event.kind, parse_verb(first, element));
  GATEFOLD_TRY(event.cluster, parse_cluster(element, words.next(), device));
  if (event.kind == EventKind::kThrottle) {
    GATEFOLD_TRY(event.percent, parse_percent(words.next()));
  }
  if (const std::string_view extra = words.next(); !extra.empty()) {
    return Error{ErrorCode::kInvalidInput, fmt::format("found {} after the event, want nothing", found(extra))};
  }
  return event;
}

}  // namespace

Cycles cycles_of(std::int64_t picoseconds, std::int64_t clock_hz) {
  GATEFOLD_REQUIRE(picoseconds >= 0);
  GATEFOLD_REQUIRE(clock_hz > 0);
  const Int128 scaled = static_cast<Int128>(picoseconds) * clock_hz;
  const Int128 cycles = scaled / kPicosecondsPerSecond + (scaled % kPicosecondsPerSecond != 0);
  GATEFOLD_REQUIRE(cycles <= INT64_MAX);
  return Cycles(static_cast<std::int64_t>(cycles));
}

Result<TimedEvent> parse_event(std::string_view time, std::string_view text, const DeviceSpec& device) {
  auto picoseconds = parse_duration_ps(time);
  if (!picoseconds) return std::move(picoseconds).error().within(fmt::format("time of event '{}'", text));
  auto event = parse_words(text, device);
  if (!event) return std::move(event).error().within(fmt::format("event '{}'", text));
  return TimedEvent{cycles_of(picoseconds.value(), device.clock_hz), event.value()};
}

Result<std::vector<TimedEvent>> check_events(std::vector<TimedEvent> events) {
  std::stable_sort(events.begin(), events.end(), [](const TimedEvent& a, const TimedEvent& b) { return a.at < b.at; });
  struct State {
    bool occupied = false;
    bool throttled = false;
  };
  std::map<ClusterId, State> states;
  std::vector<std::string> diagnostics;
  for (const TimedEvent& timed : events) {
    State& state = states[timed.event.cluster];
    const auto refuse = [&](std::string_view reason) {
      diagnostics.push_back(fmt::format("event '{}' at cycle {}: the cluster is {}", text(timed.event), timed.at.count(), reason));
    };
    switch (timed.event.kind) {
      case EventKind::kOccupy:
        if (std::exchange(state.occupied, true)) refuse("occupied already");
        break;
      case EventKind::kRelease:
        if (!std::exchange(state.occupied, false)) refuse("not occupied");
        break;
      case EventKind::kThrottle: state.throttled = true; break;
      case EventKind::kRecover:
        if (!std::exchange(state.throttled, false)) refuse("not throttled");
        break;
    }
  }
  if (!diagnostics.empty()) return Error{ErrorCode::kInvalidInput, fmt::format("{}", fmt::join(diagnostics, "\n"))};
  return events;
}

std::string text(const Event& event) {
  std::string words = fmt::format("{} cluster {}", verb(event.kind), event.cluster.index());
  if (event.kind == EventKind::kThrottle) words += fmt::format(" {}%", event.percent);
  return words;
}

}  // namespace gatefold
