// Whether a network has room with a layer elsewhere, told by counting banks where that is enough, and by laying it out where it is not.
//
// Counting takes every activation for one that shares no bank. While each core has as many banks as that takes at any time of a request,
// every activation finds banks of its own in which order ever, so laying out would succeed as well; where a core has fewer, or something
// is spilled or failed, only laying out tells. Layers that move are counted where they were, too. Of what weights leave of whole banks, a
// new bank is opened only for what no other has room for: two such banks hold more than one bank's size together, so those that are opened
// are fewer than twice their contents (the bound of any-fit packing: Johnson, Journal of Computer and System Sciences 8, 1974).
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "gatefold/remap/policy.h"

namespace gatefold {

class Headroom {
 public:
  /// Both must outlive it. `target` is the caller's to change: where a layer lies is told by move().
  Headroom(const Situation& situation, const Assignment& target);

  /// True if the weights of the layer find room there, with so many banks left empty in each core.
  [[nodiscard]] bool weights_fit(LayerId layer, const Placement& to, std::int64_t spare_banks = 0);
  /// True if the layer can go there without taking the room that a whole request needs: shift_leaves_room().
  [[nodiscard]] bool leaves_room(LayerId layer, const Placement& to);
  /// The layer's weights are there from now on; `target` still says where they were. Requires: they fit.
  void move(LayerId layer, const Placement& to);
  /// Everything where it lies now, but for what has moved.
  [[nodiscard]] const Residence& residence();

 private:
  /// Banks that a share of a tensor fills in each core of a placement.
  [[nodiscard]] std::int64_t banks(TensorId tensor, const Layout& layout, std::int32_t cores) const;
  /// Banks that moved weights have opened in a core at most, with those of `more`.
  struct Taken {
    std::int64_t banks = 0;  ///< whole ones
    std::int64_t rests = 0;  ///< bytes of what is left of each block
  };
  [[nodiscard]] Taken weights_at(LayerId layer, const Placement& placement) const;
  [[nodiscard]] std::int64_t opened(CoreId core, const Taken& more) const;
  struct Lying {
    const Placement* at;
    std::int64_t banks;  ///< in each of its cores, at most
  };
  /// Where a tensor lies while layer `step` executes, with `layer` at `to`.
  [[nodiscard]] Lying where(TensorId tensor, std::size_t step, LayerId layer, const Placement& to) const;
  /// Banks that activations take at most in a core, with `layer` at `to`.
  [[nodiscard]] std::int64_t peak_with(CoreId core, LayerId layer, const Placement& to) const;
  /// False if counting is not enough.
  [[nodiscard]] bool count();
  void list_alive();

  const Situation& situation_;
  const Assignment& target_;
  const OptionTable& table_;
  std::int32_t cores_per_cluster_;
  bool countable_;                                    ///< nothing is spilled, nothing has failed
  std::optional<bool> counted_;                       ///< whether the peaks fit; nullopt: not looked at yet
  std::vector<Taken> added_;                          ///< per core: by weights that moved there
  std::vector<std::int64_t> peaks_;                   ///< per core: banks that activations take at most, at any time of a request
  std::vector<TensorId> alive_;                       ///< while each layer executes, one after the other
  std::vector<std::size_t> alive_from_;               ///< per layer, where in alive_ its tensors begin; one more at the end
  std::vector<std::pair<LayerId, Placement>> moves_;  ///< that the copy does not have yet
  std::optional<Memory> memory_;                      ///< a copy, in which what has moved has moved
  std::optional<Residence> residence_;
};

}  // namespace gatefold
