// Results as short tables for people: aligned columns, a unit with every number, a sentence where a number would puzzle.
#pragma once

#include <string>
#include <vector>

#include "gatefold/report/json.h"

namespace gatefold {

/// Each ends with a newline.
[[nodiscard]] std::string run_table(const ReportedRun& run);
/// The run's energy by layer and part, and by cluster and part; both add up to the total.
[[nodiscard]] std::string breakdown_table(const ReportedRun& run);
/// The decisions about a layer, with the options that were weighed and what would have to change for each.
[[nodiscard]] std::string why_table(const ReportedRun& run, const std::string& layer);
/// One row per policy. Ratios are to `static` where it is in the list, else to the first. Requires: !runs.empty().
[[nodiscard]] std::string compare_table(const std::vector<ReportedRun>& runs);
[[nodiscard]] std::string host_run_table(const ReportedHostRun& run);
/// One row per policy; core-seconds are to the first. Requires: !runs.empty().
[[nodiscard]] std::string host_compare_table(const std::vector<ReportedHostRun>& runs);
[[nodiscard]] std::string inspection_table(const Inspection& inspection);
[[nodiscard]] std::string options_table(const LayerOptionsInspection& inspection);
[[nodiscard]] std::string zoo_table();
[[nodiscard]] std::string devices_table(const std::vector<DeviceSpec>& devices);
[[nodiscard]] std::string device_table(const DeviceSpec& device);

}  // namespace gatefold
