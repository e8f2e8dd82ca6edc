// Memory banks and the blocks in them: what lies where, and what still fits.
//
// A block is the part of one content (a layer's weights, an activation) that one core holds. It fills whole banks of its
// own and, with the remainder, part of one more: weights share a bank with other weights, an activation takes an empty
// bank if there is one. Weights and activations never share a bank, and a block never lies in a bank that its `avoid`
// blocks use: so a layer's input and output are in different banks (US 11347297, US 11868901).
//
// Capacity counts modelled bytes. The payload is the functional data: any size, owned by the block, moved without a copy,
// destroyed with it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/base/result.h"
#include "gatefold/device/gating.h"
#include "gatefold/device/spec.h"

namespace gatefold {

/// kBuffer: taken, but what it holds is worth nothing once its layer has executed.
enum class BankRole : std::uint8_t { kEmpty, kWeights, kActivations, kBuffer, kFailed };

using BlockId = Id<struct BlockTag>;
using Payload = std::shared_ptr<const void>;

struct Piece {
  BankId bank;
  Bytes bytes;
};

class Memory {
 public:
  explicit Memory(const DeviceSpec& spec);

  /// How many empty banks `store` with the same arguments would open; nullopt if it would fail. Pure.
  [[nodiscard]] std::optional<std::int32_t> banks_opened(CoreId core, Bytes bytes, BankRole role, std::span<const BlockId> avoid) const;

  /// Stores a block in the banks of one core. Errors: kDoesNotFit (core, bytes wanted, bytes free).
  [[nodiscard]] Result<BlockId> store(CoreId core, Bytes bytes, BankRole role, std::span<const BlockId> avoid, Payload payload);
  /// Frees the block and its payload.
  void free(BlockId block);

  [[nodiscard]] CoreId core(BlockId block) const { return blocks_[block.at()].core; }
  [[nodiscard]] Bytes size(BlockId block) const { return blocks_[block.at()].size; }
  [[nodiscard]] std::span<const Piece> pieces(BlockId block) const { return blocks_[block.at()].pieces; }
  [[nodiscard]] BankRole role(BankId bank) const { return banks_[bank.at()].role; }
  [[nodiscard]] Bytes used_bytes(BankId bank) const { return bank_size_ - banks_[bank.at()].free; }
  /// How many blocks lie in a bank, in part or whole.
  [[nodiscard]] std::int32_t blocks(BankId bank) const { return banks_[bank.at()].blocks; }

  /// The payload, if every bank of the block is ON over [from, until). Errors: kInvalidInput naming the bank: an access to
  /// an element that is not ON is an error of the run.
  [[nodiscard]] Result<Payload> read(BlockId block, const Gating& gating, Cycles from, Cycles until) const;
  /// Replaces the payload, under the same condition.
  [[nodiscard]] Status write(BlockId block, Payload payload, const Gating& gating, Cycles from, Cycles until);

  /// A bank that fails holds nothing until it recovers, empty. Requires: no block lies there; it works, or failed.
  void fail(BankId bank);
  void recover(BankId bank);
  [[nodiscard]] bool failed(BankId bank) const { return role(bank) == BankRole::kFailed; }
  [[nodiscard]] bool any_failed() const { return failed_count_ > 0; }
  /// True if no bank of the core is left.
  [[nodiscard]] bool failed(CoreId core) const { return failed_banks_[core.at()] == banks_per_core_; }

  /// Bytes of one core that no block takes.
  [[nodiscard]] Bytes free_bytes(CoreId core) const { return free_[core.at()]; }
  /// Banks of one core that hold nothing.
  [[nodiscard]] std::int32_t empty_banks(CoreId core) const { return empty_[core.at()]; }

 private:
  struct Bank {
    BankRole role = BankRole::kEmpty;
    std::int32_t blocks = 0;
    Bytes free;
  };
  struct Block {
    bool live = false;
    BankRole role = BankRole::kEmpty;
    CoreId core{0};
    Bytes size;
    std::vector<Piece> pieces;  ///< keeps its capacity when the block is reused
    Payload payload;
  };
  /// Chooses the banks and returns how many empty ones are among them; nullopt if they do not suffice. `chosen` may be null.
  std::optional<std::int32_t> choose(CoreId core, Bytes bytes, BankRole role, std::span<const BlockId> avoid,
                                     std::vector<Piece>* chosen) const;
  [[nodiscard]] bool used_by(BankId bank, std::span<const BlockId> blocks) const;
  [[nodiscard]] Status check_on(BlockId block, const Gating& gating, Cycles from, Cycles until) const;

  std::int32_t banks_per_core_;
  Bytes bank_size_;
  std::vector<Bank> banks_;
  std::vector<Block> blocks_;
  std::vector<std::int32_t> unused_;  ///< positions in blocks_ to reuse
  std::vector<Bytes> free_;
  std::vector<std::int32_t> empty_;
  std::vector<std::int32_t> failed_banks_;  ///< per core
  std::int32_t failed_count_ = 0;
};

}  // namespace gatefold
