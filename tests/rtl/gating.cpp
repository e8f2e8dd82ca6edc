// Each gap is told to the model as its own interface wants it (hold, set_uses, requests, gap rules) and to the RTL as control
// words: thresholds in cycles, worked out from the bank's leakage and wake energies, and the next access. At the end of every
// access both must have spent the same cycles in every state, woken as often, and used the same energy.
#include "rtl/gating.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "VBank.h"
#include "device/small_chip.h"
#include "gatefold/device/gating.h"
#include "invariants/random.h"

namespace gatefold::test {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int32_t>::max();

/// The shortest gap in which saving `from - to` per cycle is worth more than `price`.
std::int64_t shortest_gap(EnergyPerCycle from, EnergyPerCycle to, Energy price) {
  if (price < Energy(0)) return 0;
  if (from <= to) return kNever;
  return price.count() / (from - to).count() + 1;
}

DeviceSpec random_bank(Random& random) {
  DeviceSpec spec = small_chip();
  const std::int64_t on = random.between(5, 40);
  const std::int64_t retention = random.between(0, on - 1);
  const std::int64_t sleep = random.between(1, 12);
  spec.bank.on = EnergyPerCycle(on);
  spec.bank.retention = EnergyPerCycle(retention);
  spec.bank.off = EnergyPerCycle(random.between(0, retention));
  spec.bank.wake_latency_retention = Cycles(sleep);
  spec.bank.wake_latency_off = Cycles(sleep + random.between(0, 12));
  spec.bank.wake_energy_retention = Energy(random.between(1, 400));
  spec.bank.wake_energy_off = Energy(random.between(1, 1200));
  return spec;
}

/// The bank that sleeps by its idle limit: ON for `limit` cycles after an access, and again `latency` after a wake.
class TimedBank {
 public:
  TimedBank(std::int64_t limit, std::int64_t latency) : limit_(limit), latency_(latency) {}
  [[nodiscard]] bool ready(std::int64_t now) const { return now >= on_from_ && now <= used_ + limit_; }
  void wake(std::int64_t now) {
    if (ready(now) || on_from_ > now) return;
    on_from_ = now + latency_;
    used_ = on_from_ - 1;
  }
  void access(std::int64_t now) {
    if (ready(now)) used_ = now;
  }

 private:
  std::int64_t limit_;
  std::int64_t latency_;
  std::int64_t on_from_ = 0;
  std::int64_t used_ = -1;  ///< last cycle that did not count as idle
};

/// An access, and how the gap before it looks to the controller.
struct Access {
  std::int64_t from = 0, until = 0;
  std::int64_t told = 0;                  ///< its beginning as the controller knows it
  std::optional<std::int64_t> arrival{};  ///< where the gap is of unknown length: when its end shows
};

/// One state for the whole gap, from an expected length that is drawn for every gap anew; ON on a tie.
class ExpectedLength : public GapRules {
 public:
  ExpectedLength(const DeviceSpec& spec, Random& random) : envelopes_(gap_envelopes(spec)), random_(&random) { draw(); }
  [[nodiscard]] std::int64_t expected() const { return expected_; }
  void add_group(std::size_t, std::uint64_t) override {}
  void spent(std::size_t, std::size_t, EnergyTotal, EnergyTotal) override {}
  void observe(std::size_t, Cycles) override { draw(); }
  [[nodiscard]] Descent descent(std::size_t, std::size_t of) const override {
    const Envelope& envelope = envelopes_[of];
    Descent descent;
    descent.fill(kNotEntered);
    const auto spent = [&](std::size_t i) {
      return EnergyTotal::over(envelope.state(i).leakage, Cycles(expected_)) + envelope.state(i).wake;
    };
    std::size_t best = 0;
    for (std::size_t i = 1; i < envelope.size(); ++i) best = spent(i) < spent(best) ? i : best;
    std::fill_n(descent.begin(), best, Cycles(0));
    return descent;
  }

 private:
  void draw() { expected_ = random_->between(1, 150); }
  std::vector<Envelope> envelopes_;
  Random* random_;
  std::int64_t expected_ = 0;
};

class Sequence {
 public:
  Sequence(std::uint64_t seed, GatingFigures& figures)
      : random_(seed),
        spec_(random_bank(random_)),
        rules_(spec_, random_),
        gating_(spec_, GatingScope::kAll, ledger_),
        seed_(seed),
        figures_(&figures),
        timed_(limit_, spec_.bank.wake_latency_retention.count()) {
    const BankSpec& bank = spec_.bank;
    const std::int64_t off_min = std::max(shortest_gap(bank.on, bank.off, bank.wake_energy_off),
                                          shortest_gap(bank.retention, bank.off, bank.wake_energy_off - bank.wake_energy_retention));
    rtl_.retention_min = static_cast<std::uint32_t>(shortest_gap(bank.on, bank.retention, bank.wake_energy_retention));
    rtl_.off_min = static_cast<std::uint32_t>(off_min);
    rtl_.wake_retention = static_cast<std::uint32_t>(bank.wake_latency_retention.count());
    rtl_.wake_off = static_cast<std::uint32_t>(bank.wake_latency_off.count());
    rtl_.idle_limit = static_cast<std::uint32_t>(limit_);
    rtl_.reset = 1;
    step();
    rtl_.reset = 0;
  }
  ~Sequence() { rtl_.final(); }
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  void run() {
    constexpr int kAccesses = 30;
    Access current{.from = 0, .until = random_.between(1, 20)};
    gating_.follow(&rules_);
    gating_.begin_request(0, Cycles(0), true);
    gating_.hold(bank_, Cycles(0), Cycles(current.until));
    for (int made = 0; made < kAccesses; ++made) {
      const Access next = next_access(current);
      execute(current, next);
      compare();
      wait(current, next);
      current = next;
    }
  }

 private:
  /// Tells the model the gap after `current` and the access that ends it.
  Access next_access(const Access& current) {
    const bool content = random_.chance(2);
    gating_.set_uses(BankId(0), Uses{.activations = content ? 1 : 0});  // what has to stay: the RTL loads nothing again
    rtl_.content = content;
    Access next;
    wakes_before_ = gating_.wakes();
    if (random_.chance(3)) {
      next.told = current.until + rules_.expected();
      next.arrival = current.until + random_.between(1, 150);
      gating_.end_request(0, Cycles(current.until));
      gating_.begin_request(0, Cycles(*next.arrival), false);
      next.from = gating_.ready_at(bank_, Cycles(*next.arrival)).count();
      ++figures_->unknown;
    } else {
      next.from = current.until + random_.between(0, random_.one_of({12, 60, 200}));
      next.told = next.from;
    }
    next.until = next.from + random_.between(1, 20);
    return next;
  }

  /// The cycles of an access; in the last one the controller judges the gap.
  void execute(const Access& current, const Access& next) {
    rtl_.hold_end = static_cast<std::uint32_t>(current.until);
    rtl_.next_from = static_cast<std::uint32_t>(next.told);
    rtl_.unknown = next.arrival.has_value();
    while (now_ < current.until) {
      rtl_.access = 1;
      rtl_.access_early = 1;
      step();
    }
  }

  /// The gap, in whose last cycle the twin is touched too early. The model has the next access only now.
  void wait(const Access& current, const Access& next) {
    gating_.hold(bank_, Cycles(next.from), Cycles(next.until));
    const bool gated = gating_.wakes() > wakes_before_;
    const auto off_before = rtl_.off_cycles;
    while (now_ < next.from) {
      rtl_.access = 0;
      rtl_.access_early = now_ + 1 == next.from;
      early_must_fail_ = rtl_.access_early && gated;
      rtl_.arrival = next.arrival == now_;
      step();
    }
    early_must_fail_ = false;
    rtl_.arrival = 0;
    ++figures_->gaps;
    if (!gated || next.from == current.until) return;
    const bool off = rtl_.off_cycles != off_before;
    (off ? figures_->off : figures_->retained) += 1;
    transitions_ += off ? spec_.bank.wake_energy_off : spec_.bank.wake_energy_retention;
  }

  void step() {
    rtl_.wake_idle = !rtl_.reset && random_.chance(8);
    rtl_.access_idle = !rtl_.reset && random_.chance(10);
    rtl_.clk = 0;
    rtl_.eval();
    if (!rtl_.reset) {
      check(!rtl_.error, "an access at the model's time found the bank gated");
      check((rtl_.error_early != 0) == early_must_fail_, "the cycle before: error flag wrong");
      figures_->early += rtl_.error_early;
      const bool ready = timed_.ready(now_);
      check((rtl_.ready_idle != 0) == ready, "the idle limit");
      check((rtl_.error_idle != 0) == (rtl_.access_idle && !ready), "the idle limit's error flag");
      figures_->timed_out += rtl_.error_idle;
      if (rtl_.access_idle) timed_.access(now_);
      if (rtl_.wake_idle) timed_.wake(now_);
      ++now_;
    }
    rtl_.clk = 1;
    rtl_.eval();
  }

  /// At the end of an access.
  void compare() {
    const auto& spent = gating_.residency().cycles;
    const auto in = [&](PowerState state) { return static_cast<std::int64_t>(spent[static_cast<std::size_t>(state)]); };
    const auto on = static_cast<std::int64_t>(rtl_.on_cycles);
    const auto retention = static_cast<std::int64_t>(rtl_.retention_cycles);
    const auto off = static_cast<std::int64_t>(rtl_.off_cycles);
    check(on == in(PowerState::kOn), "cycles ON");
    check(retention == in(PowerState::kRetention), "cycles in RETENTION");
    check(off == in(PowerState::kOff), "cycles OFF");
    check(static_cast<std::int64_t>(rtl_.wakes) == gating_.wakes(), "wakes");
    const BankSpec& bank = spec_.bank;
    check(EnergyTotal::over(bank.on, Cycles(on)) == ledger_.part(Part::kLeakageOn), "leakage ON");
    check(EnergyTotal::over(bank.retention, Cycles(retention)) + EnergyTotal::over(bank.off, Cycles(off)) ==
              ledger_.part(Part::kLeakageGated),
          "leakage gated");
    check(transitions_ == ledger_.part(Part::kTransitions), "wake energy");
  }

  void check(bool holds, const char* what) {
    if (holds) return;
    if (++figures_->differences <= 20) fmt::print("gating sequence {}, cycle {}: {}\n", seed_, now_, what);
  }

  Random random_;
  DeviceSpec spec_;
  Ledger ledger_;
  ExpectedLength rules_;
  Gating gating_;
  ElementId bank_ = gating_.bank(BankId(0));
  VBank rtl_;
  std::uint64_t seed_;
  GatingFigures* figures_;
  std::int64_t limit_ = random_.between(1, 20);  ///< of the timed bank
  TimedBank timed_;
  std::int64_t now_ = 0;
  std::int64_t wakes_before_ = 0;
  bool early_must_fail_ = false;
  EnergyTotal transitions_;
};

}  // namespace

void check_gating(std::uint64_t seed, GatingFigures& figures) {
  Sequence(seed, figures).run();
  ++figures.sequences;
}

}  // namespace gatefold::test
