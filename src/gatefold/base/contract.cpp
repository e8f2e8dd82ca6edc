#include "gatefold/base/contract.h"

#include <atomic>
#include <cstdlib>

namespace gatefold {
namespace {
std::atomic<ContractHandler> current_handler{nullptr};
}  // namespace

ContractHandler set_contract_handler(ContractHandler handler) { return current_handler.exchange(handler); }

namespace detail {
void contract_violated(const ContractViolation& violation) {
  if (ContractHandler handler = current_handler.load()) handler(violation);
  std::abort();
}
}  // namespace detail

}  // namespace gatefold
