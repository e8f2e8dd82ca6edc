// Text at the edges. Numbers are read as decimal digits and a power of ten, never through a binary floating-point
// number, so that "0.1" means a tenth and a later rounding to integers happens once, where its rule is written down.
//
// Files are written through a temporary beside the target and a rename: a reader sees the old file or the new one.
// SHA-256 is our own sixty lines: the base of every room should not drag in a cryptographic library for one
// fingerprint of at most a few megabytes. Based on: FIPS 180-4, sections 4.1.2, 5.1.1, 5.3.3 and 6.2.
#include "gatefold/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <system_error>

#include "gatefold/base/quantity.h"

namespace gatefold {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_unit_character(char c) { return is_letter(c) || c == '/' || c == '%' || c == '*' || c == '^'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

Error bad_measure(std::string_view text, std::string_view why) {
  return {ErrorCode::kInvalidInput, fmt::format("found '{}' ({}), wanted a decimal number and a unit", text, why)};
}

/// Beyond this a power of ten means a typing error; it also bounds every later scaling.
constexpr int kExponentMax = 100;

/// The digits of one number as they are read.
struct Mantissa {
  std::int64_t digits = 0;
  int exponent = 0;
  bool overflow = false;

  void append(char c) {
    if (__builtin_mul_overflow(digits, std::int64_t{10}, &digits)) overflow = true;
    if (__builtin_add_overflow(digits, std::int64_t{c - '0'}, &digits)) overflow = true;
  }
};

}  // namespace

double Measure::number() const {
  const std::string text = fmt::format("{}e{}", digits, exponent);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<Measure> parse_measure(std::string_view text) {
  std::string_view rest = text;
  const auto peek = [&rest](std::size_t i = 0) { return i < rest.size() ? rest[i] : '\0'; };
  while (is_blank(peek())) rest.remove_prefix(1);
  while (!rest.empty() && is_blank(rest.back())) rest.remove_suffix(1);

  const bool negative = peek() == '-';
  if (negative || peek() == '+') rest.remove_prefix(1);
  if (!is_digit(peek())) return bad_measure(text, "no digit where the number starts");

  Mantissa mantissa;
  for (; is_digit(peek()); rest.remove_prefix(1)) mantissa.append(peek());
  if (peek() == '.') {
    rest.remove_prefix(1);
    if (!is_digit(peek())) return bad_measure(text, "no digit after the decimal point");
    for (; is_digit(peek()); rest.remove_prefix(1)) {
      mantissa.append(peek());
      --mantissa.exponent;
      if (mantissa.exponent < -kExponentMax) return bad_measure(text, "too many digits");
    }
  }
  if (mantissa.overflow) return bad_measure(text, "too many digits");

  // 'e' is an exponent only when digits follow it; else it starts a unit.
  const bool has_sign = peek(1) == '-' || peek(1) == '+';
  if ((peek() == 'e' || peek() == 'E') && is_digit(peek(has_sign ? 2 : 1))) {
    const bool down = peek(1) == '-';
    rest.remove_prefix(has_sign ? 2 : 1);
    int power = 0;
    for (; is_digit(peek()); rest.remove_prefix(1)) power = std::min(power * 10 + (peek() - '0'), 2 * kExponentMax);
    mantissa.exponent += down ? -power : power;
  }
  if (mantissa.exponent < -kExponentMax || mantissa.exponent > kExponentMax) return bad_measure(text, "exponent too large");

  while (is_blank(peek())) rest.remove_prefix(1);
  if (!std::all_of(rest.begin(), rest.end(), is_unit_character)) {
    return bad_measure(text, "a unit is letters and / % * ^");
  }
  return Measure{negative ? -mantissa.digits : mantissa.digits, mantissa.exponent, std::string(rest)};
}

Result<std::int64_t> parse_duration_ps(std::string_view text) {
  constexpr std::int64_t kPicosecondsMax = 1'000'000'000'000'000'000;  // 10^6 s
  const auto refused = [text](std::string_view why) {
    return Error{ErrorCode::kInvalidInput, fmt::format("found '{}' ({}), wanted a duration such as 33ms, 1.5 s, 20us, 100ns", text, why)};
  };
  auto measure = parse_measure(text);
  if (!measure) return refused("not a number and a unit");
  const Measure& m = measure.value();

  constexpr std::array<std::pair<std::string_view, int>, 5> kUnits = {{{"s", 12}, {"ms", 9}, {"us", 6}, {"ns", 3}, {"ps", 0}}};
  const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&m](const auto& u) { return u.first == m.unit; });
  if (unit == kUnits.end()) return refused(m.unit.empty() ? "no unit" : "unknown unit");
  if (m.digits < 0) return refused("negative");

  std::int64_t picoseconds = m.digits;
  int power = m.exponent + unit->second;
  for (; power > 0 && picoseconds != 0; --power) {
    if (picoseconds > kPicosecondsMax / 10) return refused("longer than 10^6 s");
    picoseconds *= 10;
  }
  for (; power < 0 && picoseconds != 0; ++power) {
    if (picoseconds % 10 != 0) return refused("finer than 1 ps");
    picoseconds /= 10;
  }
  if (picoseconds > kPicosecondsMax) return refused("longer than 10^6 s");
  return picoseconds;
}

namespace {

/// Levenshtein distance, and one for swapping two neighbours, the commonest slip of the fingers. O(|a| |b|).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kWordMax = 256;  // longer is no misspelling, and the distance costs its square
  if (word.size() > kWordMax) return std::nullopt;
  std::size_t distance_min = std::max<std::size_t>(1, word.size() / 3) + 1;
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kWordMax) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < distance_min) {
      distance_min = distance;
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

namespace {

/// First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
constexpr std::array<std::uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using Sha256State = std::array<std::uint32_t, 8>;

/// Mixes one block of 64 bytes into the state (FIPS 180-4, 6.2.2).
void sha256_block(Sha256State& state, const std::uint8_t* block) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t t = 0; t < 16; ++t) {
    w[t] = std::uint32_t{block[4 * t]} << 24 | std::uint32_t{block[4 * t + 1]} << 16 | std::uint32_t{block[4 * t + 2]} << 8 |
           std::uint32_t{block[4 * t + 3]};
  }
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + sum1 + ((e & f) ^ (~e & g)) + kRoundConstants[t] + w[t];
    const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const Sha256State mixed = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += mixed[i];
}

}  // namespace

std::string sha256(std::span<const std::byte> bytes) {
  // First 32 bits of the fractional parts of the square roots of the first 8 primes (FIPS 180-4, 5.3.3).
  Sha256State state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block{};
  std::span<const std::byte> rest = bytes;
  for (; rest.size() >= block.size(); rest = rest.subspan(block.size())) {
    std::memcpy(block.data(), rest.data(), block.size());
    sha256_block(state, block.data());
  }
  // Padding: a one bit, zeros, and the length in bits in the last 8 bytes of a block.
  block.fill(0);
  if (!rest.empty()) std::memcpy(block.data(), rest.data(), rest.size());
  block[rest.size()] = 0x80;
  if (rest.size() >= 56) {
    sha256_block(state, block.data());
    block.fill(0);
  }
  const std::uint64_t bit_count = std::uint64_t{bytes.size()} * 8;
  for (std::size_t i = 0; i < 8; ++i) block[56 + i] = static_cast<std::uint8_t>(bit_count >> (56 - 8 * i));
  sha256_block(state, block.data());

  std::string text;
  for (const std::uint32_t word : state) text += fmt::format("{:08x}", word);
  return text;
}

std::string sha256(std::string_view text) { return sha256(std::as_bytes(std::span(text.data(), text.size()))); }

namespace {

Error io_error(const std::filesystem::path& path, std::string_view what, int error) {
  return {ErrorCode::kIo, fmt::format("{}: {}: {}", path.string(), what, std::generic_category().message(error))};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::int64_t size_max) {
  GATEFOLD_REQUIRE(size_max >= 0);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return io_error(path, "cannot read", ENOENT);
  if (error) return io_error(path, "cannot read", error.value());
  if (status.type() != std::filesystem::file_type::regular) {
    return Error{ErrorCode::kIo, fmt::format("{}: found a folder or a special file, wanted a regular file", path.string())};
  }
  const auto size = std::filesystem::file_size(path, error);
  if (error) return io_error(path, "cannot read", error.value());
  if (size > static_cast<std::uintmax_t>(size_max)) {
    return Error{ErrorCode::kInvalidInput, fmt::format("{}: found {} bytes, wanted at most {}", path.string(), size, size_max)};
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return io_error(path, "cannot read", errno);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (stream.bad()) return io_error(path, "cannot read", EIO);
  bytes.resize(static_cast<std::size_t>(stream.gcount()));  // the file may have shrunk meanwhile
  return bytes;
}

namespace {

/// Writes everything, across interrupted and partial writes. Returns 0 or errno.
int write_whole(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  // Without it a crash after the rename may leave an empty file under the final name.
  return ::fsync(descriptor) == 0 ? 0 : errno;
}

}  // namespace

Status write_file(const std::filesystem::path& path, std::string_view bytes) {
  static std::atomic<unsigned> counter{0};  // distinct temporaries for threads that write at once
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  const bool exists = std::filesystem::exists(status);
  // A rename would replace a device such as /dev/null by a plain file.
  if (exists && !std::filesystem::is_regular_file(status)) {
    return Error{ErrorCode::kIo, fmt::format("{}: found a folder or a special file, wanted a regular file", path.string())};
  }
  const std::filesystem::path target = exists ? std::filesystem::canonical(path, error) : path;  // writes through a link
  if (exists && error) return io_error(path, "cannot write", error.value());

  const std::string temporary = fmt::format("{}.{}-{}.tmp", target.string(), ::getpid(), counter++);
  const mode_t mode = exists ? static_cast<mode_t>(status.permissions()) & 0777 : 0666;
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (descriptor < 0) return io_error(path, "cannot write", errno);
  int failure = write_whole(descriptor, bytes);
  if (::close(descriptor) != 0 && failure == 0) failure = errno;
  if (failure == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) failure = errno;
  if (failure != 0) {
    ::unlink(temporary.c_str());
    return io_error(path, "cannot write", failure);
  }
  return Done{};
}

}  // namespace gatefold
