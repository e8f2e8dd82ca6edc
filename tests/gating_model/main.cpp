// gatefold_gating_model --scale S: on chips of up to 4 clusters x 2 cores x 2 banks, under every gating scope, applies every
// sequence of calls up to a depth that S sets, and after every call compares the chip with a timeline kept cycle by cycle.
//
// The calls are those of sessions: layers and blocks that keep elements ON, contents that come and go, pins, the next request of one of
// two streams, turns of one and the other, weights that are loaded again; at times that leave gaps below, at and above every break-even and
// wake latency, and in any order of their times. A call that a session could not make is left out: nothing is held for a request before it
// arrives. In every state that is reached:
//   ready_at   says when the timeline can be ON; without an unknown gap that is at once;
//   a hold     leaves what it needs ON from its first cycle to its last: no wake is lost;
//   is_on      says ON only where the timeline is ON in every cycle;
//   settle     charges what the timeline's cycles cost one by one, plus its wakes; the states of every element fill the
//              horizon exactly once; a bank that holds data is never OFF.
// Exit status 0 if all of it holds, 1 if not, 2 for wrong arguments. The last line is what was measured.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

#include "device/small_chip.h"
#include "gatefold/device/chip.h"
#include "gating_model/timeline.h"

namespace gatefold::test {
namespace {

constexpr double kTransitionsFull = 6e6;  // about 10 s
constexpr int kDepthLeast = 2;
/// One call more multiplies the transitions by less than this: most calls commute with most others.
constexpr double kGrowth = 16;
constexpr std::int64_t kReportedMost = 10;
/// Where accesses begin and end that is_on is asked about: the edges of holds and of idle times.
constexpr std::array<int, 8> kInstants{0, 3, 7, 10, 19, 24, 27, 47};

enum class Call : std::uint8_t { kLayer, kBlock, kPool, kUncore, kContent, kPin, kRequest, kTurn, kRefill };

struct Op {
  Call call = Call::kLayer;
  Placement placement;  ///< kLayer
  int target = 0;       ///< bank, cluster or stream
  bool on = false;      ///< kContent, kPin; kRequest: its arrival was known
  int from = 0;         ///< kRequest: when the one before ended
  int length = 0;       ///< kRequest: until the arrival
};

std::string text(const Op& op) {
  switch (op.call) {
    case Call::kLayer: return fmt::format("layer on {} at {} for {}", op.placement.text(), op.from, op.length);
    case Call::kBlock: return fmt::format("bank {} at {} for {}", op.target, op.from, op.length);
    case Call::kPool: return fmt::format("pool at {} for {}", op.from, op.length);
    case Call::kUncore: return fmt::format("uncore at {} for {}", op.from, op.length);
    case Call::kContent: return fmt::format("bank {} {}", op.target, op.on ? "full" : "empty");
    case Call::kPin: return fmt::format("{} {} at {}", op.on ? "pin" : "unpin", op.target, op.from);
    case Call::kRequest:
      return fmt::format("{} request of stream {} after {} at {}", op.on ? "known" : "unknown", op.target, op.from, op.from + op.length);
    case Call::kRefill: return fmt::format("bank {} refilled at {} for {}", op.target, op.from, op.length);
    case Call::kTurn: return fmt::format("turn of stream {}", op.target);
  }
  GATEFOLD_REQUIRE(false);
}

struct Shape {
  int clusters, cores, banks;
};

/// Break-evens and latencies apart from each other; `dear`: waking costs energy and little time, or the other way round.
DeviceSpec chip_of(const Shape& shape, bool dear) {
  DeviceSpec spec = small_chip();
  spec.cluster_count = shape.clusters;
  spec.cores_per_cluster = shape.cores;
  spec.banks_per_core = shape.banks;
  // A stopped clock saves nothing on one of them, and a bank falls asleep at once on one of them.
  spec.cluster = {EnergyPerCycle(211), EnergyPerCycle(7), Cycles(dear ? 2 : 5), Energy(dear ? 2040 : 3), EnergyPerCycle(dear ? 60 : 0)};
  spec.core = {EnergyPerCycle(103), EnergyPerCycle(3), Cycles(dear ? 1 : 4), Energy(dear ? 400 : 0), EnergyPerCycle(dear ? 31 : 0)};
  spec.bank = {Bytes(100),           EnergyPerCycle(41),     EnergyPerCycle(17),     EnergyPerCycle(1),   Cycles(dear ? 1 : 3),
               Cycles(dear ? 2 : 5), Energy(dear ? 120 : 1), Energy(dear ? 300 : 2), Cycles(dear ? 2 : 0)};
  spec.vector_pool_gate = {EnergyPerCycle(59), EnergyPerCycle(2), Cycles(3), Energy(228)};
  spec.uncore.push_back({"chip", {EnergyPerCycle(29), EnergyPerCycle(0), Cycles(4), Energy(dear ? 203 : 29)}, UncoreUse::kRequests});
  return spec;
}

/// Every call that the exploration makes on a chip.
std::vector<Op> calls_on(const DeviceSpec& spec, GatingScope scope) {
  constexpr std::array<std::pair<int, int>, 5> kHolds{{{0, 3}, {7, 12}, {7, 3}, {24, 3}, {44, 3}}};
  std::vector<Op> ops;
  const auto clusters = static_cast<std::int16_t>(spec.cluster_count);
  const auto all_cores = static_cast<std::uint16_t>((1U << static_cast<unsigned>(spec.cores_per_cluster)) - 1U);
  std::vector<Placement> placements{{0, 1, 1}};
  if (all_cores != 1) placements.push_back({0, 1, all_cores});
  if (clusters > 1) placements.push_back({0, clusters, all_cores});
  if (clusters > 1) placements.push_back({static_cast<std::int16_t>(clusters - 1), 1, 1});
  std::vector<int> banks{0};
  if (spec.bank_count() > 1) banks.push_back(spec.bank_count() - 1);
  for (const auto& [from, length] : kHolds) {
    for (const Placement& placement : placements) ops.push_back({Call::kLayer, placement, 0, false, from, length});
    for (const int bank : banks) ops.push_back({Call::kBlock, {}, bank, false, from, length});
  }
  for (const int from : {7, 24}) {
    ops.push_back({Call::kPool, {}, 0, false, from, 3});
    ops.push_back({Call::kUncore, {}, 0, false, from, 3});
  }
  for (const int bank : banks) {
    for (const bool full : {true, false}) ops.push_back({Call::kContent, {}, bank, full, 0, 0});
  }
  for (const int stream : {0, 1}) {
    ops.push_back({Call::kRequest, {}, stream, false, 10, 10});
    ops.push_back({Call::kRequest, {}, stream, false, 30, 10});
    ops.push_back({Call::kTurn, {}, stream, false, 0, 0});
  }
  ops.push_back({Call::kRequest, {}, 0, true, 10, 10});
  for (const int bank : banks) ops.push_back({Call::kRefill, {}, bank, false, 24, 6});
  if (scope != GatingScope::kClusters) return ops;
  for (const int now : {0, 10, 24}) {
    for (const bool on : {true, false}) ops.push_back({Call::kPin, {}, 0, on, now, 0});
    if (clusters > 1) ops.push_back({Call::kPin, {}, clusters - 1, true, now, 0});
  }
  return ops;
}

/// The rules of the timeline's table.
class TableRules : public GapRules {
 public:
  explicit TableRules(const DeviceSpec& spec) : envelopes_(gap_envelopes(spec)) {}
  void add_group(std::size_t group, std::uint64_t streams) override {
    streams_.resize(std::max(streams_.size(), group + 1));
    streams_[group] = streams;
  }
  void spent(std::size_t, std::size_t, EnergyTotal, EnergyTotal) override {}
  void observe(std::size_t, Cycles) override {}
  Descent descent(std::size_t group, std::size_t of) const override {
    Descent descent;
    descent.fill(kNotEntered);
    for (std::size_t i = 0; i + 1 < envelopes_[of].size(); ++i) {
      descent[i] = Cycles(entry_time(streams_[group], static_cast<GapClass>(of), envelopes_[of].state(i + 1).state));
    }
    return descent;
  }

 private:
  std::vector<Envelope> envelopes_;
  std::vector<std::uint64_t> streams_;  ///< by group
};

/// One chip, every sequence of its calls. What follows a state is explored once, however it was reached: equal states have
/// equal timelines and equal chips, as far as a chip shows its state.
class Exploration {
 public:
  /// `in_use`: from the state in which the first bank has served a request of stream 0 with weights that may be lost.
  Exploration(const DeviceSpec& spec, GatingScope scope, bool in_use, std::int64_t& reported)
      : spec_(spec),
        scope_(scope),
        rules_(spec),
        chip_(spec_, scope),
        ops_(calls_on(spec, scope)),
        reported_(reported),
        start_(spec_, scope) {
    chip_.gating().follow(&rules_);
    chip_.gating().keep_weights(kKeeper);
    for (int b = 0; b < spec.bank_count(); ++b) {
      auto block = chip_.memory().store(CoreId(b / spec.banks_per_core), spec.bank.size, BankRole::kWeights, {}, nullptr);
      GATEFOLD_REQUIRE(block.has_value());
      GATEFOLD_REQUIRE(chip_.memory().pieces(block.value()).front().bank == BankId(b));
      blocks_.push_back(block.value());
    }
    if (!in_use) return;
    apply({Call::kContent, {}, 0, true, 0, 0}, start_);
    apply({Call::kRequest, {}, 0, true, 0, 0}, start_);
    apply({Call::kBlock, {}, 0, false, 0, 3}, start_);
  }

  /// Explores to the greatest depth that takes at most about `budget` transitions; returns the depth.
  int explore(double budget) {
    for (int depth = kDepthLeast;; ++depth) {
      explored_.clear();
      transitions_ = violations_ = 0;
      check_state(start_);
      visit(start_, depth);
      if (violations_ > 0 || static_cast<double>(transitions_) * kGrowth > budget) return depth;
    }
  }

  [[nodiscard]] std::int64_t states() const { return static_cast<std::int64_t>(explored_.size()); }
  [[nodiscard]] std::int64_t transitions() const { return transitions_; }
  [[nodiscard]] std::int64_t violations() const { return violations_; }
  [[nodiscard]] std::int64_t refills() const { return refills_; }

 private:
  /// Nothing is held for a request before it arrives, and requests of a stream arrive one after another.
  bool possible(const Op& op, const Timeline& before) const {
    switch (op.call) {
      case Call::kContent: return true;
      case Call::kRefill: return op.from >= before.arrival() && before.lost(bank(op.target));
      case Call::kTurn: return before.requests(op.target) > 0;
      case Call::kRequest: return before.requests(op.target) == 0 || before.arrival(op.target) <= op.from;
      default: return op.from >= before.arrival();
    }
  }

  void visit(const Timeline& before, int depth) {
    const auto known = explored_.try_emplace(fingerprint(before), -1).first;
    if (known->second >= depth) return;
    known->second = depth;
    if (depth == 0) return;
    const Gating gating = chip_.gating();
    const Ledger ledger = chip_.ledger();
    for (const Op& op : ops_) {
      if (!possible(op, before)) continue;
      path_.push_back(&op);
      Timeline timeline = before;
      apply(op, timeline);
      ++transitions_;
      check_state(timeline);
      visit(timeline, depth - 1);
      path_.pop_back();
      chip_.gating() = gating;
      chip_.ledger() = ledger;
    }
  }

  void apply(const Op& op, Timeline& timeline) {
    switch (op.call) {
      case Call::kContent:
        chip_.gating().set_uses(BankId(op.target), Uses{.weights = op.on ? 1 : 0});
        timeline.set_content(bank(op.target), op.on);
        return;
      case Call::kPin: pin(op, timeline); return;
      case Call::kRequest:
        if (timeline.requests(op.target) > 0) chip_.gating().end_request(op.target, Cycles(op.from));
        chip_.gating().begin_request(op.target, Cycles(op.from + op.length), op.on);
        timeline.next_request(op.target, op.from, op.from + op.length, op.on);
        return;
      case Call::kRefill: {
        const Cycles from = chip_.gating().refill_from(BankId(op.target), Cycles(op.from));
        chip_.gating().refill(BankId(op.target), from, from + Cycles(op.length));
        ++refills_;
        timeline.refill(bank(op.target), static_cast<int>(from.count()), static_cast<int>(from.count()) + op.length);
        return;
      }
      case Call::kTurn:
        chip_.gating().work_for(op.target);
        timeline.work_for(op.target);
        return;
      default: hold(op, timeline);
    }
  }

  /// What is in use is refused, on both sides.
  void pin(const Op& op, Timeline& timeline) {
    const ClusterId cluster(op.target);
    if (op.on) {
      chip_.gating().pin(cluster, Cycles(op.from));
      return timeline.pin(op.target, true, op.from);
    }
    const bool in_use = timeline.in_use(op.target, op.from);
    if (chip_.gating().unpin(cluster, Cycles(op.from)) == in_use) violate(fmt::format("cluster {} is in use: {}", op.target, in_use));
    if (!in_use) timeline.pin(op.target, false, op.from);
  }

  void hold(const Op& op, Timeline& timeline) {
    const std::vector<int> needed = elements_of(op);
    int wanted = op.from;
    for (const int element : needed) wanted = std::max(wanted, timeline.ready(element, op.from));
    if (op.call == Call::kLayer) {
      for (const int element : needed) wanted = std::max(wanted, timeline.begun(element));  // a chip does not go back in time
    }
    const Cycles from = ready(op);
    if (from != Cycles(wanted)) violate(fmt::format("ready at {}, the timeline at {}", from.count(), wanted));
    const Cycles until = from + Cycles(op.length);
    switch (op.call) {
      case Call::kLayer:
        chip_.hold(op.placement, from, until);
        chip_.hold(blocks_of(op), from, until);
        break;
      case Call::kBlock: chip_.hold(blocks_of(op), from, until); break;
      case Call::kPool: chip_.gating().hold(chip_.gating().vector_pool(), from, until); break;
      default: chip_.hold_uncore(UncoreUse::kRequests, from, until);
    }
    for (const int element : needed) {
      // What was decided before cannot be held any more; is_on must then tell, which check_state sees.
      const bool late = timeline.history(element, static_cast<int>(from.count()));
      timeline.hold(element, static_cast<int>(from.count()), static_cast<int>(until.count()));
      if (!late && !chip_.gating().is_on(ElementId(element), from, until))
        violate(fmt::format("element {} is not ON though held", element));
      if (!late && !timeline.on(element, wanted, wanted + op.length)) violate(fmt::format("element {}: its wake is lost", element));
    }
  }

  Cycles ready(const Op& op) {
    const Cycles now(op.from);
    switch (op.call) {
      case Call::kLayer: return chip_.ready_at(op.placement, blocks_of(op), now);
      case Call::kBlock: return chip_.gating().ready_at(chip_.gating().bank(BankId(op.target)), now);
      case Call::kPool: return chip_.gating().ready_at(chip_.gating().vector_pool(), now);
      default: return chip_.uncore_ready_at(UncoreUse::kRequests, now);
    }
  }

  /// A layer reads the first bank of its first core.
  std::span<const BlockId> blocks_of(const Op& op) const {
    const int bank = op.call == Call::kBlock ? op.target : op.placement.first * spec_.cores_per_cluster * spec_.banks_per_core;
    return std::span(blocks_).subspan(static_cast<std::size_t>(bank), 1);
  }

  std::vector<int> elements_of(const Op& op) const {
    const int fixed = spec_.cluster_count + spec_.core_count() + spec_.bank_count();
    if (op.call == Call::kPool) return {fixed};
    if (op.call == Call::kUncore) return {fixed + 1};
    if (op.call == Call::kBlock) return {bank(op.target)};
    std::vector<int> elements{bank(op.placement.first * spec_.cores_per_cluster * spec_.banks_per_core)};
    for (int k = op.placement.first; k <= op.placement.last(); ++k) {
      elements.push_back(k);
      for (int c = 0; c < spec_.cores_per_cluster; ++c) {
        if ((op.placement.core_mask >> static_cast<unsigned>(c) & 1U) != 0)
          elements.push_back(spec_.cluster_count + k * spec_.cores_per_cluster + c);
      }
    }
    return elements;
  }

  [[nodiscard]] int bank(int index) const { return spec_.cluster_count + spec_.core_count() + index; }

  void check_state(const Timeline& timeline) {
    check_accesses(timeline);
    for (int b = 0; b < spec_.bank_count(); ++b) {
      if (chip_.gating().lost(BankId(b)) != timeline.lost(bank(b))) violate(fmt::format("bank {}: lost {}", b, timeline.lost(bank(b))));
    }
    const Gating gating = chip_.gating();
    const Ledger ledger = chip_.ledger();
    chip_.gating().settle(Cycles(kHorizon));
    check_account(timeline);
    chip_.gating() = gating;
    chip_.ledger() = ledger;
  }

  /// Of the timeline and of all that the chip shows of its state.
  std::uint64_t fingerprint(const Timeline& timeline) {
    std::uint64_t hash = timeline.fingerprint();
    const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3ULL; };  // FNV-1a's prime
    const Gating& gating = chip_.gating();
    for (int element = 0; element < timeline.elements(); ++element) {
      const Cycles filled(timeline.filled(element));
      for (const int from : kInstants) mix(gating.is_on(ElementId(element), Cycles(from), std::max(Cycles(from), filled)) ? 2 : 1);
      mix(gating.is_on(ElementId(element), filled, Cycles(kHorizon)) ? 2 : 1);
    }
    mix(static_cast<std::uint64_t>(gating.wakes()));
    mix(static_cast<std::uint64_t>(gating.cluster_on().count()));
    mix(static_cast<std::uint64_t>(gating.core_on().count()));
    for (const Int128 cycles : gating.residency().cycles) mix(static_cast<std::uint64_t>(cycles));
    mix(std::hash<std::string>()(chip_.ledger().total().femtojoules()));
    return hash;
  }

  void check_accesses(const Timeline& timeline) {
    const Gating& gating = chip_.gating();
    for (int element = 0; element < timeline.elements(); ++element) {
      for (std::size_t i = 0; i + 1 < kInstants.size(); ++i) {
        for (std::size_t j = i + 1; j < kInstants.size(); ++j) {
          if (!gating.is_on(ElementId(element), Cycles(kInstants[i]), Cycles(kInstants[j]))) break;
          if (timeline.on(element, kInstants[i], kInstants[j])) continue;
          violate(fmt::format("element {} is said to be ON over [{}, {})", element, kInstants[i], kInstants[j]));
        }
      }
    }
    for (int b = 0; b < spec_.bank_count(); ++b) {
      if (gating.held_until(BankId(b)) != Cycles(timeline.filled(bank(b)))) violate(fmt::format("bank {}: held until", b));
    }
    if (scope_ == GatingScope::kClusters && gating.powered_clusters(0) != timeline.pinned()) violate("clusters powered");
  }

  /// After settle().
  void check_account(const Timeline& timeline) {
    const Account wanted = timeline.settled();
    const Ledger& ledger = chip_.ledger();
    const Gating& gating = chip_.gating();
    const auto same = [this](const char* what, auto found, auto want) {
      if (!(found == want)) violate(fmt::format("{}: differs from the timeline's {}", what, want));
    };
    const auto energy = [&](const char* what, Part part, std::int64_t want) {
      if (ledger.part(part) != EnergyTotal(Energy(want))) {
        violate(fmt::format("{}: {} fJ, the timeline's cycles make {} aJ", what, ledger.part(part).femtojoules(), want));
      }
    };
    energy("leakage ON", Part::kLeakageOn, wanted.leakage_on);
    energy("leakage gated", Part::kLeakageGated, wanted.leakage_gated);
    energy("transitions", Part::kTransitions, wanted.transitions);
    energy("uncore", Part::kUncore, wanted.uncore);
    energy("floor", Part::kFloor, spec_.floor.count() * kHorizon);
    same("wakes", gating.wakes(), wanted.wakes);
    same("cluster cycles ON", gating.cluster_on().count(), wanted.cluster_on);
    same("core cycles ON", gating.core_on().count(), wanted.core_on);
    std::int64_t all = 0;
    for (std::size_t state = 0; state < kPowerStateCount; ++state) {
      const auto found = static_cast<std::int64_t>(gating.residency().cycles[state]);
      same("cycles in a state", found, wanted.cycles[state]);
      all += found;
    }
    same("cycles in all states", all, std::int64_t{kHorizon} * (spec_.cluster_count + spec_.core_count() + spec_.bank_count()));
    if (wanted.content_lost) violate("a bank that holds data was OFF");
  }

  void violate(const std::string& what) {
    ++violations_;
    if (++reported_ > kReportedMost) return;
    std::vector<std::string> calls;
    for (const Op* op : path_) calls.push_back(text(*op));
    fmt::print("{} x {} x {}, scope {}: {}\n  after: {}\n", spec_.cluster_count, spec_.cores_per_cluster, spec_.banks_per_core,
               static_cast<int>(scope_), what, fmt::join(calls, "; "));
  }

  DeviceSpec spec_;
  GatingScope scope_;
  TableRules rules_;
  Chip chip_;
  std::vector<Op> ops_;
  std::vector<BlockId> blocks_;
  std::unordered_map<std::uint64_t, int> explored_;  ///< to which depth
  std::int64_t& reported_;
  Timeline start_;
  std::vector<const Op*> path_;
  std::int64_t transitions_ = 0;
  std::int64_t violations_ = 0;
  std::int64_t refills_ = 0;
};

void throw_violation(const ContractViolation& violation) {
  throw std::logic_error(fmt::format("{} {} at {}:{}", violation.kind, violation.condition, violation.file, violation.line));
}

int run(double scale) {
  constexpr std::array<Shape, 6> kShapes{{{1, 1, 1}, {1, 1, 2}, {1, 2, 2}, {2, 1, 2}, {2, 2, 2}, {4, 2, 2}}};
  constexpr std::array<GatingScope, 3> kScopes{GatingScope::kNothing, GatingScope::kClusters, GatingScope::kAll};
  // Twice with everything gated: from the beginning, and with weights in use.
  const double budget = kTransitionsFull * scale / (kShapes.size() * (kScopes.size() + 1) * 2);
  std::int64_t states = 0, transitions = 0, violations = 0, refills = 0, reported = 0;
  int shallowest = INT_MAX, deepest = 0;
  for (const Shape& shape : kShapes) {
    for (const bool dear : {true, false}) {
      for (const GatingScope scope : kScopes) {
        for (const bool in_use : {false, true}) {
          if (in_use && scope != GatingScope::kAll) continue;
          Exploration exploration(chip_of(shape, dear), scope, in_use, reported);
          const int depth = exploration.explore(budget);
          shallowest = std::min(shallowest, depth);
          deepest = std::max(deepest, depth);
          states += exploration.states();
          transitions += exploration.transitions();
          violations += exploration.violations();
          refills += exploration.refills();
        }
      }
    }
  }
  fmt::print("figure: {} states, {} transitions in all sequences of up to {} to {} calls, {} of them refills, {} violations\n", states,
             transitions, shallowest, deepest, refills, violations);
  return violations == 0 && refills > 0 ? 0 : 1;
}

int run(int argc, char** argv) {
  double scale = 1;
  if (argc == 3 && std::string_view(argv[1]) == "--scale") {
    const std::string_view number = argv[2];
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), scale);
    if (error != std::errc() || end != number.data() + number.size()) scale = 0;
  } else if (argc != 1) {
    scale = 0;
  }
  if (!(scale > 0)) {
    fmt::print(stderr, "usage: gatefold_gating_model [--scale S]\n");
    return 2;
  }
  set_contract_handler(throw_violation);
  try {
    return run(scale);
  } catch (const std::exception& broken) {
    fmt::print("contract: {}\n", broken.what());
    return 1;
  }
}

}  // namespace
}  // namespace gatefold::test

int main(int argc, char** argv) { return gatefold::test::run(argc, argv); }
