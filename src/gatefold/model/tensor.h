// Element types, shapes and tensors: plain data.
//
// A Tensor is an immutable value: a type, a shape and shared bytes in row-major order. A constant whose elements are
// all equal may stay symbolic (one stored element, `is_splat`), so that networks with generated weights cost nothing.
// Views borrow; they never outlive the bytes they point into.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gatefold/base/contract.h"

namespace gatefold {

enum class ElementType : std::uint8_t { kFloat32, kFloat64, kInt8, kUInt8, kInt16, kUInt16, kInt32, kInt64, kBool };

/// Bytes of one element.
[[nodiscard]] std::int64_t element_size(ElementType type);
/// "float32", "int8", ..: the names numpy uses.
[[nodiscard]] std::string_view name(ElementType type);
[[nodiscard]] bool is_float(ElementType type);
/// int8 and uint8: what a quantised activation or weight is stored as.
[[nodiscard]] bool is_quantised(ElementType type);

template <class T>
[[nodiscard]] constexpr ElementType element_type_of() {
  if constexpr (std::is_same_v<T, float>) return ElementType::kFloat32;
  else if constexpr (std::is_same_v<T, double>) return ElementType::kFloat64;
  else if constexpr (std::is_same_v<T, std::int8_t>) return ElementType::kInt8;
  else if constexpr (std::is_same_v<T, std::uint8_t>) return ElementType::kUInt8;
  else if constexpr (std::is_same_v<T, std::int16_t>) return ElementType::kInt16;
  else if constexpr (std::is_same_v<T, std::uint16_t>) return ElementType::kUInt16;
  else if constexpr (std::is_same_v<T, std::int32_t>) return ElementType::kInt32;
  else if constexpr (std::is_same_v<T, std::int64_t>) return ElementType::kInt64;
  else if constexpr (std::is_same_v<T, bool>) return ElementType::kBool;
  else static_assert(!sizeof(T), "not an element type");
}

/// Extents of a tensor, outermost first, held inline. Rank 0 is a scalar (one element).
class Shape {
 public:
  static constexpr int kRankMax = 8;  // no network of the field uses more; a larger rank is refused on import

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims);
  /// Requires: dims.size() <= kRankMax, every extent >= 0.
  explicit Shape(std::span<const std::int64_t> dims);

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] std::int64_t operator[](int axis) const {
    GATEFOLD_REQUIRE(axis >= 0 && axis < rank_);
    return dims_[static_cast<std::size_t>(axis)];
  }
  [[nodiscard]] std::span<const std::int64_t> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }
  /// The product of all extents. Requires: it fits in 63 bits (import refuses larger tensors).
  [[nodiscard]] std::int64_t elements() const;
  /// The product of the extents in [first, last).
  [[nodiscard]] std::int64_t elements(int first, int last) const;
  /// "[1, 64, 25, 5]".
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, kRankMax> dims_{};
  int rank_ = 0;
};

/// Borrowed bytes of one tensor.
struct TensorView {
  ElementType type = ElementType::kFloat32;
  Shape shape;
  const std::byte* bytes = nullptr;

  template <class T>
  [[nodiscard]] std::span<const T> values() const {
    GATEFOLD_REQUIRE(type == element_type_of<T>());
    return {reinterpret_cast<const T*>(bytes), static_cast<std::size_t>(shape.elements())};
  }
};

struct MutableTensorView {
  ElementType type = ElementType::kFloat32;
  Shape shape;
  std::byte* bytes = nullptr;

  template <class T>
  [[nodiscard]] std::span<T> values() const {
    GATEFOLD_REQUIRE(type == element_type_of<T>());
    return {reinterpret_cast<T*>(bytes), static_cast<std::size_t>(shape.elements())};
  }
  operator TensorView() const { return {type, shape, bytes}; }  // NOLINT(google-explicit-constructor)
};

namespace detail {
struct FreeBytes {
  void* mapping = nullptr;  ///< nullptr: from the heap
  std::size_t mapping_size = 0;
  void operator()(std::byte* bytes) const;
};
}  // namespace detail

/// Owned bytes, aligned to a cache line (64 bytes), uninitialised.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size);
  /// For what lives long or is walked through often: pages of 2 MiB where the size is worth them and the system has them.
  [[nodiscard]] static Buffer of_large_pages(std::size_t size);
  [[nodiscard]] std::byte* data() { return bytes_.get(); }
  [[nodiscard]] const std::byte* data() const { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Buffer(std::byte* bytes, std::size_t size, const detail::FreeBytes& free) : bytes_(bytes, free), size_(size) {}
  std::unique_ptr<std::byte[], detail::FreeBytes> bytes_;
  std::size_t size_ = 0;
};

class Tensor {
 public:
  Tensor() = default;
  /// Takes the bytes. Requires: buffer.size() == shape.elements() * element_size(type).
  Tensor(ElementType type, const Shape& shape, Buffer buffer);
  /// Shares the bytes. Requires: there are shape.elements() * element_size(type) of them, aligned to 8 bytes; they never change.
  Tensor(ElementType type, const Shape& shape, std::shared_ptr<const std::byte> bytes);

  /// Copies `values`. Requires: values.size() == shape.elements().
  template <class T>
  static Tensor of(const Shape& shape, std::span<const T> values) {
    return copied(element_type_of<T>(), shape, std::as_bytes(values));
  }
  template <class T>
  static Tensor of(const Shape& shape, std::initializer_list<T> values) {
    return of<T>(shape, std::span<const T>(values.begin(), values.size()));
  }
  /// A symbolic constant: every element equals `value`; allocates one element.
  template <class T>
  static Tensor splat(const Shape& shape, T value) {
    Tensor tensor = copied(element_type_of<T>(), Shape{}, std::as_bytes(std::span<const T>(&value, 1)));
    tensor.shape_ = shape;
    tensor.splat_ = true;
    return tensor;
  }

  [[nodiscard]] ElementType type() const { return type_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] bool is_splat() const { return splat_; }
  /// A dense copy of a splat; a dense tensor is returned as it is (its bytes stay shared).
  [[nodiscard]] Tensor dense() const;
  /// The same bytes under another shape. Requires: equal element counts.
  [[nodiscard]] Tensor reshaped(const Shape& shape) const;
  /// Requires: !is_splat().
  [[nodiscard]] TensorView view() const;
  /// Requires: !is_splat() and the right type.
  template <class T>
  [[nodiscard]] std::span<const T> values() const {
    return view().values<T>();
  }
  /// One element by its row-major index, as a number. Works on splats.
  [[nodiscard]] double number_at(std::int64_t index) const;
  /// One element of an integer tensor by its row-major index. Works on splats. Requires: an integer type.
  [[nodiscard]] std::int64_t integer_at(std::int64_t index) const;

 private:
  static Tensor copied(ElementType type, const Shape& shape, std::span<const std::byte> bytes);

  ElementType type_ = ElementType::kFloat32;
  Shape shape_{0};
  bool splat_ = false;
  std::shared_ptr<const std::byte> bytes_;
};

}  // namespace gatefold
