// A chip of round numbers for tests: 4 clusters of 2 reduction cores with 4 banks of 100 bytes each. Every gate's
// break-even gap is its wake energy over what it saves: clusters 10 cycles, cores 5, banks 5 (retention) and 10 (OFF).
#pragma once

#include <stdexcept>
#include <string>

#include "gatefold/base/contract.h"
#include "gatefold/device/spec.h"

namespace gatefold::test {

inline DeviceSpec small_chip() {
  DeviceSpec spec;
  spec.name = "small";
  spec.clock_hz = 1'000'000;
  spec.cluster_count = 4;
  spec.cores_per_cluster = 2;
  spec.core_kind = CoreKind::kReduction;
  spec.lanes = 4;
  spec.inputs_per_unit = 4;
  spec.weight_load = Cycles(1);
  spec.pipeline_latency = Cycles(2);
  spec.segment_layers = 1;
  spec.float_element = Bytes(1);
  spec.compute_type = "int8";
  spec.mac = EnergyPerMac(1);
  spec.lane_add = Energy(1);
  spec.vector_per_cluster = ValuesPerCycle(4);
  spec.vector_value = EnergyPerValue(1);
  spec.output_bus = BytesPerCycle(8);
  spec.banks_per_core = 4;
  spec.bank = {Bytes(100), EnergyPerCycle(10), EnergyPerCycle(4), EnergyPerCycle(1), Cycles(2), Cycles(5), Energy(30), Energy(90)};
  spec.sram_byte = EnergyPerByte(1);
  spec.external_byte = EnergyPerByte(10);
  spec.external_bytes_per_second = 1'000'000;
  spec.spill_byte = EnergyPerByte(20);
  spec.spill_bytes_per_second = 500'000;
  spec.spill_capacity = Bytes(100'000);
  spec.wire_byte_pitch = EnergyPerByte(2);
  spec.route_change = Cycles(3);
  spec.route_control = Bytes(4);
  spec.cluster = {EnergyPerCycle(20), EnergyPerCycle(0), Cycles(4), Energy(200)};
  spec.core = {EnergyPerCycle(10), EnergyPerCycle(0), Cycles(2), Energy(50)};
  spec.floor = EnergyPerCycle(1);
  return spec;
}

inline DeviceSpec small_systolic_chip() {
  DeviceSpec spec = small_chip();
  spec.core_kind = CoreKind::kSystolic;
  spec.array_dim = 4;
  spec.lane_add = Energy(0);
  return spec;
}

/// While it lives, a violated contract throws std::logic_error with the condition's text.
class ThrowingContracts {
 public:
  ThrowingContracts()
      : previous_(set_contract_handler([](const ContractViolation& broken) { throw std::logic_error(broken.condition); })) {}
  ~ThrowingContracts() { set_contract_handler(previous_); }
  ThrowingContracts(const ThrowingContracts&) = delete;
  ThrowingContracts& operator=(const ThrowingContracts&) = delete;

 private:
  ContractHandler previous_;
};

}  // namespace gatefold::test
