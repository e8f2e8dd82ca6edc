#include "optimality/milp.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace gatefold::test {
namespace {

/// In CPLEX's LP format.
std::string lp_text(const DagProgram& program) {
  std::string objective;
  std::string constraints;
  std::string binaries;
  const auto add = [&](std::int64_t cost, const std::string& variable) { objective += fmt::format(" + {} {}\n", cost, variable); };
  for (std::size_t v = 0; v < program.layers.size(); ++v) {
    const DagProgram::Layer& layer = program.layers[v];
    std::string one;
    for (std::size_t s = 0; s < layer.node.size(); ++s) {
      add(layer.node[s], fmt::format("y{}_{}", v, s));
      one += fmt::format(" + y{}_{}", v, s);
      binaries += fmt::format(" y{}_{}\n", v, s);
    }
    constraints += fmt::format("{} = 1\n", one);
    for (const DagProgram::Edge& edge : layer.edges) {
      const std::size_t from = program.layers[edge.from].node.size();
      const auto flow = [&](std::size_t p, std::size_t q) { return fmt::format("x{}_{}_{}_{}", edge.from, p, v, q); };
      for (std::size_t p = 0; p < from; ++p) {
        std::string out;
        for (std::size_t q = 0; q < layer.node.size(); ++q) {
          add(edge.cost[p * layer.node.size() + q], flow(p, q));
          out += " + " + flow(p, q);
        }
        constraints += fmt::format("{} - y{}_{} = 0\n", out, edge.from, p);
      }
      for (std::size_t q = 0; q < layer.node.size(); ++q) {
        std::string in;
        for (std::size_t p = 0; p < from; ++p) in += " + " + flow(p, q);
        constraints += fmt::format("{} - y{}_{} = 0\n", in, v, q);
      }
    }
  }
  return fmt::format("Minimize\n{}Subject To\n{}Binaries\n{}End\n", objective, constraints, binaries);
}

}  // namespace

bool milp_available() { return std::system("command -v cbc >/dev/null 2>&1") == 0; }

std::optional<std::int64_t> milp_optimum(const DagProgram& program) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  const std::filesystem::path problem = folder / fmt::format("gatefold-{}.lp", getpid());
  const std::filesystem::path answer = folder / fmt::format("gatefold-{}.sol", getpid());
  std::ofstream(problem) << lp_text(program);
  std::filesystem::remove(answer);
  const std::string command =
      fmt::format("cbc '{}' ratioGap 0 allowableGap 0 solve solution '{}' >/dev/null 2>&1", problem.string(), answer.string());
  std::optional<std::int64_t> optimum;
  if (std::system(command.c_str()) == 0) {
    std::ifstream file(answer);  // "Optimal - objective value 1234.00000000"
    std::string line;
    std::getline(file, line);
    const std::size_t at = line.find("objective value");
    if (line.starts_with("Optimal") && at != std::string::npos) optimum = std::llround(std::stod(line.substr(at + 15)));
  }
  std::filesystem::remove(problem);
  std::filesystem::remove(answer);
  return optimum;
}

}  // namespace gatefold::test
