// int32 products of an int8 slice without special instructions: exact on every processor.
//
// x and weights lose their zero points first and are kept as int16 (both then fit 9 bits and a sign); products of two
// int16, added in pairs to int32, are what SSE2 and AVX2 do in one instruction and never saturate at these magnitudes.
// Dense and grouped layers gather the windows of kPositions outputs as rows ([kh][kw][ic] from a padded channels-last
// copy of x) and take dot products with packed rows of weights. Depthwise layers run along image rows, tap by tap.
#include <algorithm>
#include <cstring>

#include "gatefold/kernels/packed_slice.h"
#include "gatefold/kernels/scratch.h"

#if defined(__x86_64__)
#define GATEFOLD_AVX2 __attribute__((target("avx2")))
#else
#define GATEFOLD_AVX2
#endif
#define GATEFOLD_INLINE inline __attribute__((always_inline))

namespace gatefold {
namespace {

constexpr std::int64_t kPositions = 16;  // windows gathered at a time: with 576 taps 18 KiB, half a first-level cache
constexpr std::int64_t kRow = 16;        // rows are zero-filled to a multiple of this: one AVX2 register of int16

/// sums[i][j] = row i of `a` . row j of `b`, over `count` (a multiple of kRow) int16.
GATEFOLD_INLINE void dot_2x4(const std::int16_t* a, const std::int16_t* b, std::int64_t count, std::int32_t sums[2][4]) {
  const std::int16_t* a0 = a;
  const std::int16_t* a1 = a + count;
  const std::int16_t* b0 = b;
  const std::int16_t* b1 = b + count;
  const std::int16_t* b2 = b + 2 * count;
  const std::int16_t* b3 = b + 3 * count;
  std::int32_t s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    s00 += a0[i] * b0[i];
    s01 += a0[i] * b1[i];
    s02 += a0[i] * b2[i];
    s03 += a0[i] * b3[i];
    s10 += a1[i] * b0[i];
    s11 += a1[i] * b1[i];
    s12 += a1[i] * b2[i];
    s13 += a1[i] * b3[i];
  }
  const std::int32_t all[2][4] = {{s00, s01, s02, s03}, {s10, s11, s12, s13}};
  std::memcpy(sums, all, sizeof(all));
}

/// products[oc][p] of `oc_count` (even) rows of weights and kPositions rows of windows.
GATEFOLD_INLINE void dot_tile(const std::int16_t* weights, std::int64_t oc_count, const std::int16_t* windows, std::int64_t count,
                              std::int32_t* products) {
  for (std::int64_t oc = 0; oc < oc_count; oc += 2) {
    for (std::int64_t p = 0; p < kPositions; p += 4) {
      std::int32_t sums[2][4];
      dot_2x4(weights + oc * count, windows + p * count, count, sums);
      for (std::int64_t i = 0; i < 2; ++i) std::memcpy(products + (oc + i) * kPositions + p, sums[i], sizeof(sums[i]));
    }
  }
}

/// to[i] += weight * from[i * stride].
GATEFOLD_INLINE void add_scaled(const std::int16_t* from, std::int64_t stride, std::int32_t weight, std::int64_t count, std::int32_t* to) {
  if (stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] += weight * from[i];
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] += weight * from[i * stride];
  }
}

struct Kernels {
  void (*tile)(const std::int16_t*, std::int64_t, const std::int16_t*, std::int64_t, std::int32_t*);
  void (*add_scaled)(const std::int16_t*, std::int64_t, std::int32_t, std::int64_t, std::int32_t*);
};

void tile_baseline(const std::int16_t* w, std::int64_t oc, const std::int16_t* x, std::int64_t count, std::int32_t* y) {
  dot_tile(w, oc, x, count, y);
}
GATEFOLD_AVX2 void tile_avx2(const std::int16_t* w, std::int64_t oc, const std::int16_t* x, std::int64_t count, std::int32_t* y) {
  dot_tile(w, oc, x, count, y);
}
void add_scaled_baseline(const std::int16_t* x, std::int64_t stride, std::int32_t w, std::int64_t count, std::int32_t* y) {
  add_scaled(x, stride, w, count, y);
}
GATEFOLD_AVX2 void add_scaled_avx2(const std::int16_t* x, std::int64_t stride, std::int32_t w, std::int64_t count, std::int32_t* y) {
  add_scaled(x, stride, w, count, y);
}

Kernels kernels_for(ExactIsa isa) {
  if (isa == ExactIsa::kAvx2) return {tile_avx2, add_scaled_avx2};
  return {tile_baseline, add_scaled_baseline};
}

std::int64_t rounded_up(std::int64_t count, std::int64_t unit) { return (count + unit - 1) / unit * unit; }

class ExactSlice final : public PackedSlice {
 public:
  ExactSlice(const SliceLoops& loops, std::span<const std::int16_t> weights, ElementType x_type, std::int32_t x_zero, ExactIsa isa)
      : loops_(loops),
        x_type_(x_type),
        x_zero_(static_cast<std::int16_t>(x_zero)),
        kernels_(kernels_for(isa)),
        ih_((loops.dot.oh - 1) * loops.dot.sh + (loops.dot.kh - 1) * loops.dot.dh + 1),
        iw_((loops.dot.ow - 1) * loops.dot.sw + (loops.dot.kw - 1) * loops.dot.dw + 1),
        ic_(loops.dot.ic / loops.dot.group),
        oc_(loops.dot.oc / loops.dot.group),
        row_(rounded_up(ic_ * loops.dot.kh * loops.dot.kw, kRow)) {
    if (loops.dot.depthwise()) weights_.assign(weights.begin(), weights.end());
    else pack(weights);
  }

  Status accumulate(const TensorView& x, std::byte* accumulators) const override {
    GATEFOLD_REQUIRE(x.type == x_type_);
    auto* sums = reinterpret_cast<std::int32_t*>(accumulators);
    for (std::int64_t n = 0; n < loops_.dot.n; ++n) {
      for (std::int64_t group = 0; group < loops_.dot.group; ++group) {
        const std::int64_t first = (n * loops_.dot.group + group) * ic_ * loops_.dot.ih * loops_.dot.iw;
        const std::int64_t oc = loops_.oc_begin + group * oc_;
        std::int32_t* out = sums + (n * loops_.oc_total + oc) * loops_.plane();
        const std::int16_t* image = x_type_ == ElementType::kInt8 ? prepared(reinterpret_cast<const std::int8_t*>(x.bytes) + first)
                                                                  : prepared(reinterpret_cast<const std::uint8_t*>(x.bytes) + first);
        if (loops_.dot.depthwise()) accumulate_plane(image, group, out);
        else accumulate_group(image, group, out);
      }
    }
    return Done{};
  }

 private:
  /// [oc, ic, kh, kw] -> per group, rows [kh][kw][ic] zero-filled to row_, an even number of them.
  void pack(std::span<const std::int16_t> weights) {
    const DotGeometry& d = loops_.dot;
    const std::int64_t taps = d.kh * d.kw;
    weights_.assign(static_cast<std::size_t>(d.group * rounded_up(oc_, 2) * row_), 0);
    for (std::int64_t oc = 0; oc < d.oc; ++oc) {
      std::int16_t* row = weights_.data() + (oc / oc_ * rounded_up(oc_, 2) + oc % oc_) * row_;
      for (std::int64_t c = 0; c < ic_; ++c) {
        for (std::int64_t tap = 0; tap < taps; ++tap) row[tap * ic_ + c] = weights[static_cast<std::size_t>((oc * ic_ + c) * taps + tap)];
      }
    }
  }

  /// One image of a group, [ic, ih, iw] -> [padded ih, padded iw, ic] without its zero point: padding is 0.
  template <class T>
  [[nodiscard]] const std::int16_t* prepared(const T* from) const {
    const DotGeometry& d = loops_.dot;
    auto* to = scratch_of<std::int16_t>(ScratchUse::kPrepared, ih_ * iw_ * ic_);
    std::fill_n(to, ih_ * iw_ * ic_, std::int16_t{0});
    const std::int64_t rows = std::min(d.ih, ih_ - d.pad_top);
    const std::int64_t columns = std::min(d.iw, iw_ - d.pad_left);
    for (std::int64_t h = 0; h < rows; ++h) {
      std::int16_t* line = to + ((h + d.pad_top) * iw_ + d.pad_left) * ic_;
      for (std::int64_t c = 0; c < ic_; ++c) {
        const T* row = from + (c * d.ih + h) * d.iw;
        for (std::int64_t v = 0; v < columns; ++v) line[v * ic_ + c] = static_cast<std::int16_t>(row[v] - x_zero_);
      }
    }
    return to;
  }

  void accumulate_plane(const std::int16_t* image, std::int64_t channel, std::int32_t* out) const {
    const DotGeometry& d = loops_.dot;
    const std::int16_t* weights = weights_.data() + channel * d.kh * d.kw;
    for (std::int64_t oh = 0; oh < d.oh; ++oh) {
      for (std::int64_t r = 0; r < d.kh; ++r) {
        const std::int16_t* line = image + (oh * d.sh + r * d.dh) * iw_;
        for (std::int64_t s = 0; s < d.kw; ++s) kernels_.add_scaled(line + s * d.dw, d.sw, weights[r * d.kw + s], d.ow, out + oh * d.ow);
      }
    }
  }

  /// The window of output position `at` as one row.
  void gather(const std::int16_t* image, std::int64_t at, std::int16_t* row) const {
    const DotGeometry& d = loops_.dot;
    const std::int64_t h = at / d.ow * d.sh;
    const std::int64_t v = at % d.ow * d.sw;
    const std::int64_t run = d.dw == 1 ? d.kw * ic_ : ic_;  // neighbouring taps are neighbours in memory
    for (std::int64_t r = 0; r < d.kh; ++r) {
      for (std::int64_t s = 0; s < d.kw; s += run / ic_) {
        std::copy_n(image + ((h + r * d.dh) * iw_ + v + s * d.dw) * ic_, run, row);
        row += run;
      }
    }
  }

  void accumulate_group(const std::int16_t* image, std::int64_t group, std::int32_t* out) const {
    const std::int64_t oc_even = rounded_up(oc_, 2);
    auto* windows = scratch_of<std::int16_t>(ScratchUse::kPacked, kPositions * row_);
    auto* products = scratch_of<std::int32_t>(ScratchUse::kProduct, kPositions * oc_even);
    std::fill_n(windows, kPositions * row_, std::int16_t{0});
    for (std::int64_t first = 0; first < loops_.plane(); first += kPositions) {
      const std::int64_t count = std::min(kPositions, loops_.plane() - first);
      for (std::int64_t p = 0; p < count; ++p) gather(image, first + p, windows + p * row_);
      kernels_.tile(weights_.data() + group * oc_even * row_, oc_even, windows, row_, products);
      for (std::int64_t oc = 0; oc < oc_; ++oc) {
        for (std::int64_t p = 0; p < count; ++p) out[oc * loops_.plane() + first + p] += products[oc * kPositions + p];
      }
    }
  }

  SliceLoops loops_;
  ElementType x_type_;
  std::int16_t x_zero_;
  Kernels kernels_;
  std::int64_t ih_, iw_;  ///< exactly what the window covers
  std::int64_t ic_, oc_;  ///< of one group
  std::int64_t row_;      ///< int16 per packed row
  std::vector<std::int16_t> weights_;
};

}  // namespace

ExactIsa best_exact_isa() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") ? ExactIsa::kAvx2 : ExactIsa::kBaseline;
#else
  return ExactIsa::kBaseline;
#endif
}

PackedResult pack_exact(const SliceLoops& loops, std::span<const std::int16_t> weights, ElementType x_type, std::int32_t x_zero,
                        ExactIsa isa) {
  return std::shared_ptr<const PackedSlice>(new ExactSlice(loops, weights, x_type, x_zero, isa));
}

}  // namespace gatefold
