// Fine-grained gating: the power state of every cluster, core, bank and uncore part, and what it costs.
//
// Time of an element is tiled by *holds*, in which it is ON because something executes on it, reads it or writes it, and
// *gaps* between them. A gap is settled when the next hold begins: by then its length is known. Inside a request that
// is no clairvoyance, since the order and length of layers are deterministic: the gate command is given at the end of
// the one hold and the wake command early enough for the next (pre-wake), so that a known gap never stalls (optimistic where
// an event brought the next hold: docs/decisions/0003). Which states there are, and what leads from one to another, is the
// table of power_states.h. The state for a known gap is the lower envelope of its lines over the states that can be left in
// time (EQ-32): clusters and cores that stay powered have their clock stopped. A gap whose end nobody knows (between requests of a random
// stream) keeps one state, chosen when it begins from the expected length, and its wake-up is paid in latency as well.
//
// What is in use is never switched off: every bank counts the blocks of weights and of activations in it, cores and clusters
// the sums of theirs, and clusters the routes in flight. A command against the count is refused (pin); the gap rule asks it,
// and a bank that goes OFF while its count says otherwise is a violated contract.
//
// Reading or executing on an element that no hold covers is an error of the run, checked in every build (is_on).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/device/ledger.h"
#include "gatefold/device/power_states.h"
#include "gatefold/device/spec.h"

namespace gatefold {

/// One gateable element, by its position in the table clusters, cores, banks, vector pool, uncore parts.
using ElementId = Id<struct ElementTag>;

/// How long elements of one class were idle between two uses, and how often they were woken.
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

/// What keeps an element from being switched off.
struct Uses {
  std::int32_t weights = 0;      ///< blocks of weights in its banks
  std::int32_t activations = 0;  ///< blocks of live activations in its banks
  std::int32_t routes = 0;       ///< clusters: data on their way through it, layers that execute on it included
  [[nodiscard]] std::int32_t total() const { return weights + activations + routes; }
  friend bool operator==(const Uses&, const Uses&) = default;
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

  /// How many blocks of weights and activations lie in a bank now; its core and cluster count with it. A gap is settled with
  /// what the bank held when the gap ended, so call this after the holds of the access that changes it.
  void set_uses(BankId bank, std::int32_t weights, std::int32_t activations);
  /// Data cross clusters `first` to `last` until then. A route that ended by `from` is forgotten.
  void add_route(std::int32_t first, std::int32_t last, Cycles from, Cycles until);
  /// What uses an element at `now`.
  [[nodiscard]] Uses uses(ElementId element, Cycles now) const;

  /// The end of a bank's last access so far.
  [[nodiscard]] Cycles held_until(BankId bank) const { return elements_[this->bank(bank).at()].held_until; }
  /// The end of the last hold of any element.
  [[nodiscard]] Cycles held_until() const;
  /// When a bank that holds nothing can be written: once the last access to what lay there has ended.
  [[nodiscard]] Cycles writable_from(BankId bank) const {
    const Element& element = elements_[this->bank(bank).at()];
    return element.uses.total() > 0 ? Cycles(0) : element.held_until;
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

  /// kClusters only: activates a cluster with all its cores and banks at `now`.
  void pin(ClusterId cluster, Cycles now) { set_pin(cluster, true, now); }
  /// kClusters only: deactivates it. False, and nothing is done, if something uses it then.
  [[nodiscard]] bool unpin(ClusterId cluster, Cycles now);
  /// How many clusters are powered while a layer executes on `executing` of them.
  [[nodiscard]] std::int32_t powered_clusters(std::int32_t executing) const;

  /// Charges every element up to `horizon` (and the floor from 0). Call once, last.
  void settle(Cycles horizon);

  /// Time in each state summed over all clusters, cores and banks; complete after settle().
  struct Residency {
    std::array<Int128, kPowerStateCount> cycles{};
  };
  [[nodiscard]] const Residency& residency() const { return residency_; }
  /// Times that an element left RETENTION or OFF.
  [[nodiscard]] std::int64_t wakes() const { return wakes_; }
  /// By ElementClass, uncore parts together: gaps that a hold ended, and wake-ups.
  [[nodiscard]] const std::array<IdleTimes, kElementClassCount>& idle_times() const { return idle_times_; }
  /// Cluster-cycles and core-cycles spent powered, the clock stopped or not; complete after settle().
  [[nodiscard]] Cycles cluster_on() const { return cluster_on_; }
  [[nodiscard]] Cycles core_on() const { return core_on_; }

 private:
  struct Element {
    std::uint16_t element_class = 0;  ///< position in states_
    Uses uses;                        ///< routes apart
    std::int32_t owner = -1;          ///< cluster; -1: none
    std::int32_t core = -1;           ///< banks: their core
    Cycles held_from;
    Cycles held_until;  ///< ON until here; the gap in progress begins here
  };
  /// The state of a gap, entered once it has lasted `after`; ON until then.
  struct Rest {
    PowerState state = PowerState::kOn;
    Cycles after;
  };
  struct Route {
    std::int32_t first;
    std::int32_t last;
    Cycles until;
  };

  void set_pin(ClusterId cluster, bool on, Cycles now);
  void settle_gap(Element& element, Cycles until);
  /// Charges time in a state to an account of the ledger: what an element is held for, or nobody's for a gap.
  void spend(const Element& element, PowerState state, Cycles from, Cycles until, std::int32_t account = Ledger::kNobody);
  /// Spends the gap in progress up to `until`; returns the state at its end.
  PowerState spend_gap(const Element& element, const Rest& rest, Cycles until);
  void charge_wake(const Element& element, PowerState from);
  [[nodiscard]] bool is_class(const Element& element, ElementClass wanted) const {
    return element.element_class == static_cast<std::uint16_t>(wanted);
  }
  [[nodiscard]] bool is_uncore(const Element& element) const {
    return element.element_class >= static_cast<std::uint16_t>(ElementClass::kUncore);
  }
  [[nodiscard]] IdleTimes& idle_times(const Element& element) {
    return idle_times_[std::min(std::size_t{element.element_class}, kElementClassCount - 1)];
  }
  [[nodiscard]] bool gateable(const Element& element) const { return scope_ == GatingScope::kAll || !is_uncore(element); }
  /// The state furthest down that loses nothing, whatever leaving it costs.
  [[nodiscard]] Rest lowest(const Element& element) const;
  [[nodiscard]] Rest cheapest(const Element& element, Cycles length, bool hide_wake) const;
  [[nodiscard]] Rest rest_in_gap(const Element& element, Cycles until) const;
  [[nodiscard]] PowerState state_at_end(const Element& element, Cycles until) const;
  [[nodiscard]] bool in_unknown_gap(const Element& element, Cycles until) const;
  /// The state of a gap that no hold ends: what the run does not use again need not be ready, so no wake is weighed.
  [[nodiscard]] Rest last_rest(const Element& element, Cycles horizon) const;

  std::int32_t cluster_count_;
  std::int32_t core_count_;
  std::int32_t pool_index_;
  GatingScope scope_;
  Ledger* ledger_;
  EnergyPerCycle floor_;
  std::vector<PowerStates> states_;  ///< by class
  std::vector<Element> elements_;
  std::vector<Route> routes_;
  std::vector<char> pinned_;
  // The latest unknown gap between requests.
  std::optional<Cycles> unknown_from_;
  Cycles unknown_until_;
  Cycles unknown_expected_;
  Residency residency_;
  std::array<IdleTimes, kElementClassCount> idle_times_{};
  std::int64_t wakes_ = 0;
  Cycles cluster_on_;
  Cycles core_on_;
};

}  // namespace gatefold
