#include "gatefold/model/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "gatefold/model/visit_type.h"

namespace gatefold {
namespace {

constexpr std::align_val_t kAlignment{64};  // one cache line; also the widest vector register
constexpr std::size_t kLargePage = std::size_t{2} << 20;
constexpr std::size_t kLargeMin = std::size_t{256} << 10;  // clearing the rest of a large page costs less than so many small ones

}  // namespace

std::int64_t element_size(ElementType type) {
  return visit_type(type, [](auto zero) { return static_cast<std::int64_t>(sizeof(zero)); });
}

std::string_view name(ElementType type) {
  switch (type) {
    case ElementType::kFloat32: return "float32";
    case ElementType::kFloat64: return "float64";
    case ElementType::kInt8: return "int8";
    case ElementType::kUInt8: return "uint8";
    case ElementType::kInt16: return "int16";
    case ElementType::kUInt16: return "uint16";
    case ElementType::kInt32: return "int32";
    case ElementType::kInt64: return "int64";
    case ElementType::kBool: return "bool";
  }
  GATEFOLD_REQUIRE(false);
}

bool is_float(ElementType type) { return type == ElementType::kFloat32 || type == ElementType::kFloat64; }
bool is_quantised(ElementType type) { return type == ElementType::kInt8 || type == ElementType::kUInt8; }

Shape::Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) {
  GATEFOLD_REQUIRE(dims.size() <= kRankMax);
  GATEFOLD_REQUIRE(std::all_of(dims.begin(), dims.end(), [](std::int64_t dim) { return dim >= 0; }));
  std::copy(dims.begin(), dims.end(), dims_.begin());
  rank_ = static_cast<int>(dims.size());
}

std::int64_t Shape::elements() const { return elements(0, rank_); }

std::int64_t Shape::elements(int first, int last) const {
  GATEFOLD_REQUIRE(first >= 0 && first <= last && last <= rank_);
  std::int64_t product = 1;
  bool overflow = false;
  for (int axis = first; axis < last; ++axis) {
    overflow = __builtin_mul_overflow(product, dims_[static_cast<std::size_t>(axis)], &product) || overflow;
  }
  GATEFOLD_REQUIRE(!overflow);
  return product;
}

std::string Shape::text() const { return fmt::format("[{}]", fmt::join(dims(), ", ")); }

Buffer::Buffer(std::size_t size)
    : bytes_(static_cast<std::byte*>(::operator new[](std::max<std::size_t>(size, 1), kAlignment))), size_(size) {}

Buffer Buffer::of_large_pages(std::size_t size) {
  // The last page is large too if that saves many small ones.
  const std::size_t rest = size % kLargePage;
  const std::size_t taken = rest >= kLargeMin ? size - rest + kLargePage : size;
  if (taken < kLargePage) return Buffer(size);
  const std::size_t mapping_size = taken + kLargePage;
  void* mapping = ::mmap(nullptr, mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return Buffer(size);
  void* bytes = mapping;
  std::size_t space = mapping_size;
  GATEFOLD_ENSURE(std::align(kLargePage, taken, bytes, space) != nullptr);
  ::madvise(bytes, taken / kLargePage * kLargePage, MADV_HUGEPAGE);  // refused: the same memory in small pages
  return {static_cast<std::byte*>(bytes), size, detail::FreeBytes{mapping, mapping_size}};
}

void detail::FreeBytes::operator()(std::byte* bytes) const {
  if (mapping != nullptr) ::munmap(mapping, mapping_size);
  else ::operator delete[](bytes, kAlignment);
}

Tensor::Tensor(ElementType type, const Shape& shape, Buffer buffer) : type_(type), shape_(shape) {
  GATEFOLD_REQUIRE(static_cast<std::int64_t>(buffer.size()) == shape.elements() * element_size(type));
  const auto owner = std::make_shared<const Buffer>(std::move(buffer));
  bytes_ = {owner, owner->data()};
}

Tensor::Tensor(ElementType type, const Shape& shape, std::shared_ptr<const std::byte> bytes)
    : type_(type), shape_(shape), bytes_(std::move(bytes)) {
  GATEFOLD_REQUIRE(reinterpret_cast<std::uintptr_t>(bytes_.get()) % 8 == 0);
}

Tensor Tensor::copied(ElementType type, const Shape& shape, std::span<const std::byte> bytes) {
  Buffer buffer(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return Tensor(type, shape, std::move(buffer));
}

Tensor Tensor::dense() const {
  if (!splat_) return *this;
  const auto size = static_cast<std::size_t>(element_size(type_));
  Buffer buffer(static_cast<std::size_t>(shape_.elements()) * size);
  for (std::size_t offset = 0; offset < buffer.size(); offset += size) {
    std::memcpy(buffer.data() + offset, bytes_.get(), size);
  }
  return Tensor(type_, shape_, std::move(buffer));
}

Tensor Tensor::reshaped(const Shape& shape) const {
  GATEFOLD_REQUIRE(shape.elements() == shape_.elements());
  Tensor tensor = *this;
  tensor.shape_ = shape;
  return tensor;
}

TensorView Tensor::view() const {
  GATEFOLD_REQUIRE(!splat_);
  return {type_, shape_, bytes_.get()};
}

double Tensor::number_at(std::int64_t index) const {
  GATEFOLD_REQUIRE(index >= 0 && index < shape_.elements());
  return visit_type(type_, [&](auto value) {
    std::memcpy(&value, bytes_.get() + (splat_ ? 0 : index * static_cast<std::int64_t>(sizeof(value))), sizeof(value));
    return static_cast<double>(value);
  });
}

std::int64_t Tensor::integer_at(std::int64_t index) const {
  GATEFOLD_REQUIRE(!is_float(type_));
  GATEFOLD_REQUIRE(index >= 0 && index < shape_.elements());
  return visit_type(type_, [&](auto value) {
    std::memcpy(&value, bytes_.get() + (splat_ ? 0 : index * static_cast<std::int64_t>(sizeof(value))), sizeof(value));
    return static_cast<std::int64_t>(value);
  });
}

}  // namespace gatefold
