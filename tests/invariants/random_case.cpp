#include "invariants/random_case.h"

#include <fmt/format.h>

#include <algorithm>

#include "gatefold/device/shipped.h"
#include "graph/model_builder.h"

namespace gatefold::test {
namespace {

/// Nothing, a part, the same or a multiple of a quantity.
template <class Q>
Q scaled(Random& random, Q quantity) {
  const std::int64_t halves = random.one_of<std::int64_t>({0, 1, 2, 2, 2, 5, 40});
  return Q(quantity.count() / 2 * halves);
}

void vary(Random& random, GateSpec& gate, std::int64_t latency_max) {
  gate.on = scaled(random, gate.on);
  gate.gated = EnergyPerCycle(gate.on.count() / random.one_of<std::int64_t>({1, 3, 30}));
  gate.wake_latency = Cycles(random.between(0, latency_max));
  gate.wake_energy = scaled(random, gate.wake_energy);
  if (random.chance(2)) gate.clock = EnergyPerCycle((gate.on - gate.gated).count() / random.one_of<std::int64_t>({1, 2, 10}));
}

void vary_bank(Random& random, BankSpec& bank) {
  bank.size = Bytes(random.one_of<std::int64_t>({32, 64, 200, 256, 1024, 1024, 4096, 16384}));
  bank.on = scaled(random, bank.on);
  bank.retention = EnergyPerCycle(bank.on.count() / random.one_of<std::int64_t>({1, 2, 4}));
  bank.off = EnergyPerCycle(bank.retention.count() / random.one_of<std::int64_t>({1, 100}));
  bank.wake_latency_retention = Cycles(random.between(0, 8));
  bank.wake_latency_off = bank.wake_latency_retention + Cycles(random.between(0, 20));
  bank.wake_energy_retention = scaled(random, bank.wake_energy_retention);
  bank.wake_energy_off = bank.wake_energy_retention + scaled(random, bank.wake_energy_off);
  bank.sleep_after = Cycles(random.one_of<std::int64_t>({0, 0, 10, 300}));
}

/// Events inside [0, span): a cluster that is occupied is given back, one that is throttled recovers; what fails recovers or
/// does not.
std::vector<TimedEvent> random_events(Random& random, const DeviceSpec& spec, std::int64_t span) {
  std::vector<TimedEvent> events;
  for (std::int32_t k = 0; k < spec.cluster_count; ++k) {
    const auto pair = [&](EventKind begin, EventKind end, std::int32_t percent) {
      const std::int64_t from = random.between(0, span);
      const std::int64_t until = from + random.between(1, std::max<std::int64_t>(1, span));
      events.push_back({Cycles(from), {begin, ClusterId(k), percent}});
      events.push_back({Cycles(until), {end, ClusterId(k), 100}});
    };
    if (random.chance(2)) pair(EventKind::kOccupy, EventKind::kRelease, 100);
    const bool throttled = random.chance(3);
    if (throttled) pair(EventKind::kThrottle, EventKind::kRecover, static_cast<std::int32_t>(random.between(1, 100)));
    const auto fail = [&](std::int32_t core, std::int32_t bank) {
      const std::int64_t from = random.between(0, span);
      events.push_back({Cycles(from), {EventKind::kFail, ClusterId(k), 100, core, bank}});
      if (!random.chance(3))
        events.push_back({Cycles(from + random.between(1, span + 1)), {EventKind::kRecover, ClusterId(k), 100, core, bank}});
    };
    if (!throttled && random.chance(5)) fail(-1, -1);
    if (random.chance(4)) fail(static_cast<std::int32_t>(random.between(0, spec.cores_per_cluster - 1)), -1);
    if (random.chance(4)) {
      const auto core = static_cast<std::int32_t>(random.between(0, spec.cores_per_cluster - 1));
      fail(core, static_cast<std::int32_t>(random.between(0, spec.banks_per_core - 1)));
    }
  }
  auto checked = check_events(std::move(events));
  GATEFOLD_REQUIRE(checked.has_value());
  return std::move(checked).value();
}

RunOptions random_options(Random& random, const PreparedNetwork& network) {
  RunOptions options;
  const std::int64_t length = std::max<std::int64_t>(1, network.plan().reference_total.count());
  options.seed = random.next();
  options.arrivals.count = random.between(1, 4);
  const std::int64_t mean = 1 + length * random.between(1, 12) / 4;
  const std::int64_t kind = random.between(0, 2);
  if (kind == 1) options.arrivals.every = Cycles(mean);
  if (kind == 2) options.arrivals.rate_hz = static_cast<double>(network.spec().clock_hz) / static_cast<double>(mean);
  if (random.chance(3)) options.deadline = Cycles(length * random.between(1, 16) / 8);
  const std::int64_t span = (kind == 0 ? length : std::max(length, mean)) * options.arrivals.count;
  if (!random.chance(4)) options.events = random_events(random, network.spec(), span);
  return options;
}

}  // namespace

DeviceSpec random_device(Random& random) {
  const auto shipped = shipped_devices();
  auto found = find_device(random.element(shipped).name);
  GATEFOLD_REQUIRE(found.has_value());
  DeviceSpec spec = std::move(found).value();
  spec.name = "random";
  spec.cluster_count = static_cast<std::int32_t>(random.between(1, 6));
  spec.cores_per_cluster = static_cast<std::int32_t>(random.between(1, 4));
  spec.banks_per_core = static_cast<std::int32_t>(random.between(2, 12));
  spec.lanes = random.one_of<std::int64_t>({1, 4, 16, 64});
  spec.inputs_per_unit = random.one_of<std::int64_t>({1, 4, 9});
  spec.array_dim = random.one_of<std::int64_t>({2, 4, 16});
  spec.weight_load = Cycles(random.between(0, 4));
  spec.pipeline_latency = Cycles(random.between(0, 20));
  spec.segment_layers = random.between(1, 2);
  spec.lanes = std::max(spec.lanes, spec.segment_layers);
  spec.float_element = Bytes(random.between(1, 2));
  if (spec.vector_pool.count() > 0) {
    spec.vector_pool = ValuesPerCycle(random.one_of<std::int64_t>({1, 16, 256}));
    vary(random, spec.vector_pool_gate, 20);
  } else {
    spec.vector_per_cluster = ValuesPerCycle(random.one_of<std::int64_t>({1, 8, 64}));
  }
  spec.output_bus = BytesPerCycle(random.one_of<std::int64_t>({1, 8, 64}));
  spec.external_byte = scaled(random, spec.external_byte);
  spec.spill_byte = scaled(random, spec.spill_byte);
  spec.spill_bytes_per_second = spec.clock_hz * random.one_of<std::int64_t>({1, 2, 10, 100}) / 4;
  spec.external_bytes_per_second = spec.clock_hz * random.one_of<std::int64_t>({1, 2, 10, 100}) / 4;
  spec.spill_capacity = Bytes(random.one_of<std::int64_t>({0, 500, 4096, 1 << 20, 1 << 20, 1 << 20}));
  spec.mac = scaled(random, spec.mac);
  spec.lane_add = scaled(random, spec.lane_add);
  spec.sram_byte = scaled(random, spec.sram_byte);
  spec.wire_byte_pitch = scaled(random, spec.wire_byte_pitch);
  spec.route_change = Cycles(random.between(0, 64));
  vary_bank(random, spec.bank);
  if (random.chance(3)) {  // so small that activations have to be spilled
    spec.cluster_count = static_cast<std::int32_t>(random.between(1, 3));
    spec.cores_per_cluster = static_cast<std::int32_t>(random.between(1, 2));
    spec.banks_per_core = static_cast<std::int32_t>(random.between(3, 8));
    spec.bank.size = Bytes(random.one_of<std::int64_t>({16, 64, 128, 256}));
  }
  vary(random, spec.cluster, 200);
  vary(random, spec.core, 50);
  for (UncoreSpec& part : spec.uncore) vary(random, part.gate, 1000);
  spec.floor = scaled(random, spec.floor);
  if (random.chance(3)) {
    const bool skips = spec.core_kind == CoreKind::kReduction && random.chance(2);
    spec.activation_sparsity = skips ? ActivationSparsity::kSkip : ActivationSparsity::kGate;
  }
  spec.activation_bitmap = random.chance(6);
  return spec;
}

std::optional<Case> random_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.graph = std::make_shared<const LayerGraph>(random_network(random));
  auto network = prepare(c.graph, std::make_shared<const DeviceSpec>(random_device(random)));
  if (!network) return std::nullopt;
  c.network = std::move(network).value();
  c.exact = c.graph->quantised && std::all_of(c.graph->layers.begin(), c.graph->layers.end(),
                                              [](const Layer& layer) { return layer.kind != LayerKind::kDot || layer.integer; });
  for (const TensorId input : c.graph->inputs) {
    const Activation& activation = c.graph->activation(input);
    c.inputs.push_back(ModelBuilder::random_tensor(activation.type, activation.shape, static_cast<std::size_t>(seed % 1000)));
  }
  c.options = random_options(random, *c.network);
  return c;
}

std::string describe(const Case& c) {
  const DeviceSpec& spec = c.network->spec();
  std::string text = fmt::format("{} clusters x {} {} cores x {} banks of {} B; {} requests, {}, {} deadline\n", spec.cluster_count,
                                 spec.cores_per_cluster, spec.core_kind == CoreKind::kReduction ? "reduction" : "systolic",
                                 spec.banks_per_core, spec.bank.size.count(), c.options.arrivals.count,
                                 c.options.arrivals.every     ? "periodic"
                                 : c.options.arrivals.rate_hz ? "Poisson"
                                                              : "closed loop",
                                 c.options.deadline ? fmt::format("{} cycles", c.options.deadline->count()) : "no");
  for (const TimedEvent& timed : c.options.events) text += fmt::format("  at {}: {}\n", timed.at.count(), gatefold::text(timed.event));
  for (std::size_t v = 0; v < c.graph->layers.size(); ++v) {
    text += fmt::format("  layer {} '{}' {} -> {}", v, c.graph->layers[v].name, name(c.graph->layers[v].op),
                        c.graph->layers[v].output_shape.text());
    for (const Operand& operand : c.graph->layers[v].inputs) {
      if (operand.tensor) text += fmt::format(" reads tensor {}", operand.tensor->index());
    }
    for (const TensorId output : c.graph->layers[v].outputs) text += fmt::format(" writes tensor {}", output.index());
    text += fmt::format(", weights {} B, planned {}\n", c.network->table().work(LayerId(v)).weights.count(),
                        c.network->plan().assignment[v].text());
  }
  const Spilling& spilling = c.network->plan().spilling;
  for (std::size_t t = 0; t < spilling.tensors.size(); ++t) {
    if (spilling.tensors[t] != 0) text += fmt::format("  tensor {} is spilled\n", t);
  }
  for (std::size_t v = 0; v < spilling.layers.size(); ++v) {
    const RowBlocks& blocks = spilling.layers[v];
    if (blocks.count > 0) text += fmt::format("  layer {} in {} row blocks{}\n", v, blocks.count, blocks.overlapped ? ", overlapped" : "");
  }
  return text;
}

}  // namespace gatefold::test
