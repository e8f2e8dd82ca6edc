// gatefold_random_steps --scale S --seed N: S x 10^7 random steps of shift, wake, gate, fault and run: a fifth of them through
// sessions that compute true outputs, the others directly on chips. Exit status 0 if nothing is violated, 1 if something is,
// 2 for wrong arguments. The last line is what was measured.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string_view>

#include "gatefold/base/contract.h"
#include "random_steps/walks.h"

namespace gatefold::test {
namespace {

constexpr double kStepsFull = 1e7;
constexpr double kSessionShare = 0.2;
constexpr std::size_t kReportedMost = 10;

void throw_violation(const ContractViolation& violation) {
  throw std::logic_error(fmt::format("{} {} at {}:{}", violation.kind, violation.condition, violation.file, violation.line));
}

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

int run(double scale, std::uint64_t seed) {
  Steps steps;
  Random random(seed * 1'000'003);
  std::int64_t sessions = 0, chips = 0;
  double through_sessions = 0;
  const double wanted = kStepsFull * scale;
  while (static_cast<double>(steps.total()) < wanted && steps.violations.size() < kReportedMost) {
    const std::uint64_t next = random.next();
    const bool session = through_sessions <= kSessionShare * static_cast<double>(steps.total());
    const std::int64_t before = steps.total();
    try {
      Random own(next);
      if (session) walk_session(next, steps);
      else walk_chip(own, steps);
    } catch (const std::exception& broken) {
      steps.violations.push_back(fmt::format("contract: {} (seed {} of a {})", broken.what(), next, session ? "session" : "chip"));
    }
    ++(session ? sessions : chips);
    if (session) through_sessions += static_cast<double>(steps.total() - before);
  }
  for (const std::string& violation : steps.violations) fmt::print("{}\n", violation);
  fmt::print(
      "figure: {} steps ({} run, {} shift, {} wake, {} gate, {} fault) in {} sessions and on {} chips, {} outputs and contents as they "
      "must be, {} violations\n",
      steps.total(), steps.run, steps.shift, steps.wake, steps.gate, steps.fault, sessions, chips, steps.equal, steps.violations.size());
  return steps.violations.empty() ? 0 : 1;
}

int run(int argc, char** argv) {
  double scale = 1;
  std::uint64_t seed = 1;
  std::uint64_t session = 0;
  bool good = argc % 2 == 1;
  for (int i = 1; good && i + 1 < argc; i += 2) {
    const std::string_view key = argv[i];
    good = key == "--scale"     ? parse(argv[i + 1], scale)
           : key == "--session" ? parse(argv[i + 1], session)
                                : key == "--seed" && parse(argv[i + 1], seed);
  }
  if (!good || !(scale > 0)) {
    fmt::print(stderr, "usage: gatefold_random_steps [--scale S] [--seed N] | --session N\n");
    return 2;
  }
  set_contract_handler(throw_violation);
  if (session == 0) return run(scale, seed);
  Steps steps;
  walk_session(session, steps);
  for (const std::string& violation : steps.violations) fmt::print("{}\n", violation);
  return steps.violations.empty() ? 0 : 1;
}

}  // namespace
}  // namespace gatefold::test

int main(int argc, char** argv) { return gatefold::test::run(argc, argv); }
