// The Model under construction, and one node's view of it while it is mapped.
//
// Nodes arrive in topological order and have passed check_form: required inputs and attributes are there and attributes have
// the kind the schema names, so accessors that find another kind are a mistake of this room, not of the file.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "gatefold/onnx/file.h"

namespace gatefold::onnx_file {

inline constexpr std::size_t kNoNode = SIZE_MAX;  ///< the origin of an input, an initialiser or what a mapping adds

/// Where a value comes from, whether anything reads it, and what it is once it is added to the model.
struct NameFacts {
  std::size_t origin = kNoNode;  ///< the index of its node
  bool used = false;             ///< by a node, or as an output of the network
  std::optional<ValueId> id;
};
using Names = std::unordered_map<std::string_view, NameFacts>;

class Builder {
 public:
  /// Takes the file's constants; the rest of it must outlive the builder. Requires: `names` are those of all its values.
  Builder(File& file, Names names, std::string name);

  // Names are looked up where they lie: those given here must outlive the builder, as the file's and those of `keep` do.
  [[nodiscard]] const std::string& keep(std::string name) { return kept_.emplace_back(std::move(name)); }
  /// Requires: `name` is new.
  ValueId add_value(const std::string& name, std::optional<Tensor> constant);
  /// `name`, or with a number behind it if the file or an earlier call has taken it.
  [[nodiscard]] const std::string& unique_value_name(const std::string& name);
  [[nodiscard]] const std::string& unique_node_name(const std::string& name);
  /// Requires: `name` was added.
  [[nodiscard]] ValueId id(const std::string& name) const;
  /// Is the value read by a node, or an output of the network?
  [[nodiscard]] bool used(const std::string& name) const { return names_.at(name).used; }

  Model model;

 private:
  [[nodiscard]] const std::string& numbered(const std::string& name) { return keep(fmt::format("{}#{}", name, ++number_last_)); }

  Names names_;  ///< also those of the file that are still to come
  std::unordered_set<std::string_view> node_names_;
  std::deque<std::string> kept_;
  std::int64_t number_last_ = 0;  ///< only grows, so that a file full of collisions costs no more than its length
};

using Inputs = std::vector<std::optional<ValueId>>;

class Context {
 public:
  Context(const FileNode& node, std::int64_t opset, Builder& builder) : node_(node), opset_(opset), builder_(builder) {}

  [[nodiscard]] std::int64_t opset() const { return opset_; }
  [[nodiscard]] std::size_t input_count() const { return node_.inputs.size(); }
  [[nodiscard]] std::size_t output_count() const { return node_.outputs.size(); }
  /// Is output `index` there, and does anything read it?
  [[nodiscard]] bool output_used(std::size_t index) const;
  [[nodiscard]] std::optional<ValueId> input(std::size_t index) const;
  /// The first `count` inputs, nullopt where absent.
  [[nodiscard]] Inputs inputs(std::size_t count) const;
  /// The input's value if it is a constant; nullptr if it is absent or computed. Valid until a value is added.
  [[nodiscard]] const Tensor* constant(std::size_t index) const;

  [[nodiscard]] bool has(std::string_view attribute) const { return node_.attributes.contains(attribute); }
  [[nodiscard]] std::int64_t integer(std::string_view attribute, std::int64_t otherwise) const;
  [[nodiscard]] float number(std::string_view attribute, float otherwise) const;
  [[nodiscard]] std::string text(std::string_view attribute, std::string_view otherwise) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view attribute) const;  ///< empty if absent
  [[nodiscard]] std::vector<float> numbers(std::string_view attribute) const;          ///< empty if absent
  [[nodiscard]] const Tensor* tensor(std::string_view attribute) const;                ///< nullptr if absent

  /// An attribute that newer opsets made an input: a constant named after node and attribute.
  [[nodiscard]] ValueId constant_input(std::string_view attribute, Tensor tensor);
  [[nodiscard]] ValueId constant_input(std::string_view attribute, const std::vector<std::int64_t>& values);

  /// Adds a node that computes the first `outputs` outputs. Absent inputs at the end are dropped.
  Status emit(Operator op, Inputs inputs, std::size_t outputs = 1);
  /// a op b op c ..: one node for each operator but the last adds a value of its own. One input: Identity.
  Status emit_chain(BinaryKind kind);
  /// Output 0 is this constant; no node is added.
  Status define(Tensor constant);

  template <class... Args>
  [[nodiscard]] Error invalid(fmt::format_string<Args...> format, Args&&... args) const {
    return error(ErrorCode::kInvalidInput, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  [[nodiscard]] Error unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    return error(ErrorCode::kUnsupported, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  [[nodiscard]] Error error(ErrorCode code, std::string message) const;
  void add_node(std::string name, Operator op, Inputs inputs, std::vector<ValueId> outputs);

  const FileNode& node_;
  std::int64_t opset_;
  Builder& builder_;
};

}  // namespace gatefold::onnx_file
