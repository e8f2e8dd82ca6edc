#include "gatefold/cost/residence.h"

#include <algorithm>

namespace gatefold {

Residence::Residence(const OptionTable& table, Memory& memory)
    : table_(&table),
      memory_(&memory),
      weights_(table.size()),
      streamed_(table.size(), 0),
      buffers_(static_cast<std::size_t>(table.spec().core_count())),
      tensors_(table.graph().activations.size()) {}

Bytes Residence::weight_share(LayerId layer, const Placement& placement, std::int32_t ordinal) const {
  const Bytes bytes = table_->work(layer).weights;
  if (placement.split == CoreSplit::kRows) return bytes;  // every array holds a full copy (EQ-21)
  return Bytes(part_of(bytes.count(), placement.core_count(), ordinal).count());
}

bool Residence::buffers_fit(const Placement& placement, std::int64_t spare_banks) const {
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    const CoreId core = placement.core(c, table_->spec().cores_per_cluster);
    const bool there = buffers_[core.at()].block.has_value();
    if (!there && !memory_->banks_opened(core, buffer_size(), BankRole::kWeights, {})) return false;
    if (memory_->empty_banks(core) - (there ? 0 : 2) < spare_banks) return false;
  }
  return true;
}

Status Residence::store_buffers(LayerId layer, const Placement& placement) {
  streamed_[layer.at()] = 1;
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    const CoreId core = placement.core(c, table_->spec().cores_per_cluster);
    StreamBank& buffer = buffers_[core.at()];
    if (!buffer.block) {
      auto block = memory_->store(core, buffer_size(), BankRole::kWeights, {}, {});
      if (!block) {
        drop_weights(layer);
        return std::move(block).error();
      }
      buffer.block = block.value();
    }
    ++buffer.users;
    weights_[layer.at()].push_back(*buffer.block);
  }
  return Done{};
}

bool Residence::weights_fit(LayerId layer, const Placement& placement, std::int64_t spare_banks) const {
  if (placement.streamed) return buffers_fit(placement, spare_banks);
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    const CoreId core = placement.core(c, table_->spec().cores_per_cluster);
    const Bytes share = weight_share(layer, placement, c);
    const std::optional<std::int32_t> opened = memory_->banks_opened(core, share, BankRole::kWeights, {});
    if (!opened || memory_->empty_banks(core) - *opened < spare_banks) return false;
  }
  return true;
}

Status Residence::store_weights(LayerId layer, const Placement& placement, std::span<const Payload> payloads) {
  std::vector<BlockId>& blocks = weights_[layer.at()];
  GATEFOLD_REQUIRE(blocks.empty());
  if (placement.streamed) return store_buffers(layer, placement);
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
  for (const BlockId block : weights_[layer.at()]) {
    if (streamed_[layer.at()] != 0) {
      StreamBank& buffer = buffers_[memory_->core(block).at()];
      if (--buffer.users > 0) continue;
      buffer.block.reset();
    }
    memory_->free(block);
  }
  weights_[layer.at()].clear();
  streamed_[layer.at()] = 0;
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
