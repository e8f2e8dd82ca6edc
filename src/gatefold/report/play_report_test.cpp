// Reports of a small play that is built in code.
#include "gatefold/report/play_report.h"

#include <gtest/gtest.h>

namespace gatefold {
namespace {

using namespace literals;

ReportedPlay small_play(const std::string& policy, Energy compute) {
  ReportedPlay play;
  play.context.version = "0.1.0";
  play.context.command = "play";
  play.context.device = "chip";
  play.context.device_hash = "00ff";
  play.context.alias = policy;
  play.scenario.name = "small";
  play.scenario.description = "two streams";
  play.scenario.networks = {{"net", "zoo:ds-cnn"}};
  play.scenario.streams.resize(2);
  play.scenario.streams[0].deadline.levels = {{2'000'000'000, {}}};
  play.scenario.duration_ps = 1'000'000'000'000;
  PlayResult& result = play.result;
  result.policy = policy;
  result.seed = 7;
  result.clock_hz = 1'000'000;
  result.horizon = 1'000'000_cycles;
  result.streams.resize(2);
  result.streams[0].name = "words";
  result.streams[0].requests = 4;
  result.streams[0].completed = 3;
  result.streams[0].met = 2;
  result.streams[0].shed[2] = 1;
  result.streams[0].slowdown_sum = 4.5;
  for (const Cycles latency : {1000_cycles, 1000_cycles, 4000_cycles}) result.streams[0].latency.add(latency);
  result.streams[0].energy = compute;
  result.streams[1].name = "faces";
  result.shed_examples = {{"words", 3, 5000_cycles, ShedReason::kNoRoom, "layer 'conv1' has no cluster"}};
  result.qos = {0.5, 1.25, 1.5, 0.75};
  result.energy.compute = compute;
  result.energy.floor = 1000_fJ;
  result.cluster_count = 4;
  result.mean_active = 0.5;
  result.residency = {{"on", 0.25}, {"off", 0.75}};
  result.bound = {compute, {}, {}, {}, 1000_fJ};
  result.coalesced = {2, 1, 3000_cycles, 2000_cycles};
  result.executions = 30;
  return play;
}

TEST(PlayReport, JsonHasTheStableKeys) {
  const std::string json = play_json(small_play("static", 3000_fJ));
  std::size_t at = 0;
  for (const char* key : {"\"gatefold\": \"0.1.0\"",
                          "\"command\": \"play\"",
                          "\"scenario\": \"small\"",
                          "\"device\"",
                          "\"policy\": \"static\"",
                          "\"seed\": 7",
                          "\"duration_s\": 1.0",
                          "\"requests\": 4",
                          "\"completed\": 3",
                          "\"shed\": 1",
                          "\"shed_reasons\"",
                          "\"reason\": \"no room\"",
                          "\"reason\": \"layer 'conv1' has no cluster\"",
                          "\"latency_s\"",
                          "\"p50\": 0.001",
                          "\"max\": 0.004",
                          "\"deadline_misses\": 1",
                          "\"energy_j\"",
                          "\"energy_fj\"",
                          "\"total\": \"4000.000\"",
                          "\"clusters\"",
                          "\"gating\"",
                          "\"bound\"",
                          "\"energy_j\": 4e-12",
                          "\"floor_j\": 1e-12",
                          "\"coalescing\"",
                          "\"waited\": 2",
                          "\"wakes_saved\": 1",
                          "\"wait_s\": 0.003",
                          "\"wait_most_s\": 0.002",
                          "\"shifts\"",
                          "\"networks\"",
                          "\"faults\"",
                          "\"power_cap\"",
                          "\"streams\"",
                          "\"name\": \"words\"",
                          "\"network\": \"zoo:ds-cnn\"",
                          "\"slowdown\": 1.5",
                          "\"name\": \"faces\"",
                          "\"p50\": null",
                          "\"slowdown\": null",
                          "\"qos\"",
                          "\"met\": 0.5",
                          "\"stp\": 1.25",
                          "\"antt\": 1.5",
                          "\"fairness\": 0.75",
                          "\"residency\"",
                          "\"layer_executions\": 30",
                          "\"notes\""}) {
    const std::size_t found = json.find(key, at);
    ASSERT_NE(found, std::string::npos) << key << "\n" << json;
    at = found;
  }
  EXPECT_EQ(json.find("wall_s"), std::string::npos);
  EXPECT_EQ(json.find("alias"), std::string::npos);
}

TEST(PlayReport, TheTableShowsStreamsWithUnits) {
  const std::string table = play_table(small_play("static", 3000_fJ));
  // A quantile is its bin's end, at most 0.8 % more.
  EXPECT_NE(table.find("stream  requests  met  shed  deadline       p50   p99   max  energy/request\n"
                       "words          4    2     1      2 ms  1.003 ms  4 ms  4 ms            1 pJ\n"
                       "faces          0    0     0      none         -     -     -               -\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("4 arrived, 3 completed, 2 of them in time, 1 shed"), std::string::npos) << table;
  EXPECT_NE(table.find("2 requests waited to share a wake, 1.5 ms on average, 2 ms at most; 1 wakes saved"), std::string::npos) << table;
  EXPECT_NE(table.find("no room: words 3 at 5 ms: layer 'conv1' has no cluster"), std::string::npos) << table;
}

TEST(PlayReport, ComparisonsAreToStaticWithAndWithoutFloor) {
  const std::string table = play_compare_table({small_play("ungated", 7000_fJ), small_play("static", 3000_fJ)});
  EXPECT_NE(table.find("to static  to bound  without floor"), std::string::npos) << table;
  EXPECT_NE(table.find("2, 1.5 ms"), std::string::npos) << table;
  EXPECT_NE(table.find("2.000     1.000          2.333"), std::string::npos) << table;
  EXPECT_NE(table.find("1.000     1.000          1.000"), std::string::npos) << table;
  const std::string json = play_compare_json({small_play("ungated", 7000_fJ), small_play("static", 3000_fJ)});
  EXPECT_NE(json.find("\"policies\": ["), std::string::npos);
}

TEST(PlayReport, NotesSayWhatRelativeFiguresBecame) {
  Scenario asked = small_play("static", 1_fJ).scenario;
  asked.streams[0].name = "words";
  asked.streams[0].arrivals.rate.utilisation = 0.2;
  asked.streams[0].deadline.levels = {{0, 1.2}};
  asked.events = {{0, PowerCap{{}, 0.8}}};
  Scenario resolved = asked;
  ASSERT_TRUE(resolve_latencies(resolved, {{10'000'000'000}, {}}));
  ASSERT_TRUE(resolve_caps(resolved, {{}, {Power(1'000'000'000)}}));
  EXPECT_EQ(resolved_notes(asked, resolved),
            (std::vector<std::string>{"stream 'words': 20.0 % utilisation is 20 Hz", "stream 'words': a deadline of 1.2 T_ref is 12 ms",
                                      "a cap of 0.8 of static is 800 uW"}));
  EXPECT_TRUE(resolved_notes(resolved, resolved).empty());
}

}  // namespace
}  // namespace gatefold
