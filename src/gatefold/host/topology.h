// This machine as a device: which cores we may use, and which of them belong together.
//
// A *cluster* is a group of cores that share a last-level cache and are of one type; a *core* is a physical core (a
// hardware thread where the machine knows no others), on which at most one worker runs, bound to the core's first allowed
// hardware thread. The affinity mask of the process and its cgroup's cpuset say which cores exist for us; a cgroup's time
// quota of q processors leaves floor(q) of them, at least one, since a worker beyond the quota would only be throttled.
//
// Leaves out: NUMA distances (memory is where the lead first touches it) and what hot-plugging changes after the start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/base/result.h"

namespace gatefold {

struct HostCore {
  ClusterId cluster;
  std::int32_t cpu = 0;  ///< the kernel's number of the hardware thread that the worker is bound to
};

struct HostTopology {
  std::string cpu_name;         ///< "AMD EPYC", or "unknown"
  std::vector<HostCore> cores;  ///< CoreId is the position; ascending by cluster
  std::int32_t cluster_count = 0;
  std::optional<double> quota;  ///< processors' worth of time that the cgroups grant; nullopt: no limit
};

/// A set of cores: bit i is CoreId(i). The largest machine used in whole has 64 cores; of a larger one the first 64.
using CoreMask = std::uint64_t;
inline constexpr std::int32_t kHostCoresMax = 64;

/// The first `count` cores. Requires: 0 <= count <= 64.
[[nodiscard]] CoreMask first_cores(std::int32_t count);

/// Errors: kInvalidInput (cores_max < 1), kUnsupported (the machine cannot be read).
[[nodiscard]] Result<HostTopology> read_topology(std::optional<std::int32_t> cores_max);

/// Processors' worth of time that the cgroups of this process grant, the tightest of all levels; nullopt: no limit.
[[nodiscard]] std::optional<double> cgroup_quota(const std::filesystem::path& root = "/");

/// Where this process's cpu controller keeps its files; nullopt where there is none.
[[nodiscard]] std::optional<std::filesystem::path> cgroup_cpu_folder(const std::filesystem::path& root = "/");

}  // namespace gatefold
