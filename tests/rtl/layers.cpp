// The bench plays the fabric controller. It asks for each layer's configuration at a random time after its predecessor
// began, fills the banks when the layer begins, and reads the results when it ends; what happens in between is the RTL's.
#include "rtl/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "VFull.h"
#include "VFull__Syms.h"
#include "VSmall.h"
#include "VSmall__Syms.h"
#include "rtl/random_layer.h"

namespace gatefold::test {
namespace {

constexpr std::size_t kCores = 4;

/// The banks of an RTL cluster, of whichever size.
template <class Model>
auto banks_of(Model& model) {
  auto& root = *model.rootp;
  const std::array cores{
      root.__PVT__cluster__DOT__cores_of__BRA__0__KET____DOT__core, root.__PVT__cluster__DOT__cores_of__BRA__1__KET____DOT__core,
      root.__PVT__cluster__DOT__cores_of__BRA__2__KET____DOT__core, root.__PVT__cluster__DOT__cores_of__BRA__3__KET____DOT__core};
  return std::pair{cores, root.__PVT__cluster__DOT__segment};
}

/// One clocked RTL cluster.
template <class Model>
class Cluster {
 public:
  explicit Cluster(const ClusterSize& size) : size_(size) {
    rtl.reset = 1;
    rtl.wake_latency = 1;
    step();
    rtl.reset = 0;
  }
  ~Cluster() { rtl.final(); }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Lets the inputs of the cycle act on its outputs; `finish_cycle` ends it.
  void begin_cycle() {
    rtl.clk = 0;
    rtl.eval();
    rtl.word = words[rtl.word_index];
    rtl.eval();
  }
  void finish_cycle() {
    rtl.clk = 1;
    rtl.eval();
    rtl.change = 0;
  }
  void step() {
    begin_cycle();
    finish_cycle();
  }

  void ask_for(const RtlLayer& layer) {
    buffer_limit_ = static_cast<std::uint32_t>(layer.buffered > 0 ? layer.buffered * size_.lanes : size_.output_words);
    const auto pack = [](std::initializer_list<std::int64_t> fields, int bits) {
      std::uint64_t word = 0;
      int shift = 0;
      for (const std::int64_t field : fields) word |= static_cast<std::uint64_t>(field) << std::exchange(shift, shift + bits);
      return static_cast<std::uint32_t>(word);
    };
    words = {pack({layer.kh, layer.kw, layer.cores, layer.depthwise ? 1 : 0}, 8),
             pack({layer.oh(), layer.ow()}, 16),
             pack({layer.ih, layer.iw}, 16),
             pack({layer.stride, layer.pad}, 8),
             pack({layer.oc}, 32),
             pack({layer.ic / layer.cores}, 32),
             pack({layer.ic % layer.cores}, 32),
             pack({layer.bus_values}, 32)};
    rtl.change = 1;
  }

  void fill_banks(const RtlLayer& layer) {
    rtl.buffer_limit = buffer_limit_;
    const auto [cores, segment] = banks_of(rtl);
    for (std::size_t k = 0; k < kCores; ++k) {
      const auto core = static_cast<std::int64_t>(k);
      if (core >= layer.cores) break;
      const std::int64_t area = layer.ih * layer.iw;
      const auto first = layer.input.begin() + layer.first_channel(core) * area;
      std::copy(first, first + layer.channels(core) * area, &cores[k]->inputs[0]);
      fill_weights(layer, core, &cores[k]->weights[0]);
    }
    std::fill_n(&segment->outputs[0], size_.output_words, 0x55555555U);
  }

  [[nodiscard]] std::vector<std::int32_t> results(const RtlLayer& layer) {
    const auto* outputs = &banks_of(rtl).second->outputs[0];
    std::vector<std::int32_t> values(static_cast<std::size_t>(layer.oc * layer.positions()));
    std::transform(outputs, outputs + values.size(), values.begin(), [](auto word) { return static_cast<std::int32_t>(word); });
    return values;
  }

  Model rtl;
  std::array<std::uint32_t, 8> words{};

 private:
  /// Rows of I bytes in the order of their loading: pass, chunk, unit. What no filter owns is zero.
  template <class Byte>
  void fill_weights(const RtlLayer& layer, std::int64_t core, Byte* bank) {
    const std::int64_t taps = layer.window() * (layer.depthwise ? 1 : layer.ic);
    const std::int64_t slice = layer.window() * (layer.depthwise ? 1 : layer.channels(core));
    for (std::int64_t base = 0; base < layer.oc; base += size_.lanes) {
      for (std::int64_t chunk = 0; chunk * size_.inputs_per_unit < slice; ++chunk) {
        for (std::int64_t filter = base; filter < base + size_.lanes; ++filter) {
          const std::int64_t channel = filter - layer.first_channel(core);
          const bool owned = filter < layer.oc && (!layer.depthwise || (channel >= 0 && channel < layer.channels(core)));
          const std::int64_t from = filter * taps + (layer.depthwise ? 0 : layer.first_channel(core) * layer.window());
          for (std::int64_t i = 0; i < size_.inputs_per_unit; ++i) {
            const std::int64_t element = chunk * size_.inputs_per_unit + i;
            *bank++ = static_cast<Byte>(owned && element < slice ? layer.weights[static_cast<std::size_t>(from + element)] : 0);
          }
        }
      }
    }
  }

  ClusterSize size_;
  std::uint32_t buffer_limit_ = 0;  ///< of the layer asked for, in force when it begins
};

void differs(LayerFigures& figures, const RtlLayer& layer, const std::string& what) {
  ++figures.differences;
  if (figures.differences <= 20) fmt::print("{}: {}\n", layer.text(), what);
}

/// The time of one layer. The model must be exact, but where a buffer of a few positions holds up the cores of a layer of
/// several passes: what is asked then is derived in docs/rtl-witness.md.
void check_cycles(const DeviceSpec& spec, const RtlLayer& layer, std::int64_t cycles, std::int64_t stalls, LayerFigures& figures) {
  const Work work = layer.work();
  const std::int64_t model = layer_cycles(spec, work, {.clusters = 1, .cores = layer.cores}).count();
  const std::int64_t t_mux = time_multiplex(spec, work, layer.cores);
  const std::int64_t passes = ceil_div(layer.oc, spec.lanes);
  const std::int64_t beats = ceil_div(std::min(layer.oc, spec.lanes), layer.bus_values);
  figures.several_passes += passes > 1;
  figures.several_chunks += t_mux > 1;
  figures.several_cores += layer.cores > 1;
  figures.depthwise += layer.depthwise;
  figures.cycles += cycles;
  if (layer.buffered > 0 && beats > t_mux && passes > 1) {
    ++figures.held_up;
    const DeviceSpec wide = [&] {
      DeviceSpec made = spec;
      made.output_bus = BytesPerCycle(4 * spec.lanes);
      return made;
    }();
    const std::int64_t most =
        layer_cycles(wide, work, {.clusters = 1, .cores = layer.cores}).count() + bus_cycles(spec, work.output, 1).count();
    if (cycles < model || cycles > most) {
      differs(figures, layer, fmt::format("{} cycles, between {} and {} expected", cycles, model, most));
    }
    figures.excess_most = std::max(figures.excess_most, static_cast<double>(cycles - model) / static_cast<double>(model));
    return;
  }
  (beats > t_mux ? figures.write_bound : figures.exact) += 1;
  const bool may_stall = layer.buffered > 0 && beats > t_mux;
  if (cycles != model || (stalls != 0 && !may_stall)) {
    differs(figures, layer, fmt::format("{} cycles ({} stalled), the model says {}", cycles, stalls, model));
  }
}

/// When things happened, in cycles since the bench began.
struct Times {
  std::int64_t asked = 0, begun = 0, ended = 0;  ///< ended: the first cycle after the layer
};

/// A layer begins at once where its route was asked for in time and its banks are ON, and otherwise waits for them.
void check_begin(const DeviceSpec& spec, const RtlLayer& layer, const Times& before, const Times& times, std::int64_t wake_latency,
                 LayerFigures& figures) {
  const bool asleep = times.asked >= before.ended && before.ended > 0;
  const std::int64_t route = times.asked + spec.route_change.count();
  const std::int64_t awake = asleep ? times.asked + wake_latency : 0;
  const std::int64_t wanted = std::max({before.ended, route, awake});
  figures.routes_hidden += route <= before.ended;
  figures.routes_waited += route > before.ended;
  figures.banks_waited += awake > route;
  if (times.begun != wanted) {
    differs(
        figures, layer,
        fmt::format("began in cycle {} instead of {}: asked {}, free {}, banks {}", times.begun, wanted, times.asked, before.ended, awake));
  }
}

template <class Model>
void check_on(const ClusterSize& size, std::int64_t cycles_most, std::int64_t count, Random random, LayerFigures& figures) {
  constexpr std::int64_t kNoProgress = 1'000'000;  // cycles
  Cluster<Model> cluster(size);
  std::int64_t now = 0;
  Times before;
  Times times{.asked = 3};
  std::optional<RtlLayer> running;
  for (std::int64_t made = 0; made <= count; ++made) {
    // The next layer, and after the last one a cycle count that only the running layer ends.
    std::optional<RtlLayer> next;
    if (made < count) next = random_layer(size, cycles_most, random);
    cluster.rtl.wake_latency = static_cast<std::uint32_t>(random.between(1, 24));
    const auto wake_latency = static_cast<std::int64_t>(cluster.rtl.wake_latency);
    bool begun = false;
    for (const std::int64_t limit = now + kNoProgress; running || (next && !begun); ++now) {
      if (now == limit) return differs(figures, running ? *running : *next, "no progress");
      if (next && now == times.asked) cluster.ask_for(*next);
      cluster.begin_cycle();
      const bool ends = cluster.rtl.last_write != 0;
      begun = cluster.rtl.commit != 0;
      const auto stalls = static_cast<std::int64_t>(cluster.rtl.stalls);
      cluster.finish_cycle();
      if (ends) {
        before.ended = now + 1;
        const DeviceSpec spec = rtl_chip(size, cluster.rtl.depth, running->bus_values);
        check_cycles(spec, *running, before.ended - before.begun, stalls, figures);
        if (cluster.results(*running) != plain_result(*running)) differs(figures, *running, "other results than the plain kernels");
        running.reset();
      }
      if (begun) {
        times.begun = now + 1;
        cluster.fill_banks(*next);
      }
    }
    if (!next) break;
    check_begin(rtl_chip(size, cluster.rtl.depth, next->bus_values), *next, before, times, wake_latency, figures);
    ++figures.layers;
    const std::int64_t length =
        layer_cycles(rtl_chip(size, cluster.rtl.depth, next->bus_values), next->work(), {.cores = next->cores}).count();
    before = {.asked = times.asked, .begun = times.begun};
    times = {.asked = times.begun + random.between(0, length + length / 8 + 32)};
    running = std::move(next);
  }
  if (cluster.rtl.error) {
    ++figures.differences;
    fmt::print("the error flag is up\n");
  }
}

constexpr ClusterSize kSmall{.lanes = 4, .inputs_per_unit = 6, .chunks = 8, .rows = 1024, .input_bytes = 8192, .output_words = 8192};
constexpr ClusterSize kFull{.lanes = 64, .inputs_per_unit = 144, .chunks = 4, .rows = 1024, .input_bytes = 65536, .output_words = 65536};

/// Cycles of one layer on a cluster of its own, and the cluster's pipeline depth.
template <class Model>
std::pair<std::int64_t, std::int64_t> lone_run(const ClusterSize& size, const RtlLayer& layer, LayerFigures& figures) {
  Cluster<Model> cluster(size);
  cluster.ask_for(layer);
  std::int64_t cycles = 0;
  bool ended = false;
  while (!ended) {
    cluster.begin_cycle();
    const bool begins = cluster.rtl.commit != 0;
    cycles += cluster.rtl.busy;
    ended = cluster.rtl.last_write != 0;
    cluster.finish_cycle();
    if (begins) cluster.fill_banks(layer);
  }
  if (cluster.results(layer) != plain_result(layer)) differs(figures, layer, "other results than the plain kernels");
  return {cycles, cluster.rtl.depth};
}

}  // namespace

void check_layers(bool full, std::int64_t count, std::uint64_t seed, LayerFigures& figures) {
  if (full) check_on<VFull>(kFull, 4000, count, Random(seed), figures);
  else check_on<VSmall>(kSmall, 20000, count, Random(seed), figures);
}

void check_worked_examples(LayerFigures& figures) {
  const struct {
    std::int64_t rtl, model;  // cycles
    bool full;
    RtlLayer layer;
  } table[] = {
      {15, 15, false, {.ic = 2, .oc = 3, .ih = 2, .iw = 2, .bus_values = 4, .input{}, .weights{}}},
      {21, 21, false, {.ic = 3, .oc = 5, .iw = 3, .bus_values = 4, .input{}, .weights{}}},
      {33, 33, false, {.oc = 4, .kh = 3, .kw = 3, .ih = 3, .iw = 3, .pad = 1, .bus_values = 4, .input{}, .weights{}}},
      {21, 21, false, {.cores = 2, .ic = 5, .oc = 4, .kw = 3, .iw = 5, .bus_values = 4, .input{}, .weights{}}},
      {23,
       23,
       false,
       {.depthwise = true, .cores = 3, .ic = 6, .oc = 6, .kh = 2, .kw = 2, .ih = 3, .iw = 3, .bus_values = 4, .input{}, .weights{}}},
      {74, 74, true, {.cores = 4, .ic = 576, .oc = 64, .bus_values = 64, .input{}, .weights{}}},
      {31, 31, false, {.ic = 2, .oc = 4, .iw = 5, .bus_values = 1, .input{}, .weights{}}},
  };
  Random random(1);
  for (const auto& row : table) {
    RtlLayer layer = row.layer;
    fill_random(layer, random);
    const auto [rtl, depth] = row.full ? lone_run<VFull>(kFull, layer, figures) : lone_run<VSmall>(kSmall, layer, figures);
    const Cycles model = layer_cycles(rtl_chip(row.full ? kFull : kSmall, depth, layer.bus_values), layer.work(), {.cores = layer.cores});
    if (rtl == row.rtl && model == Cycles(row.model)) continue;
    differs(figures, layer, fmt::format("{} cycles instead of {}, in the model {} instead of {}", rtl, row.rtl, model.count(), row.model));
  }
}

void check_error_flag(LayerFigures& figures) {
  // Two passes of 49 positions: the weight bank is idle for 49 cycles between its loads, every other bank for fewer.
  RtlLayer layer{.ic = 1,
                 .oc = 8,
                 .ih = 7,
                 .iw = 7,
                 .bus_values = 4,
                 .input = std::vector<std::int8_t>(49, 1),
                 .weights = std::vector<std::int8_t>(8, 1)};
  for (const bool sleeps : {true, false}) {
    Cluster<VSmall> cluster(kSmall);
    cluster.rtl.idle_limit = sleeps ? 49 : 50;
    cluster.ask_for(layer);
    cluster.fill_banks(layer);
    for (int cycle = 0; cycle < 200; ++cycle) cluster.step();
    if ((cluster.rtl.error != 0) != sleeps)
      differs(figures, layer, sleeps ? "a sleeping bank was read unnoticed" : "an error without a cause");
  }
}

}  // namespace gatefold::test
