// The tile kernels in plain C++, for any processor: what the others must equal, bit for bit where they sum integers.
#include "gatefold/kernels/tile_kernels.h"

namespace gatefold {
namespace {

constexpr int kPositionsMax = 2;
constexpr int kWidePanels = 1;
constexpr int kNarrowPositions = 1;
constexpr bool kHoldsNineTaps = false;  // registers for the weights of nine taps beside six sums

struct Lanes {
  struct Float {
    float lane[kPanel];
  };
  struct Int {
    std::int32_t lane[kPanel];
  };
  template <class To, class F>
  static To each(F f) {
    To result;
    for (int i = 0; i < kPanel; ++i) result.lane[i] = f(i);
    return result;
  }
  static Float load(const float* from) {
    return each<Float>([=](int i) { return from[i]; });
  }
  static Int load(const std::int32_t* from) {
    return each<Int>([=](int i) { return from[i]; });
  }
  static Float load_part(const float* from, std::int64_t count) {
    return each<Float>([=](int i) { return i < count ? from[i] : 0.0F; });
  }
  static Float add(const Float& a, const Float& b) {
    return each<Float>([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static Int add(const Int& a, const Int& b) {
    return each<Int>([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static Float mul(const Float& a, const Float& b) {
    return each<Float>([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static Float fma(const Float& a, const Float& b, const Float& c) {
    return each<Float>([&](int i) { return a.lane[i] * b.lane[i] + c.lane[i]; });
  }
  static Float clamp(const Float& x, float low, float high) {
    return each<Float>([&](int i) {
      const float raised = x.lane[i] < low ? low : x.lane[i];
      return raised > high ? high : raised;
    });
  }
  static Float to_float(const Int& x) {
    return each<Float>([&](int i) { return static_cast<float>(x.lane[i]); });
  }
  static Int rounded(const Float& x, std::int32_t zero) {
    return each<Int>([&](int i) { return saturate_rounded(x.lane[i], zero, {INT32_MIN, INT32_MAX}); });
  }
  /// The sum of all lanes.
  static float total(const Float& x) {
    float sum = 0;
    for (const float one : x.lane) sum += one;
    return sum;
  }
  static void store_part(float* to, const Float& x, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = x.lane[i];
  }
  static void store_bytes(std::uint8_t* to, const Int& x, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<std::uint8_t>(x.lane[i]);
  }
};

struct FloatMac {
  using Sum = Lanes::Float;
  using Weights = Lanes::Float;
  static Sum zero() { return Sum{}; }
  static Weights weights(const std::byte* from) { return Lanes::load(reinterpret_cast<const float*>(from)); }
  static float broadcast(const std::byte* from) { return *reinterpret_cast<const float*>(from); }
  static Sum add(const Sum& sum, const Weights& w, float x) {
    return Lanes::each<Sum>([&](int i) { return sum.lane[i] + w.lane[i] * x; });
  }
  static Lanes::Float total(const Sum& sum) { return sum; }
};

struct ByteMac {
  using Sum = Lanes::Int;
  using Weights = const std::int8_t*;
  static Sum zero() { return Sum{}; }
  static Weights weights(const std::byte* from) { return reinterpret_cast<const std::int8_t*>(from); }
  static const std::uint8_t* broadcast(const std::byte* from) { return reinterpret_cast<const std::uint8_t*>(from); }
  static Sum add(const Sum& sum, Weights w, const std::uint8_t* x) {
    return Lanes::each<Sum>(
        [&](int i) { return sum.lane[i] + x[0] * w[4 * i] + x[1] * w[4 * i + 1] + x[2] * w[4 * i + 2] + x[3] * w[4 * i + 3]; });
  }
  static Lanes::Int total(const Sum& sum) { return sum; }
};

}  // namespace
}  // namespace gatefold

#include "gatefold/kernels/tile_body.h"

namespace gatefold::detail {
const TileKernels* tile_kernels_baseline() { return &kTileKernels; }
}  // namespace gatefold::detail
