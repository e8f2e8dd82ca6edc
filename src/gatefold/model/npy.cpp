// The header is the literal of a Python dictionary with exactly three keys; it is read by a small scanner of its own,
// which knows strings, the two booleans and tuples of whole numbers, and nothing else of the language.
#include "gatefold/model/npy.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatefold {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kHeaderSizeMax = 65536;  // the format's own limit in version 1; real headers take 128 bytes

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

Error broken(std::string what) { return {ErrorCode::kInvalidInput, "npy header: " + std::move(what)}; }

/// Reads literals from the left; every member returns nullopt or false, and stays where it was, if the literal is not there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char wanted) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<std::string> string() {
    skip_blanks();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::optional<bool> boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return value;
      }
    }
    return std::nullopt;
  }

  /// "()", "(5,)", "(1, 2)".
  std::optional<std::vector<std::int64_t>> tuple() {
    if (!take('(')) return std::nullopt;
    std::vector<std::int64_t> numbers;
    while (!take(')')) {
      skip_blanks();
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
      if (error != std::errc{} || number < 0) return std::nullopt;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      numbers.push_back(number);
      if (!take(',')) {
        if (!take(')')) return std::nullopt;
        break;
      }
    }
    return numbers;
  }

  bool at_end() {
    skip_blanks();
    return rest_.empty();
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }
  std::string_view rest_;
};

Result<Header> parse_header(std::string_view text) {
  Scanner scan(text);
  Header header;
  if (!scan.take('{')) return broken("want a dictionary in braces");
  while (!scan.take('}')) {
    const std::optional<std::string> key = scan.string();
    if (!key || !scan.take(':')) return broken("want 'key': value");
    bool read = false;
    if (*key == "descr") {
      if (header.descr) return broken("key 'descr' appears twice");
      read = (header.descr = scan.string()).has_value();
    } else if (*key == "fortran_order") {
      if (header.fortran_order) return broken("key 'fortran_order' appears twice");
      read = (header.fortran_order = scan.boolean()).has_value();
    } else if (*key == "shape") {
      if (header.shape) return broken("key 'shape' appears twice");
      read = (header.shape = scan.tuple()).has_value();
    } else {
      return broken(fmt::format("unknown key '{}', want descr, fortran_order and shape", *key));
    }
    if (!read) return broken(fmt::format("the value of '{}' is not one that this reader knows", *key));
    if (!scan.take(',')) {
      if (!scan.take('}')) return broken(fmt::format("want ',' or '}}' after '{}'", *key));
      break;
    }
  }
  if (!scan.at_end()) return broken("found text after the dictionary");
  if (!header.descr) return broken("key 'descr' is missing");
  if (!header.fortran_order) return broken("key 'fortran_order' is missing");
  if (!header.shape) return broken("key 'shape' is missing");
  return header;
}

Result<ElementType> parse_type(const std::string& descr) {
  // '|' marks types of one byte, which have no byte order; '<' and '=' are little endian on every machine we build for.
  static constexpr std::pair<std::string_view, ElementType> kTypes[] = {
      {"f4", ElementType::kFloat32}, {"f8", ElementType::kFloat64}, {"i1", ElementType::kInt8},
      {"u1", ElementType::kUInt8},   {"i2", ElementType::kInt16},   {"u2", ElementType::kUInt16},
      {"i4", ElementType::kInt32},   {"i8", ElementType::kInt64},   {"b1", ElementType::kBool},
  };
  const std::string_view all = descr;
  if (all.starts_with('>')) {
    return Error{ErrorCode::kUnsupported, fmt::format("npy array of type '{}' is big endian, want little endian", descr)};
  }
  const std::string_view type = all.substr(all.find_first_of("<|=") == 0 ? 1 : 0);
  for (const auto& [known, element] : kTypes) {
    if (type == known) return element;
  }
  return Error{ErrorCode::kUnsupported,
               fmt::format("npy array of type '{}': want float32, float64, int8, uint8, int16, uint16, int32, int64 or bool", descr)};
}

std::size_t little_endian(std::string_view bytes) {
  std::size_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

/// Checks the array's size against `data` without overflow.
Result<Shape> checked_shape(const std::vector<std::int64_t>& dims, ElementType type, std::size_t data) {
  if (dims.size() > static_cast<std::size_t>(Shape::kRankMax)) {
    return Error{ErrorCode::kUnsupported, fmt::format("npy array of rank {}, want at most {}", dims.size(), Shape::kRankMax)};
  }
  // A zero extent makes any others harmless, but Shape::elements multiplies from the left, so each product is checked.
  std::int64_t wanted = element_size(type);
  for (const std::int64_t dim : dims) {
    if (__builtin_mul_overflow(wanted, dim, &wanted)) return broken("the shape has more elements than any file");
  }
  const Shape shape{std::span<const std::int64_t>(dims)};
  if (static_cast<std::size_t>(wanted) != data) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("npy array {} of {} takes {} bytes, found {} after the header", shape.text(), name(type), wanted, data)};
  }
  return shape;
}

}  // namespace

Result<Tensor> parse_npy(std::span<const std::byte> bytes) {
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!rest.starts_with(kMagic)) return Error{ErrorCode::kInvalidInput, "not an .npy file: the magic bytes '\\x93NUMPY' are missing"};
  rest.remove_prefix(kMagic.size());
  if (rest.size() < 2) return broken("cut off after the magic bytes");
  const int major = static_cast<unsigned char>(rest[0]);
  if (major < 1 || major > 3) {
    return Error{ErrorCode::kUnsupported, fmt::format("npy format version {}, want 1, 2 or 3", major)};
  }
  rest.remove_prefix(2);
  const std::size_t width = major == 1 ? 2 : 4;
  if (rest.size() < width) return broken("cut off before its length");
  const std::size_t length = little_endian(rest.substr(0, width));
  rest.remove_prefix(width);
  if (length > kHeaderSizeMax) return broken(fmt::format("its length is {} bytes, want at most {}", length, kHeaderSizeMax));
  if (rest.size() < length) return broken(fmt::format("its length is {} bytes, found {}", length, rest.size()));
  GATEFOLD_TRY(const Header header, parse_header(rest.substr(0, length)));
  rest.remove_prefix(length);

  GATEFOLD_TRY(const ElementType type, parse_type(*header.descr));
  // With at most one extent above 1 both orders are the same bytes, and numpy says True for some such arrays.
  std::int64_t long_axes = 0;
  for (const std::int64_t dim : *header.shape) long_axes += dim > 1;
  if (*header.fortran_order && long_axes > 1) {
    return Error{ErrorCode::kUnsupported, "npy array in Fortran order, want C order (numpy.ascontiguousarray)"};
  }
  GATEFOLD_TRY(const Shape shape, checked_shape(*header.shape, type, rest.size()));
  if (type == ElementType::kBool && rest.find_first_not_of(std::string_view("\0\1", 2)) != std::string_view::npos) {
    return Error{ErrorCode::kInvalidInput, "npy array of bool holds a byte other than 0 and 1"};
  }
  Buffer buffer(rest.size());
  if (!rest.empty()) std::memcpy(buffer.data(), rest.data(), rest.size());
  return Tensor(type, shape, std::move(buffer));
}

}  // namespace gatefold
