// gatefold_invariants --scale S --seed N [--only CASE]: S x 2,000 random cases, at least 20, each under every policy.
// Exit status 0 if every invariant holds, 1 if one does not, 2 for wrong arguments. The last line is what was measured.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string_view>

#include "gatefold/base/contract.h"
#include "invariants/run_checks.h"

namespace gatefold::test {
namespace {

constexpr double kCasesFull = 2000;
constexpr std::int64_t kCasesLeast = 20;
constexpr std::int64_t kReportedMost = 20;

void throw_violation(const ContractViolation& violation) {
  throw std::logic_error(fmt::format("{} {} at {}:{}", violation.kind, violation.condition, violation.file, violation.line));
}

struct Arguments {
  double scale = 1;
  std::uint64_t seed = 1;
  std::int64_t only = -1;
};

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view key = argv[i];
    const bool good = key == "--scale"  ? parse(argv[i + 1], arguments.scale)
                      : key == "--seed" ? parse(argv[i + 1], arguments.seed)
                      : key == "--only" ? parse(argv[i + 1], arguments.only)
                                        : false;
    if (!good) return false;
  }
  return argc % 2 == 1;
}

struct Totals {
  std::int64_t cases = 0, skipped = 0, runs = 0, refused = 0, shifts = 0, spilled = 0, shed = 0, faults = 0, both = 0, exact = 0,
               violations = 0;
};

/// Seeds of neighbouring cases and of neighbouring runs have nothing in common.
std::uint64_t case_seed(std::uint64_t seed, std::int64_t number) {
  return Random(seed * 1'000'003 + static_cast<std::uint64_t>(number)).next();
}

void check(std::uint64_t seed, std::int64_t number, Totals& totals) {
  std::string context;
  Findings findings;
  try {
    const auto c = random_case(case_seed(seed, number));
    if (!c) {
      ++totals.skipped;
      return;
    }
    ++totals.cases;
    context = describe(*c);
    findings = check_case(*c);
  } catch (const std::exception& broken) {
    findings.violations.push_back(fmt::format("contract: {}", broken.what()));
  }
  totals.runs += findings.runs;
  totals.refused += findings.refused;
  totals.shifts += findings.shifts;
  totals.spilled += findings.spilled;
  totals.shed += findings.shed;
  totals.faults += findings.faults;
  totals.both += findings.both;
  totals.exact += findings.exact_outputs;
  if (findings.violations.empty()) return;
  if (totals.violations < kReportedMost) {
    fmt::print("case {} (--seed {} --only {}): {}", number, seed, number, context);
    for (const std::string& violation : findings.violations) fmt::print("  * {}\n", violation);
    std::fflush(stdout);
  }
  totals.violations += static_cast<std::int64_t>(findings.violations.size());
}

int run(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments) || !(arguments.scale > 0)) {
    fmt::print(stderr, "usage: gatefold_invariants [--scale S] [--seed N] [--only CASE]\n");
    return 2;
  }
  set_contract_handler(throw_violation);
  const auto wanted = std::max(kCasesLeast, static_cast<std::int64_t>(kCasesFull * arguments.scale));
  Totals totals;
  if (arguments.only >= 0) {
    check(arguments.seed, arguments.only, totals);
  } else {
    // A network that does not fit its chip is no case; most do.
    for (std::int64_t number = 0; totals.cases < wanted && number < 10 * wanted; ++number) check(arguments.seed, number, totals);
  }
  const bool enough = arguments.only >= 0 || totals.cases >= wanted;
  fmt::print(
      "figure: {} cases, {} runs under {} policies ({} more placements refused at boot, {} cases that do not fit), {} runs with "
      "spilled activations, {} shifts, {} executions cut short or repeated ({} in runs with spilled activations), {} requests shed, {} "
      "runs equal to the reference bit by bit, {} violations\n",
      totals.cases, totals.runs, policy_names().size(), totals.refused, totals.skipped, totals.spilled, totals.shifts, totals.faults,
      totals.both, totals.shed, totals.exact, totals.violations);
  return totals.violations == 0 && enough ? 0 : 1;
}

}  // namespace
}  // namespace gatefold::test

int main(int argc, char** argv) { return gatefold::test::run(argc, argv); }
