#include "gatefold/host/calibration.h"

#include <gtest/gtest.h>

#include <fstream>

#include "gatefold/base/text.h"
#include "gatefold/host/session.h"
#include "host/machine_folder.h"
#include "host/spin_program.h"

namespace gatefold {
namespace {

const CalibrationKey kKey{"a processor", "a network", 2};

HostOptionTable small_table() {
  HostOptionTable table({1, 2}, {2, 1});
  table.set(0, 0, 2000);
  table.set(0, 1, 1100);
  table.set(1, 0, 300);
  return table;
}

TEST(Calibration, ATableSurvivesItsFile) {
  const std::string text = calibration_text(small_table(), kKey);
  HostOptionTable read({1, 2}, {2, 1});
  ASSERT_TRUE(parse_calibration(text, kKey, read));
  EXPECT_EQ(read.ns(0, 0), 2000);
  EXPECT_EQ(read.ns(0, 1), 1100);
  EXPECT_EQ(read.ns(1, 0), 300);
}

TEST(Calibration, AFileThatIsDamagedOrOfAnotherMachineIsRefusedAndChangesNothing) {
  const std::string text = calibration_text(small_table(), kKey);
  HostOptionTable table = small_table();
  const auto message = [&](const std::string& bytes, const CalibrationKey& key) {
    return parse_calibration(bytes, key, table).error().message;
  };
  std::string damaged = text;
  damaged[damaged.find("1100")] = '9';
  EXPECT_EQ(message(damaged, kKey), "calibration: the checksum does not match");
  EXPECT_EQ(message("", kKey), "calibration: the checksum does not match");
  EXPECT_EQ(message(text, {"another", "a network", 2}), "calibration: it is of another network or machine");
  const std::string body = text.substr(0, text.find("ns 300"));
  EXPECT_EQ(message(body + "sha256 " + sha256(body) + "\n", kKey), "calibration: layer 1: wanted 1 times");
  EXPECT_EQ(table.ns(0, 1), 1100);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_calibration(text.substr(0, size), kKey, table)) << size << " bytes of it are a whole file";
  }
}

TEST(Calibration, EveryLayerIsTimedForEveryCountThatItCanUse) {
  auto opened = HostSession::open({});
  ASSERT_TRUE(opened);
  HostSession session = std::move(opened).value();
  const auto program = test::spin_program();
  const auto network = session.load(program, "spin");
  ASSERT_TRUE(network);
  const HostNetworkFacts facts = session.facts(network.value());
  ASSERT_EQ(facts.ns.size(), program->layer_count());
  for (const float ns : facts.ns) EXPECT_GT(ns, 0);
  for (std::size_t layer = 3; layer < facts.parts.size(); layer += 4) EXPECT_EQ(facts.parts[layer], 1) << "cannot be split";
}

TEST(Calibration, AFolderKeepsTimesAndADamagedFileIsMeasuredAnew) {
  const test::MachineFolder folder("calibration");
  const auto program = test::spin_program(64, 4, 2);
  const auto load = [&] {
    HostOptions options;
    options.calibration_folder = folder.root() / "kept";
    HostSession session = std::move(HostSession::open(options)).value();
    return session.facts(session.load(program, "spin").value()).calibration;
  };
  EXPECT_EQ(load().rfind("measured", 0), 0U);
  const std::string again = load();
  ASSERT_EQ(again.rfind("from ", 0), 0U) << again;
  const std::filesystem::path kept = again.substr(5);
  std::ofstream(kept) << "nonsense";
  const std::string anew = load();
  EXPECT_EQ(anew.rfind("measured", 0), 0U);
  EXPECT_NE(anew.find("the checksum does not match"), std::string::npos) << anew;
  EXPECT_EQ(load().rfind("from ", 0), 0U);
}

TEST(Calibration, TheFingerprintIsOfWhatTimesDependOn) {
  const LayerGraph graph = test::spin_program(64, 4)->graph();
  LayerGraph renamed = graph;
  renamed.layers[0].name = "another";
  LayerGraph wider = graph;
  wider.layers[0].output_shape = Shape{65};
  EXPECT_EQ(fingerprint(graph, Numerics::kInteger), fingerprint(renamed, Numerics::kInteger));
  EXPECT_NE(fingerprint(graph, Numerics::kInteger), fingerprint(wider, Numerics::kInteger));
  EXPECT_NE(fingerprint(graph, Numerics::kInteger), fingerprint(graph, Numerics::kQdqFloat));
}

}  // namespace
}  // namespace gatefold
