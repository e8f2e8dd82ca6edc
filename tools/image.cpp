// The axis of extent 1 or 3 tells [n, c, h, w] from [n, h, w, c]; where both could be, channels first wins, which is
// what ONNX networks use. Resizing takes pixel centres at half-integers, as image libraries do; it does not filter, so a
// picture many times larger than the input aliases: scale it down first.
#include "image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

#include "gatefold/base/text.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb/stb_image.h>

namespace gatefold::tool {
namespace {

constexpr std::int64_t kFileSizeMax = std::int64_t{256} << 20;  // far above any picture of kPixelsMax
constexpr std::int64_t kPixelsMax = 64'000'000;                 // 192 MB once decoded

/// Where the picture goes.
struct Layout {
  std::int64_t channels, height, width;
  bool channels_first;
};

Result<Layout> layout_of(const Activation& input) {
  const Shape& shape = input.shape;
  if (shape.rank() == 4 && shape[0] == 1) {
    if (shape[1] == 1 || shape[1] == 3) return Layout{shape[1], shape[2], shape[3], true};
    if (shape[3] == 1 || shape[3] == 3) return Layout{shape[3], shape[1], shape[2], false};
  }
  return Error{ErrorCode::kInvalidInput,
               fmt::format("input '{}' {} takes no image, want [1, c, h, w] or [1, h, w, c] with c = 1 or 3", input.name, shape.text())};
}

/// How the first layer that computes on the input reads it; moves on the way do not change values.
std::optional<Quantisation> dequantisation(const LayerGraph& graph, TensorId tensor) {
  for (const LayerId consumer : graph.activation(tensor).consumers) {
    const Layer& layer = graph.layer(consumer);
    for (const Operand& operand : layer.inputs) {
      if (operand.tensor == tensor && operand.dequantise) return operand.dequantise;
    }
    if (layer.kind != LayerKind::kMove) continue;
    for (const TensorId output : layer.outputs) {
      if (auto found = dequantisation(graph, output)) return found;
    }
  }
  return std::nullopt;
}

struct Free {
  void operator()(stbi_uc* pixels) const { std::free(pixels); }
};
struct Picture {
  std::unique_ptr<stbi_uc, Free> pixels;  ///< [height, width, channels]
  std::int64_t height = 0, width = 0, channels = 0;
  [[nodiscard]] float at(std::int64_t y, std::int64_t x, std::int64_t c) const {
    return static_cast<float>(pixels.get()[(y * width + x) * channels + c]);
  }
};

Result<Picture> decode(const std::string& bytes, std::int64_t channels) {
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, found = 0;
  if (stbi_info_from_memory(data, size, &width, &height, &found) == 0) {
    return Error{ErrorCode::kInvalidInput, fmt::format("not a PNG or JPEG picture that can be read: {}", stbi_failure_reason())};
  }
  if (static_cast<std::int64_t>(width) * height > kPixelsMax) {
    return Error{ErrorCode::kInvalidInput, fmt::format("the picture is {} x {}, want at most {} pixels", width, height, kPixelsMax)};
  }
  Picture picture;
  picture.pixels.reset(stbi_load_from_memory(data, size, &width, &height, &found, static_cast<int>(channels)));
  if (!picture.pixels) return Error{ErrorCode::kInvalidInput, fmt::format("broken picture: {}", stbi_failure_reason())};
  picture.height = height;
  picture.width = width;
  picture.channels = channels;
  return picture;
}

/// The two source positions around a target pixel and the weight of the second.
struct Between {
  std::int64_t low, high;
  float weight;
};
std::vector<Between> between(std::int64_t source, std::int64_t target) {
  std::vector<Between> positions;
  positions.reserve(static_cast<std::size_t>(target));
  for (std::int64_t i = 0; i < target; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * static_cast<double>(source) / static_cast<double>(target) - 0.5;
    const double inside = std::clamp(centre, 0.0, static_cast<double>(source - 1));
    const auto low = static_cast<std::int64_t>(inside);
    positions.push_back({low, std::min(low + 1, source - 1), static_cast<float>(inside - static_cast<double>(low))});
  }
  return positions;
}

/// [0, 255] at the input's size, in the input's order.
std::vector<float> resized(const Picture& picture, const Layout& layout) {
  const std::vector<Between> rows = between(picture.height, layout.height);
  const std::vector<Between> columns = between(picture.width, layout.width);
  std::vector<float> values(static_cast<std::size_t>(layout.channels * layout.height * layout.width));
  for (std::int64_t y = 0; y < layout.height; ++y) {
    const Between& row = rows[static_cast<std::size_t>(y)];
    for (std::int64_t x = 0; x < layout.width; ++x) {
      const Between& column = columns[static_cast<std::size_t>(x)];
      for (std::int64_t c = 0; c < layout.channels; ++c) {
        const float top = std::lerp(picture.at(row.low, column.low, c), picture.at(row.low, column.high, c), column.weight);
        const float bottom = std::lerp(picture.at(row.high, column.low, c), picture.at(row.high, column.high, c), column.weight);
        const std::int64_t index =
            layout.channels_first ? (c * layout.height + y) * layout.width + x : (y * layout.width + x) * layout.channels + c;
        values[static_cast<std::size_t>(index)] = std::lerp(top, bottom, row.weight);
      }
    }
  }
  return values;
}

template <class T>
Tensor quantised(const Shape& shape, const std::vector<float>& pixels, const Quantisation& how) {
  std::vector<T> stored;
  stored.reserve(pixels.size());
  for (const float pixel : pixels) {
    const float level = std::nearbyint(pixel / 255 / how.scale[0]) + static_cast<float>(how.zero_point[0]);
    stored.push_back(static_cast<T>(
        std::clamp(level, static_cast<float>(std::numeric_limits<T>::min()), static_cast<float>(std::numeric_limits<T>::max()))));
  }
  return Tensor::of<T>(shape, std::span<const T>(stored));
}

}  // namespace

Result<Tensor> read_image(const std::string& path, const LayerGraph& graph) {
  if (graph.inputs.size() != 1) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("the network has {} inputs, an image needs a network with one", graph.inputs.size())};
  }
  const Activation& input = graph.activation(graph.inputs[0]);
  GATEFOLD_TRY(const Layout layout, layout_of(input));
  GATEFOLD_TRY(const std::string bytes, read_file(path, kFileSizeMax));
  auto picture = decode(bytes, layout.channels);
  if (!picture) return std::move(picture).error().within(path);
  std::vector<float> pixels = resized(picture.value(), layout);
  if (input.type == ElementType::kFloat32) {
    for (float& pixel : pixels) pixel /= 255;
    return Tensor::of<float>(input.shape, std::span<const float>(pixels));
  }
  const std::optional<Quantisation> how = dequantisation(graph, graph.inputs[0]);
  if (!is_quantised(input.type) || !how || !how->per_tensor()) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("input '{}' is {}: an image needs float32, or int8 or uint8 that the network dequantises with one scale",
                             input.name, name(input.type))};
  }
  if (input.type == ElementType::kInt8) return quantised<std::int8_t>(input.shape, pixels, *how);
  return quantised<std::uint8_t>(input.shape, pixels, *how);
}

}  // namespace gatefold::tool
