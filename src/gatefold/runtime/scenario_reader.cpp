#include "gatefold/runtime/scenario_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "gatefold/base/text.h"

namespace gatefold {
namespace {

constexpr std::size_t kNetworksMax = 64;
constexpr std::size_t kStreamsMax = 64;
constexpr std::size_t kWindowsMax = 64;
constexpr std::size_t kStepsMax = 256;
constexpr std::size_t kLevelsMax = 16;
constexpr std::size_t kSeedsMax = 64;
constexpr std::int64_t kTraceSizeMax = std::int64_t{64} << 20;
constexpr double kPicosecondsPerSecond = 1e12;

/// A key of `arrivals` and the processes that have it.
struct ArrivalKey {
  std::string_view key;
  std::string_view processes;
};
constexpr std::array<ArrivalKey, 13> kArrivalKeys{{
    {"rate", "periodic poisson mmpp"},
    {"jitter", "periodic"},
    {"steps", "periodic poisson"},
    {"during", "periodic poisson"},
    {"ratio", "mmpp"},
    {"sojourn", "mmpp"},
    {"file", "trace"},
    {"after", "triggered"},
    {"each", "triggered"},
    {"probability", "triggered"},
    {"count", "triggered"},
    {"apart", "triggered"},
    {"process", "periodic poisson mmpp trace triggered"},
}};

/// As they stand in messages, and in the order in which `word` returns them.
const std::vector<std::string> kProcesses = {"periodic", "poisson", "mmpp", "trace", "triggered"};
enum Process : std::size_t { kIsPeriodic, kIsPoisson, kIsMmpp, kIsTrace, kIsTriggered };

class Reader {
 public:
  Reader(const TreeNode& root, const ScenarioFileOptions& options, Diagnostics& diagnostics)
      : root_(root), options_(options), diagnostics_(diagnostics) {}

  Scenario read(const DeviceSpec& device) {
    const KeyMap keys(root_, "", scenario_keys(), diagnostics_);
    read_head(keys);
    if (const TreeNode* node = wanted_map("networks")) read_networks(*node);
    if (const TreeNode* node = root_.find("windows")) read_windows(*node);
    if (const TreeNode* node = wanted_map("streams")) read_streams(*node);
    if (const TreeNode* node = root_.find("declared")) read_declared(*node);
    check_networks_used();
    if (const TreeNode* node = root_.find("events")) read_scenario_events(*node, device, names_, scenario_, diagnostics_);
    return std::move(scenario_);
  }

 private:
  // ---- the file as a whole ----

  void read_head(const KeyMap& keys) {
    const TreeNode* name = root_.find("name");
    if (name != nullptr && name->kind == TreeNode::Kind::kScalar && is_name(name->text)) scenario_.name = name->text;
    else diagnostics_.add(name == nullptr ? 1 : name->line, "name", name == nullptr ? "nothing" : name->found(), kNameWanted);
    if (const TreeNode* text = root_.find("description")) {
      scenario_.description = text->text;
      if (!is_line_of_text(text->text)) {
        diagnostics_.add(text->line, "description", text->found(), fmt::format("one line of 1 to {} characters", kTextMax));
      }
    }
    scenario_.duration_ps = keys.require("duration", kPieceDuration).value_or(static_cast<std::int64_t>(kPicosecondsPerSecond));
    scenario_.seeds = {1};
    if (const TreeNode* seeds = root_.find("seeds")) scenario_.seeds = list<std::uint64_t>(*seeds, "seeds", kSeedsMax, kSeed);
  }

  /// A map that the file must have.
  const TreeNode* wanted_map(std::string_view key) {
    const TreeNode* node = root_.find(key);
    if (node == nullptr) diagnostics_.add(1, key, "nothing", "a map of names");
    return node;
  }

  /// Every element of a list; not empty unless something was complained about.
  template <class T>
  std::vector<T> list(const TreeNode& node, const std::string& key, std::size_t most, const ValueForm<T>& form) {
    std::vector<T> values;
    const bool is_short_list = node.kind == TreeNode::Kind::kList && !node.elements.empty() && node.elements.size() <= most;
    if (!is_short_list) {
      const bool is_list = node.kind == TreeNode::Kind::kList;
      diagnostics_.add(node.line, key, is_list ? fmt::format("a list of {}", node.elements.size()) : node.found(),
                       fmt::format("a list of 1 to {}", most));
      return values;
    }
    const KeyMap reader(root_, "", scenario_keys(), diagnostics_);
    for (const TreeNode& element : node.elements) {
      if (const auto value = reader.read_node(element, key, form)) values.push_back(*value);
    }
    return values;
  }

  /// Calls `read(entry, dotted key)` for the entries of a map of at most `most` names.
  template <class Read>
  void for_names(const TreeNode& node, const std::string& key, std::size_t most, const Read& read) {
    if (node.kind != TreeNode::Kind::kMap || node.entries.empty()) {
      diagnostics_.add(node.line, key, node.found(), "a map of names");
      return;
    }
    for (std::size_t i = 0; i < node.entries.size(); ++i) {
      const TreeEntry& entry = node.entries[i];
      const std::string dotted = fmt::format("{}.{}", key, entry.key);
      if (i == most) {
        diagnostics_.add(entry.line, dotted, "one more", fmt::format("at most {}", most));
        return;
      }
      if (is_name(entry.key)) read(entry, dotted);
      else diagnostics_.add(entry.line, key, in_quotes(entry.key) + " as a name", kNameWanted);
    }
  }

  /// What `names` has under the key's text.
  template <class T>
  std::optional<T> reference(const KeyMap& keys, std::string_view key, const std::vector<std::pair<std::string, T>>& names,
                             std::string_view what) {
    const TreeNode* node = keys.find(key);
    if (node == nullptr) return std::nullopt;
    std::vector<std::string> known;
    for (const auto& [name, id] : names) {
      if (node->kind == TreeNode::Kind::kScalar && node->text == name) return id;
      known.push_back(name);
    }
    const auto near = nearest(node->text, known);
    diagnostics_.add(
        node->line, keys.dotted(key), node->found(),
        near ? fmt::format("{} of this file, perhaps '{}'", what, *near) : fmt::format("{} of this file: {}", what, either_of(known)));
    return std::nullopt;
  }

  // ---- networks and windows ----

  void read_networks(const TreeNode& node) {
    for_names(node, "networks", kNetworksMax, [&](const TreeEntry& entry, const std::string& key) {
      network_ids_.emplace_back(entry.key, NetworkId(scenario_.networks.size()));
      network_lines_.push_back(entry.line);
      const TreeNode& source = entry.node;
      scenario_.networks.push_back({entry.key, source.text});
      if (source.kind != TreeNode::Kind::kScalar || !is_line_of_text(source.text)) {
        diagnostics_.add(entry.line, key, source.found(), "an .onnx file or zoo:NAME");
        return;
      }
      std::string& path = scenario_.networks.back().source;
      if (!path.starts_with("zoo:")) path = (options_.folder / path).string();
      if (const Status status = options_.check_network(path); !status) diagnostics_.say(entry.line, key, status.error().message);
    });
  }

  void check_networks_used() {
    for (std::size_t i = 0; i < scenario_.networks.size(); ++i) {
      const bool used =
          std::any_of(scenario_.streams.begin(), scenario_.streams.end(), [&](const Stream& s) { return s.network == NetworkId(i); });
      if (used || streams_broken_) continue;
      diagnostics_.add(network_lines_[i], "networks." + scenario_.networks[i].name, "a network that no stream uses",
                       "only those that are used");
    }
  }

  void read_windows(const TreeNode& node) {
    for_names(node, "windows", kWindowsMax, [&](const TreeEntry& entry, const std::string& key) {
      const KeyMap keys(entry.node, key, {"start", "every", "on", "from", "jitter"}, diagnostics_);
      ActivityWindows windows;
      windows.name = entry.key;
      windows.kind = static_cast<ActivityWindows::Kind>(keys.word("start", {"regular", "poisson", "switched"}).value_or(0));
      windows.every_ps = keys.require("every", kPieceDuration).value_or(0);
      windows.on_ps = keys.require("on", kPieceDuration).value_or(0);
      windows.from_ps = keys.read("from", kDurationOrZero);
      windows.jitter = keys.read("jitter", kShare).value_or(0);
      for (const char* regular : {"from", "jitter"}) {
        const TreeNode* stated = keys.find(regular);
        if (stated == nullptr || windows.kind == ActivityWindows::Kind::kRegular) continue;
        diagnostics_.add(stated->line, keys.dotted(regular), "a key of regular windows", "none: start is " + keys.find("start")->text);
      }
      const double longest = static_cast<double>(windows.every_ps) * (1 - windows.jitter);
      if (windows.every_ps > 0 && windows.on_ps > 0 &&
          (windows.on_ps >= windows.every_ps || static_cast<double>(windows.on_ps) > longest)) {
        diagnostics_.add(entry.line, keys.dotted("on"), in_quotes(keys.find("on")->text), "less than every * (1 - jitter)");
      }
      windows_ids_.emplace_back(entry.key, WindowsId(scenario_.windows.size()));
      scenario_.windows.push_back(std::move(windows));
    });
  }

  // ---- streams ----

  void read_streams(const TreeNode& node) {
    // Names first: a trigger may name a stream that stands below.
    for_names(node, "streams", kStreamsMax, [&](const TreeEntry& entry, const std::string& key) {
      NamedStreams named{entry.key, {}};
      std::int64_t copies = 1;
      if (entry.node.find("copies") != nullptr) {
        copies = KeyMap(entry.node, key, stream_keys(), diagnostics_).read("copies", kCopies).value_or(1);
      }
      for (std::int64_t i = 1; i <= copies; ++i) {
        named.ids.emplace_back(scenario_.streams.size());
        scenario_.streams.emplace_back().name = copies == 1 ? entry.key : fmt::format("{}-{}", entry.key, i);
      }
      names_.push_back(std::move(named));
      stream_nodes_.push_back(&entry);
    });
    if (scenario_.streams.size() > kStreamsMax) {
      diagnostics_.add(node.line, "streams", fmt::format("{} with their copies", scenario_.streams.size()),
                       fmt::format("at most {}", kStreamsMax));
      return;
    }
    for (std::size_t i = 0; i < names_.size(); ++i) read_stream(*stream_nodes_[i], names_[i]);
    check_names();
    check_triggers();
  }

  void read_stream(const TreeEntry& entry, const NamedStreams& named) {
    const KeyMap keys(entry.node, "streams." + entry.key, stream_keys(), diagnostics_);
    Stream stream;
    if (keys.find("network") == nullptr) diagnostics_.add(entry.line, keys.dotted("network"), "nothing", "a network of this file");
    if (const auto network = reference(keys, "network", network_ids_, "a network")) stream.network = *network;
    else streams_broken_ = true;
    if (const TreeNode* arrivals = keys.find("arrivals")) read_arrivals(*arrivals, keys.dotted("arrivals"), stream.arrivals);
    else diagnostics_.add(entry.line, keys.dotted("arrivals"), "nothing", "a map of " + either_of(arrival_keys()));
    if (const TreeNode* deadline = keys.find("deadline")) read_deadline(*deadline, keys.dotted("deadline"), stream.deadline);
    stream.priority = static_cast<std::int32_t>(keys.read("priority", kPriority).value_or(0));
    stream.present = keys.read("present", kYesOrNo).value_or(true);
    if (const TreeNode* exit = keys.find("early_exit")) {
      const KeyMap of_exit(*exit, keys.dotted("early_exit"), {"after", "probability"}, diagnostics_);
      stream.early_exit =
          EarlyExit{of_exit.require("after", kPositiveShare).value_or(1), of_exit.require("probability", kShare).value_or(0)};
    }
    if (const TreeNode* density = keys.find("density")) read_density(*density, keys.dotted("density"), stream);
    for (const StreamId id : named.ids) {
      stream.name = std::move(scenario_.streams[id.at()].name);
      scenario_.streams[id.at()] = stream;
    }
  }

  void read_deadline(const TreeNode& node, const std::string& key, Deadline& deadline) {
    if (node.kind != TreeNode::Kind::kMap) {
      const KeyMap reader(root_, "", scenario_keys(), diagnostics_);
      if (const auto level = reader.read_node(node, key, kRelativeTime)) deadline.levels = {*level};
      return;
    }
    const KeyMap keys(node, key, {"levels", "every"}, diagnostics_);
    if (const TreeNode* levels = keys.find("levels")) deadline.levels = list(*levels, keys.dotted("levels"), kLevelsMax, kRelativeTime);
    else diagnostics_.add(node.line, keys.dotted("levels"), "nothing", "a list of deadlines");
    deadline.every_ps = keys.require("every", kPieceDuration).value_or(1);
  }

  void read_density(const TreeNode& node, const std::string& key, Stream& stream) {
    DensityProfile profile;
    if (node.kind == TreeNode::Kind::kMap) {
      const KeyMap keys(node, key, {"from", "least", "most", "step"}, diagnostics_);
      profile.from = keys.require("from", kPositiveShare).value_or(1);
      profile.least = keys.require("least", kPositiveShare).value_or(profile.from);
      profile.most = keys.require("most", kPositiveShare).value_or(profile.from);
      profile.step = keys.require("step", kShare).value_or(0);
      if (profile.least > profile.from || profile.from > profile.most) {
        diagnostics_.add(node.line, key, fmt::format("{} from {} to {}", profile.from, profile.least, profile.most),
                         "least <= from <= most");
      }
    } else {
      const KeyMap reader(root_, "", scenario_keys(), diagnostics_);
      profile.from = profile.least = profile.most = reader.read_node(node, key, kPositiveShare).value_or(1);
    }
    stream.density = profile;
  }

  // ---- arrivals ----

  void read_arrivals(const TreeNode& node, const std::string& key, ArrivalProcess& arrivals) {
    const KeyMap keys(node, key, arrival_keys(), diagnostics_);
    if (node.kind != TreeNode::Kind::kMap) return;
    if (keys.find("process") == nullptr) diagnostics_.add(node.line, keys.dotted("process"), "nothing", either_of(kProcesses));
    const auto process = keys.word("process", kProcesses);
    if (!process) return;
    for (const ArrivalKey& row : kArrivalKeys) {
      const TreeNode* stated = keys.find(row.key);
      if (stated == nullptr || row.processes.find(kProcesses[*process]) != std::string_view::npos) continue;
      diagnostics_.add(stated->line, keys.dotted(row.key), fmt::format("a key of another process ({})", row.processes),
                       fmt::format("none: process is {}", kProcesses[*process]));
    }
    switch (*process) {
      case kIsTrace: read_trace(keys, arrivals); return;
      case kIsTriggered: read_trigger(keys, arrivals); return;
      case kIsMmpp: {
        arrivals.states = TwoStates{keys.require("ratio", kRatio).value_or(1), keys.require("sojourn", kPieceDuration).value_or(1)};
        break;
      }
      default: arrivals.jitter = keys.read("jitter", kShare).value_or(0.05); break;
    }
    arrivals.kind = *process == kIsPeriodic ? ArrivalProcess::Kind::kPeriodic : ArrivalProcess::Kind::kPoisson;
    arrivals.windows = reference(keys, "during", windows_ids_, "windows");
    if (const TreeNode* steps = keys.find("steps")) {
      if (const TreeNode* rate = keys.find("rate"))
        diagnostics_.add(rate->line, keys.dotted("rate"), "both rate and steps", "one of the two");
      read_steps(*steps, keys.dotted("steps"), arrivals);
    } else {
      arrivals.rate = keys.require("rate", kRate).value_or(Rate{1, {}});
    }
  }

  void read_steps(const TreeNode& node, const std::string& key, ArrivalProcess& arrivals) {
    if (node.kind != TreeNode::Kind::kList || node.elements.empty() || node.elements.size() > kStepsMax) {
      diagnostics_.add(node.line, key, node.found(), fmt::format("a list of 1 to {} maps of rate and for", kStepsMax));
      return;
    }
    for (const TreeNode& step : node.elements) {
      const KeyMap keys(step, key, {"rate", "for"}, diagnostics_);
      if (step.kind != TreeNode::Kind::kMap) continue;
      arrivals.steps.push_back({keys.require("rate", kRate).value_or(Rate{1, {}}), keys.require("for", kPieceDuration).value_or(1)});
    }
  }

  void read_trace(const KeyMap& keys, ArrivalProcess& arrivals) {
    arrivals.kind = ArrivalProcess::Kind::kTrace;
    arrivals.trace = std::make_shared<const std::vector<std::int64_t>>();
    const TreeNode* file = keys.find("file");
    if (file == nullptr || file->kind != TreeNode::Kind::kScalar || !is_line_of_text(file->text)) {
      diagnostics_.add(file == nullptr ? keys.line() : file->line, keys.dotted("file"), file == nullptr ? "nothing" : file->found(),
                       "a file of arrival times");
      return;
    }
    const auto text = read_file(options_.folder / file->text, kTraceSizeMax);
    auto times = text ? parse_trace(text.value()) : Result<std::vector<std::int64_t>>(text.error());
    if (times) arrivals.trace = std::make_shared<const std::vector<std::int64_t>>(std::move(times).value());
    else diagnostics_.say(file->line, keys.dotted("file"), times.error().message);
  }

  void read_trigger(const KeyMap& keys, ArrivalProcess& arrivals) {
    arrivals.kind = ArrivalProcess::Kind::kTriggered;
    Trigger trigger;
    std::vector<std::pair<std::string, StreamId>> single;
    for (const NamedStreams& named : names_) {
      if (named.ids.size() == 1) single.emplace_back(named.name, named.ids.front());
    }
    if (keys.find("after") == nullptr)
      diagnostics_.add(keys.line(), keys.dotted("after"), "nothing", "a stream of this file without copies");
    const auto after = reference(keys, "after", single, "a stream without copies");
    if (after) trigger.after = *after;
    else triggers_broken_ = true;
    trigger.each_window = keys.word("each", {"request", "window"}).value_or(0) == 1;
    trigger.probability = keys.require("probability", kPositiveShare).value_or(1);
    trigger.count = keys.read("count", kFewTimes).value_or(1);
    trigger.apart_ps = keys.read("apart", kDurationOrZero).value_or(0);
    arrivals.trigger = trigger;
  }

  // ---- what must hold between keys ----

  void check_names() {
    std::map<std::string, int> seen;
    for (const Stream& stream : scenario_.streams) {
      if (++seen[stream.name] == 2) {
        diagnostics_.add(1, "streams", fmt::format("two streams '{}', one of them a copy", stream.name), "names that stay apart");
      }
    }
  }

  /// Chains of triggers must begin with a stream that has requests of its own.
  void check_triggers() {
    if (triggers_broken_) return;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      StreamId id = names_[i].ids.front();
      const auto& trigger = scenario_.stream(id).arrivals.trigger;
      if (!trigger) continue;
      const int line = stream_nodes_[i]->line;
      const std::string key = fmt::format("streams.{}.arrivals", names_[i].name);
      const ArrivalProcess& before = scenario_.stream(trigger->after).arrivals;
      if (trigger->each_window && !before.windows && !before.trigger) {
        diagnostics_.add(line, key + ".each", fmt::format("'window', but '{}' has none", scenario_.stream(trigger->after).name), "request");
      }
      for (std::size_t steps = 0; scenario_.stream(id).arrivals.trigger; ++steps) {
        id = scenario_.stream(id).arrivals.trigger->after;
        if (steps < scenario_.streams.size()) continue;
        diagnostics_.add(line, key + ".after", "a circle of triggers", "one that begins with other arrivals");
        triggers_broken_ = true;
        return;
      }
    }
  }

  void read_declared(const TreeNode& node) {
    for_names(node, "declared", kStreamsMax, [&](const TreeEntry& entry, const std::string& key) {
      const auto named = std::find_if(names_.begin(), names_.end(), [&](const NamedStreams& n) { return n.name == entry.key; });
      if (named == names_.end()) {
        std::vector<std::string> known;
        for (const NamedStreams& n : names_) known.push_back(n.name);
        refuse_unknown_key(entry.line, key, entry.key, known, diagnostics_);
        return;
      }
      const KeyMap keys(entry.node, key, {"rate", "density"}, diagnostics_);
      const auto rate = keys.read("rate", kRate);
      const double density = keys.read("density", kPositiveShare).value_or(1);
      for (const StreamId id : named->ids) {
        scenario_.streams[id.at()].declared.rate = rate;
        scenario_.streams[id.at()].plan_density = density;
      }
    });
  }

  const TreeNode& root_;
  const ScenarioFileOptions& options_;
  Diagnostics& diagnostics_;
  Scenario scenario_;
  std::vector<std::pair<std::string, NetworkId>> network_ids_;
  std::vector<int> network_lines_;
  std::vector<std::pair<std::string, WindowsId>> windows_ids_;
  std::vector<NamedStreams> names_;
  std::vector<const TreeEntry*> stream_nodes_;  ///< of names_
  bool streams_broken_ = false;                 ///< some stream names no network
  bool triggers_broken_ = false;
};

}  // namespace

const std::vector<std::string>& scenario_keys() {
  static const std::vector<std::string> keys = {"name",    "description", "devices",  "duration", "seeds",     "networks",
                                                "windows", "streams",     "declared", "events",   "by_device", "device_overrides"};
  return keys;
}

const std::vector<std::string>& stream_keys() {
  static const std::vector<std::string> keys = {"network",    "arrivals", "deadline", "priority",
                                                "early_exit", "density",  "present",  "copies"};
  return keys;
}

const std::vector<std::string>& arrival_keys() {
  static const std::vector<std::string> keys = {"process", "rate",  "jitter", "steps",       "during", "ratio", "sojourn",
                                                "file",    "after", "each",   "probability", "count",  "apart"};
  return keys;
}

Scenario read_scenario_tree(const TreeNode& root, const DeviceSpec& device, const ScenarioFileOptions& options, Diagnostics& diagnostics) {
  return Reader(root, options, diagnostics).read(device);
}

}  // namespace gatefold
