// int32 products of an int8 slice through oneDNN, exact where the processor has VNNI.
//
// The library sees x as stored, padded with the zero point, and weights without theirs:
//   sum (x - zx) * w  =  sum x * w  -  zx * sum w,
// where the second term is one number per output channel because padding already holds zx. Activations are kept
// [n, h, w, c], the library's order for int8. The addition into the accumulators is done here: the library's reorder
// would sum int32 in float32 and lose bits above 2^24.
#include <algorithm>
#include <cstring>

#include "gatefold/kernels/dnnl_support.h"
#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/kernels/transpose.h"

namespace gatefold {
namespace {

using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

std::vector<std::int8_t> narrowed(std::span<const std::int16_t> weights) {
  std::vector<std::int8_t> narrow(weights.size());
  std::transform(weights.begin(), weights.end(), narrow.begin(), [](std::int16_t w) { return static_cast<std::int8_t>(w); });
  return narrow;
}

class Int8Slice final : public PackedSlice {
 public:
  Int8Slice(const SliceLoops& loops, std::span<const std::int16_t> weights, ElementType x_type, std::int32_t x_zero)
      : loops_(loops),
        x_type_(x_type),
        x_zero_(x_zero),
        ih_((loops.dot.oh - 1) * loops.dot.sh + (loops.dot.kh - 1) * loops.dot.dh + 1),
        iw_((loops.dot.ow - 1) * loops.dot.sw + (loops.dot.kw - 1) * loops.dot.dw + 1),
        dot_(make_dnnl_dot(loops, {library_type(), Type::s8, Type::s32, Tag::nhwc, ih_, iw_, false})),
        weights_(reordered_weights(loops, dot_, Type::s8, narrowed(weights).data())) {
    const std::size_t taps = weights.size() / static_cast<std::size_t>(loops.dot.oc);
    for (std::size_t first = 0; first < weights.size(); first += taps) {
      std::int64_t sum = 0;
      for (std::size_t i = first; i < first + taps; ++i) sum += weights[i];
      corrections_.push_back(static_cast<std::uint32_t>(x_zero * sum));
    }
  }

  Status accumulate(const TensorView& x, std::byte* accumulators) const override {
    GATEFOLD_REQUIRE(x.type == x_type_);
    const std::byte* src = loops_.is_matrix() ? x.bytes : channels_last(x.bytes);
    const DotGeometry& d = loops_.dot;
    const auto* product = scratch_of<std::uint32_t>(ScratchUse::kProduct, d.n * d.oc * loops_.plane());
    GATEFOLD_CHECK(through_dnnl([&]() -> Status {
      execute(dot_.primitive, dot_.scratchpad,
              {{DNNL_ARG_SRC, over(dot_.src, src)},
               {DNNL_ARG_WEIGHTS, weights_},
               {DNNL_ARG_DST, over(dot_.dst, reinterpret_cast<const std::byte*>(product))}});
      return Done{};
    }));
    add_channels_first(product, reinterpret_cast<std::uint32_t*>(accumulators));
    return Done{};
  }

 private:
  [[nodiscard]] Type library_type() const { return x_type_ == ElementType::kInt8 ? Type::s8 : Type::u8; }

  /// [n, ic, ih, iw] -> [n, padded ih, padded iw, ic]; what the window never reaches is cropped.
  [[nodiscard]] const std::byte* channels_last(const std::byte* bytes) const {
    const DotGeometry& d = loops_.dot;
    const auto size = static_cast<std::size_t>(d.n * ih_ * iw_ * d.ic);
    auto* to = reinterpret_cast<std::uint8_t*>(scratch(ScratchUse::kPrepared, size));
    const auto* from = reinterpret_cast<const std::uint8_t*>(bytes);
    if (d.pad_top > 0 || d.pad_left > 0 || ih_ > d.ih || iw_ > d.iw) std::memset(to, x_zero_ & 0xFF, size);
    const std::int64_t rows = std::min(d.ih, ih_ - d.pad_top);
    const std::int64_t columns = std::min(d.iw, iw_ - d.pad_left);
    const std::int64_t plane = d.ih * d.iw;
    for (std::int64_t row = 0; row < d.n * rows; ++row) {
      const std::int64_t n = row / rows;
      const std::int64_t h = row % rows;
      std::uint8_t* line = to + ((n * ih_ + h + d.pad_top) * iw_ + d.pad_left) * d.ic;
      transpose(from + n * d.ic * plane + h * d.iw, plane, d.ic, columns, line, d.ic);
    }
    return reinterpret_cast<const std::byte*>(to);
  }

  /// accumulators [n, oc_total, positions] += product [n, positions, oc] - corrections [oc]. Modulo 2^32: what is between
  /// the terms may not fit, the sum does.
  void add_channels_first(const std::uint32_t* product, std::uint32_t* accumulators) const {
    const DotGeometry& d = loops_.dot;
    const std::int64_t plane = loops_.plane();
    constexpr std::int64_t kTile = 16;  // positions at a time: their products are read once, outputs a cache line each
    for (std::int64_t n = 0; n < d.n; ++n, product += plane * d.oc) {
      std::uint32_t* image = accumulators + (n * loops_.oc_total + loops_.oc_begin) * plane;
      for (std::int64_t p = 0; p < plane; p += kTile) {
        add_transposed(product + p * d.oc, d.oc, corrections_.data(), std::min(kTile, plane - p), d.oc, image + p, plane);
      }
    }
  }

  SliceLoops loops_;
  ElementType x_type_;
  std::int32_t x_zero_;
  std::int64_t ih_, iw_;  ///< exactly what the window covers
  DnnlDot dot_;
  dnnl::memory weights_;
  std::vector<std::uint32_t> corrections_;  ///< zx * sum of weights modulo 2^32, per output channel
};

}  // namespace

PackedResult pack_int8(const SliceLoops& loops, std::span<const std::int16_t> weights, ElementType x_type, std::int32_t x_zero) {
  return through_dnnl([&]() -> PackedResult { return std::shared_ptr<const PackedSlice>(new Int8Slice(loops, weights, x_type, x_zero)); });
}

bool has_exact_int8_dot() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::avx2_vnni:
    case dnnl::cpu_isa::avx512_core_vnni:
    case dnnl::cpu_isa::avx512_core_bf16:
    case dnnl::cpu_isa::avx512_core_amx: return true;
    default: return false;
  }
}

}  // namespace gatefold
