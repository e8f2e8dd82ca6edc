// Every action is followed by its own checks: what is held is ON and read back as it was written, what is not is refused,
// a gate in use is refused, room and uses are what a list kept apart says, and the charges sum to the ledger.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gatefold/device/chip.h"
#include "invariants/random_case.h"
#include "random_steps/walks.h"

namespace gatefold::test {
namespace {

constexpr int kActions = 4000;

class ChipWalk {
 public:
  ChipWalk(Random& random, Steps& steps)
      : random_(random),
        steps_(steps),
        spec_(random_device(random)),
        scope_(random.one_of({GatingScope::kAll, GatingScope::kAll, GatingScope::kClusters, GatingScope::kNothing})),
        chip_(spec_, scope_) {
    chip_.ledger().observe(&sums_);
  }

  void run() {
    for (int i = 0; i < kActions && !broken_; ++i) {
      act();
      if (!sums_.agree(chip_.ledger())) violate("the charges do not sum to the ledger");
    }
    chip_.gating().settle(std::max(now_, chip_.gating().held_until()));
    if (!sums_.agree(chip_.ledger())) violate("the charges do not sum to the ledger once settled");
    steps_.wake += chip_.gating().wakes();
  }

 private:
  struct Stored {
    BlockId block;
    BankRole role;
    std::shared_ptr<const std::int64_t> content;
  };

  void act() {
    now_ += Cycles(random_.between(0, random_.chance(20) ? 5000 : 40));
    switch (random_.between(0, 11)) {
      case 0:
      case 1:
      case 2: return execute();
      case 3:
      case 4: return store();
      case 5: return free_one();
      case 6:
      case 7: return shift();
      case 8: return peek();
      case 9: return fault();
      case 10: return idle();
      default: return pin();
    }
  }

  void violate(const std::string& what) {
    broken_ = true;
    steps_.violations.push_back(fmt::format("chip of {} x {} x {}, scope {}, cycle {}: {}", spec_.cluster_count, spec_.cores_per_cluster,
                                            spec_.banks_per_core, static_cast<int>(scope_), now_.count(), what));
  }

  Placement anywhere() {
    Placement placement;
    placement.clusters = static_cast<std::int16_t>(random_.between(1, spec_.cluster_count));
    placement.first = static_cast<std::int16_t>(random_.between(0, spec_.cluster_count - placement.clusters));
    placement.core_mask = static_cast<std::uint16_t>(random_.between(1, (1 << spec_.cores_per_cluster) - 1));
    return placement;
  }
  Placement around(CoreId core) const {
    return {static_cast<std::int16_t>(core.index() / spec_.cores_per_cluster), 1,
            static_cast<std::uint16_t>(1U << static_cast<unsigned>(core.index() % spec_.cores_per_cluster))};
  }

  /// What it holds must be there and nothing else.
  void read(const Stored& stored, Cycles from, Cycles until) {
    const auto payload = chip_.memory().read(stored.block, chip_.gating(), from, until);
    if (!payload) return violate(payload.error().message);
    if (payload.value() != stored.content) return violate("another block's content");
    ++steps_.equal;
  }

  /// A layer on some placement that reads some blocks, wherever they lie.
  void execute() {
    const Placement placement = anywhere();
    std::vector<BlockId> blocks;
    std::vector<const Stored*> operands;
    for (std::int64_t i = 0; !blocks_.empty() && i < random_.between(0, 3); ++i) {
      operands.push_back(&random_.element(blocks_));
      blocks.push_back(operands.back()->block);
    }
    const Cycles start = chip_.crossbar().dot_free(placement, chip_.ready_at(placement, blocks, now_));
    const Cycles end = start + Cycles(random_.between(1, 200));
    if (start < now_) violate("ready before it was asked for");
    chip_.hold(placement, start, end);
    chip_.hold(blocks, start, end);
    chip_.crossbar().book_dot(placement, end);
    for (const Stored* operand : operands) read(*operand, start, end);
    for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
      if (!chip_.gating().is_on(chip_.gating().cluster(ClusterId(k)), start, end)) violate("a cluster is not ON though held");
    }
    now_ = start;
    ++steps_.run;
  }

  void store() {
    const CoreId core(static_cast<std::int32_t>(random_.between(0, spec_.core_count() - 1)));
    const BankRole role = random_.chance(2) ? BankRole::kWeights : BankRole::kActivations;
    const Bytes bytes(random_.between(1, 2 * spec_.bank.size.count()));
    const bool fits = chip_.memory().banks_opened(core, bytes, role, {}).has_value();
    const Bytes before = chip_.memory().free_bytes(core);
    auto block = chip_.memory().store(core, bytes, role, {}, nullptr);
    if (block.has_value() != fits) return violate("what fits is not what is stored");
    ++steps_.run;
    if (!block) return;
    if (chip_.memory().free_bytes(core) != before - bytes) violate("a block takes other room than its size");
    blocks_.push_back({block.value(), role, std::make_shared<const std::int64_t>(random_.next())});
    write(blocks_.back(), core);
  }

  void write(const Stored& stored, CoreId core) {
    const std::span<const BlockId> one(&stored.block, 1);
    const Cycles start = chip_.storable_at(around(core), one, now_);
    const Cycles end = start + Cycles(random_.between(1, 30));
    chip_.hold(around(core), start, end);
    chip_.hold(one, start, end);
    chip_.refresh_content(chip_.memory().pieces(stored.block));
    if (const Status written = chip_.memory().write(stored.block, stored.content, chip_.gating(), start, end); !written)
      return violate(written.error().message);
    now_ = start;
    check_uses(chip_.memory().pieces(stored.block).front().bank);
  }

  void check_uses(BankId bank) {
    Uses wanted;
    for (const Stored& stored : blocks_) {
      const auto pieces = chip_.memory().pieces(stored.block);
      if (std::none_of(pieces.begin(), pieces.end(), [bank](const Piece& piece) { return piece.bank == bank; })) continue;
      ++(stored.role == BankRole::kWeights ? wanted.weights : wanted.activations);
    }
    if (!(chip_.gating().uses(chip_.gating().bank(bank), now_) == wanted)) violate("uses are counted wrongly");
  }

  void forget(std::size_t position) {
    const auto span = chip_.memory().pieces(blocks_[position].block);
    const std::vector<Piece> pieces(span.begin(), span.end());
    chip_.memory().free(blocks_[position].block);
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(position));
    chip_.refresh_content(pieces);
    check_uses(pieces.front().bank);
  }

  void free_one() {
    ++steps_.run;
    if (!blocks_.empty()) forget(static_cast<std::size_t>(random_.between(0, std::ssize(blocks_) - 1)));
  }

  /// A block moves to another core, its content with it.
  void shift() {
    ++steps_.shift;
    if (blocks_.empty()) return;
    const auto position = static_cast<std::size_t>(random_.between(0, std::ssize(blocks_) - 1));
    const Stored old = blocks_[position];
    const CoreId from = chip_.memory().core(old.block);
    const CoreId to(static_cast<std::int32_t>(random_.between(0, spec_.core_count() - 1)));
    const Bytes bytes = chip_.memory().size(old.block);
    auto copy = chip_.memory().store(to, bytes, old.role, std::span(&old.block, 1), nullptr);
    if (!copy) return;
    const BlockId fresh = copy.value();
    const Cycles ready =
        std::max({chip_.ready_at(around(from), std::span(&old.block, 1), now_), chip_.storable_at(around(to), std::span(&fresh, 1), now_),
                  chip_.path_ready_at(around(from), around(to), now_)});
    const Cycles end = ready + transfer_cycles(spec_, bytes, around(from), around(to));
    chip_.hold_transfer(around(from), around(to), ready, end);
    chip_.hold(std::span(&old.block, 1), ready, end);
    chip_.hold(std::span(&fresh, 1), ready, end);
    chip_.charge_transfer(bytes, around(from), around(to));
    read(old, ready, end);
    if (const Status written = chip_.memory().write(fresh, old.content, chip_.gating(), ready, end); !written)
      violate(written.error().message);
    blocks_.push_back({fresh, old.role, old.content});
    chip_.refresh_content(chip_.memory().pieces(fresh));
    read(blocks_.back(), ready, end);
    const ElementId cluster = chip_.gating().cluster(ClusterId(from.index() / spec_.cores_per_cluster));
    if (end > ready && chip_.gating().uses(cluster, ready).routes == 0) violate("a route in flight is not counted");
    now_ = ready;
    forget(position);
  }

  /// An access that nobody announced succeeds exactly where everything is ON.
  void peek() {
    ++steps_.run;
    if (blocks_.empty()) return;
    const Stored& stored = random_.element(blocks_);
    const Cycles until = now_ + Cycles(random_.between(0, 300));
    const auto pieces = chip_.memory().pieces(stored.block);
    const bool on = std::all_of(pieces.begin(), pieces.end(),
                                [&](const Piece& piece) { return chip_.gating().is_on(chip_.gating().bank(piece.bank), now_, until); });
    if (chip_.memory().read(stored.block, chip_.gating(), now_, until).has_value() != on) violate("an access to what is not ON");
  }

  /// A bank fails with what lies there, or recovers.
  void fault() {
    ++steps_.fault;
    const BankId bank(static_cast<std::int32_t>(random_.between(0, spec_.bank_count() - 1)));
    Memory& memory = chip_.memory();
    if (memory.failed(bank)) return memory.recover(bank);
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      const auto pieces = memory.pieces(blocks_[i].block);
      if (std::any_of(pieces.begin(), pieces.end(), [bank](const Piece& piece) { return piece.bank == bank; })) forget(i);
    }
    const CoreId core(bank.index() / spec_.banks_per_core);
    const Bytes before = memory.free_bytes(core);
    memory.fail(bank);
    if (memory.free_bytes(core) != before - spec_.bank.size) violate("a failed bank still offers room");
  }

  /// Nobody knows how long nothing happens.
  void idle() {
    ++steps_.gate;
    now_ = std::max(now_, chip_.gating().held_until());
    const Cycles arrival = now_ + Cycles(random_.between(1, 3000));
    const auto stream = static_cast<std::int32_t>(random_.between(0, 2));
    const auto begun = static_cast<std::size_t>(stream);
    if (begun_[begun]) chip_.gating().end_request(stream, now_);
    chip_.gating().begin_request(stream, arrival, random_.chance(4));
    begun_[begun] = true;
    now_ = arrival;
  }

  void pin() {
    ++steps_.gate;
    if (scope_ != GatingScope::kClusters) return;
    const ClusterId cluster(static_cast<std::int32_t>(random_.between(0, spec_.cluster_count - 1)));
    if (random_.chance(2)) return chip_.gating().pin(cluster, now_);
    const bool used = chip_.gating().uses(chip_.gating().cluster(cluster), now_).total() > 0;
    if (chip_.gating().unpin(cluster, now_) == used) violate("a gate in use is not refused");
  }

  Random& random_;
  Steps& steps_;
  DeviceSpec spec_;
  GatingScope scope_;
  Chip chip_;
  Sums sums_;
  Cycles now_;
  std::vector<Stored> blocks_;
  std::array<bool, 3> begun_{};  ///< streams
  bool broken_ = false;
};

}  // namespace

void walk_chip(Random& random, Steps& steps) { ChipWalk(random, steps).run(); }

}  // namespace gatefold::test
