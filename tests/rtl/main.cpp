// gatefold_rtl_witness --scale S --seed N: S x 2,000 random layers and S x 2,000 gating sequences through the RTL, at least 10 of each.
// Exit status 0 if RTL and model agree, 1 if they do not, 2 for wrong arguments. The last line is what was measured.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "invariants/random.h"
#include "rtl/gating.h"
#include "rtl/layers.h"

namespace gatefold::test {
namespace {

constexpr double kFull = 2000;
constexpr std::int64_t kLeast = 10;

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

int run(int argc, char** argv) {
  double scale = 1;
  std::uint64_t seed = 1;
  bool good = argc % 2 == 1;
  for (int i = 1; good && i < argc; i += 2) {
    const std::string_view key = argv[i];
    good = key == "--scale" ? parse(argv[i + 1], scale) : key == "--seed" && parse(argv[i + 1], seed);
  }
  if (!good || !(scale > 0)) {
    fmt::print(stderr, "usage: gatefold_rtl_witness [--scale S] [--seed N]\n");
    return 2;
  }
  const auto count = std::max(kLeast, static_cast<std::int64_t>(kFull * scale));
  Random seeds(seed);
  LayerFigures layers;
  const std::int64_t full = std::max<std::int64_t>(2, count / 5);
  check_layers(true, full, seeds.next(), layers);
  check_layers(false, count - full, seeds.next(), layers);
  check_worked_examples(layers);
  check_error_flag(layers);
  GatingFigures gating;
  for (std::int64_t made = 0; made < count; ++made) check_gating(seeds.next(), gating);

  fmt::print(
      "layers: {} on 64 x 144, {} on 4 x 6; {} depthwise, {} of several passes, {} of several chunks, {} on several cores; {} cycles\n",
      full, count - full, layers.depthwise, layers.several_passes, layers.several_chunks, layers.several_cores, layers.cycles);
  fmt::print("cycles: {} equal to layer_cycles, {} of them write-bound; {} write-bound with a small buffer and up to {:.0f} % longer\n",
             layers.exact + layers.write_bound, layers.write_bound, layers.held_up, 100 * layers.excess_most);
  fmt::print("routes: {} hidden, {} waited for, {} waited for banks\n", layers.routes_hidden, layers.routes_waited, layers.banks_waited);
  fmt::print("gating: {} gaps, {} in RETENTION, {} OFF, {} of unknown length; {} early accesses and {} after the idle limit caught\n",
             gating.gaps, gating.retained, gating.off, gating.unknown, gating.early, gating.timed_out);
  const std::int64_t differences = layers.differences + gating.differences;
  fmt::print("figure: {} layers, {} gating sequences, {} differences\n", layers.layers, gating.sequences, differences);
  return differences == 0 ? 0 : 1;
}

}  // namespace
}  // namespace gatefold::test

int main(int argc, char** argv) { return gatefold::test::run(argc, argv); }
