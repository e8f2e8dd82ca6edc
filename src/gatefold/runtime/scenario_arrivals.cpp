// Arrivals by time change: a stream's k-th request comes when the integral of its rate reaches the k-th mark. Marks are
// whole numbers with a jitter (periodic), or have exponential distances of mean one (Poisson); the rate is constant on
// pieces, which end where a step, a sojourn, a window or an event does. So every mixture of those is exact, and a source
// keeps one piece and two marks.
#include "gatefold/runtime/scenario_arrivals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "gatefold/base/contract.h"
#include "gatefold/base/random.h"

namespace gatefold {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

double seconds(std::int64_t ps) { return static_cast<double>(ps) * 1e-12; }

/// Independent randomness for every purpose: streams neither share it nor depend on each other's number.
SplitMix64 random_for(std::uint64_t seed, std::string_view name, std::uint64_t purpose) {
  std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  SplitMix64 mixed(seed ^ (purpose << 56U));
  return SplitMix64(mixed.next() ^ hash);
}
enum Purpose : std::uint64_t { kMarks = 1, kSojourns, kWindows, kDensity, kExit, kTriggers };

double exponential(SplitMix64& random, double mean) { return -std::log(random.uniform()) * mean; }

// ---- Windows, one after the other. ----

class WindowSource {
 public:
  WindowSource(const ActivityWindows& windows, std::uint64_t seed)
      : kind_(windows.kind),
        every_(seconds(windows.every_ps)),
        on_(seconds(windows.on_ps)),
        jitter_(windows.jitter),
        random_(random_for(seed, windows.name, kWindows)) {
    if (kind_ == ActivityWindows::Kind::kRegular) {
      origin_ = windows.from_ps ? seconds(*windows.from_ps) : random_.uniform() * every_;
    } else if (kind_ == ActivityWindows::Kind::kPoisson) {
      origin_ = exponential(random_, every_);
    } else if (random_.uniform() > on_ / every_) {
      origin_ = exponential(random_, every_ - on_);
    }
    advance();
  }

  [[nodiscard]] double begin() const { return begin_; }
  [[nodiscard]] double end() const { return end_; }

  /// To the next window.
  void advance() {
    switch (kind_) {
      case ActivityWindows::Kind::kRegular:
        begin_ = origin_ + (static_cast<double>(count_++) + jitter_ * random_.uniform()) * every_;
        end_ = begin_ + on_;
        return;
      case ActivityWindows::Kind::kPoisson:
        begin_ = origin_;
        do {
          end_ = origin_ + on_;
          origin_ += exponential(random_, every_);
        } while (origin_ <= end_);
        return;
      case ActivityWindows::Kind::kSwitched:
        begin_ = origin_;
        end_ = begin_ + exponential(random_, on_);
        origin_ = end_ + exponential(random_, every_ - on_);
        return;
    }
  }

 private:
  ActivityWindows::Kind kind_;
  double every_, on_, jitter_;
  SplitMix64 random_;
  double origin_ = 0;  ///< kRegular: the grid's; otherwise the next start
  std::int64_t count_ = 0;
  double begin_ = 0;
  double end_ = 0;
};

// ---- The rate of a stream, piece by piece. ----

class RateCurve {
 public:
  RateCurve(const Scenario& scenario, StreamId id, std::uint64_t seed)
      : arrivals_(&scenario.stream(id).arrivals),
        level_(arrivals_->rate.hz),
        present_(scenario.stream(id).present),
        random_(random_for(seed, scenario.stream(id).name, kSojourns)) {
    for (const ScenarioEvent& event : scenario.events) add_event(event, id);
    if (arrivals_->windows) windows_.emplace(scenario.windows[arrivals_->windows->at()], seed);
    if (!arrivals_->steps.empty()) step_end_ = seconds(arrivals_->steps.front().for_ps);
    if (arrivals_->states) {
      high_ = random_.uniform() <= 0.5;
      state_end_ = exponential(random_, seconds(arrivals_->states->sojourn_ps));
    }
    enter(0);
  }

  [[nodiscard]] double hz() const { return hz_; }
  [[nodiscard]] double end() const { return end_; }
  /// Counts windows begun; constant without windows.
  [[nodiscard]] std::int64_t window() const { return window_; }
  [[nodiscard]] bool present() const { return present_; }

  /// To the piece that begins where this one ends.
  void advance() { enter(end_); }
  /// Skips pieces until one holds `t`.
  void advance_to(double t) {
    while (end_ <= t) advance();
  }

 private:
  struct Change {
    double at;
    std::optional<double> hz;
    std::optional<double> factor;
    std::optional<bool> present;
  };

  void add_event(const ScenarioEvent& event, StreamId id) {
    const double at = seconds(event.at_ps);
    if (const auto* rate = std::get_if<RateChange>(&event.what); rate != nullptr && rate->stream == id) {
      changes_.push_back(rate->rate ? Change{at, rate->rate->hz, 1.0, {}} : Change{at, arrivals_->rate.hz, rate->factor, {}});
    }
    if (const auto* come = std::get_if<StreamArrives>(&event.what); come != nullptr && come->stream == id) {
      changes_.push_back({at, {}, {}, true});
    }
    if (const auto* gone = std::get_if<StreamLeaves>(&event.what); gone != nullptr && gone->stream == id) {
      changes_.push_back({at, {}, {}, false});
    }
  }

  /// The piece that begins at `t`: passes every boundary up to `t`, then looks for the next.
  void enter(double t) {
    for (; change_ < changes_.size() && changes_[change_].at <= t; ++change_) {
      const Change& change = changes_[change_];
      level_ = change.hz.value_or(level_);
      factor_ = change.factor.value_or(factor_);
      present_ = change.present.value_or(present_);
    }
    while (step_end_ <= t) {
      step_ = (step_ + 1) % arrivals_->steps.size();
      step_end_ += seconds(arrivals_->steps[step_].for_ps);
    }
    while (state_end_ <= t) {
      high_ = !high_;
      state_end_ += exponential(random_, seconds(arrivals_->states->sojourn_ps));
    }
    end_ = std::min(step_end_, state_end_);
    if (change_ < changes_.size()) end_ = std::min(end_, changes_[change_].at);
    hz_ = present_ ? rate() : 0;
    if (!windows_) return;
    while (windows_->end() <= t) {
      windows_->advance();
      inside_ = false;
    }
    if (windows_->begin() <= t) {
      if (!std::exchange(inside_, true)) ++window_;
      end_ = std::min(end_, windows_->end());
    } else {
      hz_ = 0;
      end_ = std::min(end_, windows_->begin());
    }
  }

  [[nodiscard]] double rate() const {
    if (!arrivals_->steps.empty()) return arrivals_->steps[step_].rate.hz * factor_;
    if (!arrivals_->states) return level_ * factor_;
    // Both states last equally long: low + high = 2 means, high = ratio * low.
    const double low = 2 * level_ * factor_ / (1 + arrivals_->states->ratio);
    return high_ ? low * arrivals_->states->ratio : low;
  }

  const ArrivalProcess* arrivals_;
  std::vector<Change> changes_;
  std::size_t change_ = 0;
  double level_;
  double factor_ = 1;
  bool present_;
  SplitMix64 random_;
  std::optional<WindowSource> windows_;
  bool inside_ = false;
  std::int64_t window_ = 0;
  std::size_t step_ = 0;
  double step_end_ = kNever;
  bool high_ = false;
  double state_end_ = kNever;
  double hz_ = 0;
  double end_ = kNever;
};

// ---- One stream. ----

/// A time at which a request comes; `window` tells whether two belong together.
struct Point {
  double at = kNever;
  std::int64_t window = 0;
};

class StreamSource {
 public:
  StreamSource(const Scenario& scenario, StreamId id, std::uint64_t seed)
      : scenario_(&scenario),
        id_(id),
        seed_(seed),
        curve_(scenario, id, seed),
        marks_(random_for(seed, stream().name, kMarks)),
        density_random_(random_for(seed, stream().name, kDensity)),
        exit_random_(random_for(seed, stream().name, kExit)),
        duration_(seconds(scenario.duration_ps)) {
    for (const ScenarioEvent& event : scenario.events) {
      const auto* change = std::get_if<DeadlineChange>(&event.what);
      if (change != nullptr && change->stream == id) deadlines_.emplace_back(event.at_ps, &change->deadline);
    }
    if (stream().density) density_ = stream().density->from;
    if (is_generated()) {
      begin_marks();
      following_ = point();
    }
    move_on();
  }

  /// When the next request comes; kNever if none.
  [[nodiscard]] double next_at() const { return next_.at; }

  Arrival take(std::int64_t clock_hz) {
    Arrival arrival;
    arrival.stream = id_;
    arrival.number = count_++;
    arrival.at = Cycles(static_cast<std::int64_t>(next_.at * static_cast<double>(clock_hz)));
    if (const auto deadline = deadline_ps(static_cast<std::int64_t>(next_.at * 1e12))) {
      arrival.deadline = std::max(Cycles(1), cycles_of(*deadline, clock_hz));
    }
    arrival.density = step_density();
    if (const auto& exit = stream().early_exit) arrival.exits_early = exit_random_.uniform() <= exit->probability;
    arrival.ends_window = arrivals().windows && (following_.at == kNever || following_.window != next_.window);
    if (arrivals().trigger) arrival.ends_window = take_from_burst();
    move_on();
    return arrival;
  }

  [[nodiscard]] bool follows(StreamId other) const { return arrivals().trigger && arrivals().trigger->after == other; }

  /// The completion of `request` may begin a burst at `at`.
  void roll(const Arrival& request, double at) {
    const Trigger& trigger = *arrivals().trigger;
    if ((trigger.each_window && !request.ends_window) || !is_present(at)) return;
    SplitMix64 random = random_for(seed_ + static_cast<std::uint64_t>(request.number), stream().name, kTriggers);
    if (random.uniform() > trigger.probability) return;
    bursts_.push_back({at, trigger.count});
    move_on();
  }

 private:
  struct Burst {
    double next;
    std::int64_t left;
  };

  [[nodiscard]] const Stream& stream() const { return scenario_->stream(id_); }
  [[nodiscard]] const ArrivalProcess& arrivals() const { return stream().arrivals; }
  [[nodiscard]] bool is_generated() const {
    return arrivals().kind == ArrivalProcess::Kind::kPeriodic || arrivals().kind == ArrivalProcess::Kind::kPoisson;
  }

  /// For sources without a rate, whose curve does not move.
  [[nodiscard]] bool is_present(double at) const {
    bool present = stream().present;
    for (const ScenarioEvent& event : scenario_->events) {
      if (seconds(event.at_ps) > at) break;
      const auto* come = std::get_if<StreamArrives>(&event.what);
      const auto* gone = std::get_if<StreamLeaves>(&event.what);
      if (come != nullptr && come->stream == id_) present = true;
      if (gone != nullptr && gone->stream == id_) present = false;
    }
    return present;
  }

  [[nodiscard]] std::optional<std::int64_t> deadline_ps(std::int64_t at_ps) const {
    const Deadline* deadline = &stream().deadline;
    for (const auto& [from_ps, changed] : deadlines_) {
      if (from_ps <= at_ps) deadline = changed;
    }
    if (deadline->levels.empty()) return std::nullopt;
    if (deadline->levels.size() == 1) return deadline->levels.front().ps;
    return deadline->levels[static_cast<std::size_t>(at_ps / deadline->every_ps) % deadline->levels.size()].ps;
  }

  double step_density() {
    if (!stream().density) return 1;
    const double now = density_;
    const DensityProfile& profile = *stream().density;
    density_ += density_random_.uniform() <= 0.5 ? profile.step : -profile.step;
    if (density_ > profile.most) density_ = std::max(profile.least, 2 * profile.most - density_);
    if (density_ < profile.least) density_ = std::min(profile.most, 2 * profile.least - density_);
    return now;
  }

  // ---- rates ----

  void begin_marks() {
    const double phase = arrivals().windows ? 0 : marks_.uniform();
    jitter_ = marks_.uniform();
    need_ = arrivals().kind == ArrivalProcess::Kind::kPoisson ? exponential(marks_, 1) : phase + arrivals().jitter * jitter_;
  }

  void next_mark() {
    const double before = std::exchange(jitter_, marks_.uniform());
    need_ = arrivals().kind == ArrivalProcess::Kind::kPoisson ? exponential(marks_, 1) : 1 + arrivals().jitter * (jitter_ - before);
  }

  /// The request after the one found last.
  Point point() {
    while (time_ < duration_) {
      if (arrivals().windows && window_ != curve_.window()) {
        window_ = curve_.window();
        begin_marks();
      }
      const double hz = curve_.hz();
      if (hz > 0 && time_ + need_ / hz < curve_.end()) {
        time_ += need_ / hz;
        next_mark();
        return time_ < duration_ ? Point{time_, window_} : Point{};
      }
      if (hz > 0) need_ = std::max(0.0, need_ - hz * (curve_.end() - time_));
      time_ = curve_.end();
      if (time_ < duration_) curve_.advance();
    }
    return {};
  }

  // ---- bursts ----

  [[nodiscard]] std::vector<Burst>::iterator first_burst() {
    return std::min_element(bursts_.begin(), bursts_.end(), [](const Burst& a, const Burst& b) { return a.next < b.next; });
  }

  /// True if the burst ends with the request.
  bool take_from_burst() {
    const auto burst = first_burst();
    burst->next += seconds(arrivals().trigger->apart_ps);
    if (--burst->left > 0) return false;
    bursts_.erase(burst);
    return true;
  }

  // ---- the next request, from any source ----

  void move_on() {
    if (is_generated()) {
      next_ = std::exchange(following_, following_.at == kNever ? Point{} : point());
      return;
    }
    next_ = {};
    if (arrivals().trigger) {
      if (!bursts_.empty()) next_.at = first_burst()->next;
    } else {
      const std::vector<std::int64_t>& trace = *arrivals().trace;
      while (trace_ < trace.size() && !is_present(seconds(trace[trace_]))) ++trace_;
      if (trace_ < trace.size()) next_.at = seconds(trace[trace_++]);
    }
    if (next_.at >= duration_ || !is_present(next_.at)) {
      next_ = {};
      bursts_.clear();
    }
  }

  const Scenario* scenario_;
  StreamId id_;
  std::uint64_t seed_;
  RateCurve curve_;
  SplitMix64 marks_, density_random_, exit_random_;
  double duration_;
  std::vector<std::pair<std::int64_t, const Deadline*>> deadlines_;  ///< by events, ascending in time
  double density_ = 1;
  double jitter_ = 0;  ///< of the mark before
  double need_ = 0;    ///< what the integral of the rate lacks to the next mark
  double time_ = 0;    ///< how far it has been followed
  std::int64_t window_ = 0;
  std::vector<Burst> bursts_;
  std::size_t trace_ = 0;
  Point following_;
  Point next_;
  std::int64_t count_ = 0;
};

}  // namespace

struct ScenarioArrivals::State {
  std::int64_t clock_hz = 1;
  std::vector<StreamSource> sources;
  std::size_t first = 0;  ///< the source of the next request
  double last = 0;        ///< when the last one taken arrived

  void find_first() {
    for (std::size_t i = first = 0; i < sources.size(); ++i) {
      if (sources[i].next_at() < sources[first].next_at()) first = i;
    }
  }
};

ScenarioArrivals::ScenarioArrivals(const Scenario& scenario, std::int64_t clock_hz, std::uint64_t seed)
    : state_(std::make_unique<State>()) {
  GATEFOLD_REQUIRE(is_resolved(scenario));
  GATEFOLD_REQUIRE(!scenario.streams.empty());
  state_->clock_hz = clock_hz;
  for (std::size_t i = 0; i < scenario.streams.size(); ++i) state_->sources.emplace_back(scenario, StreamId(i), seed);
  state_->find_first();
}

ScenarioArrivals::ScenarioArrivals(ScenarioArrivals&&) noexcept = default;
ScenarioArrivals& ScenarioArrivals::operator=(ScenarioArrivals&&) noexcept = default;
ScenarioArrivals::~ScenarioArrivals() = default;

std::optional<Cycles> ScenarioArrivals::next_at() const {
  const double at = state_->sources[state_->first].next_at();
  if (at == kNever) return std::nullopt;
  return Cycles(static_cast<std::int64_t>(at * static_cast<double>(state_->clock_hz)));
}

Arrival ScenarioArrivals::take() {
  StreamSource& source = state_->sources[state_->first];
  GATEFOLD_REQUIRE(source.next_at() != kNever);
  state_->last = source.next_at();
  const Arrival arrival = source.take(state_->clock_hz);
  state_->find_first();
  return arrival;
}

void ScenarioArrivals::completed(const Arrival& request, Cycles now) {
  // In the middle of the cycle, so that rounding cannot lead into the one before.
  const double at = std::max(state_->last, (static_cast<double>(now.count()) + 0.5) / static_cast<double>(state_->clock_hz));
  for (StreamSource& source : state_->sources) {
    if (source.follows(request.stream)) source.roll(request, at);
  }
  state_->find_first();
}

}  // namespace gatefold
