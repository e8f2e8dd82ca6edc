// A plan for people: what is minimised, what it costs, how far it is proven, and where every layer lies.
#include <fmt/format.h>

#include <algorithm>

#include "gatefold/report/figures.h"
#include "gatefold/report/plan_json.h"

namespace gatefold {
namespace {

std::string duration(Cycles cycles, std::int64_t clock_hz) { return seconds_text(seconds(cycles, clock_hz)); }

std::string proof_text(const Certificate& certificate) {
  const std::string bound = joules_text(certificate.bound.joules());
  if (certificate.energy == certificate.bound) return fmt::format("{}: no plan costs less than {}", certificate.kind, bound);
  const double above = (certificate.energy - certificate.bound).joules();
  const double share = certificate.bound.joules() > 0 ? above / certificate.bound.joules() * 100 : 0;
  return fmt::format("{}: no plan costs less than {}; this one may be {} ({:.2g} %) above the cheapest", certificate.kind, bound,
                     joules_text(above), share);
}

}  // namespace

std::string plan_table(const Certificate& certificate, std::int64_t clock_hz, Cycles latency) {
  std::string text = fmt::format("model     {}\ndevice    {}\n", certificate.model, certificate.device_name);
  std::string question =
      certificate.period ? "energy of one period of " + duration(*certificate.period, clock_hz) : "energy of one request";
  if (certificate.deadline) question += ", at most " + duration(*certificate.deadline, clock_hz);
  text += fmt::format("least     {}\n", question);
  text += fmt::format("energy    {}, latency {}\n", joules_text(certificate.energy.joules()), duration(latency, clock_hz));
  text += fmt::format("proof     {}\n", proof_text(certificate));
  if (certificate.time_price != EnergyPerCycle(0)) {
    text += fmt::format("price     {} aJ for each cycle, the deadline's multiplier\n", certificate.time_price.count());
  }
  std::size_t longest = 5;
  for (const std::string& name : certificate.layers) longest = std::max(longest, name.size());
  text += "\n";
  for (std::size_t v = 0; v < certificate.layers.size(); ++v) {
    text += fmt::format("{:<{}}  {:>10}  {}\n", certificate.layers[v], longest, joules_text(certificate.plan_costs[v].joules()),
                        certificate.plan[v].text());
  }
  return text;
}

}  // namespace gatefold
