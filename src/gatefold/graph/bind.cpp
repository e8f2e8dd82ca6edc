// The order of the three sources is the contract of BuildOptions. Everything is checked before anything is bound, so
// that a contradiction is reported with both of its sides.
#include "gatefold/graph/bind.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gatefold/graph/typed_model.h"

namespace gatefold {
namespace {

struct Binding {
  std::int64_t count = 0;
  std::string origin;  ///< "given", "from input 'x'", "default"
};

Error invalid(std::string message) { return Error{ErrorCode::kInvalidInput, std::move(message)}; }

bool unnamed(const Extent& extent) { return extent.symbol.starts_with('?'); }

/// The key a symbol is bound under: unnamed extents of two inputs are unrelated even if they sit at the same position.
std::string key_of(const Extent& extent, const std::string& input) {
  return unnamed(extent) ? fmt::format("{}{}", input, extent.symbol) : extent.symbol;
}

Status bind_given(const Model& model, const BuildOptions& options, std::map<std::string, Binding>& bindings) {
  std::vector<std::string> known;
  for (const Input& input : model.inputs) {
    for (const Extent& extent : input.shape) {
      if (extent.symbol.empty() || unnamed(extent)) continue;
      if (std::find(known.begin(), known.end(), extent.symbol) == known.end()) known.push_back(extent.symbol);
    }
  }
  for (const auto& [symbol, count] : options.symbols) {
    if (std::find(known.begin(), known.end(), symbol) == known.end()) {
      return invalid(fmt::format("dimension '{}' is not in the network; it has {}", symbol,
                                 known.empty() ? "no symbolic dimensions" : fmt::format("'{}'", fmt::join(known, "', '"))));
    }
    if (count < 1) return invalid(fmt::format("dimension '{}': found {}, want at least 1", symbol, count));
    bindings[symbol] = {count, "given"};
  }
  return Done{};
}

/// Compares one supplied shape with its declaration and binds the symbols it settles.
Status bind_from_shape(const Input& input, const std::string& name, const Shape& supplied, std::map<std::string, Binding>& bindings) {
  if (supplied.rank() != static_cast<int>(input.shape.size())) {
    return invalid(fmt::format("input '{}': found shape {}, want {} dimensions", name, supplied.text(), input.shape.size()));
  }
  for (int axis = 0; axis < supplied.rank(); ++axis) {
    const Extent& extent = input.shape[static_cast<std::size_t>(axis)];
    const std::int64_t found = supplied[axis];
    if (extent.symbol.empty()) {
      if (found != extent.count) {
        return invalid(fmt::format("input '{}': found shape {}, want {} at axis {}", name, supplied.text(), extent.count, axis));
      }
      continue;
    }
    const auto [binding, fresh] = bindings.try_emplace(key_of(extent, name), Binding{found, fmt::format("from input '{}'", name)});
    if (!fresh && binding->second.count != found) {
      return invalid(fmt::format("input '{}': found shape {}, want {} at axis {}: '{}' is {} ({})", name, supplied.text(),
                                 binding->second.count, axis, extent.symbol, binding->second.count, binding->second.origin));
    }
  }
  return Done{};
}

}  // namespace

Result<BoundInputs> bind_symbols(const Model& model, const BuildOptions& options) {
  std::map<std::string, Binding> bindings;
  GATEFOLD_CHECK(bind_given(model, options, bindings));
  if (options.input_shapes.size() > model.inputs.size()) {
    return invalid(fmt::format("found shapes for {} inputs, want at most {}: the network has no more", options.input_shapes.size(),
                               model.inputs.size()));
  }
  for (std::size_t i = 0; i < options.input_shapes.size(); ++i) {
    if (!options.input_shapes[i]) continue;
    const Input& input = model.inputs[i];
    GATEFOLD_CHECK(bind_from_shape(input, model.value(input.value).name, *options.input_shapes[i], bindings));
  }

  BoundInputs bound;
  std::vector<std::string> noted;
  for (const Input& input : model.inputs) {
    const std::string& name = model.value(input.value).name;
    if (input.shape.size() > static_cast<std::size_t>(Shape::kRankMax)) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("input '{}': found {} dimensions, want at most {}", name, input.shape.size(), Shape::kRankMax)};
    }
    std::vector<std::int64_t> dims;
    std::int64_t elements = 1;
    for (const Extent& extent : input.shape) {
      std::int64_t count = extent.count;
      if (!extent.symbol.empty()) {
        const std::string key = key_of(extent, name);
        const Binding& binding = bindings.try_emplace(key, Binding{1, "default"}).first->second;
        count = binding.count;
        if (std::find(noted.begin(), noted.end(), key) == noted.end()) {
          noted.push_back(key);
          bound.notes.push_back(fmt::format("{} = {} ({})", key, count, binding.origin));
        }
      }
      if (count < 1) {
        return Error{ErrorCode::kUnsupported,
                     fmt::format("input '{}': found an extent of {}, want at least 1: empty tensors are not supported", name, count)};
      }
      if (__builtin_mul_overflow(elements, count, &elements) || elements > kElementsMax) {
        return invalid(fmt::format("input '{}': found more than {} elements", name, kElementsMax));
      }
      dims.push_back(count);
    }
    bound.shapes.emplace_back(dims);
  }
  return bound;
}

}  // namespace gatefold
