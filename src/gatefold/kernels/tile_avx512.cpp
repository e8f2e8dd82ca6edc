// The tile kernels for AVX-512 with VNNI: 32 registers hold 14 positions by 2 panels, and four products of bytes are added
// to a 32-bit sum by one instruction, without an intermediate of 16 bits.
#include "gatefold/kernels/tile_kernels.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#include <immintrin.h>

namespace gatefold {
namespace {

#define GATEFOLD_OWN_DEPTHWISE_U8

constexpr int kPositionsMax = 14;
constexpr int kWidePanels = 2;
constexpr int kNarrowPositions = 4;
constexpr bool kHoldsNineTaps = true;  // registers for the weights of nine taps beside six sums

struct Lanes {
  using Float = __m512;
  using Int = __m512i;
  static __mmask16 first(std::int64_t count) { return static_cast<__mmask16>((1U << count) - 1U); }
  static Float load(const float* from) { return _mm512_loadu_ps(from); }
  static Int load(const std::int32_t* from) { return _mm512_loadu_si512(from); }
  static Float load_part(const float* from, std::int64_t count) { return _mm512_maskz_loadu_ps(first(count), from); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Int add(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float clamp(Float x, float low, float high) { return _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(low)), _mm512_set1_ps(high)); }
  static Float to_float(Int x) { return _mm512_cvtepi32_ps(x); }
  /// round_half_even(x) + zero.
  static Int rounded(Float x, std::int32_t zero) { return _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(zero)); }
  /// The sum of all lanes.
  static float total(Float x) { return _mm512_reduce_add_ps(x); }
  static void store_part(float* to, Float x, std::int64_t count) {
    if (count == kPanel) _mm512_storeu_ps(to, x);
    else _mm512_mask_storeu_ps(to, first(count), x);
  }
  static void store_bytes(std::uint8_t* to, Int x, std::int64_t count) {
    const __m128i bytes = _mm512_cvtepi32_epi8(x);
    if (count == kPanel) _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    else _mm_mask_storeu_epi8(to, first(count), bytes);
  }
};

struct FloatMac {
  using Sum = __m512;
  using Weights = __m512;
  static Sum zero() { return _mm512_setzero_ps(); }
  static Weights weights(const std::byte* from) { return _mm512_loadu_ps(from); }
  static __m512 broadcast(const std::byte* from) { return _mm512_set1_ps(*reinterpret_cast<const float*>(from)); }
  static Sum add(Sum sum, Weights w, __m512 x) { return _mm512_fmadd_ps(w, x, sum); }
  static Lanes::Float total(Sum sum) { return sum; }
};

struct ByteMac {
  using Sum = __m512i;
  using Weights = __m512i;
  static Sum zero() { return _mm512_setzero_si512(); }
  static Weights weights(const std::byte* from) { return _mm512_loadu_si512(from); }
  static __m512i broadcast(const std::byte* from) {
    std::int32_t four;
    __builtin_memcpy(&four, from, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static Sum add(Sum sum, Weights w, __m512i x) { return _mm512_dpbusd_epi32(sum, x, w); }
  static Lanes::Int total(Sum sum) { return sum; }
};

/// Interleaving four taps of 64 channels works in quarters of a register: register j of the result holds, of each sixteen
/// channels, those from 4 j on.
std::int64_t depthwise_place(std::int64_t channel) { return 16 * (channel % 16 / 4) + 4 * (channel / 16) + channel % 4; }

/// Four taps of 64 channels, each channel's four bytes together.
inline __attribute__((always_inline)) void interleave(const std::byte* x, const std::int64_t* taps, __m512i (&out)[4]) {
  const __m512i t0 = _mm512_loadu_si512(x + taps[0]);
  const __m512i t1 = _mm512_loadu_si512(x + taps[1]);
  const __m512i t2 = _mm512_loadu_si512(x + taps[2]);
  const __m512i t3 = _mm512_loadu_si512(x + taps[3]);
  const __m512i low01 = _mm512_unpacklo_epi8(t0, t1);
  const __m512i high01 = _mm512_unpackhi_epi8(t0, t1);
  const __m512i low23 = _mm512_unpacklo_epi8(t2, t3);
  const __m512i high23 = _mm512_unpackhi_epi8(t2, t3);
  out[0] = _mm512_unpacklo_epi16(low01, low23);
  out[1] = _mm512_unpackhi_epi16(low01, low23);
  out[2] = _mm512_unpacklo_epi16(high01, high23);
  out[3] = _mm512_unpackhi_epi16(high01, high23);
}

void depthwise_u8(const DepthwiseRow& shared_row, const ByteFinish& shared_finish) {
  // Copies that no store can reach: they stay in registers.
  const DepthwiseRow row = shared_row;
  const ByteFinish f = shared_finish;
  const std::int64_t groups = row.tap_count / 4;
  for (std::int64_t channel = 0; channel < row.channels; channel += kByteBlock) {
    const std::byte* weights = row.weights + channel * row.tap_count;
    const std::int64_t count = row.channels - channel;
    const __mmask64 stored = count >= kByteBlock ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
    for (std::int64_t column = 0; column < row.columns; ++column) {
      const std::byte* x = row.x + column * row.x_step + channel;
      __m512i sums[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) sums[j] = _mm512_loadu_si512(f.bias + channel + 16 * j);
      for (std::int64_t group = 0; group < groups; ++group) {
        __m512i values[4];
        interleave(x, row.taps + 4 * group, values);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          sums[j] = _mm512_dpbusd_epi32(sums[j], values[j], _mm512_loadu_si512(weights + (group * 4 + j) * 64));
        }
      }
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[j]), _mm512_loadu_ps(f.scale + channel + 16 * j));
        sums[j] = Lanes::rounded(Lanes::clamp(value, f.low, f.high), f.zero);
      }
      // Packing works in quarters too, and puts the channels back in order.
      const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(sums[0], sums[1]), _mm512_packs_epi32(sums[2], sums[3]));
      _mm512_mask_storeu_epi8(row.y + column * row.y_step + channel, stored, bytes);
    }
  }
}

}  // namespace
}  // namespace gatefold

#include "gatefold/kernels/tile_body.h"

namespace gatefold::detail {
const TileKernels* tile_kernels_avx512() { return &kTileKernels; }
}  // namespace gatefold::detail

#else

namespace gatefold::detail {
const TileKernels* tile_kernels_avx512() { return nullptr; }
}  // namespace gatefold::detail

#endif
