// The part of the session that serves layers whose activations are spilled: staging buffers and the external channel belong to
// such a layer from its start to its end, and it executes in row blocks (cost/row_blocks.h).
#include <algorithm>

#include "gatefold/runtime/session.h"

namespace gatefold {

Result<Cycles> Session::stage(LayerId layer, Cycles start) {
  GATEFOLD_TRY(blocks_, residence_.stage(layer, layers_[layer.at()].home));
  if (blocks_.count == 0) return start;
  start = chip_.writable_at(residence_.staging(), start);
  if (layers_[layer.at()].home.streamed) {  // the stream buffer may still serve the layer before
    for (const BlockId block : residence_.weights(layer)) {
      for (const Piece& piece : chip_.memory().pieces(block)) start = std::max(start, chip_.gating().held_until(piece.bank));
    }
  }
  return start;
}

Cycles Session::staging_ready_at(LayerId layer, Cycles start) const {
  if (blocks_.count == 0) return start;
  return std::max(chip_.external_ready_at(start), chip_.ready_at(layers_[layer.at()].home, residence_.staging(), start));
}

Cycles Session::price_blocks(LayerId layer, Cycles start) {
  const Placement& home = layers_[layer.at()].home;
  blocked_ = blocked_cost(table_, residence_.spilled(), layer, home, blocks_, chip_.profile().percent(home, start));
  return start + blocked_.cycles;
}

void Session::hold_staging(Cycles start, Cycles stop) {
  chip_.keep_external(start, stop);
  chip_.hold(residence_.staging(), start, stop);
}

void Session::release_staging() {
  if (residence_.staging().empty()) return;
  vacate(residence_.staging());
  residence_.unstage();
  chip_.refresh_content(vacated_);
}

}  // namespace gatefold
