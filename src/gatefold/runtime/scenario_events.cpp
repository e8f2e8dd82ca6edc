// What happens in a scenario. Each element of the list is {at: TIME, do: EVENT}; the words of EVENT:
//
//     those of --at                              occupy, release, throttle, fail, recover (events.h)
//     throttle 25 % of clusters 50 %             the same for the first clusters, as many as the share says, rounded up
//     cap power 1.5 W | 0.8 of static | none
//     rate STREAM 5 Hz | 40 % utilisation | 3x
//     deadline STREAM 100 ms | 1.2 T_ref | none
//     arrive STREAM | leave STREAM
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "gatefold/base/quantity.h"
#include "gatefold/base/text.h"
#include "gatefold/runtime/scenario_reader.h"

namespace gatefold {
namespace {

constexpr std::size_t kEventsMax = 4096;
const std::vector<std::string> kVerbs = {"occupy", "release", "throttle", "fail", "recover", "cap", "rate", "deadline", "arrive", "leave"};

/// Words by blanks; "25 %" is one.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(word.size());
    if (word == "%" && !words.empty()) words.back() += '%';
    else words.emplace_back(word);
  }
  return words;
}

std::string joined(const std::vector<std::string>& words, std::size_t from) {
  std::string all;
  for (std::size_t i = from; i < words.size(); ++i) all += (i == from ? "" : " ") + words[i];
  return all;
}

/// "1/3" of the duration, rounded down.
std::optional<std::int64_t> fraction_of(std::string_view text, std::int64_t duration_ps) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || value < 0 || value > 1'000'000)
      return std::nullopt;
    return value;
  };
  const auto over = number(text.substr(0, slash));
  const auto under = number(text.substr(slash + 1));
  if (!over || !under || *over >= *under) return std::nullopt;
  return static_cast<std::int64_t>(static_cast<Int128>(duration_ps) * *over / *under);
}

class EventReader {
 public:
  EventReader(const DeviceSpec& device, const std::vector<NamedStreams>& names, Scenario& scenario, Diagnostics& diagnostics)
      : device_(device), names_(names), scenario_(scenario), diagnostics_(diagnostics) {}

  void read(const TreeNode& node) {
    if (node.kind != TreeNode::Kind::kList) {
      diagnostics_.add(node.line, "events", node.found(), "a list of {at: TIME, do: EVENT}");
      return;
    }
    for (const TreeNode& element : node.elements) {
      const KeyMap keys(element, "events", {"at", "do"}, diagnostics_);
      if (element.kind != TreeNode::Kind::kMap) continue;
      at_ = time(keys);
      const TreeNode* words = keys.find("do");
      if (words == nullptr || words->kind != TreeNode::Kind::kScalar) {
        diagnostics_.add(element.line, "events.do", words == nullptr ? "nothing" : words->found(), "an event");
        continue;
      }
      line_ = words->line;
      read_event(words->text);
      if (events_.size() <= kEventsMax) continue;
      diagnostics_.add(line_, "events", "one more", fmt::format("at most {}, of each cluster one", kEventsMax));
      return;
    }
    std::stable_sort(events_.begin(), events_.end(), [](const Located& a, const Located& b) { return a.event.at_ps < b.event.at_ps; });
    check_elements();
    check_presence();
    for (Located& located : events_) scenario_.events.push_back(std::move(located.event));
  }

 private:
  struct Located {
    int line;
    ScenarioEvent event;
  };

  void add(decltype(ScenarioEvent::what) what) { events_.push_back({line_, {at_, std::move(what)}}); }
  void refuse(std::string_view found, std::string_view wanted) { diagnostics_.add(line_, "events.do", found, wanted); }
  static std::string quoted(const std::vector<std::string>& words, std::size_t from) {
    return words.size() <= from ? "nothing" : in_quotes(joined(words, from));
  }

  std::int64_t time(const KeyMap& keys) {
    const TreeNode* node = keys.find("at");
    const auto fraction = node == nullptr ? std::nullopt : fraction_of(node->text, scenario_.duration_ps);
    const auto duration = node == nullptr ? std::nullopt : kDurationOrZero.parse(node->text);
    const std::optional<std::int64_t> at = fraction ? fraction : duration;
    if (!at || *at >= scenario_.duration_ps) {
      diagnostics_.add(node == nullptr ? keys.line() : node->line, "events.at", node == nullptr ? "nothing" : node->found(),
                       fmt::format("a time before the end ({} s), such as 20 s, or a fraction of the duration, such as 1/3",
                                   static_cast<double>(scenario_.duration_ps) / 1e12));
    }
    return at.value_or(0);
  }

  void read_event(std::string_view text) {
    const std::vector<std::string> words = words_of(text);
    const std::string verb = words.empty() ? "" : words.front();
    if (verb == "cap") return read_cap(words);
    if (verb == "rate" || verb == "deadline" || verb == "arrive" || verb == "leave") return read_stream_event(words);
    if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end()) {
      const auto near = nearest(verb, kVerbs);
      refuse(quoted(words, 0), near ? fmt::format("an event, perhaps '{}'", *near) : either_of(kVerbs));
      return;
    }
    if (words.size() > 3 && words[2] == "of" && words[3] == "clusters") return read_share(words);
    add_element(joined(words, 0));
  }

  void add_element(const std::string& text) {
    if (auto event = parse_event(text, device_)) add(event.value());
    else diagnostics_.say(line_, "events.do", event.error().message);
  }

  void read_share(const std::vector<std::string>& words) {
    const auto share = kPositiveShare.parse(words[1]);
    if (!share) return refuse(in_quotes(words[1]), kPositiveShare.wanted);
    // A tiny excess of binary fractions is no further cluster.
    const auto count = static_cast<std::int64_t>(*share * device_.cluster_count + 1 - 1e-9);
    for (std::int64_t k = 0; k < count; ++k) {
      const std::string rest = joined(words, 4);
      add_element(fmt::format("{} cluster {}{}{}", words[0], k, rest.empty() ? "" : " ", rest));
      if (events_.size() > kEventsMax) return;
    }
  }

  void read_cap(const std::vector<std::string>& words) {
    constexpr std::string_view kWanted = "'cap power' and a power such as 1.5 W, a share such as 0.8 of static, or none";
    if (words.size() < 3 || words[1] != "power") return refuse(quoted(words, 0), kWanted);
    const std::string amount = joined(words, 2);
    if (amount == "none") return add(PowerCap{});
    if (amount.ends_with(" of static")) {
      const auto share = kPositiveShare.parse(std::string_view(amount).substr(0, amount.size() - 10));
      return share ? add(PowerCap{{}, share}) : refuse(in_quotes(amount), kWanted);
    }
    const auto watts = kWatts.parse(amount);
    return watts ? add(PowerCap{watts, {}}) : refuse(in_quotes(amount), kWanted);
  }

  void read_stream_event(const std::vector<std::string>& words) {
    const std::string name = words.size() > 1 ? words[1] : "";
    const auto named = std::find_if(names_.begin(), names_.end(), [&](const NamedStreams& n) { return n.name == name; });
    if (named == names_.end()) {
      std::vector<std::string> known;
      for (const NamedStreams& n : names_) known.push_back(n.name);
      const auto near = nearest(name, known);
      refuse(fmt::format("{} after '{}'", name.empty() ? "nothing" : in_quotes(name), words[0]),
             near ? fmt::format("a stream of this file, perhaps '{}'", *near) : "a stream of this file: " + either_of(known));
      return;
    }
    for (const StreamId id : named->ids) {
      if (words[0] == "rate") read_rate(words, id);
      else if (words[0] == "deadline") read_deadline(words, id);
      else if (words.size() > 2) refuse(quoted(words, 2), "nothing after the stream");
      else if (words[0] == "arrive") add(StreamArrives{id});
      else add(StreamLeaves{id});
    }
  }

  void read_rate(const std::vector<std::string>& words, StreamId id) {
    const ArrivalProcess& arrivals = scenario_.stream(id).arrivals;
    const bool has_rate = arrivals.kind == ArrivalProcess::Kind::kPeriodic || arrivals.kind == ArrivalProcess::Kind::kPoisson;
    if (!has_rate) return refuse("a rate for a trace or a triggered stream", "one that has a rate");
    const std::string amount = joined(words, 2);
    if (const auto factor = kFactor.parse(amount)) return add(RateChange{id, {}, *factor});
    const auto rate = kRate.parse(amount);
    if (!rate) return refuse(quoted(words, 2), fmt::format("{}; or {}", kRate.wanted, kFactor.wanted));
    if (!arrivals.steps.empty()) return refuse("a rate for a stream with steps", "a factor, such as 3x");
    add(RateChange{id, rate, 1});
  }

  void read_deadline(const std::vector<std::string>& words, StreamId id) {
    const std::string amount = joined(words, 2);
    if (amount == "none") return add(DeadlineChange{id, {}});
    const auto level = kRelativeTime.parse(amount);
    return level ? add(DeadlineChange{id, {{*level}, 0}}) : refuse(quoted(words, 2), fmt::format("{}, or none", kRelativeTime.wanted));
  }

  // ---- events against each other ----

  void check_elements() {
    std::vector<TimedEvent> timed;
    std::vector<int> lines;
    for (const Located& located : events_) {
      if (const auto* event = std::get_if<Event>(&located.event.what)) {
        timed.push_back({cycles_of(located.event.at_ps, device_.clock_hz), *event});
        lines.push_back(located.line);
      }
    }
    for (const EventConflict& conflict : event_conflicts(timed)) {
      diagnostics_.say(lines[conflict.index], "events.do",
                       fmt::format("event '{}' on {}: {}", gatefold::text(timed[conflict.index].event), device_.name, conflict.reason));
    }
  }

  void check_presence() {
    std::vector<bool> present;
    for (const Stream& stream : scenario_.streams) present.push_back(stream.present);
    for (const Located& located : events_) {
      const auto* come = std::get_if<StreamArrives>(&located.event.what);
      const auto* gone = std::get_if<StreamLeaves>(&located.event.what);
      if (come == nullptr && gone == nullptr) continue;
      const StreamId id = come != nullptr ? come->stream : gone->stream;
      if (present[id.at()] == (come != nullptr)) {
        diagnostics_.say(located.line, "events.do",
                         fmt::format("stream '{}' is {} already", scenario_.stream(id).name, come != nullptr ? "there" : "gone"));
      }
      present[id.at()] = come != nullptr;
    }
  }

  const DeviceSpec& device_;
  const std::vector<NamedStreams>& names_;
  Scenario& scenario_;
  Diagnostics& diagnostics_;
  std::int64_t at_ = 0;
  int line_ = 1;
  std::vector<Located> events_;
};

}  // namespace

void read_scenario_events(const TreeNode& node, const DeviceSpec& device, const std::vector<NamedStreams>& names, Scenario& scenario,
                          Diagnostics& diagnostics) {
  EventReader(device, names, scenario, diagnostics).read(node);
}

}  // namespace gatefold
