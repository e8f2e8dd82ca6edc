#include "gatefold/cost/residence.h"

#include <fmt/format.h>

#include <algorithm>

namespace gatefold {

Residence::Residence(const OptionTable& table, Memory& memory, std::vector<char> spilled)
    : table_(&table),
      memory_(&memory),
      weights_(table.size()),
      streamed_(table.size(), 0),
      buffers_(static_cast<std::size_t>(table.spec().core_count())),
      tensors_(table.graph().activations.size()),
      spilled_(std::move(spilled)) {}

Bytes Residence::weight_share(LayerId layer, const Placement& placement, std::int32_t ordinal) const {
  const Bytes bytes = table_->work(layer).weights;
  if (placement.split == CoreSplit::kRows) return bytes;  // every array holds a full copy (EQ-21)
  return Bytes(part_of(bytes.count(), placement.core_count(), ordinal).count());
}

bool Residence::buffers_fit(const Placement& placement, std::int64_t spare_banks) const {
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    const CoreId core = placement.core(c, table_->spec().cores_per_cluster);
    const bool there = buffers_[core.at()].block.has_value();
    if (!there && !memory_->banks_opened(core, buffer_size(), BankRole::kBuffer, {})) return false;
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
      auto block = memory_->store(core, buffer_size(), BankRole::kBuffer, {}, {});
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
    const std::int64_t empty = memory_->empty_banks(core);
    if (empty < spare_banks || memory_->free_bytes(core) < share) return false;
    if (empty >= spare_banks + ceil_div(share, table_->spec().bank.size)) continue;  // whichever banks it takes
    const std::optional<std::int32_t> opened = memory_->banks_opened(core, share, BankRole::kWeights, {});
    if (!opened || empty - *opened < spare_banks) return false;
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
  if (this->spilled(tensor)) {
    const Bytes capacity = table_->spec().spill_capacity;
    const Bytes bytes = table_->tensor_bytes(tensor);
    if (spilled_bytes_ + bytes > capacity) {
      stored.live = false;
      return Error{ErrorCode::kDoesNotFit, fmt::format("external memory: {} bytes wanted for a spilled activation, {} of {} bytes free",
                                                       bytes.count(), (capacity - spilled_bytes_).count(), capacity.count())};
    }
    spilled_bytes_ += bytes;
    return Done{};
  }
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
  if (spilled(tensor)) spilled_bytes_ -= table_->tensor_bytes(tensor);
}

void Residence::drop_activations() {
  unstage();
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    if (tensors_[t].live) drop(TensorId(t));
  }
}

bool Residence::aligned(TensorId tensor, const Placement& placement, const Layout& layout) const {
  const Stored& stored = tensors_[tensor.at()];
  GATEFOLD_REQUIRE(stored.live);
  if (spilled(tensor)) return true;
  if (!same_cores(stored.where, placement)) return false;
  return placement.core_count() == 1 || stored.layout == layout;
}

std::int64_t Residence::banks_per_core(TensorId tensor, std::int64_t cores) const {
  if (spilled(tensor)) return 0;
  return ceil_div(Bytes(ceil_div(table_->tensor_bytes(tensor).count(), cores)), table_->spec().bank.size);
}

std::int64_t Residence::empty_banks(const Placement& placement) const {
  std::int64_t empty = table_->spec().banks_per_core;
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    empty = std::min<std::int64_t>(empty, memory_->empty_banks(placement.core(c, table_->spec().cores_per_cluster)));
  }
  return empty;
}

std::optional<RowBlocks> Residence::stageable(LayerId layer, const Placement& placement) const {
  return choose_blocks(*table_, spilled_, layer, placement, empty_banks(placement));
}

bool Residence::room_to_stage(LayerId layer, const Placement& placement) const {
  return spilled_.empty() || least_staging_banks(*table_, spilled_, layer, placement.core_count()) <= empty_banks(placement);
}

Result<RowBlocks> Residence::stage(LayerId layer, const Placement& placement) {
  GATEFOLD_REQUIRE(staging_.empty());
  if (spilled_.empty()) return RowBlocks{};
  const std::optional<RowBlocks> blocks = stageable(layer, placement);
  if (!blocks) {
    return Error{ErrorCode::kDoesNotFit,
                 fmt::format("layer '{}': one row of its spilled activations takes {} empty banks in each of {} cores, {} are there",
                             table_->graph().layer(layer).name, least_staging_banks(*table_, spilled_, layer, placement.core_count()),
                             placement.core_count(), empty_banks(placement))};
  }
  staged_at_.clear();
  staging_cores_ = static_cast<std::size_t>(placement.core_count());
  if (blocks->count == 0) return *blocks;
  for (const StagedValue& value : staged_values(*table_, spilled_, layer)) {
    // Whole banks: a buffer shares none, so what is left over never decides whether the next one fits.
    const Bytes size = table_->spec().bank.size * buffer_banks(*table_, layer, value, placement.core_count(), blocks->count);
    std::array<std::size_t, 2> sides{staging_.size(), staging_.size()};
    for (std::size_t side = 0; side < (blocks->overlapped && value.axis != LayerCut::kWhole ? 2U : 1U); ++side) {
      sides[side] = staging_.size();
      for (std::int32_t c = 0; c < placement.core_count(); ++c) {
        const auto block = memory_->store(placement.core(c, table_->spec().cores_per_cluster), size, BankRole::kActivations, {}, {});
        GATEFOLD_ENSURE(block.has_value());  // choose_blocks counted the banks
        staging_.push_back(block.value());
      }
    }
    staged_at_.push_back(sides);
  }
  return *blocks;
}

void Residence::unstage() {
  for (const BlockId block : staging_) memory_->free(block);
  staging_.clear();
}

std::span<const BlockId> Residence::staging(std::size_t value, std::int64_t side) const {
  return std::span(staging_).subspan(staged_at_.at(value).at(static_cast<std::size_t>(side)), staging_cores_);
}

}  // namespace gatefold
