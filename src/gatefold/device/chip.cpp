#include "gatefold/device/chip.h"

#include <algorithm>

namespace gatefold {
namespace {

/// When an element could be ON for another use: it is awake, and a hold that was booked ahead has begun, since gaps before it are
/// settled.
Cycles usable_at(const Gating& gating, ElementId element, Cycles now) {
  return std::max(gating.ready_at(element, now), gating.held_from(element));
}

}  // namespace

void Chip::hold(const Placement& placement, Cycles from, Cycles until) {
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) gating_.hold(gating_.cluster(ClusterId(k)), from, until);
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    gating_.hold(gating_.core(placement.core(c, spec_->cores_per_cluster)), from, until);
  }
}

void Chip::hold_path(const Placement& a, const Placement& b, Cycles from, Cycles until) {
  const std::int32_t first = std::min(a.first, b.first);
  const std::int32_t last = std::max(a.last(), b.last());
  for (std::int32_t k = first; k <= last; ++k) gating_.hold(gating_.cluster(ClusterId(k)), from, until);
  gating_.add_route(first, last, from, until);
}

void Chip::hold_transfer(const Placement& a, const Placement& b, Cycles from, Cycles until) {
  hold(a, from, until);
  hold(b, from, until);
  hold_path(a, b, from, until);
}

Cycles Chip::path_ready_at(const Placement& a, const Placement& b, Cycles now) const {
  Cycles ready = now;
  for (std::int32_t k = std::min(a.first, b.first); k <= std::max(a.last(), b.last()); ++k) {
    ready = std::max(ready, usable_at(gating_, gating_.cluster(ClusterId(k)), now));
  }
  return ready;
}

void Chip::hold(std::span<const BlockId> blocks, Cycles from, Cycles until) {
  for (const BlockId block : blocks) hold(memory_.pieces(block), from, until);
}

void Chip::hold(std::span<const Piece> pieces, Cycles from, Cycles until) {
  for (const Piece& piece : pieces) gating_.hold(gating_.bank(piece.bank), from, until);
}

Cycles Chip::ready_at(const Placement& placement, std::span<const BlockId> blocks, Cycles now) const {
  Cycles ready = now;
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
    ready = std::max(ready, usable_at(gating_, gating_.cluster(ClusterId(k)), now));
  }
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    ready = std::max(ready, usable_at(gating_, gating_.core(placement.core(c, spec_->cores_per_cluster)), now));
  }
  for (const BlockId block : blocks) {
    for (const Piece& piece : memory_.pieces(block)) ready = std::max(ready, usable_at(gating_, gating_.bank(piece.bank), now));
  }
  return ready;
}

Cycles Chip::woken_at(const Placement& placement, Cycles now) const {
  Cycles woken = now;
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
    woken = std::max(woken, gating_.woken_at(gating_.cluster(ClusterId(k)), now));
  }
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    woken = std::max(woken, gating_.woken_at(gating_.core(placement.core(c, spec_->cores_per_cluster)), now));
  }
  return woken;
}

Cycles Chip::writable_at(std::span<const BlockId> blocks, Cycles now) const {
  Cycles writable = now;
  for (const BlockId block : blocks) {
    for (const Piece& piece : memory_.pieces(block)) writable = std::max(writable, gating_.writable_from(piece.bank));
  }
  return writable;
}

bool Chip::deactivate(ClusterId cluster, Cycles now) {
  const std::int32_t banks = spec_->cores_per_cluster * spec_->banks_per_core;
  for (std::int32_t b = cluster.index() * banks; b < (cluster.index() + 1) * banks; ++b) {
    if (memory_.blocks(BankId(b)) > 0) return false;
  }
  return gating_.unpin(cluster, now);
}

void Chip::hold_uncore(UncoreUse use, Cycles from, Cycles until) {
  for (std::size_t part = 0; part < spec_->uncore.size(); ++part) {
    if (spec_->uncore[part].use == use) gating_.hold(gating_.uncore(part), from, until);
  }
}

Cycles Chip::uncore_ready_at(UncoreUse use, Cycles now) const {
  Cycles ready = now;
  for (std::size_t part = 0; part < spec_->uncore.size(); ++part) {
    if (spec_->uncore[part].use == use) ready = std::max(ready, gating_.ready_at(gating_.uncore(part), now));
  }
  return ready;
}

Cycles Chip::load_external(Bytes bytes, Cycles now) {
  const Cycles start = external_ready_at(now);
  const Cycles end = start + external_cycles(*spec_, bytes);
  keep_external(start, end);
  charge_external(Bytes(0), bytes);
  return end;
}

Cycles Chip::refill(BankId bank, Cycles now) {
  const CoreId core(bank.index() / spec_->banks_per_core);
  const Placement around{static_cast<std::int16_t>(core.index() / spec_->cores_per_cluster), 1,
                         static_cast<std::uint16_t>(1U << static_cast<unsigned>(core.index() % spec_->cores_per_cluster))};
  const Cycles awake = ready_at(around, {}, gating_.refill_from(bank, now));
  const Cycles start = external_ready_at(awake);
  const Bytes bytes = memory_.used_bytes(bank);
  const Cycles end = load_external(bytes, start);
  gating_.refill(bank, start, end);
  hold(around, start, end);
  return end;
}

void Chip::keep_external(Cycles from, Cycles until) {
  GATEFOLD_REQUIRE(external_ready_at(from) == from);
  crossbar_.book_external(until);
  hold_uncore(UncoreUse::kExternal, from, until);
}

EnergyTotal Chip::charge_external(Bytes spilled, Bytes weights) {
  const Energy outside = spilled * spec_->spill_byte + weights * spec_->external_byte;
  const Energy inside = (spilled + weights) * spec_->sram_byte;
  ledger_.charge(Part::kExternal, outside);
  ledger_.charge(Part::kMemory, inside);
  return EnergyTotal(outside) + inside;
}

void Chip::charge(const DynamicEnergy& energy, Energy output_wires, const Placement& placement) {
  ledger_.charge_spread(Part::kCompute, energy.compute, placement.first, placement.clusters);
  ledger_.charge_spread(Part::kMemory, energy.memory, placement.first, placement.clusters);
  ledger_.charge_spread(Part::kCrossbar, energy.crossbar + output_wires, placement.first, placement.clusters);
}

EnergyTotal Chip::charge_transfer(Bytes bytes, const Placement& from, const Placement& to) {
  const Energy wires = wire_energy(*spec_, bytes, from, to);
  const Energy access = bytes * spec_->sram_byte;
  ledger_.charge_spread(Part::kMemory, access, from.first, from.clusters);
  ledger_.charge_spread(Part::kMemory, access, to.first, to.clusters);
  ledger_.charge_spread(Part::kCrossbar, wires, from.first, from.clusters);
  return EnergyTotal(wires) + access * 2;
}

void Chip::refresh_content(std::span<const Piece> pieces) {
  for (const Piece& piece : pieces) {
    const std::int32_t blocks = memory_.blocks(piece.bank);
    Uses uses;
    switch (memory_.role(piece.bank)) {
      case BankRole::kWeights: uses.weights = blocks; break;
      case BankRole::kActivations: uses.activations = blocks; break;
      case BankRole::kBuffer: uses.buffers = blocks; break;
      case BankRole::kEmpty:
      case BankRole::kFailed: break;
    }
    gating_.set_uses(piece.bank, uses);
  }
}

DynamicEnergy spent_until(const DynamicEnergy& energy, Cycles elapsed, Cycles cycles) {
  GATEFOLD_REQUIRE(Cycles(0) <= elapsed && elapsed <= cycles && cycles > Cycles(0));
  const auto part = [&](Energy whole) {
    return Energy(static_cast<std::int64_t>(static_cast<Int128>(whole.count()) * elapsed.count() / cycles.count()));
  };
  return {part(energy.compute), part(energy.memory), part(energy.crossbar)};
}

Energy transfer_energy(const DeviceSpec& spec, Bytes bytes, const Placement& from, const Placement& to) {
  return bytes * spec.sram_byte * 2 + wire_energy(spec, bytes, from, to);
}

Energy external_energy(const DeviceSpec& spec, Bytes spilled, Bytes weights) {
  return spilled * spec.spill_byte + weights * spec.external_byte + (spilled + weights) * spec.sram_byte;
}

Cycles transfer_cycles(const DeviceSpec& spec, Bytes bytes, const Placement& from, const Placement& to) {
  return bus_cycles(spec, bytes, std::min(from.clusters, to.clusters));
}

}  // namespace gatefold
