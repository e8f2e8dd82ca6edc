#include "gatefold/host/calibration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "gatefold/base/random.h"
#include "gatefold/base/text.h"

namespace gatefold {
namespace {

constexpr int kWarmUps = 2;
constexpr std::size_t kSamplesMin = 5;
constexpr int kRunsMax = 40;
constexpr const char* kFormat = "gatefold host calibration 1";

float median(std::vector<float>& samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

/// Every layer cut into counts()[option] slices, or as many as it can use, with that many cores held throughout.
HostPlan calibration_plan(const HostOptionTable& table, std::size_t option) {
  HostPlan plan;
  plan.width = table.counts()[option];
  for (std::size_t layer = 0; layer < table.layer_count(); ++layer) {
    const std::size_t own = std::min(option, table.options(layer) - 1);
    plan.layers.push_back(
        {static_cast<std::uint8_t>(own), static_cast<std::uint8_t>(table.counts()[own]), static_cast<std::uint8_t>(plan.width)});
  }
  return plan;
}

/// The samples of each layer with that many cores; empty where the option is not the layer's.
std::vector<std::vector<float>> timed_runs(Workers& workers, HostNetwork& network, const InputSet& inputs, std::size_t option) {
  const HostOptionTable& table = *network.table;
  const HostPlan plan = calibration_plan(table, option);
  Recorder recorder{&plan, std::vector<float>(table.layer_count())};
  std::vector<std::vector<float>> samples(table.layer_count());
  for (int run = 0; run < kWarmUps + kRunsMax; ++run) {
    HostRequestState* request = workers.acquire();
    request->network = &network;
    request->inputs = inputs;
    request->recorder = &recorder;
    workers.start(request);
    workers.wait(request);
    workers.recycle(request);
    bool enough = run >= kWarmUps;
    for (std::size_t layer = 0; layer < table.layer_count() && run >= kWarmUps; ++layer) {
      if (option >= table.options(layer)) continue;
      if (recorder.layer_ns[layer] > 0) samples[layer].push_back(recorder.layer_ns[layer]);
      enough &= samples[layer].size() >= kSamplesMin;
    }
    if (enough) break;
  }
  return samples;
}

/// A line behind `key`, removed from `text`; nullopt if it does not begin so.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const std::size_t end = text.find('\n');
  if (!text.starts_with(key) || end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return line;
}

std::string head_of(const HostOptionTable& table, const CalibrationKey& key) {
  return fmt::format("{}\ncpu {}\nnetwork {}\ncores {}\nlayers {}\n", kFormat, key.cpu, key.network, key.cores, table.layer_count());
}

}  // namespace

std::string fingerprint(const LayerGraph& graph, Numerics numerics) {
  std::string text = fmt::format("{}\n", static_cast<int>(numerics));
  for (const Layer& layer : graph.layers) {
    const DotGeometry& d = layer.dot;
    text += fmt::format("{} {} {} {} {} {} {} ", name(layer.op), static_cast<int>(layer.kind), layer.integer, name(layer.output_type),
                        layer.output_shape.text(), layer.epilogue.activation ? static_cast<int>(layer.epilogue.activation->kind) : -1,
                        layer.epilogue.quantise.has_value());
    for (const Operand& operand : layer.inputs) {
      text += fmt::format("{}{}{} ", name(operand.type), operand.shape.text(), operand.tensor ? operand.tensor->index() : -1);
    }
    text += fmt::format("{} {} {} {} {} {} {} {}\n", d.kh, d.kw, d.sh, d.sw, d.dh, d.dw, d.group, d.macs());
  }
  return sha256(text);
}

bool calibrate(Workers& workers, HostNetwork& network, const InputSet& inputs) {
  HostOptionTable& table = *network.table;
  bool complete = true;
  for (std::size_t option = 0; option < table.counts().size(); ++option) {
    std::vector<std::vector<float>> samples = timed_runs(workers, network, inputs, option);
    for (std::size_t layer = 0; layer < table.layer_count(); ++layer) {
      if (option >= table.options(layer)) continue;
      complete &= samples[layer].size() >= kSamplesMin;
      const float fewer = option == 0 ? 1.0F : table.ns(layer, option - 1);
      table.set(layer, option, samples[layer].empty() ? fewer : std::max(1.0F, median(samples[layer])));
    }
  }
  return complete;
}

std::string calibration_text(const HostOptionTable& table, const CalibrationKey& key) {
  std::string text = head_of(table, key);
  for (std::size_t layer = 0; layer < table.layer_count(); ++layer) {
    std::vector<std::int64_t> ns;
    for (std::size_t option = 0; option < table.options(layer); ++option) ns.push_back(static_cast<std::int64_t>(table.ns(layer, option)));
    text += fmt::format("ns {}\n", fmt::join(ns, " "));
  }
  return text + fmt::format("sha256 {}\n", sha256(text));
}

Status parse_calibration(std::string_view text, const CalibrationKey& key, HostOptionTable& table) {
  const auto bad = [](std::string what) { return Error{ErrorCode::kInvalidInput, "calibration: " + std::move(what)}; };
  const std::string head = head_of(table, key);
  const std::size_t sum_at = text.rfind("sha256 ");
  if (sum_at == std::string_view::npos || text.substr(sum_at) != fmt::format("sha256 {}\n", sha256(text.substr(0, sum_at)))) {
    return bad("the checksum does not match");
  }
  if (!text.starts_with(head)) return bad("it is of another network or machine");
  std::string_view rest = text.substr(head.size(), sum_at - head.size());
  std::vector<float> times;
  for (std::size_t layer = 0; layer < table.layer_count(); ++layer) {
    auto line = take_line(rest, "ns");
    for (std::size_t option = 0; option < table.options(layer); ++option) {
      const auto ns = line ? next_number(*line) : std::nullopt;
      if (!ns || *ns < 1) return bad(fmt::format("layer {}: wanted {} times", layer, table.options(layer)));
      times.push_back(static_cast<float>(*ns));
    }
  }
  auto time = times.begin();
  for (std::size_t layer = 0; layer < table.layer_count(); ++layer) {
    for (std::size_t option = 0; option < table.options(layer); ++option) table.set(layer, option, *time++);
  }
  return Done{};
}

std::filesystem::path calibration_path(const std::filesystem::path& folder, const CalibrationKey& key) {
  const std::string hash = sha256(fmt::format("{}\n{}\n{}", key.cpu, key.network, key.cores));
  return folder / fmt::format("{}.calibration", hash.substr(0, 32));
}

InputSet calibration_inputs(const LayerGraph& graph) {
  SplitMix64 random(1);
  InputSet set;
  for (const TensorId id : graph.inputs) {
    const Activation& input = graph.activation(id);
    Buffer buffer(static_cast<std::size_t>(stored_bytes(input)));
    if (input.type == ElementType::kFloat32) {
      auto* values = reinterpret_cast<float*>(buffer.data());
      for (std::int64_t i = 0; i < input.shape.elements(); ++i) values[i] = static_cast<float>(random.uniform());
    } else {
      // Whole numbers below two: in range for booleans and for whatever indexes something.
      const std::int64_t size = element_size(input.type);
      std::fill_n(buffer.data(), buffer.size(), std::byte{0});
      if (!is_float(input.type)) {
        for (std::int64_t i = 0; i < input.shape.elements(); ++i) buffer.data()[i * size] = static_cast<std::byte>(random.next() & 1U);
      }
    }
    set.emplace_back(input.type, input.shape, std::move(buffer));
  }
  return set;
}

}  // namespace gatefold
