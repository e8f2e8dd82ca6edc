#include "inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>

#include "gatefold/base/random.h"
#include "gatefold/base/text.h"
#include "gatefold/device/shipped.h"
#include "gatefold/model/npy.h"
#include "gatefold/onnx/import.h"
#include "gatefold/runtime/prepared.h"
#include "image.h"

namespace gatefold::tool {
namespace {

constexpr std::int64_t kTensorFileSizeMax = std::int64_t{2} << 30;  // the limit of ONNX's own format

template <class T>
Tensor uniform_tensor(const Shape& shape, SplitMix64& random) {
  Buffer buffer(static_cast<std::size_t>(shape.elements()) * sizeof(T));
  T* values = reinterpret_cast<T*>(buffer.data());
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const std::uint64_t bits = random.next();
    if constexpr (std::is_same_v<T, float>) values[i] = static_cast<float>(bits >> 40U) * 0x1p-24F;
    else if constexpr (std::is_same_v<T, double>) values[i] = static_cast<double>(bits >> 11U) * 0x1p-53;
    else if constexpr (std::is_same_v<T, bool>) values[i] = (bits >> 63U) != 0;
    else values[i] = static_cast<T>(bits >> (64U - 8U * sizeof(T)));
  }
  return Tensor(element_type_of<T>(), shape, std::move(buffer));
}

Tensor uniform_tensor(ElementType type, const Shape& shape, SplitMix64& random) {
  switch (type) {
    case ElementType::kFloat32: return uniform_tensor<float>(shape, random);
    case ElementType::kFloat64: return uniform_tensor<double>(shape, random);
    case ElementType::kInt8: return uniform_tensor<std::int8_t>(shape, random);
    case ElementType::kUInt8: return uniform_tensor<std::uint8_t>(shape, random);
    case ElementType::kInt16: return uniform_tensor<std::int16_t>(shape, random);
    case ElementType::kUInt16: return uniform_tensor<std::uint16_t>(shape, random);
    case ElementType::kInt32: return uniform_tensor<std::int32_t>(shape, random);
    case ElementType::kInt64: return uniform_tensor<std::int64_t>(shape, random);
    case ElementType::kBool: return uniform_tensor<bool>(shape, random);
  }
  GATEFOLD_REQUIRE(false);
}

/// How many requests the leading axis of `tensor` holds: N where it is N times what the network declares or --dim binds,
/// 1 where it is a symbol that the tensor itself binds.
std::int64_t requests_in(const Tensor& tensor, const Input& input, const std::map<std::string, std::int64_t>& symbols) {
  if (input.shape.empty() || tensor.shape().rank() != static_cast<int>(input.shape.size())) return 1;
  const Extent& leading = input.shape.front();
  std::int64_t batch = leading.count;
  if (!leading.symbol.empty()) {
    const auto bound = symbols.find(leading.symbol);
    if (bound == symbols.end()) return 1;
    batch = bound->second;
  }
  const std::int64_t found = tensor.shape()[0];
  return batch > 0 && found > batch && found % batch == 0 ? found / batch : 1;
}

/// Part `index` of `count` along the leading axis, copied.
Tensor request_part(const Tensor& tensor, std::int64_t count, std::int64_t index) {
  if (count == 1) return tensor;
  std::vector<std::int64_t> dims(tensor.shape().dims().begin(), tensor.shape().dims().end());
  dims[0] /= count;
  const Shape shape{std::span<const std::int64_t>(dims)};
  const auto size = static_cast<std::size_t>(shape.elements() * element_size(tensor.type()));
  Buffer buffer(size);
  std::memcpy(buffer.data(), tensor.view().bytes + static_cast<std::size_t>(index) * size, size);
  return Tensor(tensor.type(), shape, std::move(buffer));
}

struct FileInputs {
  std::vector<Tensor> tensors;         ///< by network input
  std::vector<std::int64_t> requests;  ///< how many each holds
  std::int64_t count = 1;
};

Result<FileInputs> read_inputs(const Model& model, const InputArguments& arguments) {
  FileInputs inputs;
  if (arguments.files.size() != model.inputs.size()) {
    std::vector<std::string> names;
    for (const Input& input : model.inputs) names.push_back(model.value(input.value).name);
    return Error{ErrorCode::kInvalidInput, fmt::format("found {} input files, want {}, one for each of: {}", arguments.files.size(),
                                                       names.size(), fmt::join(names, ", "))};
  }
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    const Input& input = model.inputs[i];
    const std::string& path = arguments.files[i];
    GATEFOLD_TRY(Tensor tensor, read_tensor(path));
    if (tensor.type() != input.type) {
      return Error{ErrorCode::kInvalidInput, fmt::format("{}: found {}, input '{}' is {}", path, name(tensor.type()),
                                                         model.value(input.value).name, name(input.type))};
    }
    const std::int64_t count = requests_in(tensor, input, arguments.symbols);
    if (count > 1 && inputs.count > 1 && count != inputs.count) {
      return Error{ErrorCode::kInvalidInput, fmt::format("{}: found {} requests, the inputs before it hold {}", path, count, inputs.count)};
    }
    inputs.count = std::max(inputs.count, count);
    inputs.requests.push_back(count);
    inputs.tensors.push_back(std::move(tensor));
  }
  return inputs;
}

std::string file_text(const InputArguments& arguments, std::int64_t count) {
  std::vector<std::string> names;
  for (const std::string& file : arguments.files) names.push_back(std::filesystem::path(file).filename().string());
  return fmt::format("{}: {} request{}", fmt::join(names, ", "), count, count == 1 ? "" : "s");
}

/// Bytes of weights on the chip: float elements take what the chip computes in.
Bytes weights_on(const LayerGraph& graph, const DeviceSpec& device) {
  Bytes total;
  for (const Layer& layer : graph.layers) {
    for (const Operand& operand : layer.inputs) {
      if (!operand.constant) continue;
      const Bytes element = is_float(operand.type) ? device.float_element : Bytes(element_size(operand.type));
      total += element * operand.shape.elements();
    }
  }
  return total;
}

std::string size_text(Bytes bytes) {
  const auto number = static_cast<double>(bytes.count());
  return number < 1048576 ? fmt::format("{:.4g} KiB", number / 1024) : fmt::format("{:.4g} MiB", number / 1048576);
}

}  // namespace

Result<Tensor> read_tensor(const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending == ".pb") {
    GATEFOLD_TRY(const NamedTensor named, read_tensor_proto(path));
    return named.tensor.dense();
  }
  if (ending != ".npy") {
    return Error{ErrorCode::kInvalidInput, fmt::format("{}: found ending '{}', want an .npy array or a .pb tensor", path, ending)};
  }
  GATEFOLD_TRY(const std::string bytes, read_file(path, kTensorFileSizeMax));
  auto tensor = parse_npy(std::as_bytes(std::span(bytes.data(), bytes.size())));
  if (!tensor) return std::move(tensor).error().within(path);
  return tensor;
}

Result<Model> read_network(const std::string& text) {
  if (const auto name = zoo_name(text)) return zoo_model(*name);
  return read_onnx(text);
}

InputSet uniform_inputs(const LayerGraph& graph, std::uint64_t seed) {
  SplitMix64 random(seed);
  InputSet inputs;
  for (const TensorId id : graph.inputs) {
    const Activation& input = graph.activation(id);
    inputs.push_back(uniform_tensor(input.type, input.shape, random));
  }
  return inputs;
}

Result<LoadedNetwork> load_network(const std::string& text, const InputArguments& arguments) {
  GATEFOLD_TRY(Model model, read_network(text));
  BuildOptions options;
  options.symbols = arguments.symbols;
  FileInputs files;
  if (!arguments.files.empty()) {
    GATEFOLD_TRY(files, read_inputs(model, arguments));
    for (std::size_t i = 0; i < files.tensors.size(); ++i) {
      options.input_shapes.emplace_back(request_part(files.tensors[i], files.requests[i], 0).shape());
    }
  }
  GATEFOLD_TRY(LayerGraph built, build_layer_graph(std::move(model), options));
  LoadedNetwork loaded;
  loaded.graph = std::make_shared<const LayerGraph>(std::move(built));
  if (!arguments.files.empty()) {
    loaded.requests = files.count;
    loaded.input_text = file_text(arguments, files.count);
    for (std::int64_t request = 0; request < files.count; ++request) {
      InputSet& set = loaded.inputs.emplace_back();
      for (std::size_t i = 0; i < files.tensors.size(); ++i) {
        set.push_back(request_part(files.tensors[i], files.requests[i], files.requests[i] == 1 ? 0 : request));
      }
    }
  } else if (arguments.image) {
    GATEFOLD_TRY(Tensor picture, read_image(*arguments.image, *loaded.graph));
    loaded.input_text = std::filesystem::path(*arguments.image).filename().string();
    loaded.inputs.push_back({std::move(picture)});
  } else if (arguments.timing_only) {
    loaded.input_text = "none (timing only)";
  } else {
    loaded.input_text = "seeded uniform values";
    loaded.inputs.push_back(uniform_inputs(*loaded.graph, arguments.seed));
  }
  if (arguments.timing_only) loaded.inputs.clear();
  return loaded;
}

namespace {

/// What of the network stays in the chip's memory.
std::string residence_text(const PreparedNetwork& network, const std::string& weights) {
  if (fully_resident(network)) return fmt::format("weights {} and peak activations fit", weights);
  const StaticPlan& plan = network.plan();
  const bool streamed = std::any_of(plan.assignment.begin(), plan.assignment.end(), [](const Placement& p) { return p.streamed; });
  const std::string text = fmt::format("weights {}{}", weights, streamed ? ", in part streamed from external memory" : "");
  if (plan.spilling.tensors.empty()) return text;
  return fmt::format("{}, peak activations {}, in part spilled to {}", text, size_text(network.table().peak_activation_bytes()),
                     streamed ? "it" : "external memory");
}

}  // namespace

Result<ReadyNetwork> prepare_on(const std::shared_ptr<const LayerGraph>& graph, const std::optional<std::string>& device) {
  std::vector<DeviceSpec> candidates;
  if (device) {
    GATEFOLD_TRY(DeviceSpec spec, find_device(*device));
    candidates.push_back(std::move(spec));
  } else {
    for (const ShippedDevice& shipped : shipped_devices()) {
      GATEFOLD_TRY(DeviceSpec spec, find_device(shipped.name));
      if (spec.default_rank > 0) candidates.push_back(std::move(spec));
    }
    std::sort(candidates.begin(), candidates.end(),
              [](const DeviceSpec& a, const DeviceSpec& b) { return a.default_rank < b.default_rank; });
  }
  GATEFOLD_REQUIRE(!candidates.empty());
  std::optional<Error> last;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    ReadyNetwork ready;
    ready.device = std::make_shared<const DeviceSpec>(std::move(candidates[i]));
    // A smaller chip is the default only if nothing is streamed or spilled; the last one takes what is left.
    auto prepared = i + 1 == candidates.size() ? prepare(graph, ready.device) : prepare_resident(graph, ready.device);
    if (prepared) {
      ready.network = std::move(prepared).value();
      ready.reason = residence_text(*ready.network, size_text(weights_on(*graph, *ready.device)));
      if (!device) ready.reason = "default: " + ready.reason;
      return ready;
    }
    last = std::move(prepared).error().within(fmt::format("device {}", ready.device->name));
    if (last->code != ErrorCode::kDoesNotFit) break;
  }
  return *std::move(last);
}

}  // namespace gatefold::tool
