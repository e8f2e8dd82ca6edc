// A network as it was imported: values and the nodes that compute them. Shapes may still hold symbols and most are
// unknown; `graph/` infers, folds and fuses.
//
// Invariants, established by the importer and checked by `verify`: every value has exactly one origin (an input, a
// constant or one output of one node); nodes stand in topological order; every id is in range.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/base/result.h"
#include "gatefold/model/operators.h"

namespace gatefold {

/// One extent of a declared shape: a number, or a symbol such as "batch" that is bound before shapes are inferred.
struct Extent {
  std::int64_t count = 0;
  std::string symbol;  ///< empty: `count` is the extent. "?" + position where the file leaves it unnamed.
};

struct Value {
  std::string name;
  std::optional<Tensor> constant;
};

/// A network input: what a caller must supply.
struct Input {
  ValueId value;
  ElementType type = ElementType::kFloat32;
  std::vector<Extent> shape;
};

struct Node {
  std::string name;  ///< unique, never empty (the first output's name where the file gives none)
  Operator op;
  std::vector<std::optional<ValueId>> inputs;  ///< nullopt: an optional input that is absent
  std::vector<ValueId> outputs;
};

struct Model {
  std::string name;
  std::int64_t opset = 0;
  std::deque<Value> values;  ///< not in one piece: hundreds would be a block that the heap takes anew, page by page, for every network
  std::vector<Node> nodes;
  std::vector<Input> inputs;  ///< constants are not inputs, even where a file lists them so
  std::vector<ValueId> outputs;

  [[nodiscard]] const Value& value(ValueId id) const { return values.at(id.at()); }
};

/// Errors: kInvalidInput naming the node or value that breaks an invariant of this file.
[[nodiscard]] Status verify(const Model& model);

}  // namespace gatefold
