// Is every shipped scenario read as it is meant, and every wrong one refused with all that is wrong with it?
#include "gatefold/runtime/scenario_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>

#include "gatefold/base/text.h"
#include "gatefold/runtime/scenario_arrivals.h"
#include "gatefold/runtime/scenario_reader.h"

namespace gatefold {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000'000;
const std::filesystem::path kFolder = std::filesystem::path(GATEFOLD_SOURCE_DIR) / "scenarios";

Status known_network(const std::string& source) {
  static const std::vector<std::string> known = {"zoo:ds-cnn",    "zoo:resnet8",          "zoo:mobilenet-v1-025-96", "zoo:face-320",
                                                 "zoo:toycar-ae", "zoo:mobilenet-v2-224", "zoo:resnet50-224"};
  if (std::find(known.begin(), known.end(), source) != known.end()) return Done{};
  return Error{ErrorCode::kInvalidInput, "there is no network '" + source + "'"};
}

ScenarioFileOptions options() { return {kFolder, known_network, {}}; }

std::vector<std::filesystem::path> shipped(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<ScenarioOnDevice> shipped_scenario(const std::string& name) {
  auto read = read_scenario(kFolder / (name + ".yaml"), options());
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? std::move(read).value() : std::vector<ScenarioOnDevice>(1);
}

constexpr std::string_view kSmall = R"(name: small
devices: [edge-nnic]
duration: 300 s
networks:
  net: zoo:ds-cnn
streams:
  words:
    network: net
    arrivals: {process: periodic, rate: 10 Hz}
    deadline: 100 ms
)";

/// kSmall with one text replaced.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kSmall);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string refusal(const std::string& text) {
  const auto read = parse_scenario(text, "f", options());
  return read ? "" : read.error().message;
}

// ---- The shipped files. ----

TEST(ScenarioFile, TheSuiteIsReadOnAllItsDevices) {
  const auto paths = shipped(kFolder);
  ASSERT_EQ(paths.size(), 16U);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto read = read_scenario(paths[i], options());
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read.value().size(), 3U) << paths[i];
    EXPECT_EQ(read.value()[0].device.name, "edge-16");
    EXPECT_EQ(read.value()[1].device.name, "mobile-npu");
    EXPECT_EQ(read.value()[2].device.name, "edge-nnic");
    for (const ScenarioOnDevice& on : read.value()) {
      EXPECT_EQ(on.scenario.name, paths[i].stem()) << paths[i];
      EXPECT_EQ(std::stoul(on.scenario.name), i + 1);
      EXPECT_EQ(on.scenario.seeds, (std::vector<std::uint64_t>{1, 2, 3}));
      EXPECT_EQ(on.scenario.duration_ps, (i == 2 ? 480 : i == 10 ? 30 : 300) * kSecond) << paths[i];
    }
  }
}

TEST(ScenarioFile, OwnScenariosAreRead) {
  for (const auto& path : shipped(kFolder / "extra")) {
    const auto read = read_scenario(path, options());
    ASSERT_TRUE(read) << read.error().message;
  }
}

TEST(ScenarioFile, EveryScenarioOfTheSuiteHasTheMeanRatesThatItDeclares) {
  for (const auto& path : shipped(kFolder)) {
    for (ScenarioOnDevice& on : shipped_scenario(path.stem().string())) {
      Scenario& scenario = on.scenario;
      StaticReference reference;
      reference.latency_ps.assign(scenario.networks.size(), kSecond / 100);
      reference.power.assign(scenario.events.size(), Power(1'000'000'000));
      ASSERT_TRUE(resolve_latencies(scenario, reference));
      ASSERT_TRUE(resolve_caps(scenario, reference));
      scenario.events.clear();
      scenario.duration_ps = std::max(scenario.duration_ps, 24'000 * kSecond);  // whole sweeps, many windows
      ScenarioArrivals arrivals(scenario, on.device.clock_hz, 1);
      std::vector<std::int64_t> counts(scenario.streams.size());
      while (const auto at = arrivals.next_at()) {
        const Arrival arrival = arrivals.take();
        ++counts[arrival.stream.at()];
        arrivals.completed(arrival, *at);
      }
      for (std::size_t i = 0; i < counts.size(); ++i) {
        const double mean = mean_rate_hz(scenario, StreamId(i));
        const double counted = static_cast<double>(counts[i]) / static_cast<double>(scenario.duration_ps) * kSecond;
        EXPECT_NEAR(counted / mean, 1, 0.25) << path << " " << scenario.streams[i].name;
      }
    }
  }
}

TEST(ScenarioFile, DevicesDifferWhereTheFileSaysSo) {
  const auto larger = shipped_scenario("02-steady-larger");
  EXPECT_EQ(larger[0].scenario.streams[0].arrivals.rate.hz, 10);
  EXPECT_EQ(larger[1].scenario.streams[0].arrivals.rate.hz, 30);
  EXPECT_EQ(larger[1].scenario.streams[0].arrivals.jitter, 0.05);
  const auto drift = shipped_scenario("07-density-drift");
  EXPECT_EQ(drift[0].device.activation_sparsity, ActivationSparsity::kSkip);
  EXPECT_EQ(drift[1].device.activation_sparsity, ActivationSparsity::kGate);
  EXPECT_NE(drift[0].device.hash, shipped_scenario("08-throttling")[0].device.hash);
  EXPECT_EQ(drift[0].scenario.streams[0].plan_density, 0.6);
  EXPECT_EQ(drift[0].scenario.streams[0].density->step, 0.05);
  const auto day = shipped_scenario("12-a-day");
  EXPECT_EQ(day[0].scenario.networks[3].source, "zoo:face-320");
  EXPECT_EQ(day[1].scenario.networks[3].source, "zoo:mobilenet-v2-224");
}

TEST(ScenarioFile, EventsKnowTheChipAndTheDuration) {
  const auto throttling = shipped_scenario("08-throttling");
  EXPECT_EQ(throttling[0].scenario.events.size(), 8U);  // a quarter of 16, twice
  EXPECT_EQ(throttling[2].scenario.events.size(), 2U);  // of 4
  const ScenarioEvent& first = throttling[2].scenario.events[0];
  EXPECT_EQ(first.at_ps, 100 * kSecond);
  EXPECT_EQ(std::get<Event>(first.what).kind, EventKind::kThrottle);
  EXPECT_EQ(std::get<Event>(first.what).percent, 50);
  EXPECT_EQ(throttling[2].scenario.events[1].at_ps, 200 * kSecond);
  const Scenario cap = shipped_scenario("10-power-cap")[0].scenario;
  EXPECT_TRUE(wants_static_power(cap));
  EXPECT_EQ(std::get<PowerCap>(cap.events[0].what).of_static, 0.8);
  const Scenario overload = shipped_scenario("11-overload")[0].scenario;
  EXPECT_EQ(overload.streams[0].arrivals.rate.utilisation, 0.2);
  EXPECT_EQ(std::get<RateChange>(overload.events[1].what).factor, 3);
  const Scenario swings = shipped_scenario("15-deadline-swings")[0].scenario;
  EXPECT_EQ(swings.streams[0].deadline.levels[1].of_reference, 10);
  const Scenario cascade = shipped_scenario("06-cascade")[0].scenario;
  EXPECT_EQ(cascade.streams[2].arrivals.trigger->after, StreamId(1));
  EXPECT_TRUE(cascade.streams[2].arrivals.trigger->each_window);
}

TEST(ScenarioFile, WrongRatesAreThoseOfTheBurstyScenarioButForWhatIsDeclared) {
  const Scenario bursty = shipped_scenario("04-two-bursty")[0].scenario;
  const Scenario wrong = shipped_scenario("14-wrong-rates")[0].scenario;
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(declared_rate_hz(bursty, StreamId(i)), 2, 1e-12);
    EXPECT_NEAR(declared_rate_hz(wrong, StreamId(i)), 0.04, 1e-12);
    EXPECT_NEAR(mean_rate_hz(wrong, StreamId(i)), 2, 1e-12);
  }
}

TEST(ScenarioFile, CopiesAreStreamsOfTheirOwnThatEventsNameTogether) {
  const auto read = read_scenario(kFolder / "extra" / "doorbell.yaml", options());
  ASSERT_TRUE(read);
  const Scenario& scenario = read.value()[0].scenario;
  ASSERT_EQ(scenario.streams.size(), 5U);
  EXPECT_EQ(scenario.streams[1].name, "camera-1");
  EXPECT_EQ(scenario.streams[2].name, "camera-2");
  EXPECT_EQ(scenario.streams[1].network, scenario.streams[2].network);
  const auto leaves = [](const ScenarioEvent& e) { return std::holds_alternative<StreamLeaves>(e.what); };
  EXPECT_EQ(std::count_if(scenario.events.begin(), scenario.events.end(), leaves), 2);
  EXPECT_GT(scenario.streams[3].arrivals.trace->size(), 5U);
}

TEST(ScenarioFile, TheCallersDeviceReplacesTheFilesOwn) {
  ScenarioFileOptions other = options();
  other.device = "mobile-npu";
  const auto read = parse_scenario(std::string(kSmall), "f", other);
  ASSERT_TRUE(read);
  ASSERT_EQ(read.value().size(), 1U);
  EXPECT_EQ(read.value()[0].device.name, "mobile-npu");
}

// ---- What is refused. ----

TEST(ScenarioErrors, AreReportedAllAtOnce) {
  EXPECT_EQ(refusal(R"(name: broken
devices: [edge-nnic, mobile-npu]
duration: 300 s
networks:
  net: zoo:ds-cmn
streams:
  words:
    network: net
    arrivals: {process: periodic, rate: -10 Hz}
    deadlin: 100 ms
events:
  - {at: 10 s, do: fail cluster 4}
  - {at: 20 s, do: fail cluster 2}
  - {at: 30 s, do: fail cluster 2}
)"),
            "f:5: networks.net: there is no network 'zoo:ds-cmn'\n"
            "f:9: streams.words.arrivals.rate: found '-10 Hz', wanted requests per second from 1e-6 to 1e6, such as 10 Hz, or a share of "
            "time, such as 40 % utilisation\n"
            "f:10: streams.words.deadlin: found an unknown key, wanted a known one, perhaps 'deadline'\n"
            "f:12: events.do: event 'fail cluster 4': there is no cluster 4: edge-nnic has clusters 0 to 3\n"
            "f:14: events.do: event 'fail cluster 2' on edge-nnic: the cluster is failed already\n"
            "f:14: events.do: event 'fail cluster 2' on mobile-npu: the cluster is failed already");
}

TEST(ScenarioErrors, AnUnknownDeviceHidesNoOther) {
  std::string text = with("[edge-nnic]", "[edge-nic]");
  text.replace(text.find("10 Hz"), 5, "10 kg");
  const std::string message = refusal(text);
  EXPECT_NE(message.find("f:2: devices: device 'edge-nic'"), std::string::npos) << message;
  EXPECT_NE(message.find("f:9: streams.words.arrivals.rate: found '10 kg'"), std::string::npos) << message;
}

struct Refused {
  std::string from, to, message;
};

TEST(ScenarioErrors, SayWhatWasFoundAndWhatIsWanted) {
  const std::string streams = "words:\n    network: net\n    arrivals: {process: periodic, rate: 10 Hz}\n";
  const std::string arrivals = "{process: periodic, rate: 10 Hz}";
  const Refused cases[] = {
      {"name: small", "name: Small", "f:1: name: found 'Small', wanted 1 to 64 lower-case letters, digits, - and _"},
      {"name: small\n", "", "f:1: name: found nothing, wanted 1 to 64 lower-case letters, digits, - and _"},
      {"devices: [edge-nnic]", "seeds: [x]",
       "f:1: devices: found nothing, wanted a list of 1 to 16 devices\n"
       "f:2: seeds: found 'x', wanted a whole number from 0 to 2^64 - 1"},
      {"[edge-nnic]", "edge-nnic", "f:2: devices: found 'edge-nnic', wanted a list of 1 to 16 devices"},
      {"[edge-nnic]", "[edge-nnic, edge-nnic]", "f:2: devices: found 'edge-nnic', wanted it once"},
      {"300 s", "300", "f:3: duration: found '300', wanted a duration of at least 1 ms, such as 2 s"},
      {"300 s", "0 s", "f:3: duration: found '0 s', wanted a duration of at least 1 ms, such as 2 s"},
      {"300 s", "300 s\nseeds: []", "f:4: seeds: found a list of 0, wanted a list of 1 to 64"},
      {"300 s", "300 s\nseeds: [1, x]", "f:4: seeds: found 'x', wanted a whole number from 0 to 2^64 - 1"},
      {"300 s", "300 s\nduration: 1 s", "f:4: duration: found the key a second time, wanted it once (first on line 3)"},
      {"streams:", "stream:",
       "f:1: streams: found nothing, wanted a map of names\n"
       "f:5: networks.net: found a network that no stream uses, wanted only those that are used\n"
       "f:6: stream: found an unknown key, wanted a known one, perhaps 'streams'"},
      {"network: net", "network: nett", "f:8: streams.words.network: found 'nett', wanted a network of this file, perhaps 'net'"},
      {"periodic", "perodic", "f:9: streams.words.arrivals.process: found 'perodic', wanted periodic, poisson, mmpp, trace or triggered"},
      {"process: periodic, ", "", "f:9: streams.words.arrivals.process: found nothing, wanted periodic, poisson, mmpp, trace or triggered"},
      {"rate: 10 Hz", "rate: 10",
       "f:9: streams.words.arrivals.rate: found '10', wanted requests per second from 1e-6 to 1e6, such as 10 Hz, "
       "or a share of time, such as 40 % utilisation"},
      {"rate: 10 Hz", "rate: 10 Hz, ratio: 3",
       "f:9: streams.words.arrivals.ratio: found a key of another process (mmpp), wanted none: process is periodic"},
      {"rate: 10 Hz", "rate: 10 Hz, jitter: 150 %",
       "f:9: streams.words.arrivals.jitter: found '150 %', wanted a share from 0 to 1, such as 0.05 or 5 %"},
      {"rate: 10 Hz", "rate: 10 Hz, during: night", "f:9: streams.words.arrivals.during: found 'night', wanted windows of this file: "},
      {arrivals, "{process: trace, file: none.csv}", "f:9: streams.words.arrivals.file: "},
      {arrivals, "{process: triggered, after: words, probability: 1}",
       "f:7: streams.words.arrivals.after: found a circle of triggers, wanted one that begins with other arrivals"},
      {"100 ms", "fast", "f:10: streams.words.deadline: found 'fast', wanted a duration such as 100 ms, or a multiple such as 1.2 T_ref"},
      {"100 ms", "{levels: [1 T_ref]}",
       "f:10: streams.words.deadline.every: found nothing, wanted a duration of at least 1 ms, such as 2 s"},
      {"100 ms", "100 ms\n    priority: high", "f:11: streams.words.priority: found 'high', wanted a whole number from -100 to 100"},
      {"100 ms", "100 ms\n    density: {from: 0.1, least: 0.2, most: 1, step: 0.1}",
       "f:11: streams.words.density: found 0.1 from 0.2 to 1, wanted least <= from <= most"},
      {"100 ms", "100 ms\n    copies: 65", "f:11: streams.words.copies: found '65', wanted a whole number from 1 to 64"},
      {"100 ms", "100 ms\ndeclared:\n  wards: {rate: 1 Hz}",
       "f:12: declared.wards: found an unknown key, wanted a known one, perhaps 'words'"},
      {"100 ms", "100 ms\nwindows:\n  w: {every: 10 s, on: 10 s}",
       "f:12: windows.w.on: found '10 s', wanted less than every * (1 - jitter)"},
      {"100 ms", "100 ms\nby_device:\n  edge-nic: {duration: 1 s}",
       "f:12: by_device.edge-nic: found an unknown key, wanted a known one, perhaps 'edge-nnic'"},
      {"100 ms", "100 ms\ndevice_overrides:\n  compute: {lanes: 8}",
       "f:12: compute.lanes: found '8', wanted {value: .., source: \"..\", trust: ..}"},
      {"100 ms", "100 ms\ndevice_overrides:\n  compute: {lains: 8}",
       "f:12: compute.lains: found an unknown key, wanted kind, type, clusters, "},
      {"[edge-nnic]", "[edge-nic]", "f:2: devices: device 'edge-nic': unknown"},
  };
  for (const Refused& c : cases) EXPECT_EQ(refusal(with(c.from, c.to)).substr(0, c.message.size()), c.message) << c.to;
}

TEST(ScenarioErrors, SayWhatIsWrongWithAnEvent) {
  const std::pair<std::string, std::string> cases[] = {
      {"at: 300 s, do: fail cluster 0",
       "events.at: found '300 s', wanted a time before the end (300 s), such as 20 s, or a fraction of the "
       "duration, such as 1/3"},
      {"at: 3/2, do: fail cluster 0", "events.at: found '3/2', wanted a time before"},
      {"do: fail cluster 0", "events.at: found nothing, wanted a time before"},
      {"at: 1 s", "events.do: found nothing, wanted an event"},
      {"at: 1 s, do: faill cluster 0", "events.do: found 'faill cluster 0', wanted an event, perhaps 'fail'"},
      {"at: 1 s, do: fail core 0", "events.do: event 'fail core 0': found '0' after 'core'"},
      {"at: 1 s, do: recover cluster 0", "events.do: event 'recover cluster 0' on edge-nnic: the cluster is neither throttled nor failed"},
      {"at: 1 s, do: throttle 0 % of clusters 50 %", "events.do: found '0%', wanted a share of more than 0"},
      {"at: 1 s, do: cap power", "events.do: found 'cap power', wanted 'cap power' and a power such as 1.5 W"},
      {"at: 1 s, do: cap power 2 J", "events.do: found '2 J', wanted 'cap power' and a power"},
      {"at: 1 s, do: cap power 80 % of greedy", "events.do: found '80% of greedy', wanted 'cap power' and a power"},
      {"at: 1 s, do: rate wards 3x", "events.do: found 'wards' after 'rate', wanted a stream of this file, perhaps 'words'"},
      {"at: 1 s, do: rate words", "events.do: found nothing, wanted requests per second"},
      {"at: 1 s, do: rate words -3x", "events.do: found '-3x', wanted requests per second"},
      {"at: 1 s, do: deadline words soon",
       "events.do: found 'soon', wanted a duration such as 100 ms, or a multiple such as 1.2 T_ref, or none"},
      {"at: 1 s, do: arrive words", "events.do: stream 'words' is there already"},
      {"at: 1 s, do: leave words now", "events.do: found 'now', wanted nothing after the stream"},
  };
  for (const auto& [event, message] : cases) {
    const std::string found = refusal(std::string(kSmall) + "events:\n  - {" + event + "}\n");
    EXPECT_EQ(found.substr(0, message.size() + 6), "f:12: " + message) << event;
  }
}

TEST(ScenarioErrors, RefuseWhatIsNoScenario) {
  EXPECT_EQ(refusal(""), "f:1: found an empty file, wanted a scenario");
  EXPECT_EQ(refusal("- a\n"), "f:1: found a list, wanted a map of the keys of docs/scenarios.md");
  EXPECT_EQ(refusal(std::string((1 << 20) + 1, '#')), "f: found 1048577 bytes, wanted at most 1048576");
  EXPECT_EQ(refusal("name: &a small\n").substr(0, 47), "f:1: name: found an anchor, wanted plain values");
}

TEST(ScenarioErrors, ATraceIsRefusedByItsLine) {
  EXPECT_EQ(parse_trace("seconds,who\n0.5,guest\n# nobody\n1.25\n").value(), (std::vector<std::int64_t>{kSecond / 2, kSecond * 5 / 4}));
  EXPECT_EQ(parse_trace("1\n0.5\n").error().message, "found '0.5' in line 2, wanted seconds from 0 to 1e6, ascending");
  EXPECT_EQ(parse_trace("t\nx\n").error().message, "found 'x' in line 2, wanted seconds from 0 to 1e6, ascending");
  EXPECT_EQ(parse_trace("-1\n").error().message, "found '-1' in line 1, wanted seconds from 0 to 1e6, ascending");
  EXPECT_EQ(parse_trace("t\n").error().message, "found no time, wanted seconds in the first column");
}

/// A random edit of one to four places: bytes replaced, spans deleted, doubled or swapped with another place.
std::string mutated(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = " \n\t:{}[],&*!|>'\"%#?-.0123456789eExTsmHz/\x01\xff";
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (std::size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = below(text.size());
    const std::size_t size = std::min<std::size_t>(1 + below(40), text.size() - at);
    switch (below(5)) {
      case 0: text[at] = kBytes[below(kBytes.size())]; break;
      case 1: text.erase(at, size); break;
      case 2: text.insert(at, text.substr(at, size)); break;
      case 3: text.insert(at, 1, kBytes[below(kBytes.size())]); break;
      default: std::swap(text[at], text[below(text.size())]); break;
    }
  }
  return text;
}

TEST(ScenarioErrors, MutatedFilesGiveAScenarioOrLocatedErrors) {
  std::vector<std::string> texts;
  for (const auto& path : shipped(kFolder)) texts.push_back(read_file(path, 1 << 20).value());
  texts.push_back(read_file(kFolder / "extra" / "doorbell.yaml", 1 << 20).value());
  ScenarioFileOptions one = options();
  one.folder = kFolder / "extra";
  one.device = "edge-nnic";  // one chip per file: what differs by device is read once all the same
  int refused = 0;
  constexpr unsigned kCases = 1000;
  for (unsigned seed = 0; seed < kCases; ++seed) {
    std::mt19937 random(seed);
    const auto read = parse_scenario(mutated(texts[seed % texts.size()], random), "f", one);
    if (!read) {
      ++refused;
      EXPECT_EQ(read.error().message.rfind("f:", 0), 0U) << seed << ": " << read.error().message;
      continue;
    }
    // What is read can be resolved and begun.
    for (ScenarioOnDevice on : read.value()) {
      StaticReference reference;
      reference.latency_ps.assign(on.scenario.networks.size(), kSecond / 100);
      reference.power.assign(on.scenario.events.size(), Power(1'000'000'000));
      if (!resolve_latencies(on.scenario, reference) || !resolve_caps(on.scenario, reference)) continue;
      ScenarioArrivals arrivals(on.scenario, on.device.clock_hz, seed);
      for (int i = 0; i < 100 && arrivals.next_at(); ++i) arrivals.completed(arrivals.take(), Cycles(0));
    }
  }
  EXPECT_GT(refused, 400);
  EXPECT_LT(refused, 1000);
}

TEST(ScenarioErrors, HostileTextIsRefusedQuickly) {
  constexpr std::size_t kSize = 1 << 16;
  for (const std::string_view unit :
       {"[", "{", "- ", "? ", "a: ", "&a ", "!a ", "'", "|\n", "%", "\xff", "a\n", "a:\n", "- {at: 1 s, do: x}\n"}) {
    for (const std::string_view begin : {"", "events:\n", "streams:\n"}) {
      std::string text(begin);
      while (text.size() + unit.size() <= kSize) text += unit;
      EXPECT_NE(refusal(text), "") << begin << unit;
    }
  }
}

// ---- The manual. ----

TEST(ScenarioManual, DescribesEveryKey) {
  const std::string manual = read_file(std::filesystem::path(GATEFOLD_SOURCE_DIR) / "docs/scenarios.md", 1 << 20).value();
  for (const auto* keys : {&scenario_keys(), &stream_keys(), &arrival_keys()}) {
    for (const std::string& key : *keys) EXPECT_NE(manual.find("| `" + key + "` |"), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace gatefold
