// Random instances of the planner's programs, and their optima by trying everything.
#pragma once

#include <cstdint>

#include "gatefold/base/random.h"
#include "gatefold/remap/count_program.h"
#include "gatefold/remap/dag_program.h"

namespace gatefold::test {

/// 0 .. n - 1.
inline std::size_t below(SplitMix64& random, std::size_t n) { return static_cast<std::size_t>(random.next() % n); }

[[nodiscard]] ChainProgram random_chain(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width);
[[nodiscard]] CountProgram random_count(SplitMix64& random, std::size_t layers, std::size_t groups, std::size_t width);
/// Every layer has an edge from the one before, and some from earlier ones, no further back than `reach`.
[[nodiscard]] DagProgram random_dag(SplitMix64& random, std::size_t layers, std::size_t states, std::size_t reach);
/// [n, n], some edges missing; every node has one to itself.
[[nodiscard]] std::vector<std::int64_t> random_graph(SplitMix64& random, std::size_t n);

[[nodiscard]] std::int64_t cheapest_of_all(const ChainProgram& program);
[[nodiscard]] std::int64_t cheapest_of_all(const CountProgram& program);
[[nodiscard]] std::int64_t cheapest_of_all(const DagProgram& program);
[[nodiscard]] std::int64_t cost_of(const DagProgram& program, const std::vector<std::size_t>& states);
/// True if no simple cycle has a smaller mean than cost / length, and one has it.
[[nodiscard]] bool is_minimum_mean(const std::vector<std::int64_t>& graph, std::size_t n, std::int64_t cost, std::int64_t length);

}  // namespace gatefold::test
