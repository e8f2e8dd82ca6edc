// Calibration: the option table of one network on this machine, by measurement.
//
// For every count of cores the network runs whole, on the session's own workers, two times to warm up and then until every
// layer has been timed undisturbed at least five times: layers are timed where they run, with the caches and the clock
// that they will have at load. The median of a layer's times is its entry; requests keep it up to date (an exponential
// mean, plans.h).
//
// A table may be kept in a file and found again by what it depends on: the network's layers and shapes (not its weights'
// values), the numeric contract, the processor and the number of cores. A file that does not match or is damaged is
// measured anew and replaced.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "gatefold/base/result.h"
#include "gatefold/host/workers.h"

namespace gatefold {

struct CalibrationKey {
  std::string cpu;      ///< the processor's name
  std::string network;  ///< fingerprint()
  std::int32_t cores = 1;
};

/// SHA-256 of everything about a network that its layers' times depend on.
[[nodiscard]] std::string fingerprint(const LayerGraph& graph, Numerics numerics);

/// Measures every layer for every count of cores, waiting for each run. Returns false where the machine was so busy that a
/// layer could not be timed five times within 40 runs; its entry is then the median of what there is, or that of fewer cores.
bool calibrate(Workers& workers, HostNetwork& network, const InputSet& inputs);

/// A table as the text of a file, ending in a checksum of what stands before it.
[[nodiscard]] std::string calibration_text(const HostOptionTable& table, const CalibrationKey& key);
/// Fills the table. Errors: kInvalidInput (another key, another size, a damaged file); the table is then unchanged.
[[nodiscard]] Status parse_calibration(std::string_view text, const CalibrationKey& key, HostOptionTable& table);
/// Where a folder keeps the table of this key.
[[nodiscard]] std::filesystem::path calibration_path(const std::filesystem::path& folder, const CalibrationKey& key);

/// Seeded inputs: uniform over [0, 1), or 0 and 1 of an integer type.
[[nodiscard]] InputSet calibration_inputs(const LayerGraph& graph);

}  // namespace gatefold
