// The tile kernels for AVX2: 16 registers hold 4 positions by one panel. Bytes are widened to 16 bits, multiplied and added
// in pairs; with an unsigned and a signed byte the sum of two products fits 32 bits, which the instruction for bytes alone
// would saturate at 16.
#include "gatefold/kernels/tile_kernels.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace gatefold {
namespace {

constexpr int kPositionsMax = 4;
constexpr int kWidePanels = 1;
constexpr int kNarrowPositions = 1;
constexpr bool kHoldsNineTaps = false;  // registers for the weights of nine taps beside six sums

struct Lanes {
  struct Float {
    __m256 low, high;
  };
  struct Int {
    __m256i low, high;
  };
  static Float load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static Int load(const std::int32_t* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 8))};
  }
  static Float load_part(const float* from, std::int64_t count) {
    float all[kPanel] = {};
    for (std::int64_t i = 0; i < count; ++i) all[i] = from[i];
    return load(all);
  }
  static Float add(Float a, Float b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static Int add(Int a, Int b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
  static Float mul(Float a, Float b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static Float fma(Float a, Float b, Float c) { return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)}; }
  static Float clamp(Float x, float low, float high) {
    const __m256 least = _mm256_set1_ps(low);
    const __m256 most = _mm256_set1_ps(high);
    return {_mm256_min_ps(_mm256_max_ps(x.low, least), most), _mm256_min_ps(_mm256_max_ps(x.high, least), most)};
  }
  static Float to_float(Int x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
  /// round_half_even(x) + zero.
  static Int rounded(Float x, std::int32_t zero) {
    const __m256i offset = _mm256_set1_epi32(zero);
    return {_mm256_add_epi32(_mm256_cvtps_epi32(x.low), offset), _mm256_add_epi32(_mm256_cvtps_epi32(x.high), offset)};
  }
  /// The sum of all lanes.
  static float total(Float x) {
    float all[8];
    _mm256_storeu_ps(all, _mm256_add_ps(x.low, x.high));
    return ((all[0] + all[4]) + (all[1] + all[5])) + ((all[2] + all[6]) + (all[3] + all[7]));
  }
  static void store_part(float* to, Float x, std::int64_t count) {
    if (count == kPanel) {
      _mm256_storeu_ps(to, x.low);
      _mm256_storeu_ps(to + 8, x.high);
      return;
    }
    float all[kPanel];
    _mm256_storeu_ps(all, x.low);
    _mm256_storeu_ps(all + 8, x.high);
    for (std::int64_t i = 0; i < count; ++i) to[i] = all[i];
  }
  static void store_bytes(std::uint8_t* to, Int x, std::int64_t count) {
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.low, x.high), 0xD8);  // packing works in halves
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    if (count == kPanel) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
      return;
    }
    alignas(16) std::uint8_t all[kPanel];
    _mm_store_si128(reinterpret_cast<__m128i*>(all), bytes);
    for (std::int64_t i = 0; i < count; ++i) to[i] = all[i];
  }
};

struct FloatMac {
  using Sum = Lanes::Float;
  using Weights = Lanes::Float;
  static Sum zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Weights weights(const std::byte* from) { return Lanes::load(reinterpret_cast<const float*>(from)); }
  static __m256 broadcast(const std::byte* from) { return _mm256_broadcast_ss(reinterpret_cast<const float*>(from)); }
  static Sum add(Sum sum, Weights w, __m256 x) { return {_mm256_fmadd_ps(w.low, x, sum.low), _mm256_fmadd_ps(w.high, x, sum.high)}; }
  static Lanes::Float total(Sum sum) { return sum; }
};

struct ByteMac {
  struct Sum {
    __m256i quarter[4];  ///< of four channels each, two sums per channel
  };
  struct Weights {
    __m256i quarter[4];
  };
  static Sum zero() {
    const __m256i none = _mm256_setzero_si256();
    return {{none, none, none, none}};
  }
  static Weights weights(const std::byte* from) {
    Weights w;
    for (int i = 0; i < 4; ++i) w.quarter[i] = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + i));
    return w;
  }
  static __m256i broadcast(const std::byte* from) {
    std::int32_t four;
    __builtin_memcpy(&four, from, sizeof(four));
    return _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
  }
  static Sum add(const Sum& sum, const Weights& w, __m256i x) {
    Sum more;
    for (int i = 0; i < 4; ++i) more.quarter[i] = _mm256_add_epi32(sum.quarter[i], _mm256_madd_epi16(w.quarter[i], x));
    return more;
  }
  static Lanes::Int total(const Sum& sum) {
    const __m256i low = _mm256_hadd_epi32(sum.quarter[0], sum.quarter[1]);  // halves: channels 0 1 4 5 | 2 3 6 7
    const __m256i high = _mm256_hadd_epi32(sum.quarter[2], sum.quarter[3]);
    return {_mm256_permute4x64_epi64(low, 0xD8), _mm256_permute4x64_epi64(high, 0xD8)};
  }
};

}  // namespace
}  // namespace gatefold

#include "gatefold/kernels/tile_body.h"

namespace gatefold::detail {
const TileKernels* tile_kernels_avx2() { return &kTileKernels; }
}  // namespace gatefold::detail

#else

namespace gatefold::detail {
const TileKernels* tile_kernels_avx2() { return nullptr; }
}  // namespace gatefold::detail

#endif
