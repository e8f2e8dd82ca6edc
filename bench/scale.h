// The one argument of the programs that a claim runs at full size and a test at a hundredth: `--scale S`.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>

namespace gatefold::bench {

/// S, more than 0; 1 without arguments; nullopt for anything else, after saying on stderr how `program` is used.
inline std::optional<double> scale_of(int argc, char** argv, std::string_view program) {
  if (argc == 1) return 1;
  if (argc == 3 && std::string_view(argv[1]) == "--scale") {
    const std::string_view number = argv[2];
    double scale = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), scale);
    if (error == std::errc() && end == number.data() + number.size() && scale > 0) return scale;
  }
  fmt::print(stderr, "usage: {} [--scale S], S > 0\n", program);
  return std::nullopt;
}

}  // namespace gatefold::bench
