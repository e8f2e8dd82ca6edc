// Contracts: checks for programmer errors, on in every build. A wrong number that looks right is the worst output a
// simulator can have, so a violated contract never continues.
//
// The library itself prints nothing: it calls a handler that the program may replace (the command-line tool prints,
// a test throws, firmware resets). A handler that returns is followed by std::abort().
#pragma once

namespace gatefold {

/// What broke, and where. All strings are literals.
struct ContractViolation {
  const char* kind;       ///< "precondition" (the caller is wrong) or "invariant" (this function is wrong)
  const char* condition;  ///< the source text of the condition
  const char* file;
  int line;
};

using ContractHandler = void (*)(const ContractViolation&);

/// Replaces the handler and returns the previous one; nullptr restores the silent default. Thread-safe.
ContractHandler set_contract_handler(ContractHandler handler);

namespace detail {
[[noreturn]] void contract_violated(const ContractViolation& violation);
}  // namespace detail

}  // namespace gatefold

#define GATEFOLD_CONTRACT_(kind, condition) \
  ((condition) ? void(0) : ::gatefold::detail::contract_violated({kind, #condition, __FILE__, __LINE__}))

/// Precondition: the caller is wrong if this fails.
#define GATEFOLD_REQUIRE(condition) GATEFOLD_CONTRACT_("precondition", condition)
/// Invariant or postcondition: this function is wrong if this fails.
#define GATEFOLD_ENSURE(condition) GATEFOLD_CONTRACT_("invariant", condition)
