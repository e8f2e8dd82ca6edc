// What a command runs: a network file, its inputs from files, an image or a seed, and a chip.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/graph/layer_graph.h"
#include "gatefold/runtime/run.h"
#include "gatefold/zoo/zoo.h"

namespace gatefold::tool {

struct InputArguments {
  std::vector<std::string> files;               ///< .npy or .pb, one per network input, in their order
  std::optional<std::string> image;             ///< instead of files
  std::map<std::string, std::int64_t> symbols;  ///< --dim
  std::uint64_t seed = 1;
  bool timing_only = false;  ///< shapes matter, values do not
};

/// A network with every extent bound, and what it is fed.
struct LoadedNetwork {
  std::shared_ptr<const LayerGraph> graph;
  std::vector<InputSet> inputs;  ///< one set per request, or one for all; empty under timing_only
  std::int64_t requests = 1;     ///< as many as the files hold
  std::string input_text;        ///< "seeded uniform values", "x.npy: 667 requests"
};

/// `text` is an .onnx file, or zoo:NAME. Errors: those of read_onnx and zoo_model.
[[nodiscard]] Result<Model> read_network(const std::string& text);

/// Errors: those of reading and building; kInvalidInput for inputs that do not fit the network.
[[nodiscard]] Result<LoadedNetwork> load_network(const std::string& text, const InputArguments& arguments);

/// A whole .npy or .pb file. Errors: kIo, kInvalidInput, kUnsupported, naming the file.
[[nodiscard]] Result<Tensor> read_tensor(const std::string& path);

/// Seeded uniform values for every network input: floats in [0, 1), integers over their whole range.
[[nodiscard]] InputSet uniform_inputs(const LayerGraph& graph, std::uint64_t seed);

/// A network on a chip, ready to run.
struct ReadyNetwork {
  std::shared_ptr<const DeviceSpec> device;
  std::shared_ptr<const PreparedNetwork> network;
  std::string reason;  ///< why this device, if nobody named one
};
/// `device` names a shipped chip or a file; nullopt: the first shipped chip, in the order of default_rank, that holds the
/// network. Errors: those of read_device and prepare; of the last chip tried by default.
[[nodiscard]] Result<ReadyNetwork> prepare_on(const std::shared_ptr<const LayerGraph>& graph, const std::optional<std::string>& device);

}  // namespace gatefold::tool
