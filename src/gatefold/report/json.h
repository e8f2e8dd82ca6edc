// Results as JSON text with stable keys (README.md, "Results as JSON"). Played scenarios: play_report.h; --why: why_json.h.
//
// The same inputs give the same bytes: keys keep their order, numbers print as the shortest text that reads back to the
// same double, and wall-clock figures appear only where they are asked for. Energies appear twice: `energy_j` in joules
// for reading, `energy_fj` as exact decimal strings for sums. What a run cannot know is null or absent, never invented.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gatefold/host/run.h"
#include "gatefold/report/inspection.h"
#include "gatefold/report/option_inspection.h"
#include "gatefold/runtime/run.h"
#include "gatefold/zoo/zoo.h"

namespace gatefold {

/// What a result does not say itself: how it was asked for.
struct RunContext {
  std::string version;
  std::string command;  ///< "run", "compare"
  std::string model;
  std::string device;
  std::string device_hash;
  std::string device_reason;  ///< why this device, if nobody named one; tables only
  std::string alias;          ///< the policy's name as it was asked for
  std::string numerics;       ///< "integer", "qdq-float", "float32"
  std::uint64_t seed = 1;
  std::string input;  ///< "seeded uniform values", "x.npy: 667 requests"
  bool has_deadline = false;
  bool timing_only = false;
  std::optional<double> accuracy;  ///< with labels
  std::vector<std::string> notes;  ///< "batch = 1 (default)"
  bool timings = false;            ///< add the wall-clock figures
  bool explained = false;          ///< add the decisions about a layer
  double load_seconds = 0;
};

/// One run and how it was asked for; a comparison is a list of them.
struct ReportedRun {
  RunContext context;
  RunResult result;
};

/// The same on this machine. `device` is "host"; a policy's name means one of the host's.
struct ReportedHostRun {
  RunContext context;
  HostRunResult result;
};

[[nodiscard]] std::string run_json(const ReportedRun& run);
/// The changes of the chip's profile over a run, each with its version and time. Empty unless the run recorded them.
[[nodiscard]] std::string profile_json(const ReportedRun& run);
/// The same object for every policy in the list `policies`, each with `outputs_identical`: to those of the first.
[[nodiscard]] std::string compare_json(const std::vector<ReportedRun>& runs);
/// In real time, so no two runs give the same bytes. `energy_j` is null where nobody measured or declared it.
[[nodiscard]] std::string host_run_json(const ReportedHostRun& run);
[[nodiscard]] std::string host_compare_json(const std::vector<ReportedHostRun>& runs);
[[nodiscard]] std::string inspection_json(const Inspection& inspection, const std::string& version);
[[nodiscard]] std::string options_json(const LayerOptionsInspection& inspection, const std::string& version);
/// The list of networks.
[[nodiscard]] std::string zoo_json(const std::string& version);
[[nodiscard]] std::string devices_json(const std::vector<DeviceSpec>& devices, const std::string& version);
/// One device with every number of its file.
[[nodiscard]] std::string device_json(const DeviceSpec& device, const std::string& version);

/// One known-answer set of one case.
struct ConformanceRecord {
  std::string name;     ///< "resnet8/test_data_set_0"
  std::string verdict;  ///< "pass", "fail", "unsupported"
  double worst = 0;     ///< the largest difference
  std::string unit;     ///< "steps" or "absolute"; empty without a comparison
  bool equal_bits = false;
  std::string reason;  ///< of a failure or of being unsupported
};
[[nodiscard]] std::string conformance_json(const std::vector<ConformanceRecord>& records, const std::string& numerics,
                                           const std::string& version);

/// What a case's meta.json says that a comparison needs to know.
struct CaseNotes {
  std::vector<std::int64_t> vendor_sets;  ///< sets whose expected output is the vendor's: one numeric contract only
  bool operator_quantised = false;        ///< QLinear operators: no qdq-float reading
};
/// Errors: kInvalidInput (not JSON).
[[nodiscard]] Result<CaseNotes> parse_case_notes(std::string_view text);

}  // namespace gatefold
