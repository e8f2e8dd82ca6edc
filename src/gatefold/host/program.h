// What the host's workers run: a network whose layers are functions over one block of memory.
//
// A program is made once per network and shared by all requests and workers; it holds weights and primitives and is never
// written to while it runs. A request owns an *arena* (all its activations, at offsets planned once), a worker owns a
// *scratch* (what a kernel needs while it runs). Nothing here allocates, locks or waits: the workers' step function calls
// `run` between two boundaries and nothing else.
#pragma once

#include <cstddef>
#include <vector>

#include "gatefold/graph/layer_graph.h"
#include "gatefold/runtime/run.h"

namespace gatefold {

class HostProgram {
 public:
  HostProgram() = default;
  HostProgram(const HostProgram&) = delete;
  HostProgram& operator=(const HostProgram&) = delete;
  virtual ~HostProgram() = default;

  /// Layers in the order in which they run; the positions of graph().layers.
  [[nodiscard]] virtual std::size_t layer_count() const = 0;
  [[nodiscard]] virtual const LayerGraph& graph() const = 0;
  /// Into how many slices (1, 2, ..) a layer can usefully be cut; slices split outputs only, channels or rows, so the
  /// results are the same bits for every cut.
  [[nodiscard]] virtual int parts_max(std::size_t layer) const = 0;
  /// Size of the arena of one request in flight. An arena is aligned to a cache line (64 bytes).
  [[nodiscard]] virtual std::size_t arena_bytes() const = 0;
  /// Size of a worker's scratch memory, aligned as an arena is.
  [[nodiscard]] virtual std::size_t scratch_bytes() const = 0;

  /// Copies the network's inputs into the arena. Requires: types and shapes are those of graph().inputs.
  virtual void load_inputs(const InputSet& inputs, std::byte* arena) const = 0;
  /// Runs slice `part` of `parts` of one layer. The slices of a layer may run at the same time; a layer starts after all
  /// slices of those before it whose outputs it reads. Requires: 0 <= part < parts <= parts_max(layer).
  virtual void run(std::size_t layer, int part, int parts, std::byte* arena, std::byte* scratch) const = 0;
  /// The network's outputs, in the order of graph().outputs, replacing what `outputs` holds.
  virtual void store_outputs(const std::byte* arena, std::vector<Tensor>& outputs) const = 0;
};

}  // namespace gatefold
