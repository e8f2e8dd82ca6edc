#include "gatefold/runtime/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace gatefold {
namespace {

// The shares and tolerances of the known-answer rules (head of the header).
constexpr double kWithinInteger = 0.999;
constexpr double kWithinQdqFloat = 0.99;
constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-5;

/// NaN sorts below every number.
double sortable(double value) { return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value; }

/// |got - want|; 0 for equal infinities and two NaNs, infinite where only one is not finite.
double difference(double got, double want) {
  if (got == want || (std::isnan(got) && std::isnan(want))) return 0;
  const double gap = std::abs(got - want);
  return std::isnan(gap) ? std::numeric_limits<double>::infinity() : gap;
}

double maximum(const Tensor& tensor) {
  double max = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) max = std::max(max, sortable(tensor.number_at(i)));
  return max;
}

/// Some position holds the largest value of both: quantised outputs have ties, and either of two equal values may be named.
bool same_top(const Tensor& got, const Tensor& want) {
  const double got_max = maximum(got);
  const double want_max = maximum(want);
  for (std::int64_t i = 0; i < got.shape().elements(); ++i) {
    if (sortable(got.number_at(i)) == got_max && sortable(want.number_at(i)) == want_max) return true;
  }
  return got.shape().elements() == 0;
}

double largest_scale(const Quantisation& quantisation) { return *std::max_element(quantisation.scale.begin(), quantisation.scale.end()); }

/// The scale of the nearest quantised tensor at or above `tensor`, breadth first; nullopt if there is none.
std::optional<double> upstream_scale(const LayerGraph& graph, TensorId tensor) {
  std::vector<TensorId> queue{tensor};
  std::set<TensorId> seen{tensor};
  for (std::size_t next = 0; next < queue.size(); ++next) {
    const std::optional<LayerId> producer = graph.activation(queue[next]).producer;
    if (!producer) continue;
    const Layer& layer = graph.layer(*producer);
    if (layer.epilogue.quantise) return largest_scale(*layer.epilogue.quantise);
    std::optional<double> scale;
    for (const Operand& operand : layer.inputs) {
      if (operand.tensor && operand.dequantise) scale = std::max(scale.value_or(0), largest_scale(*operand.dequantise));
    }
    if (scale) return scale;
    for (const Operand& operand : layer.inputs) {
      if (operand.tensor && seen.insert(*operand.tensor).second) queue.push_back(*operand.tensor);
    }
  }
  return std::nullopt;
}

Comparison compare_float(const Tensor& got, const Tensor& want) {
  const std::int64_t elements = want.shape().elements();
  double want_max = 1;
  for (std::int64_t i = 0; i < elements; ++i) {
    const double value = std::abs(want.number_at(i));
    if (std::isfinite(value)) want_max = std::max(want_max, value);
  }
  Comparison result;
  std::int64_t outside = 0;
  for (std::int64_t i = 0; i < elements; ++i) {
    const double expected = want.number_at(i);
    const double error = difference(got.number_at(i), expected);
    result.worst = std::max(result.worst, error);
    const double bound = kAbsolute * want_max + (std::isfinite(expected) ? kRelative * std::abs(expected) : 0);
    if (error > bound && outside++ == 0) {
      result.reason = fmt::format("value {}: found {:.6g}, want {:.6g} within {:.2g}", i, got.number_at(i), expected, bound);
    }
  }
  if (outside > 1) result.reason += fmt::format(" (and {} more)", outside - 1);
  result.pass = outside == 0;
  return result;
}

Comparison compare_steps(const Tensor& got, const Tensor& want, const ComparisonRule& rule) {
  // Values one step apart differ by the step only up to float32 rounding.
  constexpr double kOneStep = 1 + 1e-4;
  const std::int64_t elements = want.shape().elements();
  Comparison result;
  std::int64_t outside = 0;
  for (std::int64_t i = 0; i < elements; ++i) {
    const double steps = difference(got.number_at(i), want.number_at(i)) / rule.step;
    result.worst = std::max(result.worst, steps);
    outside += steps > kOneStep;
  }
  const double allowed = (1 - rule.share_within) * static_cast<double>(elements);
  if (static_cast<double>(outside) > allowed) {
    result.reason =
        fmt::format("{} of {} values differ by more than one step, want at most {:.0f}", outside, elements, std::floor(allowed));
  } else if (!same_top(got, want)) {
    result.reason = fmt::format("the largest value is at {}, want {}", largest(got, 1)[0].index, largest(want, 1)[0].index);
  }
  result.pass = result.reason.empty();
  return result;
}

Comparison compare_equal(const Tensor& got, const Tensor& want) {
  Comparison result;
  for (std::int64_t i = 0; i < want.shape().elements(); ++i) {
    if (got.integer_at(i) == want.integer_at(i)) continue;
    if (result.reason.empty()) result.reason = fmt::format("value {}: found {}, want {}", i, got.integer_at(i), want.integer_at(i));
    result.worst = std::max(result.worst, difference(got.number_at(i), want.number_at(i)));
  }
  result.pass = result.reason.empty();
  return result;
}

bool equal_bits(const Tensor& got, const Tensor& want) {
  const Tensor a = got.dense();
  const Tensor b = want.dense();
  const auto size = static_cast<std::size_t>(a.shape().elements() * element_size(a.type()));
  return std::equal(a.view().bytes, a.view().bytes + size, b.view().bytes);
}

}  // namespace

std::vector<RankedValue> largest(const Tensor& tensor, std::size_t count) {
  std::vector<RankedValue> values;
  values.reserve(static_cast<std::size_t>(tensor.shape().elements()));
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) values.push_back({i, tensor.number_at(i)});
  count = std::min(count, values.size());
  std::partial_sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), values.end(),
                    [](const RankedValue& a, const RankedValue& b) {
                      const double left = sortable(a.value);
                      const double right = sortable(b.value);
                      return left != right ? left > right : a.index < b.index;
                    });
  values.resize(count);
  return values;
}

ComparisonRule rule_for(const LayerGraph& graph, const NetworkOutput& output, Numerics numerics) {
  const ElementType type = graph.activation(output.tensor).type;
  const double share = numerics == Numerics::kInteger ? kWithinInteger : kWithinQdqFloat;
  if (!is_float(type)) {
    if (graph.quantised && is_quantised(type)) return {ComparisonRule::Kind::kSteps, 1, share};
    return {ComparisonRule::Kind::kEqual, 1, 1};
  }
  if (const std::optional<double> scale = upstream_scale(graph, output.tensor); graph.quantised && scale && *scale > 0) {
    return {ComparisonRule::Kind::kSteps, *scale, share};
  }
  return {ComparisonRule::Kind::kFloat, 1, 1};
}

Comparison compare(const Tensor& got, const Tensor& want, const ComparisonRule& rule) {
  Comparison result;
  if (got.type() != want.type()) {
    result.reason = fmt::format("found {}, want {}", name(got.type()), name(want.type()));
    return result;
  }
  if (got.shape() != want.shape()) {
    result.reason = fmt::format("found shape {}, want {}", got.shape().text(), want.shape().text());
    return result;
  }
  switch (rule.kind) {
    case ComparisonRule::Kind::kEqual: result = compare_equal(got, want); break;
    case ComparisonRule::Kind::kFloat: result = compare_float(got, want); break;
    case ComparisonRule::Kind::kSteps: result = compare_steps(got, want, rule); break;
  }
  result.equal_bits = equal_bits(got, want);
  return result;
}

Result<double> accuracy(const RunResult& result, const Tensor& labels) {
  if (is_float(labels.type())) {
    return Error{ErrorCode::kInvalidInput, fmt::format("labels are {}, want integers", name(labels.type()))};
  }
  std::int64_t rows_each = 0;  // every request has as many
  for (const auto& outputs : result.outputs) {
    if (outputs.empty() || outputs[0].tensor.shape().elements() == 0) continue;
    const Shape& shape = outputs[0].tensor.shape();
    rows_each = shape.rank() == 0 ? 1 : shape.elements(0, shape.rank() - 1);
  }
  const std::int64_t rows = rows_each * std::ssize(result.outputs);
  if (rows == 0 || labels.shape().elements() != rows) {
    return Error{ErrorCode::kInvalidInput, fmt::format("found {} labels, want {}: one for every row of the first output of every request",
                                                       labels.shape().elements(), rows)};
  }
  std::int64_t row = 0;
  std::int64_t right = 0;
  std::int64_t answered = 0;
  for (const auto& outputs : result.outputs) {
    if (outputs.empty()) {  // shed
      row += rows_each;
      continue;
    }
    answered += rows_each;
    const Tensor& tensor = outputs[0].tensor;
    const int rank = tensor.shape().rank();
    const std::int64_t classes = rank == 0 ? 1 : tensor.shape()[rank - 1];
    for (std::int64_t begin = 0; begin < tensor.shape().elements(); begin += classes, ++row) {
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < classes; ++i) {
        if (sortable(tensor.number_at(begin + i)) > sortable(tensor.number_at(begin + best))) best = i;
      }
      right += best == labels.integer_at(row);
    }
  }
  return static_cast<double>(right) / static_cast<double>(answered);
}

}  // namespace gatefold
