// Fine-grained gating: the power state of every cluster, core, bank and uncore part, and what it costs.
//
// Time of an element is tiled by *holds*, in which it is ON because something executes on it, reads it or writes it, and
// *gaps* between them. A gap is settled when the next hold begins: by then its length is known. Every hold belongs to a request.
// A gap between two holds of one request was known when it began, since the order and length of layers are deterministic: the gate
// command is given at the end of the one hold and the wake command early enough for the next (pre-wake), so that a known gap never
// stalls (optimistic where an event brought the next hold: docs/decisions/0003). Which states there are, and what leads from one to
// another, is the table of power_states.h. The state for a known gap is the lower envelope of its lines over the states that can be
// left in time (EQ-32): clusters and cores that stay powered have their clock stopped.
//
// Any other gap is unknown until the request that ends it arrives, unless that arrival was known beforehand or the gap began after
// it. It is spent by a descent (gap_rules.h) that was set when the gap began; only what nobody has to guess is used: an element
// that rests until the end of its request, and longer than a state takes to pay, enters that state at once. What is left of the
// gap after the arrival is known again. The wake-up is paid in latency as well.
//
// What is in use is never switched off, but for weights that will be loaded again: in an unknown gap a bank that holds nothing else may go
// OFF where that is worth the reload (EQ-61). The request that ends the gap finds them lost and fills the bank (refill); who ends it in any
// other way, an event, finds the bank asleep. Every bank counts the blocks of weights and of activations in it (a buffer
// of streamed weights holds nothing between two executions), cores and clusters the sums
// of theirs, and clusters the routes in flight. A command against the count is refused (pin); the gap rule asks it, and a bank that goes
// OFF while its count says otherwise is a violated contract.
//
// Reading or executing on an element that no hold covers is an error of the run, checked in every build (is_on).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/device/gap_rules.h"
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

/// Gaps of unknown length that a request has ended, of elements of one class: what they cost, wake-ups included.
struct UnknownGaps {
  std::int64_t count = 0;
  std::int64_t refilled = 0;  ///< banks that lost their weights
  EnergyTotal paid;           ///< weights loaded again included, as if each bank had been full
  EnergyTotal competitive;    ///< by the 2-competitive descent
  EnergyTotal offline;        ///< had each been known when it began
  EnergyTotal stayed_on;      ///< without gating
  EnergyTotal early_wakes;    ///< wake-ups of gaps that would have cost less without gating
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
  std::int32_t buffers = 0;      ///< blocks that hold something only while a layer executes
  std::int32_t routes = 0;       ///< clusters: data on their way through it, layers that execute on it included
  [[nodiscard]] std::int32_t content() const { return weights + activations; }
  [[nodiscard]] std::int32_t total() const { return content() + buffers + routes; }
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

  /// What lies in a bank now; its core and cluster count with it. A gap is settled with what the bank held when the gap ended, so
  /// call this after the holds of the access that changes it. Requires: no routes.
  void set_uses(BankId bank, const Uses& uses);
  /// Data cross clusters `first` to `last` until then. A route that ended by `from` is forgotten.
  void add_route(std::int32_t first, std::int32_t last, Cycles from, Cycles until);
  /// What uses an element at `now`.
  [[nodiscard]] Uses uses(ElementId element, Cycles now) const;

  /// The end of a bank's last access so far.
  [[nodiscard]] Cycles held_until(BankId bank) const { return elements_[this->bank(bank).at()].held_until; }
  /// The beginning of an element's last hold so far.
  [[nodiscard]] Cycles held_from(ElementId element) const { return elements_[element.at()].held_from; }
  /// The end of the last hold of any element.
  [[nodiscard]] Cycles held_until() const;
  /// When a bank that holds nothing can be written: once the last access to what lay there has ended.
  [[nodiscard]] Cycles writable_from(BankId bank) const {
    const Element& element = elements_[this->bank(bank).at()];
    return element.uses.total() > 0 ? Cycles(0) : element.held_until;
  }

  /// Who says how unknown gaps are spent; nullptr: the 2-competitive descent, in which nothing is predicted. The rules must outlive
  /// their use. Call before the first request.
  void follow(GapRules* rules);
  /// A request of a stream begins, which had arrived at `arrival`; what is held from now on is held for it. `known`: everybody knew
  /// beforehand when it would arrive. A stream has one request at a time.
  void begin_request(std::int32_t stream, Cycles arrival, bool known);
  /// It has ended, and nothing was used for it after `completion`.
  void end_request(std::int32_t stream, Cycles completion);
  /// What a stream's weights lie in is never lost: its requests could not wait for a reload. For good.
  void keep_weights(std::int32_t stream);
  /// True if the weights in a bank are lost when the present request arrives: it has to refill the bank before it uses it.
  [[nodiscard]] bool lost(BankId bank) const;
  /// Wakes a bank whose weights are lost and fills it over [from, until); it is of no use before. Requires: lost, and from not
  /// before refill_from.
  void refill(BankId bank, Cycles from, Cycles until);
  /// A stream's weights lie in a bank from the start: its gap until that stream's first request is spent like any between two of them. Call
  /// before the first request, after set_uses.
  void place_weights(BankId bank, std::int32_t stream);
  /// Ends a bank's gap at `now` for no request: weights come or go. It is spent as it began, lossy or not. True if what lies there was lost
  /// in it; that is the caller's to load again, or to forget. Call before the content changes. Requires: no activations.
  bool end_gap(BankId bank, Cycles now);
  /// What lies in a bank is there from then on.
  void filled(BankId bank, Cycles at) { elements_[this->bank(bank).at()].filled = at; }
  /// When a bank whose weights are lost is awake, if it is asked for at `now`.
  [[nodiscard]] Cycles refill_from(BankId bank, Cycles now) const;

  /// What is held from now on is held for the latest request of another stream, or for none.
  void work_for(std::int32_t stream);
  static constexpr std::int32_t kNoStream = -1;

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
  /// By ElementClass, uncore parts together.
  [[nodiscard]] const std::array<UnknownGaps, kElementClassCount>& unknown_gaps() const { return unknown_gaps_; }
  /// Cluster-cycles and core-cycles spent powered, the clock stopped or not; complete after settle().
  [[nodiscard]] Cycles cluster_on() const { return cluster_on_; }
  [[nodiscard]] Cycles core_on() const { return core_on_; }

 private:
  /// When an idle element enters each state, from the beginning of its gap; kNotEntered: it does not.
  using Entries = std::array<Cycles, kPowerStateCount>;
  struct Element {
    std::uint16_t element_class = 0;  ///< position in states_
    std::uint16_t group = 0;          ///< position in groups_
    Uses uses;                        ///< routes apart
    std::int32_t owner = -1;          ///< cluster; -1: none
    std::int32_t core = -1;           ///< banks: their core
    Cycles held_from;
    Cycles held_until;          ///< ON until here; the gap in progress begins here
    Cycles filled;              ///< of a bank: what it holds is there from then on
    std::int64_t request = -1;  ///< of the last hold; 0: nobody's; -1: never held, and holds no stream's weights
    Entries entries{};          ///< how the gap in progress is spent while nobody knows its end
  };
  /// The state of a gap, entered once it has lasted `after`; ON until then.
  struct Rest {
    PowerState state = PowerState::kOn;
    Cycles after;
  };
  /// How an unknown gap is spent: when each state is entered (kNotEntered: not), and the one that is left at its end.
  struct Course {
    Entries entered;
    PowerState last;
  };
  struct Request {
    std::int64_t id = 0;
    Cycles arrival;
    bool known = true;
  };
  struct Stream {
    Request request;
    bool in_progress = false;
    bool random = false;  ///< some arrival was not known
    bool keeps_weights = false;
    std::vector<std::int32_t> held;  ///< positions in elements_ of what was held for it
  };
  struct Group {
    std::uint64_t streams = 0;     ///< bit s: stream s
    std::int32_t in_progress = 0;  ///< requests of these streams
    Cycles idle_since;             ///< if there is none
    bool random = false;           ///< some arrival was not known
    bool keeps_weights = true;     ///< some stream's must not be lost
  };
  struct Route {
    std::int32_t first;
    std::int32_t last;
    Cycles until;
  };

  void set_pin(ClusterId cluster, bool on, Cycles now);
  /// `lossy`: weights may have been lost in it.
  void settle_gap(Element& element, Cycles until, bool lossy);
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
  /// True if the gap that a hold for the present request would end at `until` was of unknown length.
  [[nodiscard]] bool unknown(const Element& element, Cycles until) const;
  /// True if a gap of the element is unknown until somebody ends it.
  [[nodiscard]] bool spends_unknown(const Element& element) const { return element.request >= 0 && groups_[element.group].random; }
  /// An unknown gap: by `entries` until `arrival`, from there on as a known one. `lossy`: weights may be lost before the arrival.
  [[nodiscard]] Course course(const Element& element, const Entries& entries, Cycles arrival, Cycles until, bool lossy) const;
  [[nodiscard]] bool may_lose_weights(const Element& element) const {
    return is_class(element, ElementClass::kBank) && element.uses.weights > 0 && element.uses.activations == 0 &&
           !groups_[element.group].keeps_weights;
  }
  /// True if the course loses what the element holds.
  [[nodiscard]] bool loses(const Element& element, const Course& course) const {
    return states_[element.element_class].down(course.last).loses_data && element.uses.weights > 0;
  }
  [[nodiscard]] EnergyTotal cost(const Element& element, const Course& course, Cycles until) const;
  PowerState spend_course(const Element& element, const Course& course, Cycles until);
  /// Adds the gap to unknown_gaps_.
  void count_unknown(const Element& element, const Course& course, Cycles until);
  [[nodiscard]] bool may_enter(const Element& element, const Transition& down) const {
    return down.legal && !(down.loses_data && element.uses.content() > 0);
  }
  [[nodiscard]] std::size_t gap_class(const Element& element) const;
  /// `rest`: for how long the element surely rests.
  [[nodiscard]] Entries entries_of(std::size_t of, const Descent& descent, Cycles rest) const;
  /// As the rules say at present.
  [[nodiscard]] Entries entries_now(const Element& element, Cycles rest) const;
  /// Of the gap in progress.
  [[nodiscard]] Entries element_entries(const Element& element) const {
    return element.request < 0 ? entries_now(element, Cycles(0)) : element.entries;
  }
  /// The element was held for the present request for the first time.
  void join(ElementId id, Element& element);
  [[nodiscard]] std::size_t group_of(std::uint64_t streams);
  /// Asks the rules anew for what a group's gaps are spent by.
  void refresh(std::size_t group);
  /// The state of a gap that no hold ends: what the run does not use again need not be ready, so no wake is weighed.
  [[nodiscard]] Rest last_rest(const Element& element, Cycles horizon) const;

  std::int32_t cluster_count_;
  std::int32_t core_count_;
  std::int32_t pool_index_;
  GatingScope scope_;
  Ledger* ledger_;
  EnergyPerCycle floor_;
  Energy refill_energy_;
  std::vector<PowerStates> states_;  ///< by class
  std::vector<Envelope> envelopes_;  ///< by gap class
  std::vector<Element> elements_;
  std::vector<Route> routes_;
  std::vector<char> pinned_;
  GapRules* rules_ = nullptr;
  std::vector<Group> groups_;
  std::vector<Descent> descents_;  ///< by group, then gap class
  std::vector<Stream> streams_;
  std::int32_t stream_ = kNoStream;  ///< of the present request
  Request request_;
  std::int64_t requests_ = 0;
  Residency residency_;
  std::array<IdleTimes, kElementClassCount> idle_times_{};
  std::array<UnknownGaps, kElementClassCount> unknown_gaps_{};
  std::int64_t wakes_ = 0;
  Cycles cluster_on_;
  Cycles core_on_;
};

}  // namespace gatefold
