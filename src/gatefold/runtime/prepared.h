// Everything about one network on one chip that is computed once: option table, static plan, who is decided when, packed weights.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "gatefold/cost/option_table.h"
#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/remap/plan.h"
#include "gatefold/runtime/run.h"

namespace gatefold {

/// Packed slices of all layers and of their row blocks, made when first asked for and kept: the external memory that weights come from.
/// Thread-safe.
class WeightStore {
 public:
  /// Errors: those of DotKernel::pack.
  [[nodiscard]] Result<std::shared_ptr<const PackedSlice>> slice(std::size_t layer, const DotKernel& kernel, const DotGeometry& geometry,
                                                                 const DotSlice& slice);

 private:
  struct Key {
    std::size_t layer;
    std::int64_t n, ih, oh, pad_top, pad_bottom;  ///< of the whole layer, or of a row block
    std::int64_t ic_begin, ic_end, oc_begin, oc_end;
    auto operator<=>(const Key&) const = default;
  };
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const PackedSlice>> slices_;
};

class PreparedNetwork {
 public:
  static Result<std::shared_ptr<const PreparedNetwork>> make(std::shared_ptr<const LayerGraph> graph,
                                                             std::shared_ptr<const DeviceSpec> spec, OffChip off_chip);

  [[nodiscard]] const LayerGraph& graph() const { return *graph_; }
  [[nodiscard]] const DeviceSpec& spec() const { return *spec_; }
  [[nodiscard]] const OptionTable& table() const { return *table_; }
  /// The plan without a deadline; one with a deadline is made per run.
  [[nodiscard]] const StaticPlan& plan() const { return plan_; }
  /// The last of the layers, in topological order, whose outputs `layer` reads; nullopt: network inputs only.
  [[nodiscard]] std::optional<LayerId> last_producer(LayerId layer) const { return last_producers_[layer.at()]; }
  /// The layers to decide when `layer` starts: those whose last producer it is.
  [[nodiscard]] const std::vector<LayerId>& decided_with(LayerId layer) const { return decided_with_[layer.at()]; }
  /// Activations that are no longer needed once `layer` is done.
  [[nodiscard]] const std::vector<TensorId>& dying_after(LayerId layer) const { return dying_after_[layer.at()]; }
  [[nodiscard]] WeightStore& weights() const { return *store_; }

 private:
  std::shared_ptr<const LayerGraph> graph_;
  std::shared_ptr<const DeviceSpec> spec_;
  std::unique_ptr<const OptionTable> table_;
  StaticPlan plan_;
  std::vector<std::optional<LayerId>> last_producers_;
  std::vector<std::vector<LayerId>> decided_with_;
  std::vector<std::vector<TensorId>> dying_after_;
  std::unique_ptr<WeightStore> store_;
};

}  // namespace gatefold
