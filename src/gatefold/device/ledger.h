// The ledger: every joule of a run, charged once, to exactly one part. All sums are integers, so the parts add up to
// the total exactly, in any order, however an interval is split.
//
// The same charges are kept in two tables, by account and by cluster. An account is whatever the caller says it is working for
// at the moment (the runtime: one per layer); the first belongs to nobody. What is charged to no cluster in particular is
// the chip's. Each table adds up to the parts.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "gatefold/base/quantity.h"

namespace gatefold {

/// The disjoint parts of a run's energy.
enum class Part : std::uint8_t {
  kCompute,       ///< MACs, lane adds, vector values
  kMemory,        ///< SRAM accesses
  kCrossbar,      ///< wires and control words
  kExternal,      ///< external memory
  kLeakageOn,     ///< clusters, cores, banks and vector pool while ON
  kLeakageGated,  ///< the same while gated
  kTransitions,   ///< their wake-ups
  kUncore,        ///< uncore parts, wake-ups included
  kFloor,         ///< what nothing gates
};
inline constexpr std::size_t kPartCount = 9;

/// Energy by part.
using PartSums = std::array<EnergyTotal, kPartCount>;

/// One charge, as an observer sees it.
struct Charge {
  Part part;
  EnergyTotal energy;
};

/// Sees every charge of a ledger, in order. For tests and traces.
class LedgerObserver {
 public:
  virtual ~LedgerObserver() = default;
  virtual void on_charge(const Charge& charge) = 0;
};

class Ledger {
 public:
  static constexpr std::int32_t kNobody = 0;  ///< account of what no layer causes
  static constexpr std::int32_t kChip = 0;    ///< row of what belongs to no cluster; cluster k has row k + 1

  void charge(Part part, EnergyTotal energy, std::int32_t row = kChip) { charge_to(account_, part, energy, row); }
  void charge_to(std::int32_t account, Part part, EnergyTotal energy, std::int32_t row) {
    const auto p = static_cast<std::size_t>(part);
    parts_[p] += energy;
    cell(accounts_, account)[p] += energy;
    cell(clusters_, row)[p] += energy;
    if (observer_ != nullptr) observer_->on_charge({part, energy});
  }
  /// Charges one energy in equal shares to `count` clusters from `first` on; the first ones take what does not divide.
  void charge_spread(Part part, Energy energy, std::int32_t first, std::int32_t count) {
    for (std::int32_t k = 0; k < count; ++k) {
      const std::int64_t share = energy.count() / count + (k < energy.count() % count ? 1 : 0);
      charge(part, Energy(share), first + k + 1);
    }
  }
  /// What is charged from now on is charged to this account.
  void work_for(std::int32_t account) { account_ = account; }
  [[nodiscard]] std::int32_t account() const { return account_; }

  [[nodiscard]] EnergyTotal part(Part part) const { return parts_[static_cast<std::size_t>(part)]; }
  [[nodiscard]] EnergyTotal total() const {
    EnergyTotal sum;
    for (const EnergyTotal& part : parts_) sum += part;
    return sum;
  }
  /// By account and by cluster row; shorter than there are if the last ones were never charged.
  [[nodiscard]] std::span<const PartSums> by_account() const { return accounts_; }
  [[nodiscard]] std::span<const PartSums> by_cluster() const { return clusters_; }
  /// The observer must outlive its use; nullptr removes it.
  void observe(LedgerObserver* observer) { observer_ = observer; }

 private:
  static PartSums& cell(std::vector<PartSums>& table, std::int32_t row) {
    if (static_cast<std::size_t>(row) >= table.size()) table.resize(static_cast<std::size_t>(row) + 1);
    return table[static_cast<std::size_t>(row)];
  }

  PartSums parts_{};
  std::vector<PartSums> accounts_;
  std::vector<PartSums> clusters_;
  std::int32_t account_ = kNobody;
  LedgerObserver* observer_ = nullptr;
};

/// While it lives, a ledger's charges go to one account; afterwards to the one before.
class Account {
 public:
  Account(Ledger& ledger, std::int32_t account) : ledger_(ledger), before_(ledger.account()) { ledger.work_for(account); }
  ~Account() { ledger_.work_for(before_); }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

 private:
  Ledger& ledger_;
  std::int32_t before_;
};

}  // namespace gatefold
