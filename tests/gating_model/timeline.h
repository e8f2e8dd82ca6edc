// The reference of the gating model: for every element an array with its power state in every cycle, filled as the calls
// come, and sums over those arrays. Slow, small, and written without the code it judges: no running totals, no deferred
// interval.
//
// What it takes as given is what gating.h promises: at time 0 everything is ON; what was filled in is history; a gap is
// filled when its end is known; its state is the cheapest of those that can be left in time, the smaller change on a tie
// unless leaving is free; a bank is asleep only after its idle cycles. A gap between two requests is unknown until the later one
// arrives. Until then it is spent by the table of entry times below, as of the first hold for the earlier request or of its end, where
// a state that the rest until that end pays for is entered at once; afterwards as a known one; and it is left late.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gatefold/device/gating.h"

namespace gatefold::test {

/// Cycles that a timeline has.
inline constexpr int kHorizon = 64;

/// What a chip has cost at the horizon, in attojoules and cycles.
struct Account {
  std::int64_t leakage_on = 0;
  std::int64_t leakage_gated = 0;
  std::int64_t transitions = 0;
  std::int64_t uncore = 0;
  std::int64_t wakes = 0;
  std::int64_t cluster_on = 0;
  std::int64_t core_on = 0;
  std::array<std::int64_t, kPowerStateCount> cycles{};  ///< of clusters, cores and banks by state
  bool content_lost = false;                            ///< a bank that holds data was OFF
  friend bool operator==(const Account&, const Account&) = default;
};

/// When an element of a class enters a state in a gap that nobody knows, from the gap's beginning; earlier where more streams use it.
[[nodiscard]] int entry_time(std::uint64_t streams, GapClass of, PowerState state);
inline constexpr int kNever = 1'000'000;
/// Whose weights must not be lost. The other stream's may, in banks that it alone uses.
inline constexpr int kKeeper = 1;

class Timeline {
 public:
  /// Elements are numbered as Gating numbers them: clusters, cores, banks, vector pool, uncore parts.
  Timeline(const DeviceSpec& spec, GatingScope scope);

  void hold(int element, int from, int until);
  void set_content(int element, bool holds_data) { elements_[at(element)].content = holds_data; }
  void pin(int cluster, bool on, int now);
  /// Data lie in the cluster's banks, or something still executes or crosses it at `now`.
  [[nodiscard]] bool in_use(int cluster, int now) const;
  /// A stream's request in progress, if any, ends, and its next one arrives.
  void next_request(int stream, int completion, int arrival, bool known);
  void work_for(int stream);
  /// True if the request that works finds the bank's weights lost.
  [[nodiscard]] bool lost(int bank) const;
  /// They are loaded again.
  void refill(int bank, int from, int until);
  /// The arrival of the request that works; nothing is held for it before.
  [[nodiscard]] int arrival() const { return request_.arrival; }
  [[nodiscard]] int arrival(int stream) const { return streams_[at(stream)].request.arrival; }
  [[nodiscard]] int requests(int stream) const { return streams_[at(stream)].requests; }

  /// The first cycle from `now` on in which the element can be ON.
  [[nodiscard]] int ready(int element, int now) const;
  /// Where the latest stretch begins in which holds keep it ON. What is before that is history, and can no longer become ON.
  [[nodiscard]] int begun(int element) const { return elements_[at(element)].begun; }
  /// True if it is ON in every cycle of [from, until), as far as the calls so far say.
  [[nodiscard]] bool on(int element, int from, int until) const;
  [[nodiscard]] bool history(int element, int from) const { return from < elements_[at(element)].filled; }
  [[nodiscard]] int filled(int element) const { return elements_[at(element)].filled; }
  [[nodiscard]] int elements() const { return static_cast<int>(elements_.size()); }
  [[nodiscard]] int pinned() const;
  /// Fills the rest and adds everything up.
  [[nodiscard]] Account settled() const;
  /// A number that differs, in all likelihood, where the timelines do.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  enum class Kind : std::uint8_t { kCluster, kCore, kBank, kPool, kUncore };
  struct Price {
    std::array<std::int64_t, kPowerStateCount> leakage{};
    std::array<int, kPowerStateCount> wake_latency{};
    std::array<std::int64_t, kPowerStateCount> wake_energy{};
  };
  struct Element {
    Kind kind = Kind::kCluster;
    int cluster = -1;
    bool content = false;
    int filled = 0;  ///< cells before this one are history
    int begun = 0;   ///< where the latest stretch that holds keep ON begins
    std::array<PowerState, kHorizon> cells{};
    std::array<std::int64_t, kPowerStateCount> wakes{};  ///< by the state left
    bool content_lost = false;
    int refilled = 0;  ///< its content is there from then on
    int request = -1;
    std::uint64_t streams = 0;
    std::array<int, kPowerStateCount> entries{};
  };
  struct Request {
    int id = 0;
    int arrival = 0;
    bool known = true;
  };
  struct Stream {
    Request request;
    int requests = 0;
    bool random = false;
  };
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }
  [[nodiscard]] const Price& price(const Element& element) const { return prices_[static_cast<std::size_t>(element.kind)]; }
  [[nodiscard]] bool gated(const Element& element) const;
  [[nodiscard]] bool unknown(const Element& element, int until) const;
  /// ON for `after` cycles, then `state`.
  struct Rest {
    PowerState state;
    int after;
  };
  static bool has(const Element& element, PowerState state);
  [[nodiscard]] Rest lowest(const Element& element) const;
  [[nodiscard]] Rest cheapest(const Element& element, int length, bool in_time) const;
  [[nodiscard]] Rest gap(const Element& element, int until) const;
  [[nodiscard]] GapClass gap_class(const Element& element) const;
  [[nodiscard]] std::array<int, kPowerStateCount> entries_now(const Element& element, int rest) const;
  [[nodiscard]] bool may_lose(const Element& element) const;
  [[nodiscard]] PowerState reached(const Element& element, const std::array<int, kPowerStateCount>& entries, int time, bool lossy) const;
  /// Fills an unknown gap; returns the state of its last cycle. `lossy`: content that may be lost is.
  PowerState fill_unknown(Element& element, int arrival, int until, bool lossy) const;
  [[nodiscard]] std::array<int, kPowerStateCount> entries_of(const Element& element) const;
  [[nodiscard]] bool random(const Element& element) const;
  void fill_last(Element& element) const;
  static PowerState fill(Element& element, const Rest& rest, int until);
  static void wake(Element& element, PowerState from);

  GatingScope scope_;
  int sleep_after_ = 0;
  std::int64_t refill_ = 0;
  std::array<Price, 5> prices_{};
  std::vector<Element> elements_;
  std::vector<char> pinned_;
  std::array<Stream, 2> streams_{};
  int stream_ = -1;
  Request request_;
  int made_ = 0;
};

}  // namespace gatefold::test
