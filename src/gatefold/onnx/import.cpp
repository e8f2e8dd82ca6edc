// From a file to a Model, as a list of steps: read, parse, check each node's form, check that every name has one origin, put the
// nodes in order, map them, verify.
#include "gatefold/onnx/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <queue>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "gatefold/onnx/builder.h"
#include "gatefold/onnx/file.h"
#include "gatefold/onnx/mapping.h"
#include "gatefold/onnx/schema.h"

namespace gatefold {
namespace {

using onnx_file::ByteSource;
using onnx_file::File;
using onnx_file::FileNode;
using onnx_file::kNoNode;
using onnx_file::Names;
using onnx_file::printable;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }

Status check_nodes(const File& file) {
  for (const FileNode& node : file.nodes) {
    if (onnx_file::mapping_of(node.type) == nullptr) {
      return Error{ErrorCode::kUnsupported, "the operator is not supported"}.within(onnx_file::context(node, file.opset));
    }
    GATEFOLD_CHECK(onnx_file::check_form(node, file.opset));
  }
  return Done{};
}

/// Where each value comes from: the index of its node, or kNoNode. Errors: kInvalidInput if a value has two origins.
Result<Names> names_of(const File& file) {
  Names names;
  names.reserve(file.constants.size() + file.inputs.size() + file.nodes.size());
  const auto add = [&names](const std::string& name, std::size_t node) -> Status {
    if (!names.try_emplace(name, onnx_file::NameFacts{node, false, std::nullopt}).second)
      return invalid(fmt::format("value '{}' is defined twice", printable(name)));
    return Done{};
  };
  for (const Value& constant : file.constants) GATEFOLD_CHECK(add(constant.name, kNoNode));
  for (const auto& input : file.inputs) GATEFOLD_CHECK(add(input.name, kNoNode));
  for (std::size_t i = 0; i < file.nodes.size(); ++i) {
    for (const std::string& output : file.nodes[i].outputs) {
      if (output.empty()) continue;
      auto status = add(output, i);
      if (!status) return std::move(status).error().within(onnx_file::context(file.nodes[i], file.opset));
    }
  }
  return names;
}

/// Marks what is read. Errors: kInvalidInput for a name without an origin, and for an output that is listed twice.
Status note_uses(const File& file, Names& names) {
  for (const FileNode& node : file.nodes) {
    for (const std::string& input : node.inputs) {
      if (input.empty()) continue;
      const auto found = names.find(input);
      if (found == names.end()) {
        return invalid(fmt::format("input '{}' is defined nowhere", printable(input))).within(onnx_file::context(node, file.opset));
      }
      found->second.used = true;
    }
  }
  std::unordered_set<std::string_view> outputs;
  for (const std::string& output : file.outputs) {
    const auto found = names.find(output);
    if (found == names.end()) return invalid(fmt::format("output '{}' is defined nowhere", printable(output)));
    if (!outputs.insert(output).second) return invalid(fmt::format("output '{}' is listed twice", printable(output)));
    found->second.used = true;
  }
  return Done{};
}

/// A node on a cycle. Requires: each node that is not `done` waits for another that is not.
const FileNode& node_on_cycle(const File& file, const Names& names, const std::vector<char>& done) {
  const auto awaited = [&](std::size_t index) {
    for (const std::string& input : file.nodes[index].inputs) {
      if (input.empty()) continue;
      const std::size_t origin = names.at(input).origin;
      if (origin != kNoNode && !done[origin]) return origin;
    }
    return kNoNode;
  };
  std::vector<char> seen(file.nodes.size(), 0);
  auto at = static_cast<std::size_t>(std::find(done.begin(), done.end(), 0) - done.begin());
  while (!seen[at]) {
    seen[at] = 1;
    at = awaited(at);
    GATEFOLD_ENSURE(at != kNoNode);
  }
  return file.nodes[at];
}

/// Indices of the nodes, each after those it reads from, otherwise as in the file. Errors: kInvalidInput naming a node on a
/// cycle.
Result<std::vector<std::size_t>> order_of(const File& file, const Names& names) {
  std::vector<std::size_t> waiting(file.nodes.size(), 0);  // inputs still to come
  std::vector<std::vector<std::size_t>> readers(file.nodes.size());
  for (std::size_t i = 0; i < file.nodes.size(); ++i) {
    for (const std::string& input : file.nodes[i].inputs) {
      if (input.empty()) continue;
      const std::size_t origin = names.at(input).origin;
      if (origin == kNoNode) continue;
      readers[origin].push_back(i);
      ++waiting[i];
    }
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < file.nodes.size(); ++i) {
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<std::size_t> order;
  std::vector<char> done(file.nodes.size(), 0);
  while (!ready.empty()) {
    const std::size_t next = ready.top();
    ready.pop();
    order.push_back(next);
    done[next] = 1;
    for (const std::size_t reader : readers[next]) {
      if (--waiting[reader] == 0) ready.push(reader);
    }
  }
  if (order.size() == file.nodes.size()) return order;
  return invalid("it waits for its own output; the network has a cycle")
      .within(onnx_file::context(node_on_cycle(file, names, done), file.opset));
}

/// Requires: names are checked and `order` is topological.
Result<Model> build(File& file, Names names, const std::vector<std::size_t>& order, const std::string& name) {
  onnx_file::Builder builder(file, std::move(names), name);  // takes the constants
  for (const auto& input : file.inputs) {
    builder.model.inputs.push_back({builder.add_value(input.name, std::nullopt), input.type, input.shape});
  }
  for (const std::size_t index : order) {
    onnx_file::Context node(file.nodes[index], file.opset, builder);
    GATEFOLD_CHECK(onnx_file::mapping_of(file.nodes[index].type)(node));
  }
  for (const std::string& output : file.outputs) builder.model.outputs.push_back(builder.id(output));
  return std::move(builder.model);
}

Result<Model> import_file(const ByteSource& source, const std::string& name) {
  GATEFOLD_TRY(File file, onnx_file::parse_model(source));
  GATEFOLD_CHECK(check_nodes(file));
  GATEFOLD_TRY(Names names, names_of(file));
  GATEFOLD_CHECK(note_uses(file, names));
  GATEFOLD_TRY(const std::vector<std::size_t> order, order_of(file, names));
  GATEFOLD_TRY(Model model, build(file, std::move(names), order, name));
  GATEFOLD_CHECK(verify(model));
  return model;
}

/// A file that is open, and how many bytes it has.
struct OpenFile {
  std::ifstream stream;
  std::int64_t size = 0;
  [[nodiscard]] ByteSource source() { return {size, &stream, nullptr}; }
};

/// Errors: kIo, or kInvalidInput if it is larger than the format allows; the message does not name the file.
Result<OpenFile> open_file(const std::filesystem::path& path) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found) return Error{ErrorCode::kIo, "there is no such file"};
  if (failure) return Error{ErrorCode::kIo, failure.message()};
  if (!std::filesystem::is_regular_file(status)) return Error{ErrorCode::kIo, "it is not a regular file"};
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  if (failure) return Error{ErrorCode::kIo, failure.message()};
  if (std::cmp_greater(size, onnx_file::kFileBytesMax)) {
    return invalid(fmt::format("the file has {} bytes, want at most {}", size, onnx_file::kFileBytesMax));
  }
  OpenFile file{std::ifstream(path, std::ios::binary), static_cast<std::int64_t>(size)};
  if (!file.stream) return Error{ErrorCode::kIo, "it cannot be read"};
  return file;
}

Error at(const std::filesystem::path& path, Error error) { return std::move(error).within(printable(path.string())); }

}  // namespace

Result<Model> import_onnx(std::span<const std::byte> bytes, const std::string& name) {
  auto model = import_file({static_cast<std::int64_t>(bytes.size()), nullptr, bytes.data()}, name);
  if (!model) return std::move(model).error().within(printable(name));
  return model;
}

Result<Model> read_onnx(const std::filesystem::path& path) {
  auto file = open_file(path);
  if (!file) return at(path, std::move(file).error());
  auto model = import_file(file.value().source(), path.stem().string());
  if (!model) return at(path, std::move(model).error());
  return model;
}

Result<NamedTensor> read_tensor_proto(const std::filesystem::path& path) {
  auto file = open_file(path);
  if (!file) return at(path, std::move(file).error());
  auto tensor = onnx_file::parse_tensor(file.value().source());
  if (!tensor) return at(path, std::move(tensor).error());
  return tensor;
}

}  // namespace gatefold
