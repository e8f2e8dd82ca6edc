// Known-answer comparison: is this output the expected one, under which rule, and how far off is it?
//
// Rules (docs/numerics.md, Conformance): the element types and shapes must be equal. Integers that no quantisation stands
// for must be equal. Floating-point networks may differ by |got - want| <= 1e-3 |want| + 1e-5 max(1, max |want|). Quantised
// networks are measured in steps of the last quantised tensor before the output: under the integer contract 99.9 % of the
// values within one step, under qdq-float 99 %, and in both the same largest value.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gatefold/graph/layer_graph.h"
#include "gatefold/runtime/run.h"

namespace gatefold {

struct RankedValue {
  std::int64_t index = 0;  ///< row-major
  double value = 0;
};
/// The largest values, largest first, equal ones by index; NaN is the smallest.
[[nodiscard]] std::vector<RankedValue> largest(const Tensor& tensor, std::size_t count);

/// How one output is judged.
struct ComparisonRule {
  enum class Kind : std::uint8_t { kEqual, kFloat, kSteps } kind = Kind::kFloat;
  double step = 1;          ///< kSteps: one step of the last quantised tensor, in the output's own unit
  double share_within = 1;  ///< kSteps: the share of values that must be within one step
};

/// The rule for one network output. In a quantised network an integer output has step 1, a float output the scale of the
/// nearest quantised tensor upstream.
[[nodiscard]] ComparisonRule rule_for(const LayerGraph& graph, const NetworkOutput& output, Numerics numerics);

struct Comparison {
  bool pass = false;
  bool equal_bits = false;
  double worst = 0;    ///< the largest difference: in steps under kSteps, absolute otherwise
  std::string reason;  ///< empty if it passed
};
[[nodiscard]] Comparison compare(const Tensor& got, const Tensor& want, const ComparisonRule& rule);

/// Share of labels that the largest value of the first output's last axis names, over all requests in order, those that
/// were shed left out.
/// Errors: kInvalidInput if there are not as many labels as rows, or they are not integers.
[[nodiscard]] Result<double> accuracy(const RunResult& result, const Tensor& labels);

}  // namespace gatefold
