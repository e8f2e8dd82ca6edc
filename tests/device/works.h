// Layers and chips for tests of equations: those of keyword spotting, one deep convolution, and any other by its counts.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/device/equations.h"
#include "gatefold/device/shipped.h"

namespace gatefold::test {

inline const DeviceSpec& chip(std::string_view name) {
  static std::vector<std::unique_ptr<DeviceSpec>> read;
  for (const auto& spec : read) {
    if (spec->name == name) return *spec;
  }
  if (name == "ternary") {  // edge-nnic with the weights of US 11250326: units of a quarter's density, trees of 4 bits
    auto made = std::make_unique<DeviceSpec>(chip("edge-nnic"));
    made->name = name;
    made->ternary = true;
    made->weight_share = 4;
    made->tree_bits = 4;
    read.push_back(std::move(made));
    return *read.back();
  }
  auto spec = find_device(name);
  EXPECT_TRUE(spec) << spec.error().message;
  read.push_back(std::make_unique<DeviceSpec>(std::move(spec).value()));
  return *read.back();
}

/// A dot layer with one-byte elements unless `element` says otherwise; the input's size is that of a stride of one.
inline Work dot(WorkClass kind, std::int64_t positions, std::int64_t ic, std::int64_t oc, std::int64_t window, std::int64_t group = 1,
                std::int64_t element = 1) {
  Work work;
  work.kind = kind;
  work.positions = positions;
  work.ic = ic;
  work.oc = oc;
  work.window = window;
  work.group = group;
  work.element = Bytes(element);
  work.weights = Bytes(element * oc * window * (ic / group) + 4 * oc);
  work.input = Bytes(element * positions * ic);
  work.output = Bytes(element * positions * oc);
  work.divisible = ic;
  return work;
}

// The layers of keyword spotting (DS-CNN, MLPerf Tiny): 49 x 10 inputs, 25 x 5 positions from the first layer on.
inline Work first_convolution() {
  Work work = dot(WorkClass::kDense, 125, 1, 64, 40);
  work.input = Bytes(490);
  return work;
}
inline Work depthwise() { return dot(WorkClass::kDepthwise, 125, 64, 64, 9, 64); }
inline Work pointwise() { return dot(WorkClass::kDense, 125, 64, 64, 1); }
inline Work fully_connected() { return dot(WorkClass::kDense, 1, 64, 12, 1); }
inline Work vector(std::int64_t values, std::int64_t read, std::int64_t input, std::int64_t output, std::int64_t divisible) {
  Work work;
  work.values = Values(values);
  work.read = Bytes(read);
  work.input = Bytes(input);
  work.output = Bytes(output);
  work.divisible = divisible;
  return work;
}
inline Work average_pool() { return vector(8000, 8000, 8000, 64, 64); }
inline Work softmax() { return vector(36, 36, 12, 12, 12); }

/// 3 x 3, 256 -> 256 channels on 14 x 14 positions, as in the fourth stage of ResNet-50, in bf16.
inline Work deep_convolution() { return dot(WorkClass::kDense, 196, 256, 256, 9, 1, 2); }

inline constexpr Footprint kOne{1, 1};
inline constexpr Footprint kTwoByTwo{2, 2};

}  // namespace gatefold::test
