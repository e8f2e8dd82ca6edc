// `plan` writes a plan with its certificate, `check` verifies one without trusting it.
#include <fmt/format.h>

#include "commands.h"
#include "gatefold/base/text.h"
#include "gatefold/device/shipped.h"
#include "gatefold/onnx/export.h"
#include "gatefold/remap/certify.h"
#include "gatefold/remap/check_plan.h"
#include "gatefold/report/plan_json.h"
#include "gatefold/runtime/prepared.h"
#include "gatefold/zoo/zoo.h"
#include "inputs.h"

namespace gatefold::tool {
namespace {

constexpr std::int64_t kModelFileSizeMax = std::int64_t{2} << 30;  // the limit of ONNX's own format

Result<std::shared_ptr<const LayerGraph>> graph_of(const std::string& path, const std::map<std::string, std::int64_t>& symbols) {
  GATEFOLD_TRY(Model model, read_network(path));
  BuildOptions options;
  options.symbols = symbols;
  GATEFOLD_TRY(LayerGraph graph, build_layer_graph(std::move(model), options));
  if (graph.layers.empty()) return Error{ErrorCode::kInvalidInput, fmt::format("{}: has no layers to place", path)};
  return std::make_shared<const LayerGraph>(std::move(graph));
}

/// SHA-256 of the network's file: for zoo:NAME, of the one that `gatefold zoo` writes.
Result<std::string> hash_of(const std::string& path) {
  if (zoo_name(path)) {
    GATEFOLD_TRY(const Model model, read_network(path));
    GATEFOLD_TRY(const std::string written, export_onnx(model));
    return sha256(written);
  }
  GATEFOLD_TRY(const std::string bytes, read_file(path, kModelFileSizeMax));
  return sha256(bytes);
}

Result<std::optional<Cycles>> cycles_in(const std::optional<std::string>& text, const DeviceSpec& device) {
  if (!text) return std::optional<Cycles>();
  GATEFOLD_TRY(const std::int64_t picoseconds, parse_duration_ps(*text));
  return std::optional<Cycles>(std::max(Cycles(1), cycles_of(picoseconds, device.clock_hz)));
}

struct Planned {
  Certificate certificate;
  std::int64_t clock_hz = 1;
  Cycles latency;
};

Result<Planned> plan(const PlanArguments& arguments) {
  GATEFOLD_TRY(const std::string hash, hash_of(arguments.model));
  GATEFOLD_TRY(const std::shared_ptr<const LayerGraph> graph, graph_of(arguments.model, arguments.symbols));
  GATEFOLD_TRY(const ReadyNetwork ready, prepare_on(graph, arguments.device));
  const DeviceSpec& device = *ready.device;
  PlanObjective objective;
  objective.off_chip = OffChip::kStreamsOnly;
  GATEFOLD_TRY(objective.period, cycles_in(arguments.every, device));
  GATEFOLD_TRY(objective.deadline, cycles_in(arguments.deadline, device));
  GATEFOLD_TRY(StaticPlan found, plan_static(ready.network->table(), objective));
  const Cycles latency = found.reference_total;
  for (const auto& [limit, name] : {std::pair(objective.deadline, "deadline"), std::pair(objective.period, "period")}) {
    if (!limit || latency <= *limit) continue;
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("no plan was found within the {} of {} cycles; the fastest found takes {} cycles on {}", name, limit->count(),
                             latency.count(), device.name)};
  }
  Planned planned{certify(ready.network->table(), objective, std::move(found)), device.clock_hz, latency};
  planned.certificate.model = arguments.model;
  planned.certificate.model_hash = hash;
  planned.certificate.symbols = arguments.symbols;
  planned.certificate.device = arguments.device.value_or(device.name);
  return planned;
}

/// Errors: what is wrong with the file, its model, its device, or the plan.
Result<Certificate> check(const CheckArguments& arguments) {
  GATEFOLD_TRY(const std::string text, read_file(arguments.plan, kPlanFileSizeMax));
  GATEFOLD_TRY(Certificate certificate, parse_plan(text));
  const std::string model = arguments.model.value_or(certificate.model);
  GATEFOLD_TRY(const std::string hash, hash_of(model));
  if (hash != certificate.model_hash) {
    return Error{ErrorCode::kInvalidInput, fmt::format("model_hash: found {}, but {} has {}", certificate.model_hash, model, hash)};
  }
  GATEFOLD_TRY(DeviceSpec device, find_device(arguments.device.value_or(certificate.device)));
  if (device.hash != certificate.device_hash) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("device.hash: found {}, but {} has {}", certificate.device_hash, device.name, device.hash)};
  }
  if (device.name != certificate.device_name) {
    return Error{ErrorCode::kInvalidInput, fmt::format("device.name: found '{}', want '{}'", certificate.device_name, device.name)};
  }
  GATEFOLD_TRY(const std::shared_ptr<const LayerGraph> graph, graph_of(model, certificate.symbols));
  GATEFOLD_TRY(const OptionTable table, OptionTable::build(graph, std::make_shared<const DeviceSpec>(std::move(device))));
  GATEFOLD_CHECK(check_plan(table, certificate));
  return certificate;
}

}  // namespace

int plan_command(const PlanArguments& arguments) {
  const auto planned = plan(arguments);
  if (!planned) return report_error(planned.error());
  const Certificate& certificate = planned.value().certificate;
  return write_results(arguments.output, plan_json(certificate, version()),
                       plan_table(certificate, planned.value().clock_hz, planned.value().latency));
}

int check_command(const CheckArguments& arguments) {
  auto checked = check(arguments);
  if (!checked) return report_error(std::move(checked).error().within(arguments.plan));
  const Certificate& certificate = checked.value();
  const std::string gap = certificate.energy == certificate.bound
                              ? "no plan costs less"
                              : fmt::format("no plan costs less than {} fJ", certificate.bound.femtojoules());
  return write_results(arguments.output, check_json(certificate, version()),
                       fmt::format("{}: holds; {} fJ, {} ({})\n", arguments.plan, certificate.energy.femtojoules(), gap, certificate.kind));
}

}  // namespace gatefold::tool
