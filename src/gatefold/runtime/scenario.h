// A scenario: many networks on one chip, the requests they get, and what happens to the chip meanwhile. Plain data.
//
// Two kinds of facts are kept apart. *Declared* is what a compiler may know before the first request: the networks, their
// nominal rates and deadlines (declared_rate_hz, declared_deadline_ps). Everything else (when requests really come, how
// dense their activations are, when clusters fail or slow down, when power is capped) is learned while it happens;
// policies must not read it here.
//
// Some figures are relative to what `static` makes of the very chip: a rate as a share of time, a deadline as a multiple
// of T_ref, a cap as a share of mean power. They stay symbolic until `resolve` replaces them; only a resolved scenario can
// be played. Times are picoseconds of virtual time from 0. How a file is written: docs/scenarios.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/base/quantity.h"
#include "gatefold/base/result.h"
#include "gatefold/runtime/events.h"

namespace gatefold {

using StreamId = Id<struct StreamTag>;    ///< a stream of a Scenario
using NetworkId = Id<struct NetworkTag>;  ///< a network of a Scenario

/// A network that is resident, or wants to be. Two of the same source have weights of their own; streams that name the
/// same one share it.
struct ScenarioNetwork {
  std::string name;
  std::string source;  ///< an .onnx file, or zoo:NAME
};

/// Requests per second, or the share of time that they alone keep the chip busy under `static` (rate = share / T_ref).
struct Rate {
  double hz = 0;
  std::optional<double> utilisation;  ///< absent once resolved
};

/// A duration, or a multiple of T_ref: the latency of the stream's network alone under `static`.
struct RelativeTime {
  std::int64_t ps = 0;
  std::optional<double> of_reference;  ///< absent once resolved
};

/// From arrival to completion. Several levels take turns, the first from 0 on, each for `every`.
struct Deadline {
  std::vector<RelativeTime> levels;  ///< empty: none
  std::int64_t every_ps = 0;         ///< with several levels
};

/// Stretches of time in which streams are active: a camera that somebody passes, a phase of a day. Streams that name the
/// same windows are active together.
struct ActivityWindows {
  enum class Kind : std::uint8_t {
    kRegular,   ///< starts `every`, each off its grid by a uniform share of `jitter`; lasts `on`
    kPoisson,   ///< starts at random, on average one in `every`; lasts `on`; overlapping ones are one
    kSwitched,  ///< on and off for exponential times of the means `on` and `every` - `on`; begins as chance has it
  };
  std::string name;  ///< its own randomness follows from name and seed
  Kind kind = Kind::kRegular;
  std::int64_t every_ps = 0;            ///< mean time from start to start
  std::int64_t on_ps = 0;               ///< mean duration, below `every_ps`
  std::optional<std::int64_t> from_ps;  ///< kRegular: the first start; absent: uniform in [0, every)
  double jitter = 0;                    ///< kRegular: 0 to 1, a share of `every`
};
using WindowsId = Id<struct WindowsTag>;

/// Rates that follow each other, over and over again.
struct RateStep {
  Rate rate;
  std::int64_t for_ps = 0;
};

/// A Poisson process whose rate switches between two levels; sojourns are exponential, the mean over time is the process's
/// rate. (Markov-modulated Poisson process: Fischer, Meier-Hellstern, Performance Evaluation 18 (1993).)
struct TwoStates {
  double ratio = 1;             ///< higher rate / lower rate, >= 1
  std::int64_t sojourn_ps = 0;  ///< mean, in either state
};

/// The stream is silent until requests of another stream complete.
struct Trigger {
  StreamId after{0};
  bool each_window = false;  ///< rolled when the last request of one of its windows or bursts completes, instead of every request
  double probability = 1;
  std::int64_t count = 1;     ///< requests that it starts
  std::int64_t apart_ps = 0;  ///< time between them; 0: all at once
};

/// When requests come. Exactly one source: a rate (constant, in steps or between two states), a trace, or a trigger.
struct ArrivalProcess {
  enum class Kind : std::uint8_t {
    kPeriodic,  ///< the k-th at k + phase + jitter * uniform[0, 1) periods; the phase is uniform in [0, 1), in windows 0
    kPoisson,
    kTrace,      ///< at the times of `trace`
    kTriggered,  ///< by `trigger`
  };
  Kind kind = Kind::kPeriodic;
  Rate rate;                         ///< within the windows, if any; mean over time with `states`; unused with `steps`
  double jitter = 0.05;              ///< kPeriodic: 0 to 1
  std::vector<RateStep> steps;       ///< kPeriodic, kPoisson
  std::optional<TwoStates> states;   ///< kPoisson
  std::optional<WindowsId> windows;  ///< kPeriodic, kPoisson: silent outside of them; every window begins its own period
  std::shared_ptr<const std::vector<std::int64_t>> trace;  ///< ascending, in picoseconds
  std::optional<Trigger> trigger;
};

/// The share of activations that are not zero, from request to request: a random walk between two bounds, reflected there.
struct DensityProfile {
  double from = 1;
  double least = 1;
  double most = 1;
  double step = 0;  ///< up or down by so much at every request, with equal chance
};

/// Some requests are done before their last layer.
struct EarlyExit {
  double after = 1;  ///< layers of the network that such a request needs, as a share in (0, 1]; rounded up
  double probability = 0;
};

struct Declared {
  std::optional<Rate> rate;  ///< absent: the long-run mean of the arrivals
};

struct Stream {
  std::string name;
  NetworkId network{0};
  ArrivalProcess arrivals;
  Deadline deadline;
  std::int32_t priority = 0;  ///< higher is more important: served first among equal deadlines, shed last
  std::optional<EarlyExit> early_exit;
  std::optional<DensityProfile> density;  ///< absent: every activation counts as non-zero
  double plan_density = 1;                ///< at which plans are made before the first request
  bool present = true;                    ///< false: not there until it `arrives`
  Declared declared;
};

/// Mean power over a short window stays below the cap.
struct PowerCap {
  std::optional<Power> watts;       ///< absent, once resolved: the cap ends
  std::optional<double> of_static;  ///< of the mean power of `static` from 0 to this event; absent once resolved
};

struct RateChange {
  StreamId stream{0};
  std::optional<Rate> rate;  ///< instead of the stream's
  double factor = 1;         ///< else: the stream's own rate times this
};

struct DeadlineChange {
  StreamId stream{0};
  Deadline deadline;  ///< one level, or none
};

/// A stream's requests begin; its network comes with the first stream that uses it.
struct StreamArrives {
  StreamId stream{0};
};
/// No more arrivals of the stream; its network goes with the last stream that uses it.
struct StreamLeaves {
  StreamId stream{0};
};

struct ScenarioEvent {
  std::int64_t at_ps = 0;
  std::variant<Event, PowerCap, RateChange, DeadlineChange, StreamArrives, StreamLeaves> what;
};

struct Scenario {
  std::string name;
  std::string description;
  std::vector<ScenarioNetwork> networks;
  std::vector<ActivityWindows> windows;
  std::vector<Stream> streams;
  std::vector<ScenarioEvent> events;  ///< ascending in time
  std::int64_t duration_ps = 0;       ///< arrivals from here on do not happen; what has arrived is served
  std::vector<std::uint64_t> seeds;   ///< one play for each

  [[nodiscard]] const Stream& stream(StreamId id) const { return streams[id.at()]; }
};

/// Virtual time never ends later: durations in picoseconds keep a factor of nine below 2^63.
inline constexpr std::int64_t kScenarioTimeMax = 1'000'000'000'000'000'000;

/// What `static` makes of a chip, for the figures that are relative to it.
struct StaticReference {
  std::vector<std::int64_t> latency_ps;  ///< T_ref of each network alone, by NetworkId
  std::vector<Power> power;              ///< by index of the event: mean power from 0 to it; read where a cap is relative
};

/// True if no figure is left to be resolved.
[[nodiscard]] bool is_resolved(const Scenario& scenario);
/// True if a cap waits for StaticReference::power.
[[nodiscard]] bool wants_static_power(const Scenario& scenario);

/// Replaces every figure that is relative to a network's latency.
/// Errors: kInvalidInput naming the stream whose figure then leaves its range.
[[nodiscard]] Status resolve_latencies(Scenario& scenario, const StaticReference& reference);
/// Replaces every relative cap.
[[nodiscard]] Status resolve_caps(Scenario& scenario, const StaticReference& reference);

/// Mean requests per second over an infinite time, of the arrivals as they are before any event; 0 for a trace of none.
/// Requires: latencies resolved.
[[nodiscard]] double mean_rate_hz(const Scenario& scenario, StreamId stream);
/// The nominal rate that a compiler is told. Requires: latencies resolved.
[[nodiscard]] double declared_rate_hz(const Scenario& scenario, StreamId stream);
/// The deadline that a compiler is told: the shortest level; nullopt without one. Requires: latencies resolved.
[[nodiscard]] std::optional<std::int64_t> declared_deadline_ps(const Scenario& scenario, StreamId stream);

}  // namespace gatefold
