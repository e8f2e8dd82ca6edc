// The architectures, one function each: the layers as their publications list them.
#pragma once

#include <cstdint>

#include "gatefold/model/model.h"

namespace gatefold::zoo {

[[nodiscard]] Model ds_cnn(std::uint64_t seed);
[[nodiscard]] Model toycar_ae(std::uint64_t seed);
[[nodiscard]] Model resnet8(std::uint64_t seed);
[[nodiscard]] Model resnet50(std::uint64_t seed);
[[nodiscard]] Model mobilenet_v1_vww(std::uint64_t seed);
/// A face detector on MobileNet-v1-0.25 at 320 x 320: a head on the last layer of strides 8, 16 and 32, each a depthwise
/// separable 3x3 convolution to 64 channels and a 1x1 convolution to 3 anchors x (4 box coordinates + 2 scores).
/// Counted by hand: a pair of depthwise c and pointwise c -> c' at s x s has 9c + c + cc' + c' parameters, biases included, and
/// s^2 (9c + cc') MACs; a head on c channels 10c + (64c + 64) + (64 * 18 + 18) = 74c + 1,234 and s^2 (73c + 1,152).
///
///     layer                      s     parameters         MACs
///     conv1, 3 -> 8            160            224    5,529,600
///     8 -> 16                  160            224    5,120,000
///     16 -> 32                  80            704    4,198,400
///     32 -> 32                  80          1,376    8,396,800
///     32 -> 64                  40          2,432    3,737,600
///     64 -> 64                  40          4,800    7,475,200
///     64 -> 128                 20          8,960    3,507,200
///     128 -> 128, five times    20     5 * 17,792  5 * 7,014,400
///     128 -> 256                10         34,304    3,392,000
///     256 -> 256                10         68,352    6,784,000
///     head on 64                40          5,970    9,318,400
///     head on 128               20         10,706    4,198,400
///     head on 256               10         20,178    1,984,000
///     all                                 247,190   98,713,600
[[nodiscard]] Model face_320(std::uint64_t seed);
[[nodiscard]] Model mobilenet_v2(std::uint64_t seed);

}  // namespace gatefold::zoo
