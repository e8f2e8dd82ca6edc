// Dot-product layers (convolution, matrix product) on slices.
//
// A slice is what one core computes: a range of input channels whose products become partial sums, or, on executors
// that split outputs only, a range of output channels. Partial sums of all slices are added into one accumulator
// tensor; `finish` then applies bias, activation and quantisation. Accumulators are int32 under Numerics::kInteger for
// `integer` layers (exact, so any slicing gives the same bits) and float32 otherwise.
//
// oneDNN computes float32; int32 accumulators come from oneDNN where the processor has VNNI (without it oneDNN 2.6.3
// saturates at 16 bits) and the weights less their zero points fit int8, and from the exact kernel of this room elsewhere.
// Primitives are created once per slice, single-threaded.
#pragma once

#include <cstddef>
#include <memory>

#include "gatefold/base/result.h"
#include "gatefold/model/layer.h"

namespace gatefold {

/// The part of a dot layer that one core computes. Full ranges mean the whole layer. For a depthwise layer `ic` and `oc`
/// are the same range. A grouped layer that is not depthwise is computed whole (Requires: full ranges).
struct DotSlice {
  Range ic;
  Range oc;
  friend bool operator==(const DotSlice&, const DotSlice&) = default;
};

/// Weights of one slice in the order its kernel reads them, with the kernel itself. Immutable; may be shared.
class PackedSlice;

class DotKernel {
 public:
  /// Binds to a dot layer, which must outlive the kernel.
  /// Errors: kUnsupported for a layer this room cannot compute (named in the message).
  static Result<DotKernel> create(const Layer& layer, Numerics numerics);

  [[nodiscard]] DotSlice whole() const;
  [[nodiscard]] ElementType accumulator_type() const;
  /// [n, oc, oh, ow] elements.
  [[nodiscard]] std::int64_t accumulator_elements() const;

  /// Reads the layer's constant weights and packs one slice. Dense weights only. Requires: non-empty ranges.
  [[nodiscard]] Result<std::shared_ptr<const PackedSlice>> pack(const DotSlice& slice) const;

  /// Adds the products of a slice to the accumulators of its output channels. `x` holds the slice's input channels only,
  /// [n, ic.count, ih, iw] as stored (not dequantised); `accumulators` is the whole layer's [n, oc, oh, ow], zeroed by the
  /// caller before the first slice. Thread-safe for disjoint accumulators.
  [[nodiscard]] Status accumulate(const PackedSlice& packed, TensorView x, std::byte* accumulators) const;

  /// Bias, activation, quantisation (or dequantisation to float32) of output channels `oc`; y is the whole output.
  void finish(const std::byte* accumulators, Range oc, MutableTensorView y) const;

 private:
  explicit DotKernel(const Layer& layer, Numerics numerics) : layer_(&layer), numerics_(numerics) {}
  const Layer* layer_;
  Numerics numerics_;
};

/// True if this processor's int8 path through oneDNN is exact (VNNI present and not capped away).
[[nodiscard]] bool has_exact_int8_dot();

}  // namespace gatefold
