#include "gatefold/cost/residence.h"

#include <algorithm>

namespace gatefold {

Residence::Residence(const OptionTable& table, Memory& memory)
    : table_(&table), memory_(&memory), weights_(table.size()), tensors_(table.graph().activations.size()) {}

Bytes Residence::weight_share(LayerId layer, const Placement& placement, std::int32_t ordinal) const {
  const Bytes bytes = table_->work(layer).weights;
  if (placement.split == CoreSplit::kRows) return bytes;  // every array holds a full copy (DEVICE.md 3d, rule 3)
  return Bytes(part_of(bytes.count(), placement.core_count(), ordinal).count());
}

bool Residence::weights_fit(LayerId layer, const Placement& placement, std::int64_t spare_banks) const {
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    const CoreId core = placement.core(c, table_->spec().cores_per_cluster);
    const Bytes share = weight_share(layer, placement, c);
    if (!memory_->fits(core, share, BankRole::kWeights, {})) return false;
    // At worst the share opens new banks for all of itself.
    const std::int64_t opened = ceil_div(share, table_->spec().bank.size);
    if (spare_banks > 0 && memory_->empty_banks(core) - opened < spare_banks) return false;
  }
  return true;
}

Status Residence::store_weights(LayerId layer, const Placement& placement, std::span<const Payload> payloads) {
  std::vector<BlockId>& blocks = weights_[layer.at()];
  GATEFOLD_REQUIRE(blocks.empty());
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    const Bytes share = weight_share(layer, placement, c);
    if (share == Bytes(0)) continue;
    auto block = memory_->store(placement.core(c, table_->spec().cores_per_cluster), share, BankRole::kWeights, {},
                                payloads.empty() ? Payload() : payloads[static_cast<std::size_t>(c)]);
    if (!block) {
      drop_weights(layer);
      return std::move(block).error();
    }
    blocks.push_back(block.value());
  }
  return Done{};
}

void Residence::drop_weights(LayerId layer) {
  for (const BlockId block : weights_[layer.at()]) memory_->free(block);
  weights_[layer.at()].clear();
}

Status Residence::store(TensorId tensor, const Placement& placement, const Layout& layout, std::span<const BlockId> avoid) {
  Stored& stored = tensors_[tensor.at()];
  GATEFOLD_REQUIRE(!stored.live);
  stored.live = true;
  stored.where = placement;
  stored.layout = layout;
  const std::int64_t element = table_->tensor_bytes(tensor).count() / std::max<std::int64_t>(1, layout.elements());
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    const std::int64_t units = part_of(layout.units, placement.core_count(), c).count();
    const Bytes share(element * layout.outer * units * layout.inner);
    auto block = memory_->store(placement.core(c, table_->spec().cores_per_cluster), share, BankRole::kActivations, avoid, {});
    if (!block) {
      drop(tensor);
      return std::move(block).error();
    }
    stored.blocks.push_back(block.value());
  }
  return Done{};
}

void Residence::drop(TensorId tensor) {
  Stored& stored = tensors_[tensor.at()];
  GATEFOLD_REQUIRE(stored.live);
  for (const BlockId block : stored.blocks) memory_->free(block);
  stored.blocks.clear();
  stored.live = false;
}

bool Residence::aligned(TensorId tensor, const Placement& placement, const Layout& layout) const {
  const Stored& stored = tensors_[tensor.at()];
  GATEFOLD_REQUIRE(stored.live);
  if (!same_cores(stored.where, placement)) return false;
  return placement.core_count() == 1 || stored.layout == layout;
}

std::int64_t Residence::banks_per_core(TensorId tensor, std::int64_t cores) const {
  return ceil_div(Bytes(ceil_div(table_->tensor_bytes(tensor).count(), cores)), table_->spec().bank.size);
}

}  // namespace gatefold
