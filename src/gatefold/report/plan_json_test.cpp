// Plan files: what is written is read back, and what is no plan is refused with a reason.
#include "gatefold/report/plan_json.h"

#include <gtest/gtest.h>

#include "cost/small_networks.h"
#include "gatefold/base/random.h"
#include "gatefold/remap/certify.h"
#include "gatefold/remap/check_plan.h"

namespace gatefold {
namespace {

OptionTable small_table() {
  DeviceSpec spec = test::small_chip();
  spec.bank.size = Bytes(10'000);
  spec.floor = EnergyPerCycle(300);
  spec.sram_byte = EnergyPerByte(100);
  spec.cluster.wake_energy = Energy(1);
  spec.core.wake_energy = Energy(1);
  return test::table_of(test::residual(), spec);
}

Certificate small_plan(const OptionTable& table, const PlanObjective& objective = {}) {
  auto plan = plan_static(table, objective);
  GATEFOLD_REQUIRE(plan.has_value());
  Certificate certificate = certify(table, objective, std::move(plan).value());
  certificate.model = "net.onnx";
  certificate.device = "small";
  certificate.symbols["batch"] = 2;
  return certificate;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  GATEFOLD_REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

std::string refusal(const std::string& text) {
  const auto plan = parse_plan(text);
  return plan ? "" : plan.error().message;
}

TEST(PlanJson, WhatIsWrittenIsReadBackAndHolds) {
  const OptionTable table = small_table();
  for (const PlanObjective& objective : {PlanObjective{}, PlanObjective{.deadline = Cycles(40)}, PlanObjective{.period = Cycles(100'000)}}) {
    const std::string text = plan_json(small_plan(table, objective), "1");
    const auto read = parse_plan(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(plan_json(read.value(), "1"), text);
    EXPECT_TRUE(check_plan(table, read.value()));
  }
}

TEST(PlanJson, MalformedFilesAreRefusedWithAReason) {
  const std::string text = plan_json(small_plan(small_table()), "1");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "the file is not JSON"},
      {"[1, 2]", "the file: want a JSON object"},
      {"{}", "model: missing"},
      {text.substr(0, text.size() / 2), "the file is not JSON"},
      {replaced(text, "\"model\":\"net.onnx\"", "\"model\":7"), "model: want a string"},
      {replaced(text, "\"dims\":{\"batch\":2}", "\"dims\":{\"batch\":0}"), "dims.batch: want an integer from 1 to 2147483647"},
      {replaced(text, "\"dims\":{\"batch\":2}", "\"dims\":[]"), "dims: want a JSON object"},
      {replaced(text, "\"device\":{\"name\"", "\"device\":{\"nome\""), "device.name: missing"},
      {replaced(text, "\"period_cycles\":null", "\"period_cycles\":-1"),
       "objective.period_cycles: want an integer from 1 to 1152921504606846976"},
      {replaced(text, "\"energy_fj\":\"", "\"energy_fj\":\"x"),
       "energy_fj: want femtojoules with three decimals as a string, such as \"12.500\""},
      {replaced(text, "\"gap_fj\":\"0.000\"", "\"gap_fj\":\"1.000\""), "bound.gap_fj: want energy_fj less bound.energy_fj"},
      {replaced(text, "\"time_price_aj_per_cycle\":0", "\"time_price_aj_per_cycle\":1.5"),
       "time_price_aj_per_cycle: want an integer from 0 to 1152921504606846976"},
      {replaced(text, "\"mean_aj\":null", "\"mean_aj\":1"), "mean: want one with a period, and only then"},
      {replaced(text, "\"layers\":[\"a\"", "\"layers\":[\"a\",\"a\""), "plan[1].layer: want the same order as in layers"},
      {replaced(text, "\"first\":", "\"first\":99999"), "plan[0].first: want an integer from 0 to 32767"},
      {replaced(text, "\"core_mask\":", "\"core_mask\":9999"), "plan[0].core_mask: want an integer from 1 to 65535"},
      {replaced(text, "\"split\":\"channels\"", "\"split\":\"both\""), "plan[0].split: want channels, columns or rows"},
      {replaced(text, "\"streamed\":false", "\"streamed\":0"), "plan[0].streamed: want true or false"},
      {replaced(text, "\"tight\":true", "\"tight\":null"), "tight: want true or false"},
      {replaced(text, "\"potentials\":[[", "\"potentials\":[[18446744073709551615,"),
       "potentials[0][0]: want attojoules, an integer or its digits as a string"},
      {replaced(text, "\"potentials\":[[", "\"potentials\":[[1,"), "potentials: want one for each option of each layer"},
      {replaced(text, "\"potentials\":[[", "\"potentials\":[[],["), "potentials: want one for each option of each layer"},
      {replaced(text, "\"arrivals\":[[", "\"arrivals\":[[],["), "arrivals: want one for each option of each layer"},
      {replaced(text, "\"candidates\":[[[", "\"candidates\":[[[0],["), "candidates[0][0]: want a pair of option and first cluster"},
      {replaced(text, "\"candidates\":[", "\"candidates\":[[],"), "candidates: want one list for each layer"},
      {replaced(text, "\"cuts\":[{\"layers\":[]", "\"cuts\":[{\"layers\":[0]"),
       "cut before 'a': layer 0 out of order, or not in the cut before"},
  };
  for (const auto& [file, want] : cases) EXPECT_EQ(refusal(file), want);
}

TEST(PlanJson, DamagedFilesAreReadOrRefusedButNeverCrash) {
  const OptionTable table = small_table();
  const std::string text = plan_json(small_plan(table), "1");
  SplitMix64 random(1);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = text;
    for (std::uint64_t k = 0; k <= random.next() % 3; ++k) {
      const std::size_t at = random.next() % damaged.size();
      if (random.next() % 3 == 0) damaged.erase(at, 1 + random.next() % 8);
      else damaged[at] = "0123456789-.,[]{}\":atrue"[random.next() % 24];
    }
    const auto plan = parse_plan(damaged);
    refused += !plan || !check_plan(table, plan.value());
  }
  EXPECT_GT(refused, 2000);
  EXPECT_FALSE(parse_plan(std::string(1'000'000, '[')));
}

}  // namespace
}  // namespace gatefold
