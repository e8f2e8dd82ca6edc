#include "gatefold/report/plan_json.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "gatefold/device/equations.h"

namespace gatefold {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSplits[] = {"channels", "columns", "rows"};
// Longer lists are no plan of a network that fits this library.
constexpr std::size_t kLayersMax = 100'000;

// ---- writing ----

/// Exact: an integer where JSON readers have 64 bits for it, else a decimal string.
Json attojoules(EnergyTotal energy) {
  const Int128 count = energy.attojoules();
  if (count >= std::numeric_limits<std::int64_t>::min() && count <= std::numeric_limits<std::int64_t>::max()) {
    return static_cast<std::int64_t>(count);
  }
  return fmt::format("{}", count);
}

Json values_json(const std::vector<EnergyTotal>& values) {
  Json list = Json::array();
  for (const EnergyTotal value : values) list.push_back(attojoules(value));
  return list;
}

Json option_values_json(const OptionValues& values) {
  Json list = Json::array();
  for (const auto& layer : values) list.push_back(values_json(layer));
  return list;
}

Json options_json(const Certificate& certificate) {
  Json list = Json::array();
  for (const auto& layer : certificate.options) {
    Json options = Json::array();
    for (const CertifiedOption& option : layer) {
      options.push_back({{"clusters", option.footprint.clusters},
                         {"cores", option.footprint.cores},
                         {"split", kSplits[static_cast<std::size_t>(option.footprint.split)]},
                         {"cycles", option.cycles.count()},
                         {"energy_fj", option.energy.femtojoules()}});
    }
    list.push_back(std::move(options));
  }
  return list;
}

Json steps_json(const Certificate& certificate) {
  Json list = Json::array();
  for (std::size_t v = 0; v < certificate.plan.size(); ++v) {
    const Placement& at = certificate.plan[v];
    list.push_back({{"layer", certificate.layers[v]},
                    {"placement", at.text()},
                    {"first", at.first},
                    {"clusters", at.clusters},
                    {"core_mask", at.core_mask},
                    {"split", kSplits[static_cast<std::size_t>(at.split)]},
                    {"streamed", at.streamed},
                    {"energy_fj", certificate.plan_costs[v].femtojoules()}});
  }
  return list;
}

Json cuts_json(const Proof& proof) {
  Json list = Json::array();
  for (const Proof::Cut& cut : proof.cuts) list.push_back({{"layers", cut.layers}, {"potentials", values_json(cut.potentials)}});
  return list;
}

Json candidates_json(const Proof& proof) {
  Json list = Json::array();
  for (const auto& layer : proof.candidates) {
    Json candidates = Json::array();
    for (const Candidate& candidate : layer) candidates.push_back({candidate.option, candidate.first});
    list.push_back(std::move(candidates));
  }
  return list;
}

Json or_null(const std::optional<Cycles>& cycles) { return cycles ? Json(cycles->count()) : Json(nullptr); }

// ---- reading ----

Error wrong(const std::string& where, const std::string& want) { return Error{ErrorCode::kInvalidInput, where + ": want " + want}; }

/// A member of an object. Errors: missing, or `json` is no object.
Result<const Json*> member(const Json& json, const std::string& where, const char* key) {
  const std::string path = where.empty() ? key : where + "." + key;
  if (!json.is_object()) return wrong(where.empty() ? "the file" : where, "a JSON object");
  const auto found = json.find(key);
  if (found == json.end()) return Error{ErrorCode::kInvalidInput, path + ": missing"};
  return &*found;
}

Result<std::int64_t> integer(const Json& json, const std::string& where, std::int64_t least, std::int64_t most) {
  const std::string want = fmt::format("an integer from {} to {}", least, most);
  if (!json.is_number_integer() || (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{INT64_MAX}))
    return wrong(where, want);
  const auto number = json.get<std::int64_t>();
  if (number < least || number > most) return wrong(where, want);
  return number;
}

Result<std::string> text(const Json& json, const std::string& where) {
  if (!json.is_string()) return wrong(where, "a string");
  return json.get<std::string>();
}

/// Digits with an optional sign and, after a point, `decimals` more -> an integer of the last of them.
std::optional<Int128> parse_decimal(std::string_view digits, std::size_t decimals) {
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.size() > 36 || digits.size() < decimals + 1 + (decimals > 0 ? 1 : 0)) return std::nullopt;
  Int128 number = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (decimals > 0 && i + decimals + 1 == digits.size()) {
      if (digits[i] != '.') return std::nullopt;
      continue;
    }
    if (digits[i] < '0' || digits[i] > '9') return std::nullopt;
    number = number * 10 + (digits[i] - '0');
  }
  return negative ? -number : number;
}

Result<EnergyTotal> femtojoules(const Json& json, const std::string& where) {
  std::optional<Int128> found;
  if (json.is_string()) found = parse_decimal(json.get_ref<const std::string&>(), 3);
  if (!found) return wrong(where, "femtojoules with three decimals as a string, such as \"12.500\"");
  return EnergyTotal::of_attojoules(*found);
}

Result<EnergyTotal> attojoules_of(const Json& json, const std::string& where) {
  if (json.is_string()) {
    if (const auto found = parse_decimal(json.get_ref<const std::string&>(), 0)) return EnergyTotal::of_attojoules(*found);
  } else if (json.is_number_integer() && !(json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{INT64_MAX})) {
    return EnergyTotal::of_attojoules(json.get<std::int64_t>());
  }
  return wrong(where, "attojoules, an integer or its digits as a string");
}

/// Every entry of an array through `read(entry, where)`.
template <class T, class Read>
Result<std::vector<T>> array(const Json& json, const std::string& where, Read read) {
  if (!json.is_array() || json.size() > std::size_t{1} << 24) return wrong(where, "an array");
  std::vector<T> list;
  list.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    auto entry = read(json[i], fmt::format("{}[{}]", where, i));
    if (!entry) return std::move(entry).error();
    list.push_back(std::move(entry).value());
  }
  return list;
}

Result<std::vector<EnergyTotal>> values_of(const Json& json, const std::string& where) {
  return array<EnergyTotal>(json, where, attojoules_of);
}

Result<CoreSplit> split_of(const Json& json, const std::string& where) {
  GATEFOLD_TRY(const Json* found, member(json, where, "split"));
  for (std::size_t i = 0; i < std::size(kSplits); ++i) {
    if (found->is_string() && found->get_ref<const std::string&>() == kSplits[i]) return static_cast<CoreSplit>(i);
  }
  return wrong(where + ".split", "channels, columns or rows");
}

Result<std::int64_t> integer_at(const Json& json, const std::string& where, const char* key, std::int64_t least, std::int64_t most) {
  GATEFOLD_TRY(const Json* found, member(json, where, key));
  return integer(*found, where + "." + key, least, most);
}

Result<EnergyTotal> femtojoules_at(const Json& json, const std::string& where, const char* key) {
  GATEFOLD_TRY(const Json* found, member(json, where, key));
  return femtojoules(*found, where.empty() ? key : where + "." + key);
}

Result<std::string> text_at(const Json& json, const std::string& where, const char* key) {
  GATEFOLD_TRY(const Json* found, member(json, where, key));
  return text(*found, where.empty() ? key : where + "." + key);
}

Result<CertifiedOption> option_of(const Json& json, const std::string& where) {
  CertifiedOption option;
  GATEFOLD_TRY(option.footprint.clusters, integer_at(json, where, "clusters", 1, INT16_MAX));
  GATEFOLD_TRY(option.footprint.cores, integer_at(json, where, "cores", 1, 16));
  GATEFOLD_TRY(option.footprint.split, split_of(json, where));
  GATEFOLD_TRY(const std::int64_t cycles, integer_at(json, where, "cycles", 0, std::int64_t{1} << 60));
  option.cycles = Cycles(cycles);
  GATEFOLD_TRY(option.energy, femtojoules_at(json, where, "energy_fj"));
  return option;
}

struct PlanStep {
  std::string layer;
  Placement placement;
  EnergyTotal cost;
};
Result<PlanStep> step_of(const Json& json, const std::string& where) {
  PlanStep step;
  GATEFOLD_TRY(step.layer, text_at(json, where, "layer"));
  GATEFOLD_TRY(const std::int64_t first, integer_at(json, where, "first", 0, INT16_MAX));
  GATEFOLD_TRY(const std::int64_t clusters, integer_at(json, where, "clusters", 1, INT16_MAX));
  GATEFOLD_TRY(const std::int64_t cores, integer_at(json, where, "core_mask", 1, UINT16_MAX));
  GATEFOLD_TRY(step.placement.split, split_of(json, where));
  GATEFOLD_TRY(const Json* streamed, member(json, where, "streamed"));
  if (!streamed->is_boolean()) return wrong(where + ".streamed", "true or false");
  step.placement.first = static_cast<std::int16_t>(first);
  step.placement.clusters = static_cast<std::int16_t>(clusters);
  step.placement.core_mask = static_cast<std::uint16_t>(cores);
  step.placement.streamed = streamed->get<bool>();
  GATEFOLD_TRY(step.cost, femtojoules_at(json, where, "energy_fj"));
  return step;
}

Result<Candidate> candidate_of(const Json& json, const std::string& where) {
  if (!json.is_array() || json.size() != 2) return wrong(where, "a pair of option and first cluster");
  GATEFOLD_TRY(const std::int64_t option, integer(json[0], where + "[0]", 0, INT16_MAX));
  GATEFOLD_TRY(const std::int64_t first, integer(json[1], where + "[1]", -1, INT16_MAX));
  return Candidate{static_cast<std::int16_t>(option), static_cast<std::int32_t>(first)};
}

Result<Proof::Cut> cut_of(const Json& json, const std::string& where) {
  Proof::Cut cut;
  GATEFOLD_TRY(const Json* layers, member(json, where, "layers"));
  const auto index = [](const Json& entry, const std::string& at) -> Result<std::size_t> {
    GATEFOLD_TRY(const std::int64_t layer, integer(entry, at, 0, std::int64_t{kLayersMax}));
    return static_cast<std::size_t>(layer);
  };
  GATEFOLD_TRY(cut.layers, array<std::size_t>(*layers, where + ".layers", index));
  GATEFOLD_TRY(const Json* potentials, member(json, where, "potentials"));
  GATEFOLD_TRY(cut.potentials, values_of(*potentials, where + ".potentials"));
  return cut;
}

Status read_proof(const Json& json, Proof& proof) {
  GATEFOLD_TRY(const Json* tight, member(json, "", "tight"));
  if (!tight->is_boolean()) return wrong("tight", "true or false");
  proof.tight = tight->get<bool>();
  using Row = std::vector<EnergyTotal>;
  GATEFOLD_TRY(const Json* to_go, member(json, "", "potentials"));
  GATEFOLD_TRY(proof.to_go, array<Row>(*to_go, "potentials", values_of));
  GATEFOLD_TRY(const Json* to_come, member(json, "", "arrivals"));
  GATEFOLD_TRY(proof.to_come, array<Row>(*to_come, "arrivals", values_of));
  GATEFOLD_TRY(const Json* candidates, member(json, "", "candidates"));
  const auto row = [](const Json& entry, const std::string& at) { return array<Candidate>(entry, at, candidate_of); };
  GATEFOLD_TRY(proof.candidates, array<std::vector<Candidate>>(*candidates, "candidates", row));
  GATEFOLD_TRY(const Json* cuts, member(json, "", "cuts"));
  GATEFOLD_TRY(proof.cuts, array<Proof::Cut>(*cuts, "cuts", cut_of));
  return Done{};
}

Result<std::optional<Cycles>> cycles_or_null(const Json& json, const char* key) {
  GATEFOLD_TRY(const Json* found, member(json, "objective", key));
  if (found->is_null()) return std::optional<Cycles>();
  GATEFOLD_TRY(const std::int64_t cycles, integer(*found, std::string("objective.") + key, 1, std::int64_t{1} << 60));
  return std::optional<Cycles>(Cycles(cycles));
}

Status read_question(const Json& json, Certificate& certificate) {
  GATEFOLD_TRY(certificate.model, text_at(json, "", "model"));
  GATEFOLD_TRY(certificate.model_hash, text_at(json, "", "model_hash"));
  GATEFOLD_TRY(const Json* symbols, member(json, "", "dims"));
  if (!symbols->is_object()) return wrong("dims", "a JSON object");
  for (const auto& [name, extent] : symbols->items()) {
    GATEFOLD_TRY(certificate.symbols[name], integer(extent, "dims." + name, 1, INT32_MAX));
  }
  GATEFOLD_TRY(const Json* device, member(json, "", "device"));
  GATEFOLD_TRY(certificate.device_name, text_at(*device, "device", "name"));
  GATEFOLD_TRY(certificate.device, text_at(*device, "device", "source"));
  GATEFOLD_TRY(certificate.device_hash, text_at(*device, "device", "hash"));
  GATEFOLD_TRY(const Json* objective, member(json, "", "objective"));
  GATEFOLD_TRY(certificate.period, cycles_or_null(*objective, "period_cycles"));
  GATEFOLD_TRY(certificate.deadline, cycles_or_null(*objective, "deadline_cycles"));
  return Done{};
}

}  // namespace

std::string plan_json(const Certificate& certificate, const std::string& version) {
  const EnergyTotal gap = certificate.energy - certificate.bound;
  Json json{{"gatefold", version},
            {"command", "plan"},
            {"model", certificate.model},
            {"model_hash", certificate.model_hash},
            {"dims", Json::object()},
            {"device", {{"name", certificate.device_name}, {"source", certificate.device}, {"hash", certificate.device_hash}}}};
  for (const auto& [name, extent] : certificate.symbols) json["dims"][name] = extent;
  json["objective"] = {{"minimise", certificate.period ? "energy of a period" : "energy of a request"},
                       {"period_cycles", or_null(certificate.period)},
                       {"deadline_cycles", or_null(certificate.deadline)}};
  json["energy_fj"] = certificate.energy.femtojoules();
  json["bound"] = {{"kind", certificate.kind}, {"energy_fj", certificate.bound.femtojoules()}, {"gap_fj", gap.femtojoules()}};
  json["time_price_aj_per_cycle"] = certificate.time_price.count();
  json["mean_aj"] = certificate.mean ? attojoules(*certificate.mean) : Json(nullptr);
  json["layers"] = certificate.layers;
  json["plan"] = steps_json(certificate);
  json["options"] = options_json(certificate);
  json["tight"] = certificate.proof.tight;
  json["potentials"] = option_values_json(certificate.proof.to_go);
  json["arrivals"] = option_values_json(certificate.proof.to_come);
  json["candidates"] = candidates_json(certificate.proof);
  json["cuts"] = cuts_json(certificate.proof);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string check_json(const Certificate& certificate, const std::string& version) {
  const Json json{{"gatefold", version},
                  {"command", "check"},
                  {"model", certificate.model},
                  {"device", {{"name", certificate.device_name}, {"hash", certificate.device_hash}}},
                  {"holds", true},
                  {"exact", certificate.energy == certificate.bound},
                  {"bound", {{"kind", certificate.kind}, {"energy_fj", certificate.bound.femtojoules()}}},
                  {"energy_fj", certificate.energy.femtojoules()}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Certificate> parse_plan(std::string_view file) {
  const Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Error{ErrorCode::kInvalidInput, "the file is not JSON"};
  Certificate certificate;
  GATEFOLD_CHECK(read_question(json, certificate));
  GATEFOLD_TRY(certificate.energy, femtojoules_at(json, "", "energy_fj"));
  GATEFOLD_TRY(const Json* bound, member(json, "", "bound"));
  GATEFOLD_TRY(certificate.kind, text_at(*bound, "bound", "kind"));
  GATEFOLD_TRY(certificate.bound, femtojoules_at(*bound, "bound", "energy_fj"));
  GATEFOLD_TRY(const EnergyTotal gap, femtojoules_at(*bound, "bound", "gap_fj"));
  if (gap != certificate.energy - certificate.bound) return wrong("bound.gap_fj", "energy_fj less bound.energy_fj");
  GATEFOLD_TRY(const Json* price, member(json, "", "time_price_aj_per_cycle"));
  GATEFOLD_TRY(const std::int64_t time_price, integer(*price, "time_price_aj_per_cycle", 0, std::int64_t{1} << 60));
  certificate.time_price = EnergyPerCycle(time_price);
  GATEFOLD_TRY(const Json* mean, member(json, "", "mean_aj"));
  if (!mean->is_null()) {
    GATEFOLD_TRY(certificate.mean, attojoules_of(*mean, "mean_aj"));
  }
  GATEFOLD_TRY(const Json* layers, member(json, "", "layers"));
  if (layers->size() > kLayersMax) return wrong("layers", fmt::format("at most {}", kLayersMax));
  GATEFOLD_TRY(certificate.layers, array<std::string>(*layers, "layers", text));
  GATEFOLD_TRY(const Json* options, member(json, "", "options"));
  const auto row = [](const Json& entry, const std::string& at) { return array<CertifiedOption>(entry, at, option_of); };
  GATEFOLD_TRY(certificate.options, array<std::vector<CertifiedOption>>(*options, "options", row));
  GATEFOLD_TRY(const Json* plan, member(json, "", "plan"));
  GATEFOLD_TRY(const std::vector<PlanStep> steps, array<PlanStep>(*plan, "plan", step_of));
  for (std::size_t v = 0; v < steps.size(); ++v) {
    if (v >= certificate.layers.size() || steps[v].layer != certificate.layers[v])
      return wrong(fmt::format("plan[{}].layer", v), "the same order as in layers");
    certificate.plan.push_back(steps[v].placement);
    certificate.plan_costs.push_back(steps[v].cost);
  }
  GATEFOLD_CHECK(read_proof(json, certificate.proof));
  if (std::string fault = malformed(certificate); !fault.empty()) return Error{ErrorCode::kInvalidInput, std::move(fault)};
  return certificate;
}

}  // namespace gatefold
