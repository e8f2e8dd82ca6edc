#include "gatefold/kernels/zeros.h"

#include <algorithm>
#include <cmath>

#include "gatefold/model/visit_type.h"

namespace gatefold {
namespace {

/// The input of one chunk walk. Element e of a core's window is channel first + e / window, row and column of the kernel.
template <class T>
struct Walk {
  const DotGeometry& dot;
  std::span<const T> x;
  T zero;

  [[nodiscard]] bool is_zero(std::int64_t image, std::int64_t channel, std::int64_t y, std::int64_t x_at) const {
    if (y < 0 || y >= dot.ih || x_at < 0 || x_at >= dot.iw) return true;
    return x[static_cast<std::size_t>(((image * dot.ic + channel) * dot.ih + y) * dot.iw + x_at)] == zero;
  }

  /// True if elements [begin, end) of the window that starts at channel `first` are all zero.
  [[nodiscard]] bool all_zero(std::int64_t image, std::int64_t oy, std::int64_t ox, std::int64_t first, std::int64_t begin,
                              std::int64_t end) const {
    const std::int64_t window = dot.kh * dot.kw;
    std::int64_t channel = first + begin / window;
    std::int64_t r = begin % window / dot.kw;
    std::int64_t s = begin % dot.kw;
    for (std::int64_t e = begin; e < end; ++e) {
      if (!is_zero(image, channel, oy * dot.sh + r * dot.dh - dot.pad_top, ox * dot.sw + s * dot.dw - dot.pad_left)) return false;
      if (++s < dot.kw) continue;
      s = 0;
      if (++r < dot.kh) continue;
      r = 0;
      ++channel;
    }
    return true;
  }

  [[nodiscard]] ChunkCount count(std::int64_t cores, std::int64_t inputs) const {
    std::vector<Range> shares;
    for (std::int64_t c = 0; c < cores; ++c) shares.push_back(part_of(dot.ic, cores, c));
    ChunkCount sum;
    for (std::int64_t position = 0; position < dot.n * dot.oh * dot.ow; ++position) {
      const std::int64_t image = position / (dot.oh * dot.ow);
      const std::int64_t oy = position / dot.ow % dot.oh;
      const std::int64_t ox = position % dot.ow;
      std::int64_t most = 1;  // a position without inputs still gives a result
      for (const Range& share : shares) {
        const std::int64_t slice = share.count() * dot.kh * dot.kw;
        std::int64_t chunks = 0;
        for (std::int64_t begin = 0; begin < slice; begin += inputs) {
          if (!all_zero(image, oy, ox, share.begin, begin, std::min(begin + inputs, slice))) ++chunks;
        }
        most = std::max(most, chunks);
        sum.all += chunks;
      }
      sum.slowest += most;
    }
    return sum;
  }
};

}  // namespace

std::int64_t nonzero_count(TensorView x, std::int64_t zero) {
  return visit_type(x.type, [&](auto of) -> std::int64_t {
    using T = decltype(of);
    const auto values = x.values<T>();
    const T none = static_cast<T>(zero);
    return std::ssize(values) - static_cast<std::int64_t>(std::count(values.begin(), values.end(), none));
  });
}

ChunkCount nonzero_chunks(const DotGeometry& dot, TensorView x, std::int64_t zero, std::int64_t cores, std::int64_t inputs) {
  GATEFOLD_REQUIRE(dot.group == 1 && cores >= 1 && inputs >= 1);
  return visit_type(x.type, [&](auto of) {
    using T = decltype(of);
    return Walk<T>{dot, x.values<T>(), static_cast<T>(zero)}.count(cores, inputs);
  });
}

NonzeroWeights nonzero_weights(const Tensor& weights, const std::vector<std::int32_t>& zero_points) {
  const std::int64_t filters = weights.shape()[0];
  const std::int64_t channels = weights.shape()[1];
  const std::int64_t window = weights.shape().elements(2, weights.shape().rank());
  NonzeroWeights found;
  found.counts.assign(static_cast<std::size_t>(filters * channels), 0);
  for (std::int64_t f = 0; f < filters; ++f) {
    const std::int32_t zero = zero_points.empty() ? 0 : zero_points[zero_points.size() == 1 ? 0 : static_cast<std::size_t>(f)];
    double size = 0;
    for (std::int64_t i = 0; i < channels * window; ++i) {
      const double value = weights.number_at(f * channels * window + i) - zero;
      if (value == 0) continue;
      ++found.counts[static_cast<std::size_t>(f * channels + i / window)];
      if (size == 0) size = std::abs(value);
      if (std::abs(value) == size || !found.ternary) continue;
      found.ternary = false;
      found.filter = f;
    }
  }
  return found;
}

}  // namespace gatefold
