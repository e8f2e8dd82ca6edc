// What stands behind DotKernel: three ways to compute the products of one slice. All add into the accumulators of the
// whole layer, [n, oc_total, oh, ow], at the slice's output channels.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/model/layer.h"

namespace gatefold {

/// The loops of a slice, and where its outputs lie.
struct SliceLoops {
  DotGeometry dot;            ///< ic, oc and group are the slice's own
  std::int64_t oc_begin = 0;  ///< its first output channel
  std::int64_t oc_total = 0;  ///< output channels of the layer
  std::size_t x_elements() const { return static_cast<std::size_t>(dot.n * dot.ic * dot.ih * dot.iw); }
  /// Elements of one output channel.
  std::int64_t plane() const { return dot.oh * dot.ow; }
  /// A single position per channel and image, as in a matrix product.
  bool is_matrix() const {
    return dot.group == 1 && dot.ih == 1 && dot.iw == 1 && dot.kh == 1 && dot.kw == 1 && dot.oh == 1 && dot.ow == 1 && dot.pad_top == 0 &&
           dot.pad_left == 0;
  }
};

class PackedSlice {
 public:
  PackedSlice() = default;
  PackedSlice(const PackedSlice&) = delete;
  PackedSlice& operator=(const PackedSlice&) = delete;
  virtual ~PackedSlice() = default;
  /// `x`: [n, ic, ih, iw] of the slice, as stored.
  [[nodiscard]] virtual Status accumulate(const TensorView& x, std::byte* accumulators) const = 0;
};

using PackedResult = Result<std::shared_ptr<const PackedSlice>>;

/// Float32 products through oneDNN. `weights`: [oc, ic / group, kh, kw]. `dequantise`: how x is stored, if not as float32.
/// Errors: kUnsupported with the library's message.
[[nodiscard]] PackedResult pack_float(const SliceLoops& loops, std::span<const float> weights, std::optional<Quantisation> dequantise);

/// int32 sums of (x - x_zero) * weight through oneDNN. Exact only where has_exact_int8_dot().
/// Requires: every weight fits int8. Errors: kUnsupported with the library's message.
[[nodiscard]] PackedResult pack_int8(const SliceLoops& loops, std::span<const std::int16_t> weights, ElementType x_type,
                                     std::int32_t x_zero);

/// Instruction sets the exact kernel is compiled for.
enum class ExactIsa : std::uint8_t { kBaseline, kAvx2 };
[[nodiscard]] ExactIsa best_exact_isa();

/// The same sums by the room's own kernel, exact on every processor. Requires: |weight| <= 255, and sums that fit int32.
[[nodiscard]] PackedResult pack_exact(const SliceLoops& loops, std::span<const std::int16_t> weights, ElementType x_type,
                                      std::int32_t x_zero, ExactIsa isa = best_exact_isa());

}  // namespace gatefold
