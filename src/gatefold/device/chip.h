// One modelled chip: its state, and the only operations that change it. The chip keeps no clock; every call takes times.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "gatefold/device/crossbar.h"
#include "gatefold/device/equations.h"
#include "gatefold/device/gating.h"
#include "gatefold/device/ledger.h"
#include "gatefold/device/memory.h"
#include "gatefold/device/profile.h"
#include "gatefold/device/spec.h"

namespace gatefold {

class Chip {
 public:
  /// `spec` must outlive the chip.
  Chip(const DeviceSpec& spec, GatingScope scope)
      : spec_(&spec), gating_(spec, scope, ledger_), memory_(spec), crossbar_(spec), profile_(spec, crossbar_, gating_, memory_) {}
  Chip(const Chip&) = delete;
  Chip& operator=(const Chip&) = delete;

  [[nodiscard]] const DeviceSpec& spec() const { return *spec_; }
  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] Gating& gating() { return gating_; }
  [[nodiscard]] Memory& memory() { return memory_; }
  [[nodiscard]] const Memory& memory() const { return memory_; }
  [[nodiscard]] Crossbar& crossbar() { return crossbar_; }
  [[nodiscard]] const Crossbar& crossbar() const { return crossbar_; }
  [[nodiscard]] Profile& profile() { return profile_; }
  [[nodiscard]] const Profile& profile() const { return profile_; }

  /// Keeps what a placement needs ON over [from, until): logic of its clusters (the run is contiguous, so the segments
  /// between are included) and its cores.
  void hold(const Placement& placement, Cycles from, Cycles until);
  /// Keeps the logic of both placements' clusters and of every cluster between them ON over [from, until): data travels
  /// through their segments and output buses.
  void hold_path(const Placement& a, const Placement& b, Cycles from, Cycles until);
  /// What a transfer between two placements keeps ON: both ends with their cores, and the path.
  void hold_transfer(const Placement& a, const Placement& b, Cycles from, Cycles until);
  /// The earliest time >= now at which that logic could be ON.
  [[nodiscard]] Cycles path_ready_at(const Placement& a, const Placement& b, Cycles now) const;
  /// Keeps the banks of blocks ON over [from, until).
  void hold(std::span<const BlockId> blocks, Cycles from, Cycles until);
  void hold(std::span<const Piece> pieces, Cycles from, Cycles until);
  /// The earliest time >= now at which clusters, cores and banks could be ON.
  [[nodiscard]] Cycles ready_at(const Placement& placement, std::span<const BlockId> blocks, Cycles now) const;
  /// The earliest time at which clusters and cores can be ON if they are asked for at `now`, unforeseen.
  [[nodiscard]] Cycles woken_at(const Placement& placement, Cycles now) const;
  /// The earliest time >= now at which new blocks may be written: what lay in their banks before is no longer read.
  [[nodiscard]] Cycles writable_at(std::span<const BlockId> blocks, Cycles now) const;
  /// The earliest time >= now at which new blocks in cores of the placement are both: awake and writable.
  [[nodiscard]] Cycles storable_at(const Placement& placement, std::span<const BlockId> blocks, Cycles now) const {
    return std::max(writable_at(blocks, now), ready_at(placement, blocks, now));
  }
  /// GatingScope::kClusters: deactivates a cluster at `now`. False, and nothing is done, if something uses it or lies in its
  /// banks then, or is about to be written there.
  [[nodiscard]] bool deactivate(ClusterId cluster, Cycles now);
  /// Keeps every uncore part of one use ON over [from, until).
  void hold_uncore(UncoreUse use, Cycles from, Cycles until);
  [[nodiscard]] Cycles uncore_ready_at(UncoreUse use, Cycles now) const;

  /// Books the external channel for `bytes`, not before `now`, and charges them (EQ-30): external access, SRAM write.
  /// Returns when the transfer ends.
  Cycles load_external(Bytes bytes, Cycles now);

  /// Loads the weights in a bank again that were lost while it was OFF, not before `now`, one bank after the other (EQ-61). Returns when
  /// they are there. Requires: gating().lost(bank).
  Cycles refill(BankId bank, Cycles now);

  /// The earliest time >= now at which the external channel is free and its uncore parts could be ON.
  [[nodiscard]] Cycles external_ready_at(Cycles now) const {
    return uncore_ready_at(UncoreUse::kExternal, std::max(now, crossbar_.external_free()));
  }
  /// Gives the external channel to one layer over [from, until). Requires: external_ready_at(from) == from.
  void keep_external(Cycles from, Cycles until);
  /// Charges bytes that pass between external memory and banks (EQ-53): spilled activations in either direction, and
  /// weights inwards; one external access and one SRAM access per byte.
  EnergyTotal charge_external(Bytes spilled, Bytes weights);
  /// Charges a network input that arrives in external memory: one access per byte there.
  Energy charge_arrival(Bytes spilled) {
    const Energy energy = spilled * spec_->spill_byte;
    ledger_.charge(Part::kExternal, energy);
    return energy;
  }

  /// Charges one execution on a placement: dynamic energy, and the wires of its outputs, in equal shares to its clusters.
  void charge(const DynamicEnergy& energy, Energy output_wires, const Placement& placement);
  /// Charges the transfer of `bytes` between two placements (EQ-23): read and wires to the one, write to the other.
  EnergyTotal charge_transfer(Bytes bytes, const Placement& from, const Placement& to);

  /// Counts anew what lies in these banks, after `memory` changed.
  void refresh_content(std::span<const Piece> pieces);

 private:
  const DeviceSpec* spec_;
  Ledger ledger_;
  Gating gating_;
  Memory memory_;
  Crossbar crossbar_;
  Profile profile_;
};

/// EQ-60: what of an execution's energy is spent once `elapsed` of its `cycles` have passed, each term rounded down.
[[nodiscard]] DynamicEnergy spent_until(const DynamicEnergy& energy, Cycles elapsed, Cycles cycles);
/// EQ-23: energy to move `bytes` from one placement to another: one SRAM read and write per byte, and wires.
[[nodiscard]] Energy transfer_energy(const DeviceSpec& spec, Bytes bytes, const Placement& from, const Placement& to);
/// EQ-53: energy of bytes that pass between external memory and banks: one access at each end per byte.
[[nodiscard]] Energy external_energy(const DeviceSpec& spec, Bytes spilled, Bytes weights);
/// EQ-24: cycles of that transfer: the narrower side's output buses.
[[nodiscard]] Cycles transfer_cycles(const DeviceSpec& spec, Bytes bytes, const Placement& from, const Placement& to);

}  // namespace gatefold
