#include "gatefold/device/spec.h"

#include <gtest/gtest.h>

#include "gatefold/base/text.h"
#include "gatefold/device/shipped.h"

namespace gatefold {
namespace {

DeviceSpec shipped(std::string_view name) {
  auto spec = find_device(name);
  EXPECT_TRUE(spec) << spec.error().message;
  return spec ? std::move(spec).value() : DeviceSpec{};
}

void expect_gate(const GateSpec& gate, std::int64_t on, std::int64_t gated, std::int64_t latency, std::int64_t energy) {
  EXPECT_EQ(gate.on.count(), on);
  EXPECT_EQ(gate.gated.count(), gated);
  EXPECT_EQ(gate.wake_latency.count(), latency);
  EXPECT_EQ(gate.wake_energy.count(), energy);
}

const SpecEntry& entry(const DeviceSpec& spec, std::string_view key) {
  static const SpecEntry kNone{};
  for (const SpecEntry& e : spec.entries) {
    if (e.key == key) return e;
  }
  ADD_FAILURE() << key;
  return kNone;
}

// The worked examples of docs/devices.md.
TEST(ShippedDevice, EdgeNnicResolvesToWorkedNumbers) {
  const DeviceSpec spec = shipped("edge-nnic");
  EXPECT_EQ(spec.name, "edge-nnic");
  EXPECT_EQ(spec.default_rank, 1);
  EXPECT_EQ(spec.clock_hz, 100'000'000);
  EXPECT_EQ(spec.cluster_count, 4);
  EXPECT_EQ(spec.cores_per_cluster, 4);
  EXPECT_EQ(spec.core_kind, CoreKind::kReduction);
  EXPECT_EQ(spec.lanes, 64);
  EXPECT_EQ(spec.inputs_per_unit, 144);
  EXPECT_EQ(spec.array_dim, 0);
  EXPECT_EQ(spec.weight_load, Cycles(64));
  EXPECT_EQ(spec.pipeline_latency, Cycles(50));
  EXPECT_EQ(spec.segment_layers, 1);
  EXPECT_EQ(spec.float_element, Bytes(1));
  EXPECT_EQ(spec.compute_type, "int8");
  EXPECT_EQ(spec.mac, EnergyPerMac(2'400'000));
  EXPECT_EQ(spec.lane_add, Energy(100'000));
  EXPECT_EQ(spec.vector_per_cluster, ValuesPerCycle(64));
  EXPECT_EQ(spec.vector_pool, ValuesPerCycle(0));
  expect_gate(spec.vector_pool_gate, 0, 0, 0, 0);
  EXPECT_EQ(spec.vector_value, EnergyPerValue(300'000));
  EXPECT_EQ(spec.output_bus, BytesPerCycle(64));
  EXPECT_EQ(spec.memory(), Bytes(2 << 20));
  EXPECT_EQ(spec.sram_byte, EnergyPerByte(1'500'000));
  EXPECT_EQ(spec.external_byte, EnergyPerByte(100'000'000));
  EXPECT_EQ(spec.external_bytes_per_second, 200'000'000);
  EXPECT_EQ(spec.wire_byte_pitch, EnergyPerByte(400'000));  // 8 * 100 fJ * 0.5
  EXPECT_EQ(spec.route_change, Cycles(16));
  EXPECT_EQ(spec.route_control, Bytes(32));
  // 0.2 mW/MiB * 16 KiB = 3.125 uW at 100 MHz; RETENTION a quarter (7812.5, ties to even), OFF 0.0002 of it (6.25).
  EXPECT_EQ(spec.banks_per_core, 8);
  EXPECT_EQ(spec.bank.size, Bytes(16 << 10));
  EXPECT_EQ(spec.bank.on, EnergyPerCycle(31'250));
  EXPECT_EQ(spec.bank.retention, EnergyPerCycle(7'812));
  EXPECT_EQ(spec.bank.off, EnergyPerCycle(6));
  EXPECT_EQ(spec.bank.wake_latency_retention, Cycles(4));
  EXPECT_EQ(spec.bank.wake_latency_off, Cycles(10));
  EXPECT_EQ(spec.bank.wake_energy_retention, Energy(41 * (31'250 - 7'812)));
  EXPECT_EQ(spec.bank.wake_energy_off, Energy(82 * (31'250 - 6)));
  expect_gate(spec.core, 500'000, 15'000, 10, 47 * 485'000);
  expect_gate(spec.cluster, 600'000, 18'000, 60, 469 * 582'000);
  ASSERT_EQ(spec.uncore.size(), 1U);
  EXPECT_EQ(spec.uncore[0].name, "chip");
  EXPECT_EQ(spec.uncore[0].use, UncoreUse::kRequests);
  expect_gate(spec.uncore[0].gate, 30'000'000, 0, 10'000, 1'000'000'000'000);
  EXPECT_EQ(spec.floor, EnergyPerCycle(300'000));
}

TEST(ShippedDevice, Edge16DiffersFromEdgeNnicWhereItSays) {
  const DeviceSpec spec = shipped("edge-16");
  EXPECT_EQ(spec.default_rank, 0);
  EXPECT_EQ(spec.cluster_count, 16);
  EXPECT_EQ(spec.banks_per_core, 4);
  EXPECT_EQ(spec.memory(), Bytes(4 << 20));
  EXPECT_EQ(spec.mac, EnergyPerMac(100'000));
  EXPECT_EQ(spec.lane_add, Energy(30'000));
  EXPECT_EQ(spec.sram_byte, EnergyPerByte(1'100'000));
  EXPECT_EQ(spec.bank.on, EnergyPerCycle(31'250));
  expect_gate(spec.core, 1'000'000, 30'000, 10, 47 * 970'000);
  expect_gate(spec.cluster, 1'000'000, 30'000, 60, 50'000'000'000);
  expect_gate(spec.uncore.at(0).gate, 30'000'000, 0, 10'000, 1'000'000'000'000);
  EXPECT_EQ(spec.floor, EnergyPerCycle(300'000));
}

TEST(ShippedDevice, Edge16SkipIsEdge16ButForItsZeros) {
  const DeviceSpec base = shipped("edge-16");
  const DeviceSpec spec = shipped("edge-16-skip");
  EXPECT_EQ(base.activation_sparsity, ActivationSparsity::kNone);
  EXPECT_EQ(spec.activation_sparsity, ActivationSparsity::kSkip);
  EXPECT_FALSE(base.follows_zeros());
  EXPECT_TRUE(spec.follows_zeros());
  ASSERT_EQ(spec.entries.size(), base.entries.size());
  for (std::size_t i = 0; i < spec.entries.size(); ++i) {
    EXPECT_EQ(spec.entries[i].key, base.entries[i].key);
    EXPECT_EQ(spec.entries[i].value, base.entries[i].value);
  }
  EXPECT_NE(spec.hash, base.hash);
}

TEST(ShippedDevice, MobileNpuResolvesToWorkedNumbers) {
  const DeviceSpec spec = shipped("mobile-npu");
  EXPECT_EQ(spec.default_rank, 0);
  EXPECT_EQ(spec.clock_hz, 800'000'000);
  EXPECT_EQ(spec.core_kind, CoreKind::kSystolic);
  EXPECT_EQ(spec.core_count(), 64);
  EXPECT_EQ(spec.array_dim, 16);
  EXPECT_EQ(spec.lanes, 0);
  EXPECT_EQ(spec.lane_add, Energy(0));
  EXPECT_EQ(spec.memory(), Bytes(8 << 20));
  EXPECT_EQ(spec.mac, EnergyPerMac(250'000));
  EXPECT_EQ(spec.external_bytes_per_second, 25'000'000'000);
  EXPECT_EQ(spec.wire_byte_pitch, EnergyPerByte(800'000));
  // 10 mW/MiB * 16 KiB = 156.25 uW at 800 MHz = 195312.5; a quarter 48828.125; 0.0002 of it 39.0625.
  EXPECT_EQ(spec.bank.on, EnergyPerCycle(195'312));
  EXPECT_EQ(spec.bank.retention, EnergyPerCycle(48'828));
  EXPECT_EQ(spec.bank.off, EnergyPerCycle(39));
  expect_gate(spec.core, 2'500'000, 75'000, 10, 47 * 2'425'000);
  expect_gate(spec.cluster, 12'500'000, 375'000, 60, 469 * 12'125'000LL);
  expect_gate(spec.uncore.at(0).gate, 125'000'000, 0, 40'000, 20'000'000'000'000);
  EXPECT_EQ(spec.floor, EnergyPerCycle(1'250'000));
}

TEST(ShippedDevice, ServerResolvesToWorkedNumbers) {
  const DeviceSpec spec = shipped("server-v5p");
  EXPECT_EQ(spec.default_rank, 2);
  EXPECT_EQ(spec.clock_hz, 1'700'000'000);
  EXPECT_EQ(spec.core_kind, CoreKind::kSystolic);
  EXPECT_EQ(spec.compute_type, "bf16");
  EXPECT_EQ(spec.float_element, Bytes(2));
  EXPECT_EQ(spec.array_dim, 128);
  EXPECT_EQ(spec.core_count(), 8);
  EXPECT_EQ(spec.bank_count(), 64);
  EXPECT_EQ(spec.memory(), Bytes(128 << 20));
  EXPECT_EQ(spec.mac, EnergyPerMac(1'010'000));
  EXPECT_EQ(spec.sram_byte, EnergyPerByte(1'200'000));
  EXPECT_EQ(spec.external_byte, EnergyPerByte(12'600'000));
  EXPECT_EQ(spec.external_bytes_per_second, 2'765'000'000'000);
  EXPECT_EQ(spec.output_bus, BytesPerCycle(512));
  EXPECT_EQ(spec.wire_byte_pitch, EnergyPerByte(2'400'000));
  EXPECT_EQ(spec.vector_per_cluster, ValuesPerCycle(0));
  EXPECT_EQ(spec.vector_pool, ValuesPerCycle(6'144));
  EXPECT_EQ(spec.vector_value, EnergyPerValue(1'520'000));
  // 6 * 0.475 W / 1.7 GHz = 1676470588.24; 3 % of it 50294117.65.
  expect_gate(spec.vector_pool_gate, 1'676'470'588, 50'294'118, 2, 32 * (1'676'470'588 - 50'294'118LL));
  // 24.2 W / 64 banks / 1.7 GHz = 222426470.59; a quarter 55606617.65; 0.0002 of it 44485.29.
  EXPECT_EQ(spec.bank.on, EnergyPerCycle(222'426'471));
  EXPECT_EQ(spec.bank.retention, EnergyPerCycle(55'606'618));
  EXPECT_EQ(spec.bank.off, EnergyPerCycle(44'485));
  // 1.359 W / 1.7 GHz = 799411764.71; 3 % of it 23982352.94.
  expect_gate(spec.core, 799'411'765, 23'982'353, 10, 469 * (799'411'765LL - 23'982'353));
  expect_gate(spec.cluster, 0, 0, 10, 0);
  ASSERT_EQ(spec.uncore.size(), 2U);
  EXPECT_EQ(spec.uncore[0].name, "hbm");
  EXPECT_EQ(spec.uncore[0].use, UncoreUse::kExternal);
  expect_gate(spec.uncore[0].gate, 15'117'647'059, 1'511'764'706, 60, 1'940 * (15'117'647'059 - 1'511'764'706));
  EXPECT_EQ(spec.uncore[1].name, "link");
  EXPECT_EQ(spec.uncore[1].use, UncoreUse::kLink);
  expect_gate(spec.uncore[1].gate, 3'588'235'294, 107'647'059, 60, 459 * (3'588'235'294 - 107'647'059));
  EXPECT_EQ(spec.floor, EnergyPerCycle(26'352'941'176));
}

TEST(ShippedDevice, TheServersStaticPowerAddsUpToTheArtefactsTotal) {
  const DeviceSpec spec = shipped("server-v5p");
  const double at_hz = static_cast<double>(spec.clock_hz) * 1e-18;
  const auto watts = [at_hz](EnergyPerCycle power, std::int64_t count = 1) { return static_cast<double>(power.count() * count) * at_hz; };
  const double total = watts(spec.core.on, spec.core_count()) + watts(spec.vector_pool_gate.on) + watts(spec.bank.on, spec.bank_count()) +
                       watts(spec.uncore[0].gate.on) + watts(spec.uncore[1].gate.on) + watts(spec.floor);
  EXPECT_NEAR(total, 114.5, 0.1);
}

TEST(ShippedDevice, EachParsesUnderItsOwnNameAndSaysWhereEveryNumberIsFrom) {
  ASSERT_EQ(shipped_devices().size(), 5U);
  for (const ShippedDevice& device : shipped_devices()) {
    const DeviceSpec spec = shipped(device.name);
    EXPECT_EQ(spec.name, device.name);
    std::size_t number_count = 0;
    for (std::size_t at = device.yaml.find("{value:"); at != std::string_view::npos; at = device.yaml.find("{value:", at + 1)) {
      ++number_count;
    }
    if (device.name == "edge-16-skip") number_count = shipped("edge-16").entries.size();  // states none of its own
    EXPECT_EQ(spec.entries.size(), number_count);
    for (const SpecEntry& e : spec.entries) {
      EXPECT_FALSE(e.value.empty()) << e.key;
      EXPECT_FALSE(e.source.empty()) << e.key;
      EXPECT_NE(std::string("PATD?").find(e.trust), std::string::npos) << e.key;
      // An assumption that looks like a fact is the worst entry of such a file.
      const bool assumed = e.source.rfind("assumed", 0) == 0 || e.source.find("not confirmed") != std::string::npos;
      EXPECT_TRUE(!assumed || e.trust == "?") << device.name << " " << e.key;
    }
  }
}

TEST(ShippedDevice, TheEmbeddedTextIsTheFilesTextAndItsHashTheFilesHash) {
  for (const ShippedDevice& device : shipped_devices()) {
    const std::string path = std::string(GATEFOLD_SOURCE_DIR "/devices/") + std::string(device.name) + ".yaml";
    const std::string bytes = read_file(path, 1 << 20).value();
    EXPECT_EQ(bytes, device.yaml);
    const std::string base = device.name == "edge-16-skip" ? read_file(GATEFOLD_SOURCE_DIR "/devices/edge-16.yaml", 1 << 20).value() : "";
    EXPECT_EQ(find_device(path).value().hash, sha256(base + bytes));
    EXPECT_EQ(shipped(device.name).hash, sha256(base + bytes));
    EXPECT_NE(parse_device(bytes + "# a comment\n", "f.yaml").value().hash, sha256(bytes));
  }
}

TEST(ShippedDevice, EntriesKeepTheFilesOrderAndShowWhatNumbersResolveTo) {
  const DeviceSpec spec = shipped("edge-nnic");
  EXPECT_EQ(spec.entries.front().key, "clock");
  EXPECT_EQ(spec.entries.back().key, "power.floor");
  EXPECT_EQ(entry(spec, "banks.leakage_on").value, "0.2 mW/MiB");
  EXPECT_EQ(entry(spec, "banks.leakage_on").resolved, "31250 aJ/cycle");
  EXPECT_EQ(entry(spec, "banks.leakage_on").trust, "?");
  EXPECT_EQ(entry(spec, "banks.off_break_even").resolved, "2562008 aJ");
  EXPECT_EQ(entry(spec, "compute.mac").resolved, "2400000 aJ/MAC");
  EXPECT_EQ(entry(spec, "compute.clusters").resolved, "");
  EXPECT_EQ(entry(spec, "crossbar.wire").resolved, "400000 aJ per byte and pitch");
  EXPECT_EQ(entry(spec, "power.uncore.chip.wake_latency").resolved, "10000 cycles");
  EXPECT_EQ(entry(spec, "power.uncore.chip.wake_energy").resolved, "1000000000000 aJ");
}

TEST(FindDevice, SuggestsTheNearestName) {
  const auto misspelt = find_device("edge-nic");
  ASSERT_FALSE(misspelt);
  EXPECT_EQ(misspelt.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(misspelt.error().message,
            "device 'edge-nic': unknown; did you mean 'edge-nnic'? shipped: edge-16, edge-16-skip, edge-nnic, mobile-npu, server-v5p (or "
            "the path of "
            "a .yaml file)");
  EXPECT_EQ(find_device("gpu").error().message,
            "device 'gpu': unknown; shipped: edge-16, edge-16-skip, edge-nnic, mobile-npu, server-v5p (or the path of a .yaml file)");
}

TEST(FindDevice, TakesAPathByItsSlashOrEnding) {
  EXPECT_EQ(find_device("missing.yaml").error().message, "missing.yaml: cannot read: No such file or directory");
  EXPECT_EQ(find_device("./missing").error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace gatefold
