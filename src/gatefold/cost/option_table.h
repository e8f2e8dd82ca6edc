// The OptionTable: for each layer its placement options with cycles and energy terms, filled once from the equations of
// a chip. Decisions look things up here; they never evaluate an equation.
//
// An option is a *shape* (clusters x cores x split). Clusters are alike, so an option costs the same wherever its run
// begins; only wires and transfers depend on the position, and the objective adds those.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gatefold/cost/work_of.h"
#include "gatefold/device/equations.h"

namespace gatefold {

struct Option {
  Footprint footprint;
  Cycles cycles;          ///< at full speed, output write included
  DynamicEnergy dynamic;  ///< without the wires of outputs
  EnergyPerCycle held;    ///< leakage of what it holds ON (EQ-22)
  EnergyTotal alone;      ///< EQ-37: dynamic + (always + held) * cycles: what it costs without neighbours
  Bytes weights_per_core;
  /// Another option uses a subset of its clusters and cores, is no slower and costs no more, whatever its neighbours on
  /// a chain are: never needed but for capacity.
  bool dominated = false;
  std::int32_t dominated_by = -1;  ///< position in the layer's options of the cheapest that dominates it; -1: none
};

/// A shape that cannot be used, and why.
struct RejectedShape {
  Footprint footprint;
  const char* reason;
};

struct LayerOptions {
  Work work;
  std::vector<Option> options;        ///< by clusters, then cores, then split; never empty
  std::vector<std::int32_t> by_cost;  ///< positions in `options`, the cheapest alone first
  std::vector<RejectedShape> rejected;
};

class OptionTable {
 public:
  /// Errors: kUnsupported for a layer without a legal option, naming it.
  static Result<OptionTable> build(std::shared_ptr<const LayerGraph> graph, std::shared_ptr<const DeviceSpec> spec);

  [[nodiscard]] const DeviceSpec& spec() const { return *spec_; }
  [[nodiscard]] const LayerGraph& graph() const { return *graph_; }
  [[nodiscard]] std::size_t size() const { return layers_.size(); }
  [[nodiscard]] const LayerOptions& layer(LayerId id) const { return layers_[id.at()]; }
  [[nodiscard]] const Work& work(LayerId id) const { return layers_[id.at()].work; }
  /// The option of a placement's shape. Requires: the shape is legal for the layer.
  [[nodiscard]] const Option& option(LayerId id, const Placement& placement) const;
  /// True if the layer has an option of that shape.
  [[nodiscard]] bool has_option(LayerId id, const Placement& placement) const;

  /// EQ-36: power that runs whatever is placed where, while a request is in progress: floor, uncore, and the retention of
  /// the banks that hold weights.
  [[nodiscard]] EnergyPerCycle always() const { return always_; }
  [[nodiscard]] Bytes weight_bytes() const { return weight_bytes_; }
  /// The largest sum of activations alive at one time.
  [[nodiscard]] Bytes peak_activation_bytes() const { return peak_activation_bytes_; }
  [[nodiscard]] Bytes tensor_bytes(TensorId id) const { return tensor_bytes_[id.at()]; }
  /// Divides by cores as the first layer that reads the tensor does.
  [[nodiscard]] const Layout& tensor_layout(TensorId id) const { return tensor_layouts_[id.at()]; }

 private:
  [[nodiscard]] std::size_t index_of(const Placement& placement) const;

  std::shared_ptr<const LayerGraph> graph_;
  std::shared_ptr<const DeviceSpec> spec_;
  std::vector<LayerOptions> layers_;
  std::vector<std::vector<std::int32_t>> by_shape_;  ///< per layer: shape index -> position in options, -1: none
  std::vector<Bytes> tensor_bytes_;
  std::vector<Layout> tensor_layouts_;
  EnergyPerCycle always_;
  Bytes weight_bytes_;
  Bytes peak_activation_bytes_;
};

/// A placement of this shape whose run begins at cluster `first`, on the lowest cores.
[[nodiscard]] Placement placed_at(const Footprint& footprint, std::int32_t first);

}  // namespace gatefold
