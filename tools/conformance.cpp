// `gatefold conformance`: walks folders of known-answer cases, runs each on a chip and judges the outputs.
//
// A case is a folder with model.onnx and test_data_set_K/{input_J,output_J}.pb, or a pair NAME.onnx, NAME_output_0.pb whose
// output does not depend on the input. Under the integer contract output_J.ort_optimised.pb, where it is there, is the
// answer: the same network computed with integer kernels.
#include "gatefold/runtime/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "commands.h"
#include "gatefold/base/text.h"
#include "gatefold/onnx/import.h"
#include "gatefold/report/json.h"
#include "inputs.h"

namespace gatefold::tool {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNotesSizeMax = 1 << 20;  // meta.json is a few KiB
constexpr std::uint64_t kSeed = 1;

/// What is right for a set of a case.
struct Answers {
  std::string name;                 ///< "resnet8/test_data_set_0"
  std::vector<NamedTensor> inputs;  ///< none: seeded values
  std::vector<fs::path> outputs;    ///< by network output
  bool all_outputs = true;          ///< there is a file for every network output
};

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) entries.push_back(it->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

fs::path light_answer(const fs::path& model) { return model.parent_path() / (model.stem().string() + "_output_0.pb"); }

/// Model files of all cases at or below `folder`, in the order of their paths. Links to folders are not followed.
void find_models(const fs::path& folder, std::vector<fs::path>& models) {
  if (fs::exists(folder / "model.onnx")) {
    models.push_back(folder / "model.onnx");
    return;
  }
  for (const fs::path& entry : sorted_entries(folder)) {
    if (fs::is_directory(entry) && !fs::is_symlink(entry)) find_models(entry, models);
    else if (entry.extension() == ".onnx" && fs::exists(light_answer(entry))) models.push_back(entry);
  }
}

/// prefix0.pb, prefix1.pb, .. as far as they go.
std::vector<fs::path> numbered(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> files;
  for (int i = 0; fs::exists(folder / fmt::format("{}{}.pb", prefix, i)); ++i) files.push_back(folder / fmt::format("{}{}.pb", prefix, i));
  return files;
}

/// Tensors in the order of the network's inputs: by name where every name is an input's, else by position.
Result<std::vector<Tensor>> in_order(const Model& model, const std::vector<NamedTensor>& supplied) {
  if (supplied.size() != model.inputs.size()) {
    return Error{ErrorCode::kInvalidInput, fmt::format("found {} inputs, the network has {}", supplied.size(), model.inputs.size())};
  }
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < supplied.size(); ++i) {
    const std::string& wanted = model.value(model.inputs[i].value).name;
    const auto named = std::find_if(supplied.begin(), supplied.end(), [&](const NamedTensor& tensor) { return tensor.name == wanted; });
    tensors.push_back((named == supplied.end() ? supplied[i] : *named).tensor.dense());
  }
  return tensors;
}

/// Judges the sets of one case; the prepared network is kept from set to set while the input shapes stay.
class CaseJudge {
 public:
  CaseJudge(const ConformanceArguments& arguments, const Model& model) : arguments_(arguments), model_(model) {}

  Result<ConformanceRecord> judge(const Answers& answers) {
    std::vector<Tensor> inputs;
    BuildOptions options;
    if (!answers.inputs.empty() || model_.inputs.empty()) {
      GATEFOLD_TRY(inputs, in_order(model_, answers.inputs));
    }
    for (const Tensor& input : inputs) options.input_shapes.emplace_back(input.shape());
    GATEFOLD_CHECK(prepare_for(options));
    if (answers.inputs.empty()) inputs = uniform_inputs(*graph_, kSeed);
    GATEFOLD_TRY(const RunOptions run_options, options_for(*ready_->device));
    GATEFOLD_TRY(const RunResult result, run(*ready_->network, run_options, {inputs}));
    if (!result.shed.empty()) return Error{ErrorCode::kInvalidInput, "the request was shed: " + result.shed.front().reason};
    return compare_outputs(answers, result.outputs.back());
  }

 private:
  Status prepare_for(const BuildOptions& options) {
    if (ready_ && shapes_ == options.input_shapes) return Done{};
    ready_.reset();
    GATEFOLD_TRY(LayerGraph graph, build_layer_graph(model_, options));
    graph_ = std::make_shared<const LayerGraph>(std::move(graph));
    GATEFOLD_TRY(ready_, prepare_on(graph_, arguments_.device));
    shapes_ = options.input_shapes;
    return Done{};
  }

  Result<RunOptions> options_for(const DeviceSpec& device) const {
    RunOptions options;
    options.policy = resolved_policy(arguments_.policy);
    options.numerics = numerics();
    std::vector<TimedEvent> events;
    for (const auto& [time, text] : arguments_.events) {
      GATEFOLD_TRY(const TimedEvent event, parse_event(time, text, device));
      events.push_back(event);
    }
    GATEFOLD_TRY(options.events, check_events(std::move(events)));
    return options;
  }

  [[nodiscard]] Numerics numerics() const { return arguments_.numerics == "integer" ? Numerics::kInteger : Numerics::kQdqFloat; }

  /// The expected tensor under the numeric contract.
  Result<Tensor> answer(const fs::path& output) const {
    fs::path optimised = output;
    optimised.replace_extension(".ort_optimised.pb");
    const bool integer = graph_->quantised && numerics() == Numerics::kInteger && fs::exists(optimised);
    GATEFOLD_TRY(const NamedTensor named, read_tensor_proto(integer ? optimised : output));
    return named.tensor.dense();
  }

  Result<ConformanceRecord> compare_outputs(const Answers& answers, const std::vector<OutputRecord>& got) const {
    const std::size_t outputs = graph_->outputs.size();
    if (answers.outputs.size() > outputs || (answers.all_outputs && answers.outputs.size() != outputs)) {
      return Error{ErrorCode::kInvalidInput, fmt::format("found {} expected outputs, the network has {}", answers.outputs.size(), outputs)};
    }
    ConformanceRecord record;
    record.name = answers.name;
    record.verdict = "pass";
    record.equal_bits = true;
    for (std::size_t i = 0; i < answers.outputs.size(); ++i) {
      GATEFOLD_TRY(const Tensor want, answer(answers.outputs[i]));
      const ComparisonRule rule = rule_for(*graph_, graph_->outputs[i], numerics());
      const Comparison comparison = compare(got[i].tensor.dense(), want, rule);
      record.unit = rule.kind == ComparisonRule::Kind::kSteps ? "steps" : "absolute";
      record.worst = std::max(record.worst, comparison.worst);
      record.equal_bits = record.equal_bits && comparison.equal_bits;
      if (!comparison.pass && record.verdict == "pass") {
        record.verdict = "fail";
        record.reason = fmt::format("output '{}': {}", graph_->outputs[i].name, comparison.reason);
      }
    }
    return record;
  }

  const ConformanceArguments& arguments_;
  const Model& model_;
  std::vector<std::optional<Shape>> shapes_;
  std::shared_ptr<const LayerGraph> graph_;
  std::optional<ReadyNetwork> ready_;
};

/// What this build cannot run is unsupported; anything else that goes wrong is a failure.
ConformanceRecord failed(const std::string& name, const Error& error) {
  const bool unsupported = error.code == ErrorCode::kUnsupported || error.code == ErrorCode::kDoesNotFit;
  ConformanceRecord record;
  record.name = name;
  record.verdict = unsupported ? "unsupported" : "fail";
  record.reason = error.message;
  return record;
}

Result<Answers> read_answers(const fs::path& folder, const std::string& name) {
  Answers answers;
  answers.name = name;
  for (const fs::path& file : numbered(folder, "input_")) {
    GATEFOLD_TRY(NamedTensor tensor, read_tensor_proto(file));
    answers.inputs.push_back(std::move(tensor));
  }
  answers.outputs = numbered(folder, "output_");
  if (answers.outputs.empty()) return Error{ErrorCode::kInvalidInput, "output_0.pb is missing"};
  return answers;
}

Result<CaseNotes> read_notes(const fs::path& folder) {
  const fs::path file = folder / "meta.json";
  if (!fs::exists(file)) return CaseNotes{};
  GATEFOLD_TRY(const std::string text, read_file(file, kNotesSizeMax));
  auto notes = parse_case_notes(text);
  if (!notes) return std::move(notes).error().within(file.string());
  return notes;
}

/// Why a set has no reading under the contract asked for; empty if it has one.
std::string no_reading(const CaseNotes& notes, const std::string& set, const std::string& numerics) {
  if (numerics != "qdq-float") return "";
  if (notes.operator_quantised) return "quantised operators have the integer contract only";
  for (const std::int64_t vendor : notes.vendor_sets) {
    if (set == fmt::format("test_data_set_{}", vendor))
      return "the expected output is the vendor's, which is under the integer contract only";
  }
  return "";
}

std::vector<ConformanceRecord> judge_case(const ConformanceArguments& arguments, const fs::path& file, const std::string& name) {
  const fs::path folder = file.parent_path();
  const bool light = file.filename() != "model.onnx";
  if (!light && fs::exists(folder / "layers.json")) {
    return {failed(name, {ErrorCode::kUnsupported, "expected outputs layer by layer (layers.json) are not built"})};
  }
  const auto model = read_onnx(file);
  if (!model) return {failed(name, model.error())};
  const auto notes = read_notes(folder);
  if (!notes) return {failed(name, notes.error())};
  CaseJudge judge(arguments, model.value());
  const auto record = [&](const Result<Answers>& answers, const std::string& set_name) {
    if (!answers) return failed(set_name, answers.error());
    auto judged = judge.judge(answers.value());
    return judged ? std::move(judged).value() : failed(set_name, judged.error());
  };
  if (light) return {record(Answers{name, {}, {light_answer(file)}, false}, name)};

  std::vector<ConformanceRecord> records;
  for (const fs::path& entry : sorted_entries(folder)) {
    const std::string set = entry.filename().string();
    if (!fs::is_directory(entry) || !set.starts_with("test_data_set_")) continue;
    const std::string set_name = name + "/" + set;
    if (const std::string reason = no_reading(notes.value(), set, arguments.numerics); !reason.empty()) {
      records.push_back(failed(set_name, {ErrorCode::kUnsupported, reason}));
    } else {
      records.push_back(record(read_answers(entry, set_name), set_name));
    }
  }
  if (records.empty()) records.push_back(failed(name, {ErrorCode::kUnsupported, "there is no test_data_set_K beside model.onnx"}));
  return records;
}

void print_record(const ConformanceRecord& record) {
  std::string detail = record.reason;
  if (!record.unit.empty()) {
    detail = fmt::format("worst {:.4g}{}{}{}", record.worst, record.unit == "steps" ? " steps" : "",
                         record.equal_bits ? ", equal bits" : "", record.reason.empty() ? "" : "; " + record.reason);
  }
  fmt::print("{:<11}  {}: {}\n", record.verdict, record.name, detail);
  std::fflush(stdout);
}

}  // namespace

int conformance_command(const ConformanceArguments& arguments) {
  const fs::path root(arguments.folder);
  std::error_code ignored;
  if (!fs::is_directory(root, ignored)) return report_error({ErrorCode::kIo, fmt::format("{}: not a folder", arguments.folder)});
  std::vector<fs::path> models;
  find_models(root, models);
  if (models.empty()) {
    return report_error({ErrorCode::kInvalidInput, fmt::format("{}: found no case, want folders with model.onnx and test_data_set_0, or "
                                                               "pairs NAME.onnx, NAME_output_0.pb",
                                                               arguments.folder)});
  }
  const bool lines = !arguments.output.quiet && arguments.output.json != "-";
  std::vector<ConformanceRecord> records;
  for (const fs::path& model : models) {
    const bool light = model.filename() != "model.onnx";
    std::string name = fs::relative(light ? model : model.parent_path(), root, ignored).string();
    if (name == "." || name.empty()) name = fs::absolute(root).lexically_normal().filename().string();
    for (ConformanceRecord& record : judge_case(arguments, model, name)) {
      if (lines) print_record(record);
      records.push_back(std::move(record));
    }
  }
  const auto count = [&](std::string_view verdict) {
    return std::count_if(records.begin(), records.end(), [&](const ConformanceRecord& record) { return record.verdict == verdict; });
  };
  const auto equal = std::count_if(records.begin(), records.end(), [](const auto& record) { return record.equal_bits; });
  const std::string totals = fmt::format("{} pass ({} with equal bits), {} fail, {} unsupported, {} sets in {} cases\n", count("pass"),
                                         equal, count("fail"), count("unsupported"), records.size(), models.size());
  const int written = write_results(arguments.output, conformance_json(records, arguments.numerics, version()), totals);
  if (written != kDone) return written;
  return count("fail") > 0 || (arguments.strict && count("unsupported") > 0) ? kInputAtFault : kDone;
}

}  // namespace gatefold::tool
