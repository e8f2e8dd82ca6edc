// Dot layers over channels-last activations in one block of memory: what the host executor runs.
//
// A layer is prepared once: weights packed, zero points moved into the bias, the loops chosen for where x and y lie. It then
// runs in slices of its output rows (or, where there are few, of its output channels), without allocating. Sums under the
// integer contract are exact int32 and finished by its one formula, so the bits are those of every other executor.
//
// Layers with padding copy the rows they are about to read into scratch memory with a border of zeros, a few rows at a time,
// so that the inner loops know no border.
#pragma once

#include <memory>
#include <optional>

#include "gatefold/base/result.h"
#include "gatefold/kernels/tile_kernels.h"
#include "gatefold/model/byte_pool.h"

namespace gatefold {

/// Where the pixels of an image [n, c, h, w] lie; its channels are neighbours. Distances in bytes.
struct ImageLayout {
  std::int64_t image = 0, row = 0, pixel = 0;
  friend bool operator==(const ImageLayout&, const ImageLayout&) = default;
};

class TileLayer {
 public:
  TileLayer() = default;
  TileLayer(const TileLayer&) = delete;
  TileLayer& operator=(const TileLayer&) = delete;
  virtual ~TileLayer() = default;

  /// Into how many slices the outputs can be cut.
  [[nodiscard]] virtual std::int64_t parts_max() const = 0;
  /// For one slice at a time.
  [[nodiscard]] virtual std::size_t scratch_bytes() const = 0;
  /// Computes slice `part` of `parts`. `addend` (float32 layers only, nullptr: none) is added before the clamp and lies as y
  /// does, with its own pixel distance. Reads up to kTileSlack bytes after x. Thread-safe.
  virtual void run(int part, int parts, const std::byte* x, std::byte* y, const std::byte* addend, std::byte* scratch) const = 0;
};

struct TileLayerOptions {
  ImageLayout x, y;
  std::int64_t addend_pixel = 0;  ///< bytes between positions of the addend
  bool added_to = false;          ///< the layer's activation comes after the addition of another tensor
  float low = 0, high = 0;        ///< limits after that addition, if added_to
};

/// nullptr: a layer these kernels do not cover (another epilogue, weights that do not fit int8 less their zero point, float
/// operands that are quantised); DotKernel does. Packed weights are taken from `pool`. Requires: a dot layer that DotKernel::create
/// accepts.
[[nodiscard]] std::unique_ptr<const TileLayer> make_tile_layer(const Layer& layer, Numerics numerics, const TileLayerOptions& options,
                                                               TileIsa isa, BytePool& pool);

/// The limits that an activation puts on float32 values, if that is all it does: none, Relu, Clip.
struct FloatLimits {
  float low, high;
};
[[nodiscard]] std::optional<FloatLimits> limits_of(const std::optional<Unary>& activation);

}  // namespace gatefold
