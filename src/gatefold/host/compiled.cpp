#include "gatefold/host/compiled.h"

#include <algorithm>
#include <cstring>

#include "gatefold/host/layer_step.h"

namespace gatefold {
namespace {

/// A slice should be worth more than bringing another core to it.
constexpr std::int64_t kWorkPerPart = 200'000;  // multiply-accumulates, about 4 us on one core

/// Values through one layer, as work: products of dot layers; other layers count what they read and write.
std::int64_t work_of(const Layer& layer) {
  if (layer.kind == LayerKind::kDot) return layer.dot.macs();
  constexpr std::int64_t kPerValue = 16;  // an element costs about as much as so many products
  std::int64_t values = layer.output_shape.elements();
  for (const Operand& operand : layer.inputs) values += operand.tensor ? operand.shape.elements() : 0;
  return values * kPerValue;
}

/// About what the packed weights of all dot layers take: channels and depths are rounded up.
std::size_t packed_bytes(const LayerGraph& graph) {
  std::int64_t bytes = 0;
  for (const Layer& layer : graph.layers) {
    if (layer.kind != LayerKind::kDot) continue;
    const Operand& weights = layer.inputs[1];
    const std::int64_t of_channel = weights.shape.elements() * element_size(weights.type) / std::max<std::int64_t>(1, layer.dot.oc);
    bytes += (layer.dot.oc + kPanel) * (of_channel + kPanel);
  }
  return static_cast<std::size_t>(bytes);
}

struct Compiled {
  LayerStepPtr step;  ///< null: nothing to run
  const char* kind = "view";
};

Result<Compiled> compile(const StepSource& source, std::size_t index) {
  if (source.storage.is_view(index)) return Compiled{};
  if (auto step = dot_step(source, index)) return Compiled{std::move(step), "tiles"};
  if (auto step = element_step(source, index)) return Compiled{std::move(step), "elements"};
  if (auto step = pool_step(source, index)) return Compiled{std::move(step), "pool"};
  if (auto step = move_step(source, index)) return Compiled{std::move(step), "copy"};
  GATEFOLD_TRY(auto step, plain_step(source, index));
  return Compiled{std::move(step), "plain"};
}

/// Between a caller's row-major tensor and the arena.
struct Edge {
  StridedCopy copy;
  std::size_t offset = 0;
  ElementType type = ElementType::kFloat32;
  Shape shape;
  std::size_t bytes = 0;
};

}  // namespace

struct CompiledNetwork::Parts {
  Parts(std::shared_ptr<const LayerGraph> network, int most) : graph(std::move(network)), storage(*graph), parts_max(most) {}
  std::shared_ptr<const LayerGraph> graph;
  StoragePlan storage;
  int parts_max;
  std::vector<Compiled> layers;
  std::vector<int> layer_parts;
  std::vector<Edge> inputs, outputs;
  std::size_t scratch = 64;
};

CompiledNetwork::CompiledNetwork(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
CompiledNetwork::~CompiledNetwork() = default;

Result<std::shared_ptr<const CompiledNetwork>> CompiledNetwork::make(std::shared_ptr<const LayerGraph> graph, Numerics numerics,
                                                                     int parts_max, TileIsa isa) {
  GATEFOLD_REQUIRE(graph != nullptr && parts_max >= 1);
  isa = std::min(isa, best_tile_isa());
  auto parts = std::make_unique<Parts>(std::move(graph), parts_max);
  const LayerGraph& g = *parts->graph;
  BytePool weights(packed_bytes(g));
  const StepSource source{g, parts->storage, numerics, isa, weights};
  for (std::size_t i = 0; i < g.layers.size(); ++i) {
    GATEFOLD_TRY(Compiled layer, compile(source, i));
    std::int64_t most = 1;
    if (layer.step) {
      most = std::min({std::int64_t{parts_max}, layer.step->parts_max(), work_of(g.layers[i]) / kWorkPerPart});
      parts->scratch = std::max(parts->scratch, layer.step->scratch_bytes());
    }
    parts->layer_parts.push_back(static_cast<int>(std::max<std::int64_t>(1, most)));
    parts->layers.push_back(std::move(layer));
  }
  const auto edge = [&](TensorId id) {
    const Activation& activation = g.activation(id);
    return Edge{{}, parts->storage.offset(id), activation.type, activation.shape, static_cast<std::size_t>(stored_bytes(activation))};
  };
  for (const TensorId id : g.inputs) {
    Edge& in = parts->inputs.emplace_back(edge(id));
    in.copy =
        StridedCopy(in.shape, row_major(in.shape), parts->storage.place(id).strides, element_size(in.type), in.type == ElementType::kInt8);
  }
  for (const NetworkOutput& output : g.outputs) {
    Edge& out = parts->outputs.emplace_back(edge(output.tensor));
    out.copy = StridedCopy(out.shape, parts->storage.place(output.tensor).strides, row_major(out.shape), element_size(out.type),
                           out.type == ElementType::kInt8);
    out.shape = output.shape;
  }
  return std::shared_ptr<const CompiledNetwork>(new CompiledNetwork(std::move(parts)));
}

std::size_t CompiledNetwork::layer_count() const { return parts_->layers.size(); }
const LayerGraph& CompiledNetwork::graph() const { return *parts_->graph; }
int CompiledNetwork::parts_max(std::size_t layer) const { return parts_->layer_parts[layer]; }
std::size_t CompiledNetwork::arena_bytes() const { return parts_->storage.arena_bytes(); }
std::size_t CompiledNetwork::scratch_bytes() const { return parts_->scratch; }
const char* CompiledNetwork::kind(std::size_t layer) const { return parts_->layers[layer].kind; }

void CompiledNetwork::load_inputs(const InputSet& inputs, std::byte* arena) const {
  GATEFOLD_REQUIRE(inputs.size() == parts_->inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Edge& edge = parts_->inputs[i];
    GATEFOLD_REQUIRE(inputs[i].type() == edge.type && inputs[i].shape().elements() == edge.shape.elements());
    edge.copy.run(inputs[i].view().bytes, arena + edge.offset);
  }
}

void CompiledNetwork::run(std::size_t layer, int part, int parts, std::byte* arena, std::byte* scratch) const {
  GATEFOLD_REQUIRE(part >= 0 && part < parts && parts <= parts_->layer_parts[layer]);
  if (const LayerStepPtr& step = parts_->layers[layer].step) step->run(part, parts, arena, scratch);
}

void CompiledNetwork::store_outputs(const std::byte* arena, std::vector<Tensor>& outputs) const {
  outputs.clear();
  for (const Edge& edge : parts_->outputs) {
    Buffer buffer(edge.bytes);
    edge.copy.run(arena + edge.offset, buffer.data());
    outputs.emplace_back(edge.type, edge.shape, std::move(buffer));
  }
}

}  // namespace gatefold
