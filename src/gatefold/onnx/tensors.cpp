// One TensorProto -> one Tensor.
//
// The format stores elements either as little-endian bytes (raw_data) or in one of several typed lists, where the small
// integer types and bool share int32_data. Exactly one of them may be filled, with exactly as many elements as the extents say:
// a file can claim any extent it likes, so the claim is compared with the bytes before memory is taken.
#include "gatefold/onnx/tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

namespace gatefold::onnx_file {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is copied as it is");

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }
Error unsupported(std::string message) { return Error{ErrorCode::kUnsupported, std::move(message)}; }

/// The names of TensorProto.DataType, by value; later ones than the linked ONNX knows included, for the message's sake.
constexpr std::array<std::string_view, 24> kTypeNames{
    "undefined", "float32",      "uint8",          "int8",       "uint16",         "int16",  "int32",     "int64",
    "string",    "bool",         "float16",        "float64",    "uint32",         "uint64", "complex64", "complex128",
    "bfloat16",  "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",  "int4",      "float4e2m1"};

/// Errors: see tensor_from. The product of the non-zero extents is checked, so that no part of the shape overflows either.
Result<Shape> shape_from(const ::onnx::TensorProto& proto, std::int64_t size_of_element) {
  if (proto.dims_size() > Shape::kRankMax) {
    return unsupported(fmt::format("rank {}, want at most {}", proto.dims_size(), Shape::kRankMax));
  }
  std::int64_t bytes = size_of_element;
  for (const std::int64_t dim : proto.dims()) {
    if (dim < 0) return invalid(fmt::format("extents [{}] hold a negative one", fmt::join(proto.dims(), ", ")));
    if (dim > 0 && __builtin_mul_overflow(bytes, dim, &bytes)) {
      return invalid(fmt::format("extents [{}] make more than 2^63 bytes", fmt::join(proto.dims(), ", ")));
    }
  }
  return Shape(std::span<const std::int64_t>(proto.dims().data(), static_cast<std::size_t>(proto.dims_size())));
}

struct Storage {
  std::string_view name;
  std::int64_t count;  ///< entries: elements, or bytes of raw_data
};

std::string_view typed_field(ElementType type) {
  switch (type) {
    case ElementType::kFloat32: return "float_data";
    case ElementType::kFloat64: return "double_data";
    case ElementType::kInt64: return "int64_data";
    case ElementType::kInt8:
    case ElementType::kUInt8:
    case ElementType::kInt16:
    case ElementType::kUInt16:
    case ElementType::kInt32:
    case ElementType::kBool: return "int32_data";
  }
  GATEFOLD_REQUIRE(false);
}

/// Which field holds the elements. Errors: kInvalidInput if another one is filled too, or its length is not the shape's.
Result<Storage> storage_of(const ::onnx::TensorProto& proto, std::int64_t raw_size, ElementType type, const Shape& shape) {
  const std::string_view typed = typed_field(type);
  const std::array<Storage, 7> fields{{{"raw_data", raw_size},
                                       {"float_data", proto.float_data_size()},
                                       {"double_data", proto.double_data_size()},
                                       {"int32_data", proto.int32_data_size()},
                                       {"int64_data", proto.int64_data_size()},
                                       {"uint64_data", proto.uint64_data_size()},
                                       {"string_data", proto.string_data_size()}}};
  const std::string_view wanted = raw_size == 0 ? typed : fields[0].name;
  Storage found{wanted, 0};
  for (const Storage& field : fields) {
    if (field.name == wanted) found = field;
    else if (field.count > 0) return invalid(fmt::format("{} elements are stored in {}, want {} alone", name(type), field.name, wanted));
  }
  const std::int64_t elements = shape.elements();
  if (wanted == typed && found.count != elements) {
    return invalid(fmt::format("shape {} has {} elements, {} holds {}", shape.text(), elements, wanted, found.count));
  }
  if (wanted != typed && found.count != elements * element_size(type)) {
    return invalid(fmt::format("shape {} of {} needs {} bytes, raw_data holds {}", shape.text(), name(type), elements * element_size(type),
                               found.count));
  }
  return found;
}

/// Copies a typed list whose entries are at least as wide as T. Errors: kInvalidInput if one does not fit T.
template <class T, class Field>
Result<Tensor> narrowed(const Field& field, const Shape& shape) {
  using Entry = typename Field::value_type;
  Buffer buffer(static_cast<std::size_t>(field.size()) * sizeof(T));
  std::byte* out = buffer.data();
  for (const Entry entry : field) {
    const T value = static_cast<T>(entry);
    if constexpr (!std::is_same_v<T, Entry>) {
      if (static_cast<Entry>(value) != entry) return invalid(fmt::format("element {} is no {}", entry, name(element_type_of<T>())));
    }
    std::memcpy(out, &value, sizeof(T));
    out += sizeof(T);
  }
  return Tensor(element_type_of<T>(), shape, std::move(buffer));
}

Result<Tensor> from_typed(const ::onnx::TensorProto& proto, ElementType type, const Shape& shape) {
  switch (type) {
    case ElementType::kFloat32: return narrowed<float>(proto.float_data(), shape);
    case ElementType::kFloat64: return narrowed<double>(proto.double_data(), shape);
    case ElementType::kInt8: return narrowed<std::int8_t>(proto.int32_data(), shape);
    case ElementType::kUInt8: return narrowed<std::uint8_t>(proto.int32_data(), shape);
    case ElementType::kInt16: return narrowed<std::int16_t>(proto.int32_data(), shape);
    case ElementType::kUInt16: return narrowed<std::uint16_t>(proto.int32_data(), shape);
    case ElementType::kInt32: return narrowed<std::int32_t>(proto.int32_data(), shape);
    case ElementType::kInt64: return narrowed<std::int64_t>(proto.int64_data(), shape);
    case ElementType::kBool: return narrowed<bool>(proto.int32_data(), shape);
  }
  GATEFOLD_REQUIRE(false);
}

Result<Tensor> from_raw(const RawBytes& raw, ElementType type, const Shape& shape) {
  if (type == ElementType::kBool) {  // any other byte would be no bool at all once it is read as one
    const std::span<const std::byte> bytes(raw.bytes.get(), static_cast<std::size_t>(raw.size));
    const auto other = std::find_if(bytes.begin(), bytes.end(), [](std::byte byte) { return byte > std::byte{1}; });
    if (other != bytes.end()) return invalid(fmt::format("element {} is no bool", static_cast<unsigned>(*other)));
  }
  return Tensor(type, shape, raw.bytes);
}

RawBytes copied(const std::string& bytes) {
  const auto buffer = std::make_shared<Buffer>(bytes.size());
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return {{buffer, buffer->data()}, static_cast<std::int64_t>(bytes.size())};
}

}  // namespace

Result<ElementType> element_type(int data_type) {
  switch (data_type) {
    case ::onnx::TensorProto::FLOAT: return ElementType::kFloat32;
    case ::onnx::TensorProto::DOUBLE: return ElementType::kFloat64;
    case ::onnx::TensorProto::INT8: return ElementType::kInt8;
    case ::onnx::TensorProto::UINT8: return ElementType::kUInt8;
    case ::onnx::TensorProto::INT16: return ElementType::kInt16;
    case ::onnx::TensorProto::UINT16: return ElementType::kUInt16;
    case ::onnx::TensorProto::INT32: return ElementType::kInt32;
    case ::onnx::TensorProto::INT64: return ElementType::kInt64;
    case ::onnx::TensorProto::BOOL: return ElementType::kBool;
    default: break;
  }
  const bool known = data_type >= 0 && data_type < static_cast<int>(kTypeNames.size());
  return unsupported(
      fmt::format("element type {} is not supported, want float32, float64, int8, uint8, int16, uint16, int32, int64 or bool",
                  known ? std::string(kTypeNames[static_cast<std::size_t>(data_type)]) : fmt::format("number {}", data_type)));
}

Result<Tensor> tensor_from(const ::onnx::TensorProto& proto, const RawBytes& apart) {
  GATEFOLD_TRY(const ElementType type, element_type(proto.data_type()));
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    return unsupported("its data is in another file; external data is not supported");
  }
  if (proto.has_segment()) return unsupported("it is one segment of a tensor; segments are not supported");
  GATEFOLD_TRY(const Shape shape, shape_from(proto, element_size(type)));
  GATEFOLD_TRY(const Storage storage, storage_of(proto, apart.size + std::ssize(proto.raw_data()), type, shape));
  if (storage.name != "raw_data") return from_typed(proto, type, shape);
  return from_raw(apart.size > 0 ? apart : copied(proto.raw_data()), type, shape);
}

}  // namespace gatefold::onnx_file
