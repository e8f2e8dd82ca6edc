// The grammar of events, word by word:
//
//     occupy cluster N | release cluster N | throttle cluster N P%
//     fail ELEMENT | recover ELEMENT           ELEMENT: cluster N | core CLUSTER.CORE | bank CLUSTER.CORE.BANK
//
// Words are separated by blanks. A message repeats the event as it was written, says which word is wrong and what may
// stand there. What a chip cannot do yet ("cap power") is refused as not built, never ignored.
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

constexpr std::array<std::pair<std::string_view, EventKind>, 5> kVerbs{{
    {"occupy", EventKind::kOccupy},
    {"release", EventKind::kRelease},
    {"throttle", EventKind::kThrottle},
    {"fail", EventKind::kFail},
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
  if (word == "cap") {
    return Error{ErrorCode::kUnsupported, fmt::format("'{}{}{}' is not built; events are occupy, release, throttle, fail and recover", word,
                                                      next.empty() ? "" : " ", next)};
  }
  std::vector<std::string> names;
  for (const auto& entry : kVerbs) names.emplace_back(entry.first);
  const std::optional<std::string> near = nearest(word, names);
  return Error{ErrorCode::kInvalidInput, fmt::format("found {}, want occupy, release, throttle, fail or recover{}", found(word),
                                                     near ? fmt::format(" (did you mean {}?)", *near) : "")};
}

/// "0.2.1" -> {0, 2, 1}; nullopt unless it is `count` whole numbers joined by dots.
std::optional<std::array<std::int32_t, 3>> dotted_numbers(std::string_view word, std::size_t count) {
  std::array<std::int32_t, 3> numbers{-1, -1, -1};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t dot = i + 1 < count ? word.find('.') : word.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const std::optional<std::int32_t> number = whole_number(word.substr(0, dot));
    if (!number) return std::nullopt;
    numbers.at(i) = *number;
    word.remove_prefix(std::min(dot + 1, word.size()));
  }
  return numbers;
}

std::string dotted(std::int32_t cluster, std::int32_t core, std::int32_t bank) {
  std::string number = fmt::format("{}", cluster);
  if (core >= 0) number += fmt::format(".{}", core);
  if (bank >= 0) number += fmt::format(".{}", bank);
  return number;
}

/// The words for an element and how its number is written.
struct Level {
  std::string_view word;
  std::string_view form;
  std::size_t numbers;
};
constexpr std::array<Level, 3> kLevels{{{"cluster", "N", 1}, {"core", "CLUSTER.CORE", 2}, {"bank", "CLUSTER.CORE.BANK", 3}}};

std::string_view level_of(const Event& event) { return kLevels[event.bank >= 0 ? 2 : event.core >= 0 ? 1 : 0].word; }

/// Fills the element of `event`, whose kind says which levels may stand there.
Status parse_element(std::string_view word, std::string_view number, const DeviceSpec& device, Event& event) {
  const bool any = event.kind == EventKind::kFail || event.kind == EventKind::kRecover;
  const auto level = std::find_if(kLevels.begin(), kLevels.end(), [word](const Level& l) { return l.word == word; });
  if (level == kLevels.end()) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("found {}, want {}", found(word), any ? "'cluster', 'core' or 'bank'" : "'cluster'")};
  }
  if (!any && level->numbers > 1) {
    return Error{ErrorCode::kInvalidInput, fmt::format("found '{}', want 'cluster': only fail and recover take a core or a bank", word)};
  }
  const std::int32_t last[] = {device.cluster_count - 1, device.cores_per_cluster - 1, device.banks_per_core - 1};
  const std::string first = dotted(0, level->numbers > 1 ? 0 : -1, level->numbers > 2 ? 0 : -1);
  const std::string final = dotted(last[0], level->numbers > 1 ? last[1] : -1, level->numbers > 2 ? last[2] : -1);
  const auto numbers = dotted_numbers(number, level->numbers);
  if (!numbers) {
    return Error{ErrorCode::kInvalidInput, fmt::format("found {} after '{}', want a {}'s number{} from {} to {}", found(number), word, word,
                                                       level->numbers > 1 ? fmt::format(", {},", level->form) : "", first, final)};
  }
  for (std::size_t i = 0; i < level->numbers; ++i) {
    if (numbers->at(i) <= last[i]) continue;
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("there is no {} {}: {} has {}s {} to {}", word, number, device.name, word, first, final)};
  }
  event.cluster = ClusterId(numbers->at(0));
  event.core = numbers->at(1);
  event.bank = numbers->at(2);
  return Done{};
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
  GATEFOLD_CHECK(parse_element(element, words.next(), device, event));
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

Result<Event> parse_event(std::string_view text, const DeviceSpec& device) {
  auto event = parse_words(text, device);
  if (!event) return std::move(event).error().within(fmt::format("event '{}'", text));
  return event;
}

Result<TimedEvent> parse_event(std::string_view time, std::string_view text, const DeviceSpec& device) {
  auto picoseconds = parse_duration_ps(time);
  if (!picoseconds) return std::move(picoseconds).error().within(fmt::format("time of event '{}'", text));
  GATEFOLD_TRY(const Event event, parse_event(text, device));
  return TimedEvent{cycles_of(picoseconds.value(), device.clock_hz), event};
}

std::vector<EventConflict> event_conflicts(const std::vector<TimedEvent>& events) {
  struct State {
    bool occupied = false;
    bool throttled = false;
    bool failed = false;
  };
  std::map<std::array<std::int32_t, 3>, State> states;
  std::vector<EventConflict> conflicts;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i].event;
    State& state = states[{event.cluster.index(), event.core, event.bank}];
    const auto refuse = [&](std::string_view reason) { conflicts.push_back({i, fmt::format("the {} is {}", level_of(event), reason)}); };
    switch (event.kind) {
      case EventKind::kOccupy:
        if (std::exchange(state.occupied, true)) refuse("occupied already");
        break;
      case EventKind::kRelease:
        if (!std::exchange(state.occupied, false)) refuse("not occupied");
        break;
      case EventKind::kThrottle: state.throttled = true; break;
      case EventKind::kFail:
        if (std::exchange(state.failed, true)) refuse("failed already");
        break;
      case EventKind::kRecover:
        if (!state.throttled && !state.failed) refuse(event.core < 0 ? "neither throttled nor failed" : "not failed");
        state.throttled = state.failed = false;
        break;
    }
  }
  return conflicts;
}

Result<std::vector<TimedEvent>> check_events(std::vector<TimedEvent> events) {
  std::stable_sort(events.begin(), events.end(), [](const TimedEvent& a, const TimedEvent& b) { return a.at < b.at; });
  std::vector<std::string> diagnostics;
  for (const EventConflict& conflict : event_conflicts(events)) {
    const TimedEvent& event = events[conflict.index];
    diagnostics.push_back(fmt::format("event '{}' at cycle {}: {}", text(event.event), event.at.count(), conflict.reason));
  }
  if (!diagnostics.empty()) return Error{ErrorCode::kInvalidInput, fmt::format("{}", fmt::join(diagnostics, "\n"))};
  return events;
}

std::string text(const Event& event) {
  std::string words = fmt::format("{} {} {}", verb(event.kind), level_of(event), dotted(event.cluster.index(), event.core, event.bank));
  if (event.kind == EventKind::kThrottle) words += fmt::format(" {}%", event.percent);
  return words;
}

}  // namespace gatefold
