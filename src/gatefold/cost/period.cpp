#include "gatefold/cost/period.h"

#include <algorithm>
#include <bit>

namespace gatefold {
namespace {

/// An element that stays ON over a gap, or leaves it and is woken, whichever is less; beyond its gated leakage.
EnergyTotal over_gap(const GateSpec& gate, Cycles gap) {
  const EnergyTotal stays = EnergyTotal::over(gate.on - gate.gated, gap);
  return gap < gate.wake_latency ? stays : std::min(stays, EnergyTotal(gate.wake_energy));
}

/// True if gating pays for every gap from `shortest` on.
bool surely_gated(const GateSpec& gate, Cycles shortest) {
  return shortest >= gate.wake_latency && shortest >= Cycles(0) &&
         EnergyTotal::over(gate.on - gate.gated, shortest) >= EnergyTotal(gate.wake_energy);
}

}  // namespace

WeightRest weight_rest(const OptionTable& table, LayerId layer, const Option& option, Cycles gap) {
  const DeviceSpec& spec = table.spec();
  const BankSpec& bank = spec.bank;
  gap = std::max(gap, Cycles(0));
  WeightRest rest;
  // Reloading overlaps with the gap, so it must be over when the gap is (EQ-19).
  const Bytes stored = option.weights_per_core * option.footprint.total();
  const bool off_in_time = gap >= bank.wake_latency_off + external_cycles(spec, std::min(stored, table.work(layer).weights));
  const auto settle = [&](Bytes content, std::int64_t banks) {
    if (banks == 0) return;
    EnergyTotal least = EnergyTotal::over(bank.on, gap);
    std::int64_t* state = &rest.banks_on;
    const EnergyTotal retained = EnergyTotal::over(bank.retention, gap) + bank.wake_energy_retention;
    if (gap >= bank.wake_latency_retention && retained < least) {
      least = retained;
      state = &rest.banks_retained;
    }
    const EnergyTotal off =
        EnergyTotal::over(bank.off, gap) + bank.wake_energy_off + content * spec.external_byte + content * spec.sram_byte;
    if (off_in_time && off < least) {
      least = off;
      state = &rest.banks_off;
    }
    *state += banks;
    rest.energy += EnergyTotal::of_attojoules(least.attojoules() * banks);
  };
  const std::int64_t full = option.weights_per_core.count() / bank.size.count();
  const Bytes last = option.weights_per_core - bank.size * full;
  settle(bank.size, full * option.footprint.total());
  settle(last, last > Bytes(0) ? option.footprint.total() : 0);
  return rest;
}

PeriodModel::PeriodModel(const OptionTable& table, Cycles period, bool streaming) : table_(&table), period_(period), streaming_(streaming) {
  const DeviceSpec& spec = table.spec();
  Cycles slowest;
  Cycles fastest;
  for (std::size_t v = 0; v < table.size(); ++v) {
    const std::vector<Option>& options = table.layer(LayerId(v)).options;
    const auto less = [](const Option& a, const Option& b) { return a.cycles < b.cycles; };
    slowest += std::max_element(options.begin(), options.end(), less)->cycles;
    fastest += std::min_element(options.begin(), options.end(), less)->cycles;
  }
  const Cycles gap_min = period - slowest;
  const Cycles gap_max = period - fastest;
  elements_gated_ = surely_gated(spec.cluster, gap_min) && surely_gated(spec.core, gap_min);
  fixed_ = EnergyTotal::over(spec.floor, period);
  for (const UncoreSpec& part : spec.uncore) {
    fixed_ += EnergyTotal::over(part.gate.gated, period);
    if (part.use != UncoreUse::kRequests) continue;
    const EnergyPerCycle extra = part.gate.on - part.gate.gated;
    const bool never = gap_max < part.gate.wake_latency || EnergyTotal::over(extra, std::max(gap_max, Cycles(0))) <= part.gate.wake_energy;
    if (never) {
      fixed_ += EnergyTotal::over(extra, period);
      continue;
    }
    uncore_rate_ += extra;
    if (surely_gated(part.gate, gap_min)) fixed_ += part.gate.wake_energy;
  }
}

EnergyTotal PeriodModel::node(LayerId layer, const Option& option) const {
  EnergyTotal rest = weight_rest(*table_, layer, option, period_ - option.cycles).energy;
  const DeviceSpec& spec = table_->spec();
  if (streaming_) rest = std::min(rest, EnergyTotal(table_->work(layer).weights * (spec.external_byte + spec.sram_byte)));  // EQ-30
  return EnergyTotal(option.dynamic.total()) + EnergyTotal::over(uncore_rate_ + option.held, option.cycles) + rest;
}

Cycles PeriodModel::latency(const Assignment& assignment) const {
  Cycles sum;
  for (std::size_t v = 0; v < assignment.size(); ++v) sum += execution_cycles(*table_, LayerId(v), assignment[v]);
  return sum;
}

EnergyTotal PeriodModel::energy(const Assignment& assignment) const {
  const DeviceSpec& spec = table_->spec();
  const Cycles busy = latency(assignment);
  const Cycles gap = std::max(period_ - busy, Cycles(0));
  // EQ-29 without what runs by itself, which is charged for the period instead.
  EnergyTotal energy = assignment_cost(*table_, assignment) - EnergyTotal::over(table_->always(), busy);
  for (std::size_t v = 0; v < assignment.size(); ++v) {
    if (assignment[v].streamed) continue;
    const Option& option = table_->option(LayerId(v), assignment[v]);
    energy += weight_rest(*table_, LayerId(v), option, period_ - option.cycles).energy;
  }
  energy += EnergyTotal::over(spec.floor, period_);
  for (const UncoreSpec& part : spec.uncore) {
    energy += EnergyTotal::over(part.gate.gated, period_);
    if (part.use != UncoreUse::kRequests) continue;
    energy += EnergyTotal::over(part.gate.on - part.gate.gated, std::min(busy, period_)) + over_gap(part.gate, gap);
  }
  // The first layer finds ON what the last one of the request before left ON.
  const Placement& last = assignment.back();
  const Placement& first = assignment.front();
  energy += wake_energy(spec, last, first);
  const std::int64_t shared = std::max(0, std::min(last.last(), first.last()) - std::max(last.first, first.first) + 1);
  const auto cores = static_cast<std::uint16_t>(last.core_mask & first.core_mask);
  const std::int64_t shared_cores = shared * std::popcount(cores);
  return energy + EnergyTotal::of_attojoules(over_gap(spec.cluster, gap).attojoules() * shared) +
         EnergyTotal::of_attojoules(over_gap(spec.core, gap).attojoules() * shared_cores);
}

}  // namespace gatefold
