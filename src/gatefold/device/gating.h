// Fine-grained gating: the power state of every cluster, core, bank and uncore part, and what it costs.
//
// Time of an element is tiled by *holds*, in which it is ON because something executes on it, reads it or writes it, and
// *gaps* between them. A gap is settled when the next hold begins: by then its length is known. Inside a request that
// is no clairvoyance, since the order and length of layers are deterministic: the gate command is given at the end of
// the one hold and the wake command early enough for the next (pre-wake), so that a known gap never stalls (optimistic where
// an event brought the next hold: docs/decisions/0003). The state
// for a known gap is the lower envelope of the lines P(s) * gap + b(s) over the states that can be left in time
// (EQ-32). A gap whose end nobody knows (between requests of a random stream) keeps one state, chosen when
// it begins from the expected length, and its wake-up is paid in latency as well.
//
// Reading or executing on an element that no hold covers is an error of the run, checked in every build (is_on).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/device/ledger.h"
#include "gatefold/device/spec.h"

namespace gatefold {

enum class PowerState : std::uint8_t { kOn, kRetention, kOff };
inline constexpr std::size_t kPowerStateCount = 3;

/// One gateable element, by its position in the table clusters, cores, banks, vector pool, uncore parts.
using ElementId = Id<struct ElementTag>;

/// Elements that are alike, for figures.
enum class ElementKind : std::uint8_t { kCluster, kCore, kBank, kVectorPool, kUncore };
inline constexpr std::size_t kElementKindCount = 5;

/// How long elements of one kind were idle between two uses, and how often they were woken.
struct IdleTimes {
  std::array<std::int64_t, 63> gaps{};  ///< gaps[b]: gaps of 2^b to 2^(b + 1) - 1 cycles
  std::int64_t wakes = 0;
};

/// Which elements a policy gates at all.
enum class GatingScope : std::uint8_t {
  kNothing,   ///< every element ON all the time
  kClusters,  ///< whole clusters, ON while pinned and OFF otherwise; nothing finer
  kAll,       ///< clusters, cores, banks and uncore, by the gap rule
};

class Gating {
 public:
  Gating(const DeviceSpec& spec, GatingScope scope, Ledger& ledger);

  [[nodiscard]] ElementId cluster(ClusterId id) const { return ElementId(id.index()); }
  [[nodiscard]] ElementId core(CoreId id) const { return ElementId(cluster_count_ + id.index()); }
  [[nodiscard]] ElementId bank(BankId id) const { return ElementId(cluster_count_ + core_count_ + id.index()); }
  [[nodiscard]] ElementId vector_pool() const { return ElementId(pool_index_); }
  [[nodiscard]] ElementId uncore(std::size_t part) const { return ElementId(pool_index_ + 1 + static_cast<std::int32_t>(part)); }

  /// Keeps an element ON over [from, until), settling the gap before it. Overlapping and repeated holds are charged once.
  /// Requires: from <= until.
  void hold(ElementId element, Cycles from, Cycles until);

  /// Banks: whether they hold data now. A gap is settled with what the bank held when the gap ended, so call this after
  /// the holds of the access that changes it.
  void set_content(BankId bank, bool holds_data) { elements_[this->bank(bank).at()].content = holds_data; }

  /// The end of a bank's last access so far.
  [[nodiscard]] Cycles held_until(BankId bank) const { return elements_[this->bank(bank).at()].held_until; }
  /// When a bank that holds nothing can be written: once the last access to what lay there has ended.
  [[nodiscard]] Cycles writable_from(BankId bank) const {
    const Element& element = elements_[this->bank(bank).at()];
    return element.content ? Cycles(0) : element.held_until;
  }

  /// A gap that begins at or before `completion` and ends after it is of unknown length until `arrival` at the latest:
  /// called once between two requests of a stream whose arrivals are not known. `expected` is its mean length.
  void idle_between_requests(Cycles completion, Cycles arrival, Cycles expected);

  /// The earliest time >= now at which the element can be ON if it is asked for at `now`.
  [[nodiscard]] Cycles ready_at(ElementId element, Cycles now) const;

  /// The earliest time at which the element can be ON if nobody foresaw before `now` that it would be needed.
  [[nodiscard]] Cycles woken_at(ElementId element, Cycles now) const;

  /// True if a hold covers [from, until), or the element's cluster is pinned, or the element is never gated.
  [[nodiscard]] bool is_on(ElementId element, Cycles from, Cycles until) const;

  /// kClusters only: activates or deactivates a cluster with all its cores and banks at `now`.
  void pin(ClusterId cluster, bool on, Cycles now);
  /// How many clusters are powered while a layer executes on `executing` of them.
  [[nodiscard]] std::int32_t powered_clusters(std::int32_t executing) const;

  /// Charges every element up to `horizon` (and the floor from 0). Call once, last.
  void settle(Cycles horizon);

  /// Time in each state summed over all clusters, cores and banks; complete after settle().
  struct Residency {
    std::array<Int128, kPowerStateCount> cycles{};
  };
  [[nodiscard]] const Residency& residency() const { return residency_; }
  [[nodiscard]] std::int64_t wakes() const { return wakes_; }
  /// By ElementKind: gaps that a hold ended, and wake-ups.
  [[nodiscard]] const std::array<IdleTimes, kElementKindCount>& idle_times() const { return idle_times_; }
  /// Cluster-cycles and core-cycles spent ON; complete after settle().
  [[nodiscard]] Cycles cluster_on() const { return cluster_on_; }
  [[nodiscard]] Cycles core_on() const { return core_on_; }

 private:
  /// What a class of elements costs in each state. States it does not have are marked absent.
  struct ElementClass {
    std::array<EnergyPerCycle, kPowerStateCount> leakage{};
    std::array<Cycles, kPowerStateCount> wake_latency{};
    std::array<Energy, kPowerStateCount> wake_energy{};
    bool has_retention = false;
    bool gateable = true;
    bool is_cluster = false;
    bool is_core = false;
    bool is_uncore = false;
    ElementKind kind = ElementKind::kUncore;
  };
  struct Element {
    std::uint16_t element_class = 0;
    bool content = false;
    std::int32_t owner = -1;  ///< cluster, for pinning; -1: none
    Cycles held_from;
    Cycles held_until;  ///< ON until here; the gap in progress begins here
  };

  void settle_gap(Element& element, Cycles until);
  /// Charges time in a state to an account of the ledger: what an element is held for, or nobody's for a gap.
  void spend(const Element& element, PowerState state, Cycles from, Cycles until, std::int32_t account = Ledger::kNobody);
  void wake(const Element& element, PowerState state);
  [[nodiscard]] PowerState gap_state(const Element& element, Cycles length, bool hide_wake) const;
  [[nodiscard]] PowerState state_in_gap(const Element& element, Cycles until) const;
  [[nodiscard]] bool in_unknown_gap(const Element& element, Cycles until) const;
  /// The state of a gap that no hold ends: what the run does not use again need not be ready, so no wake is weighed.
  [[nodiscard]] PowerState last_state(const Element& element, Cycles horizon) const;

  std::int32_t cluster_count_;
  std::int32_t core_count_;
  std::int32_t pool_index_;
  GatingScope scope_;
  Ledger* ledger_;
  EnergyPerCycle floor_;
  std::vector<ElementClass> classes_;
  std::vector<Element> elements_;
  std::vector<char> pinned_;
  // The latest unknown gap between requests.
  std::optional<Cycles> unknown_from_;
  Cycles unknown_until_;
  Cycles unknown_expected_;
  Residency residency_;
  std::array<IdleTimes, kElementKindCount> idle_times_{};
  std::int64_t wakes_ = 0;
  Cycles cluster_on_;
  Cycles core_on_;
};

}  // namespace gatefold
