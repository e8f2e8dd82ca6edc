// What the writers of results share, and where they see the JSON library. For .cpp files of this room only.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "gatefold/report/figures.h"

namespace gatefold {

/// Keys keep the order in which they are written.
using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// Two-space indentation and a final newline; text that is not UTF-8 (names in a file) becomes U+FFFD.
inline std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

/// Total and parts: in joules, or exactly, as strings in femtojoules.
inline Json energy_json(const EnergyParts& parts, bool exact) {
  const auto number = [exact](EnergyTotal energy) { return exact ? Json(energy.femtojoules()) : Json(energy.joules()); };
  Json json{{"total", number(parts.total())}};
  for (const auto& [part, energy] : named_parts(parts)) json[std::string(part)] = number(energy);
  return json;
}

inline Json residency_json(const std::vector<std::pair<std::string, double>>& residency) {
  Json states = Json::object();
  for (const auto& [state, share] : residency) states[state] = share;
  return states;
}

}  // namespace gatefold
