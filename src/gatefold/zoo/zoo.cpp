#include "gatefold/zoo/zoo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "gatefold/base/text.h"
#include "gatefold/zoo/architectures.h"

namespace gatefold {
namespace {

struct Entry {
  ZooNetwork network;
  Model (*build)(std::uint64_t seed);
};

constexpr std::string_view kTiny = "Banbury et al., MLPerf Tiny Benchmark, 2021";
constexpr std::string_view kPrefix = "zoo:";

const std::array<Entry, 7>& entries() {
  static const std::array<Entry, 7> kEntries{{
      {{"ds-cnn", "keyword spotting", {1, 1, 49, 10}, 22'604, 2'656'768, kTiny}, zoo::ds_cnn},
      {{"resnet8", "image classification", {1, 3, 32, 32}, 77'706, 12'501'632, kTiny}, zoo::resnet8},
      {{"mobilenet-v1-025-96", "visual wake words", {1, 3, 96, 96}, 210'850, 7'489'664, kTiny}, zoo::mobilenet_v1_vww},
      {{"face-320", "face detection", {1, 3, 320, 320}, 247'190, 98'713'600, "Howard et al., MobileNets, 2017, with own heads"},
       zoo::face_320},
      {{"toycar-ae", "anomaly detection", {1, 640}, 265'864, 264'192, kTiny}, zoo::toycar_ae},
      {{"mobilenet-v2-224", "image classification", {1, 3, 224, 224}, 3'487'816, 300'774'272, "Sandler et al., MobileNetV2, 2018"},
       zoo::mobilenet_v2},
      {{"resnet50-224", "image classification", {1, 3, 224, 224}, 25'530'472, 4'089'184'256, "He et al., ResNet, 2016, stride as in v1.5"},
       zoo::resnet50},
  }};
  return kEntries;
}

}  // namespace

std::span<const ZooNetwork> zoo_networks() {
  static const std::vector<ZooNetwork> kNetworks = [] {
    std::vector<ZooNetwork> networks;
    for (const Entry& entry : entries()) networks.push_back(entry.network);
    return networks;
  }();
  return kNetworks;
}

Result<Model> zoo_model(std::string_view name, std::uint64_t seed) {
  std::vector<std::string> names;
  for (const Entry& entry : entries()) {
    if (entry.network.name == name) return entry.build(seed);
    names.emplace_back(entry.network.name);
  }
  const auto near = nearest(name, names);
  return Error{ErrorCode::kInvalidInput, fmt::format("the zoo has no network '{}'{} Networks: {}", name,
                                                     near ? fmt::format(", did you mean '{}'?", *near) : ".", fmt::join(names, ", "))};
}

std::optional<std::string> zoo_name(std::string_view text) {
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  return std::string(text.substr(kPrefix.size()));
}

}  // namespace gatefold
