// Text at the edges: quantities with units as people write them, suggestions for misspelt words, hashes, whole-file I/O.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/base/result.h"

namespace gatefold {

/// A decimal number and its unit, separated by optional blanks: "0.2 mW/MiB", "33ms", "512KiB". The number is kept
/// exactly as digits * 10^exponent.
struct Measure {
  std::int64_t digits = 0;  ///< signed mantissa
  int exponent = 0;         ///< power of ten
  std::string unit;         ///< as written, may be empty
  [[nodiscard]] double number() const;
};
/// Errors: kInvalidInput for anything that is not a finite decimal number followed by a unit of letters and "/%*^".
[[nodiscard]] Result<Measure> parse_measure(std::string_view text);

/// "33ms", "1.5 s", "20us", "100ns" -> seconds, as an exact count of picoseconds. Errors: kInvalidInput (no unit, unknown
/// unit, negative, beyond 10^6 s).
[[nodiscard]] Result<std::int64_t> parse_duration_ps(std::string_view text);

/// The candidate nearest to `word` by edit distance, if it is near enough to be a misspelling (distance <= 1/3 of its length, at least 1).
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// SHA-256, lower-case hexadecimal.
[[nodiscard]] std::string sha256(std::span<const std::byte> bytes);
[[nodiscard]] std::string sha256(std::string_view text);

/// Reads a whole regular file of at most `size_max` bytes. Errors: kIo (missing, a folder, unreadable), kInvalidInput (too large).
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::int64_t size_max);
/// Writes a file whole or not at all: a temporary beside it, then a rename. Errors: kIo.
[[nodiscard]] Status write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace gatefold
