#include "gatefold/host/session.h"

#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "gatefold/base/text.h"
#include "gatefold/host/calibration.h"
#include "gatefold/host/compiled.h"
#include "gatefold/host/workers.h"

namespace gatefold {
namespace detail {

struct LoadedHostNetwork {
  HostNetwork network;
  CalibrationKey key;
  std::string calibration;
};

struct HostSessionState {
  HostSessionState(HostOptions wanted, HostTopology topology, const WakeModel& wake)
      : options(std::move(wanted)), workers(std::move(topology), wake) {}

  LoadedHostNetwork& loaded(HostNetworkId id) {
    const std::lock_guard lock(mutex);
    GATEFOLD_REQUIRE(id.index() >= 0 && id.at() < networks.size());
    return *networks[id.at()];
  }

  const HostOptions options;
  std::mutex mutex;
  std::vector<std::unique_ptr<LoadedHostNetwork>> networks;
  Workers workers;  // last: its threads end before what they use
};

}  // namespace detail

namespace {

using detail::HostSessionState;
using detail::LoadedHostNetwork;

constexpr std::int64_t kCalibrationSizeMax = 16 << 20;

std::int64_t ns_of(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

/// Finds the network's times in the folder, or measures and keeps them.
Status fill_table(HostSessionState& session, LoadedHostNetwork& loaded) {
  const auto& folder = session.options.calibration_folder;
  std::string reason;
  if (folder) {
    const std::filesystem::path path = calibration_path(*folder, loaded.key);
    const auto text = read_file(path, kCalibrationSizeMax);
    const Status parsed = text ? parse_calibration(text.value(), loaded.key, *loaded.network.table) : Status(text.error());
    if (parsed) {
      loaded.calibration = "from " + path.string();
      return Done{};
    }
    if (text) reason = fmt::format(" ({}: {})", path.string(), parsed.error().message);
  }
  const bool complete = calibrate(session.workers, loaded.network, calibration_inputs(loaded.network.program->graph()));
  loaded.calibration = (complete ? "measured" : "measured, on a machine too busy for five undisturbed runs of every layer") + reason;
  if (!folder) return Done{};
  std::error_code error;
  std::filesystem::create_directories(*folder, error);
  return write_file(calibration_path(*folder, loaded.key), calibration_text(*loaded.network.table, loaded.key));
}

/// What a core did at its best, in 32-bit lanes: one float32 product or four int8 products each.
void note_rates(HostProfile& profile, const HostNetwork& network) {
  constexpr std::int64_t kProductsPerLane = 4;
  const LayerGraph& graph = network.program->graph();
  for (std::size_t layer = 0; layer < network.table->layer_count(); ++layer) {
    const Layer& facts = graph.layers[layer];
    if (facts.kind != LayerKind::kDot) continue;
    const std::int64_t dot_products = facts.integer ? ceil_div(facts.dot.macs(), kProductsPerLane) : facts.dot.macs();
    profile.note_rate(static_cast<double>(dot_products) * 1e9 / static_cast<double>(network.table->ns(layer, 0)));
  }
}

Result<HostRequestState*> make_request(HostSessionState& session, HostNetworkId id, const HostRequestOptions& options, InputSet inputs) {
  LoadedHostNetwork& loaded = session.loaded(id);
  GATEFOLD_CHECK(check_input_set(loaded.network.program->graph(), inputs));
  if (options.deadline && options.deadline->count() <= 0) {
    return Error{ErrorCode::kInvalidInput, fmt::format("a deadline of {} ns; wanted more than nothing", options.deadline->count())};
  }
  HostRequestState* request = session.workers.acquire();
  request->network = &loaded.network;
  request->inputs = std::move(inputs);
  request->arrival_ns = options.arrival ? ns_of(*options.arrival) : now_ns();
  if (options.deadline) request->deadline_ns = request->arrival_ns + options.deadline->count();
  return request;
}

HostCompletion completion_of(HostRequestState& request) {
  HostCompletion completion;
  completion.cancelled = request.cancelled;
  completion.deadline_missed = !request.cancelled && request.completion_ns > request.deadline_ns;
  completion.latency = std::chrono::nanoseconds(request.completion_ns - request.arrival_ns);
  completion.outputs = std::move(request.outputs);
  return completion;
}

}  // namespace

// ---- A request. ----

HostRequest::HostRequest(std::shared_ptr<HostSessionState> session, HostRequestState* state)
    : session_(std::move(session)), state_(state) {}
HostRequest::HostRequest(HostRequest&& other) noexcept
    : session_(std::move(other.session_)), state_(std::exchange(other.state_, nullptr)) {}
HostRequest& HostRequest::operator=(HostRequest&& other) noexcept {
  std::swap(session_, other.session_);
  std::swap(state_, other.state_);
  return *this;
}

HostRequest::~HostRequest() {
  if (state_ == nullptr) return;
  session_->workers.cancel(state_);
  session_->workers.wait(state_);
  session_->workers.recycle(state_);
}

bool HostRequest::done() const { return state_ == nullptr || state_->progress.load(std::memory_order_acquire) == HostRequestState::kDone; }

void HostRequest::cancel() {
  if (state_ != nullptr) session_->workers.cancel(state_);
}

HostCompletion HostRequest::wait() {
  GATEFOLD_REQUIRE(state_ != nullptr);
  session_->workers.wait(state_);
  HostCompletion completion = completion_of(*state_);
  session_->workers.recycle(std::exchange(state_, nullptr));
  return completion;
}

// ---- A session. ----

Result<HostSession> HostSession::open(const HostOptions& options) {
  GATEFOLD_TRY(HostTopology topology, read_topology(options.cores_max));
  const std::int32_t first = topology.cores.front().cpu;
  const std::int32_t last = topology.cores.back().cpu;
  const WakeModel wake = wake_model(read_idle_states(last), measure_wake(first, last));
  return HostSession(std::make_shared<HostSessionState>(options, std::move(topology), wake));
}

Result<HostNetworkId> HostSession::load(std::shared_ptr<const LayerGraph> graph, Numerics numerics) {
  const std::string key = fingerprint(*graph, numerics);
  GATEFOLD_TRY(auto program, CompiledNetwork::make(std::move(graph), numerics, state_->workers.core_count()));
  return load(std::shared_ptr<const HostProgram>(std::move(program)), key);
}

Result<HostNetworkId> HostSession::load(std::shared_ptr<const HostProgram> program, const std::string& key) {
  const std::size_t layers = program->layer_count();
  if (layers >= Job::kLayersMax) return Error{ErrorCode::kUnsupported, fmt::format("{} layers; at most {}", layers, Job::kLayersMax - 1)};
  Workers& workers = state_->workers;
  auto loaded = std::make_unique<LoadedHostNetwork>();
  loaded->key = {workers.topology().cpu_name, key, workers.core_count()};
  HostNetwork& network = loaded->network;
  std::vector<std::int32_t> parts_max;
  for (std::size_t layer = 0; layer < layers; ++layer) parts_max.push_back(program->parts_max(layer));
  network.table = std::make_unique<HostOptionTable>(core_counts(workers.core_count()), std::move(parts_max));
  network.policy = state_->options.policy;
  network.allowed = first_cores(workers.core_count());
  for (std::int32_t core = 0; core < workers.core_count(); ++core) network.helper_scratch.emplace_back(program->scratch_bytes());
  network.program = std::move(program);
  GATEFOLD_CHECK(fill_table(*state_, *loaded));
  note_rates(workers.profile(), network);
  workers.replan(network);
  const std::lock_guard lock(state_->mutex);
  state_->networks.push_back(std::move(loaded));
  return HostNetworkId(state_->networks.size() - 1);
}

Result<HostRequest> HostSession::submit(HostNetworkId network, InputSet inputs, const HostRequestOptions& options) {
  GATEFOLD_TRY(HostRequestState* const request, make_request(*state_, network, options, std::move(inputs)));
  state_->workers.start(request);
  return HostRequest(state_, request);
}

Result<HostCompletion> HostSession::run(HostNetworkId network, const InputSet& inputs, const HostRequestOptions& options) {
  GATEFOLD_TRY(HostRequestState* const request, make_request(*state_, network, options, inputs));
  state_->workers.run(request);
  HostCompletion completion = completion_of(*request);
  state_->workers.recycle(request);
  return completion;
}

Status HostSession::confine(HostNetworkId network, CoreMask cores) {
  const std::int32_t count = state_->workers.core_count();
  if ((cores & first_cores(count)) == 0) {
    return Error{ErrorCode::kInvalidInput, fmt::format("core mask {:#x}: wanted at least one of this session's {} cores", cores, count)};
  }
  state_->workers.confine(state_->loaded(network).network, cores);
  return Done{};
}

Status HostSession::keep_calibration() const {
  if (!state_->options.calibration_folder) return Done{};
  const std::lock_guard lock(state_->mutex);
  for (const auto& loaded : state_->networks) {
    const auto path = calibration_path(*state_->options.calibration_folder, loaded->key);
    GATEFOLD_CHECK(write_file(path, calibration_text(*loaded->network.table, loaded->key)));
  }
  return Done{};
}

const HostTopology& HostSession::topology() const { return state_->workers.topology(); }
const WakeModel& HostSession::wake() const { return state_->workers.wake(); }
const HostProfile& HostSession::profile() const { return state_->workers.profile(); }
HostCounters HostSession::counters() const { return state_->workers.counters(); }
std::vector<std::int64_t> HostSession::move_times() const { return state_->workers.move_times(); }

HostNetworkFacts HostSession::facts(HostNetworkId id) const {
  LoadedHostNetwork& loaded = state_->loaded(id);
  const HostOptionTable& table = *loaded.network.table;
  HostNetworkFacts facts;
  facts.calibration = loaded.calibration;
  const std::vector<HostPlan> plans = make_plans(table, wake(), loaded.network.policy);
  const std::vector<float> undisturbed(topology().cores.size(), 1.0F);
  PlanContext context;
  context.cores = static_cast<std::int32_t>(topology().cores.size());
  context.widest = loaded.network.policy == HostPolicy::kAllCores;
  context.slowdown = undisturbed;
  if (table.layer_count() == 0) return facts;
  for (const LayerChoice& choice : plans[choose_plan(plans, context)].layers) {
    facts.ns.push_back(table.ns(facts.ns.size(), choice.option));
    facts.parts.push_back(choice.parts);
  }
  return facts;
}

}  // namespace gatefold
