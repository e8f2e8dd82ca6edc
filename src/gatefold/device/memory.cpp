#include "gatefold/device/memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "gatefold/base/contract.h"

namespace gatefold {

Memory::Memory(const DeviceSpec& spec)
    : banks_per_core_(spec.banks_per_core),
      bank_size_(spec.bank.size),
      banks_(static_cast<std::size_t>(spec.bank_count()), Bank{BankRole::kEmpty, 0, spec.bank.size}),
      free_(static_cast<std::size_t>(spec.core_count()), spec.core_memory()),
      empty_(static_cast<std::size_t>(spec.core_count()), spec.banks_per_core),
      failed_banks_(static_cast<std::size_t>(spec.core_count()), 0) {}

bool Memory::used_by(BankId bank, std::span<const BlockId> blocks) const {
  return std::any_of(blocks.begin(), blocks.end(), [&](BlockId block) {
    const auto pieces = blocks_[block.at()].pieces;
    return std::any_of(pieces.begin(), pieces.end(), [bank](const Piece& piece) { return piece.bank == bank; });
  });
}

std::optional<std::int32_t> Memory::choose(CoreId core, Bytes bytes, BankRole role, std::span<const BlockId> avoid,
                                           std::vector<Piece>* chosen) const {
  const std::int32_t first = core.index() * banks_per_core_;
  Bytes rest = bytes;
  // A remainder goes where it fits most tightly: weights join weights; an activation joins others only without an empty bank.
  std::int32_t last_empty = -1;
  std::int32_t opened = 0;
  for (std::int32_t b = first; b < first + banks_per_core_ && rest > Bytes(0); ++b) {
    if (banks_[static_cast<std::size_t>(b)].role != BankRole::kEmpty) continue;
    if (rest < bank_size_) {
      last_empty = b;
      break;
    }
    if (chosen != nullptr) chosen->push_back({BankId(b), bank_size_});
    rest -= bank_size_;
    ++opened;
  }
  if (rest <= Bytes(0)) return opened;
  if (rest >= bank_size_) return std::nullopt;  // no empty bank is left for a whole one
  std::int32_t tightest = -1;
  if (role == BankRole::kWeights || last_empty < 0) {
    for (std::int32_t b = first; b < first + banks_per_core_; ++b) {
      const Bank& bank = banks_[static_cast<std::size_t>(b)];
      if (bank.role != role || bank.free < rest || used_by(BankId(b), avoid)) continue;
      if (tightest < 0 || bank.free < banks_[static_cast<std::size_t>(tightest)].free) tightest = b;
    }
  }
  const std::int32_t bank = tightest >= 0 ? tightest : last_empty;
  if (bank < 0) return std::nullopt;
  if (chosen != nullptr) chosen->push_back({BankId(bank), rest});
  return opened + (tightest >= 0 ? 0 : 1);
}

std::optional<std::int32_t> Memory::banks_opened(CoreId core, Bytes bytes, BankRole role, std::span<const BlockId> avoid) const {
  return choose(core, bytes, role, avoid, nullptr);
}

Result<BlockId> Memory::store(CoreId core, Bytes bytes, BankRole role, std::span<const BlockId> avoid, Payload payload) {
  GATEFOLD_REQUIRE(role != BankRole::kEmpty);
  if (unused_.empty()) {
    unused_.push_back(static_cast<std::int32_t>(blocks_.size()));
    blocks_.emplace_back();
  }
  Block& block = blocks_[static_cast<std::size_t>(unused_.back())];
  block.pieces.clear();
  if (!choose(core, bytes, role, avoid, &block.pieces)) {
    block.pieces.clear();
    return Error{ErrorCode::kDoesNotFit, fmt::format("core {}: {} bytes wanted, {} bytes free in {} banks of {} bytes", core.index(),
                                                     bytes.count(), free_bytes(core).count(), banks_per_core_, bank_size_.count())};
  }
  const BlockId id(unused_.back());
  unused_.pop_back();
  block.live = true;
  block.role = role;
  block.core = core;
  block.size = bytes;
  block.payload = std::move(payload);
  for (const Piece& piece : block.pieces) {
    Bank& bank = banks_[piece.bank.at()];
    bank.role = role;
    bank.free -= piece.bytes;
    if (bank.blocks++ == 0) --empty_[core.at()];
  }
  free_[core.at()] -= bytes;
  return id;
}

void Memory::free(BlockId id) {
  Block& block = blocks_[id.at()];
  GATEFOLD_REQUIRE(block.live);
  for (const Piece& piece : block.pieces) {
    Bank& bank = banks_[piece.bank.at()];
    bank.free += piece.bytes;
    if (--bank.blocks > 0) continue;
    bank.role = BankRole::kEmpty;
    ++empty_[block.core.at()];
  }
  free_[block.core.at()] += block.size;
  block.live = false;
  block.payload.reset();
  unused_.push_back(id.index());
}

void Memory::fail(BankId id) {
  Bank& bank = banks_[id.at()];
  GATEFOLD_REQUIRE(bank.role == BankRole::kEmpty && bank.blocks == 0);
  const auto core = static_cast<std::size_t>(id.index() / banks_per_core_);
  bank.role = BankRole::kFailed;
  bank.free = Bytes(0);
  free_[core] -= bank_size_;
  --empty_[core];
  ++failed_banks_[core];
  ++failed_count_;
}

void Memory::recover(BankId id) {
  Bank& bank = banks_[id.at()];
  GATEFOLD_REQUIRE(bank.role == BankRole::kFailed);
  const auto core = static_cast<std::size_t>(id.index() / banks_per_core_);
  bank.role = BankRole::kEmpty;
  bank.free = bank_size_;
  free_[core] += bank_size_;
  ++empty_[core];
  --failed_banks_[core];
  --failed_count_;
}

Status Memory::check_on(BlockId id, const Gating& gating, Cycles from, Cycles until) const {
  const Block& block = blocks_[id.at()];
  GATEFOLD_REQUIRE(block.live);
  for (const Piece& piece : block.pieces) {
    if (!gating.is_on(gating.bank(piece.bank), from, until)) {
      return Error{ErrorCode::kInvalidInput, fmt::format("bank {} of core {} is not ON over cycles {} to {}", piece.bank.index(),
                                                         block.core.index(), from.count(), until.count())};
    }
  }
  return Done{};
}

Result<Payload> Memory::read(BlockId id, const Gating& gating, Cycles from, Cycles until) const {
  GATEFOLD_CHECK(check_on(id, gating, from, until));
  return blocks_[id.at()].payload;
}

Status Memory::write(BlockId id, Payload payload, const Gating& gating, Cycles from, Cycles until) {
  GATEFOLD_CHECK(check_on(id, gating, from, until));
  blocks_[id.at()].payload = std::move(payload);
  return Done{};
}

}  // namespace gatefold
