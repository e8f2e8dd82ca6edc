// Nodes are visited in topological order; each is inferred, then folded if all its inputs are constants. Three routes, the
// cheapest that applies:
//   1. the result is known without its inputs' values (Shape, ConstantOfShape, views: Reshape and its kin, Dequantize);
//   2. a move of stored integers: moved as they are, the dequantisation stays;
//   3. `evaluate` on real numbers, which keeps splats symbolic where it can.
#include "gatefold/graph/fold.h"

#include <fmt/format.h>

#include <algorithm>

#include "gatefold/graph/shapes.h"
#include "gatefold/kernels/evaluate.h"

namespace gatefold {
namespace {

template <class Op>
bool is(const Operator& op) {
  return std::holds_alternative<Op>(op);
}

/// The same bytes under another shape.
bool is_view(const Operator& op) { return is<Identity>(op) || is<Reshape>(op) || is<Flatten>(op) || is<Squeeze>(op) || is<Unsqueeze>(op); }

/// Moves elements of input 0 only, other inputs say where.
bool is_move(const Operator& op) {
  return is_view(op) || is<Transpose>(op) || is<Slice>(op) || is<Split>(op) || is<Gather>(op) || is<Expand>(op);
}

Tensor shape_tensor(const ShapeOf& op, const Shape& shape) {
  const auto dims = shape.dims().subspan(static_cast<std::size_t>(op.start), static_cast<std::size_t>(op.end - op.start));
  return Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(dims.size())}, dims);
}

class Folder {
 public:
  explicit Folder(TypedModel& model) : model_(&model) {}

  /// Infers and folds one node: true if its results are constants.
  Result<bool> visit(Node& node) {
    GATEFOLD_TRY(Inferred inferred, infer(node, model_->values));
    for (auto& [position, tensor] : inferred.normal_inputs) {
      if (node.inputs.size() <= position) node.inputs.resize(position + 1);
      node.inputs[position] = add_constant(std::move(tensor), fmt::format("{}/{}", node.name, position));
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) output(node, i).fact = inferred.outputs[i];
    return fold(node);
  }

 private:
  TypedValue& output(const Node& node, std::size_t i) { return model_->values[node.outputs[i].at()]; }
  const TypedValue& input(const Node& node, std::size_t i) const { return model_->values[node.inputs[i]->at()]; }

  ValueId add_constant(Tensor tensor, std::string name) {
    model_->values.push_back({std::move(name), {tensor.type(), tensor.shape()}, std::move(tensor), std::nullopt});
    return ValueId(model_->values.size() - 1);
  }

  bool all_constant(const Node& node) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(),
                       [this](const auto& id) { return !id || model_->value(*id).constant.has_value(); });
  }

  Result<bool> fold(const Node& node) {
    if (const auto* op = std::get_if<ShapeOf>(&node.op)) {
      output(node, 0).constant = shape_tensor(*op, input(node, 0).fact.shape);
      return true;
    }
    if (!all_constant(node)) return false;
    if (const auto* op = std::get_if<ConstantOfShape>(&node.op)) {
      output(node, 0).constant = splat_of(op->value, output(node, 0).fact.shape);
      return true;
    }
    if (is<Dequantize>(node.op)) {
      output(node, 0).constant = input(node, 0).constant;
      output(node, 0).dequantise = quantisation_of(node, model_->values);
      return true;
    }
    if (fold_view(node)) return true;
    GATEFOLD_CHECK(reserve(node));
    GATEFOLD_CHECK(fold_stored_move(node) ? Status(Done{}) : fold_real(node));
    return true;
  }

  bool fold_view(const Node& node) {
    const bool same_type = is<Cast>(node.op) && input(node, 0).fact.type == output(node, 0).fact.type;
    if (!is_view(node.op) && !same_type) return false;
    const TypedValue& x = input(node, 0);
    TypedValue& y = output(node, 0);
    if (x.dequantise && !x.dequantise->per_tensor() && x.fact.shape != y.fact.shape) return false;
    y.constant = x.constant->reshaped(y.fact.shape);
    y.dequantise = x.dequantise;
    return true;
  }

  /// True if `evaluate` answers with splats: it moves a splat, or an elementwise operator meets only splats and scalars.
  bool stays_symbolic(const Node& node) const {
    const auto symbolic = [this](const auto& id) { return id && model_->value(*id).constant->is_splat(); };
    const auto uniform = [this](const auto& id) {
      if (!id) return true;
      const TypedValue& value = model_->value(*id);
      const std::int64_t elements = value.fact.shape.elements();
      return elements > 0 && (value.constant->is_splat() || elements == 1) && (!value.dequantise || value.dequantise->per_tensor());
    };
    if (is<Transpose>(node.op) || is<Slice>(node.op) || is<Split>(node.op) || is<Expand>(node.op)) {
      return symbolic(node.inputs[0]) && uniform(node.inputs[0]);
    }
    const bool elementwise =
        is<Unary>(node.op) || is<Binary>(node.op) || is<Cast>(node.op) || is<BatchNorm>(node.op) || is<Quantize>(node.op);
    return elementwise && std::all_of(node.inputs.begin(), node.inputs.end(), uniform) &&
           std::any_of(node.inputs.begin(), node.inputs.end(), symbolic);
  }

  /// Counts what `evaluate` will allocate: the results, and splats that have to become dense.
  /// Errors: kUnsupported if that exceeds what folding may store.
  Status reserve(const Node& node) {
    if (stays_symbolic(node)) return Done{};
    for (std::size_t i = 0; i < node.outputs.size(); ++i) stored_ += output(node, i).fact.shape.elements();
    for (const auto& id : node.inputs) {
      if (id && model_->value(*id).constant->is_splat()) stored_ += model_->value(*id).fact.shape.elements();
    }
    if (stored_ <= kFoldedElementsMax) return Done{};
    return Error{ErrorCode::kUnsupported,
                 fmt::format("node '{}': computing it before the run would store {} constant elements, want at most {}", node.name, stored_,
                             kFoldedElementsMax)};
  }

  /// Transposed, sliced, .. weights stay integers.
  bool fold_stored_move(const Node& node) {
    const TypedValue& x = input(node, 0);
    if (!is_move(node.op) || !x.dequantise) return false;
    Quantisation dequantise = *x.dequantise;
    if (!dequantise.per_tensor()) {
      const auto* transpose = std::get_if<Transpose>(&node.op);
      if (transpose == nullptr) return false;
      const auto& order = transpose->permutation;
      dequantise.axis = std::find(order.begin(), order.end(), dequantise.axis) - order.begin();
    }
    std::vector<const Tensor*> inputs;
    for (const auto& id : node.inputs) inputs.push_back(id ? &*model_->value(*id).constant : nullptr);
    auto results = evaluated(node, inputs);
    if (!results) return false;  // an operator without code for stored integers has it for float32
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      output(node, i).constant = std::move(results.value()[i]);
      output(node, i).dequantise = dequantise;
    }
    return true;
  }

  Status fold_real(const Node& node) {
    std::vector<Tensor> tensors;
    tensors.reserve(node.inputs.size());
    std::vector<const Tensor*> inputs;
    for (const auto& id : node.inputs) {
      if (!id) {
        inputs.push_back(nullptr);
        continue;
      }
      GATEFOLD_TRY(Tensor tensor, real(model_->value(*id)));
      tensors.push_back(std::move(tensor));
      inputs.push_back(&tensors.back());
    }
    GATEFOLD_TRY(std::vector<Tensor> results, evaluated(node, inputs));
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      TypedValue& y = output(node, i);
      GATEFOLD_ENSURE(results[i].type() == y.fact.type && results[i].shape() == y.fact.shape);
      y.constant = std::move(results[i]);
    }
    return Done{};
  }

  static Result<std::vector<Tensor>> evaluated(const Node& node, std::span<const Tensor* const> inputs) {
    auto results = evaluate(node.op, inputs);
    if (!results) return std::move(results).error().within(fmt::format("node '{}'", node.name));
    GATEFOLD_ENSURE(results.value().size() == node.outputs.size());
    return results;
  }

  TypedModel* model_;
  std::int64_t stored_ = 0;  ///< elements of dense results so far
};

}  // namespace

Result<TypedModel> infer_and_fold(Model model, const BoundInputs& bound) {
  TypedModel typed{.name = std::move(model.name),
                   .quantised = false,
                   .values = {},
                   .nodes = std::move(model.nodes),
                   .inputs = {},
                   .outputs = std::move(model.outputs)};
  for (Value& value : model.values) {
    Fact fact;
    if (value.constant) fact = {value.constant->type(), value.constant->shape()};
    typed.values.push_back({std::move(value.name), fact, std::move(value.constant), std::nullopt});
  }
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    typed.values[model.inputs[i].value.at()].fact = {model.inputs[i].type, bound.shapes[i]};
    typed.inputs.push_back(model.inputs[i].value);
  }
  Folder folder(typed);
  auto kept = typed.nodes.begin();
  for (Node& node : typed.nodes) {
    typed.quantised = typed.quantised || is<Quantize>(node.op) || is<Dequantize>(node.op);
    GATEFOLD_TRY(const bool folded, folder.visit(node));
    if (folded) continue;
    if (&*kept != &node) *kept = std::move(node);
    ++kept;
  }
  typed.nodes.erase(kept, typed.nodes.end());
  return typed;
}

void drop_dead_nodes(TypedModel& model) {
  std::vector<bool> wanted(model.values.size(), false);
  for (const ValueId output : model.outputs) wanted[output.at()] = true;
  auto live = model.nodes.end();  // [live, end): what is kept so far, moved to the end of the list
  for (auto node = model.nodes.end(); node != model.nodes.begin();) {
    --node;
    if (std::none_of(node->outputs.begin(), node->outputs.end(), [&](ValueId id) { return wanted[id.at()]; })) continue;
    for (const auto& input : node->inputs) {
      if (input) wanted[input->at()] = true;
    }
    if (--live != node) *live = std::move(*node);
  }
  model.nodes.erase(model.nodes.begin(), live);
}

}  // namespace gatefold
