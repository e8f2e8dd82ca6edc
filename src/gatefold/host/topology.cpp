#include "gatefold/host/topology.h"

#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "gatefold/host/kernel_files.h"

namespace gatefold {
namespace {

namespace fs = std::filesystem;

struct TopologyDeleter {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Machine = std::unique_ptr<hwloc_topology, TopologyDeleter>;

struct BitmapDeleter {
  void operator()(hwloc_bitmap_t bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, BitmapDeleter>;

/// What cores of one cluster have in common: their type and the outermost cache above them (the package without caches).
std::pair<int, hwloc_obj_t> cluster_key(hwloc_topology_t machine, hwloc_obj_t core) {
  hwloc_obj_t shared = nullptr;
  for (hwloc_obj_t above = core->parent; above != nullptr; above = above->parent) {
    if (hwloc_obj_type_is_cache(above->type) || (shared == nullptr && above->type == HWLOC_OBJ_PACKAGE)) shared = above;
  }
  return {hwloc_cpukinds_get_by_cpuset(machine, core->cpuset, 0), shared};
}

std::string cpu_name_of(hwloc_topology_t machine) {
  const hwloc_obj_t package = hwloc_get_obj_by_type(machine, HWLOC_OBJ_PACKAGE, 0);
  const char* name = package == nullptr ? nullptr : hwloc_obj_get_info_by_name(package, "CPUModel");
  std::string text = name == nullptr ? "unknown" : name;
  text.erase(text.find_last_not_of(' ') + 1);  // the processor pads its name
  return text;
}

std::vector<HostCore> usable_cores(hwloc_topology_t machine, std::int32_t* cluster_count) {
  const Bitmap allowed(hwloc_bitmap_alloc());
  if (hwloc_get_cpubind(machine, allowed.get(), HWLOC_CPUBIND_THREAD) != 0) {
    hwloc_bitmap_copy(allowed.get(), hwloc_topology_get_allowed_cpuset(machine));
  }
  const hwloc_obj_type_t kind = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  std::map<std::pair<int, hwloc_obj_t>, ClusterId> clusters;
  std::vector<HostCore> cores;
  for (hwloc_obj_t core = nullptr; (core = hwloc_get_next_obj_by_type(machine, kind, core)) != nullptr;) {
    const Bitmap usable(hwloc_bitmap_alloc());
    hwloc_bitmap_and(usable.get(), core->cpuset, allowed.get());
    const int cpu = hwloc_bitmap_first(usable.get());
    if (cpu < 0) continue;
    const auto cluster = clusters.try_emplace(cluster_key(machine, core), ClusterId(clusters.size())).first->second;
    cores.push_back({cluster, cpu});
  }
  *cluster_count = static_cast<std::int32_t>(clusters.size());
  std::stable_sort(cores.begin(), cores.end(), [](const HostCore& a, const HostCore& b) { return a.cluster < b.cluster; });
  return cores;
}

/// quota / period of one cgroup, in either version's files.
std::optional<double> quota_of(const fs::path& folder) {
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> period;
  if (const auto both = read_kernel_text(folder / "cpu.max")) {
    std::string_view rest = *both;  // "max 100000" has no quota
    quota = next_number(rest);
    period = next_number(rest);
  } else {
    quota = read_kernel_number(folder / "cpu.cfs_quota_us");  // -1: none
    period = read_kernel_number(folder / "cpu.cfs_period_us");
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

struct CgroupPlace {
  fs::path mount;
  fs::path group;  ///< below the mount
};

std::optional<CgroupPlace> cgroup_place(const fs::path& root) {
  const std::optional<std::string> lines = read_kernel_text(root / "proc/self/cgroup");
  if (!lines) return std::nullopt;
  std::optional<CgroupPlace> unified;
  std::string_view rest = *lines;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    // "4:cpu,cpuacct:/a" is version 1, "0::/a" version 2.
    if (("," + std::string(controllers) + ",").find(",cpu,") != std::string::npos) return CgroupPlace{root / "sys/fs/cgroup/cpu", group};
    if (controllers.empty()) unified = CgroupPlace{root / "sys/fs/cgroup", group};
  }
  return unified;
}

}  // namespace

CoreMask first_cores(std::int32_t count) {
  GATEFOLD_REQUIRE(count >= 0 && count <= kHostCoresMax);
  return count == kHostCoresMax ? ~CoreMask{0} : (CoreMask{1} << count) - 1;
}

std::optional<fs::path> cgroup_cpu_folder(const fs::path& root) {
  const auto place = cgroup_place(root);
  if (!place) return std::nullopt;
  // In a container the group's path is the host's and its files lie at the mount itself.
  const fs::path folder = place->mount / place->group;
  return fs::exists(folder) ? folder : place->mount;
}

std::optional<double> cgroup_quota(const fs::path& root) {
  const auto place = cgroup_place(root);
  if (!place) return std::nullopt;
  std::optional<double> tightest;
  for (fs::path group = place->group;; group = group.parent_path()) {
    const std::optional<double> quota = quota_of(group.empty() ? place->mount : place->mount / group);
    if (quota) tightest = std::min(*quota, tightest.value_or(*quota));
    if (group.empty()) return tightest;
  }
}

Result<HostTopology> read_topology(std::optional<std::int32_t> cores_max) {
  if (cores_max && *cores_max < 1) return Error{ErrorCode::kInvalidInput, fmt::format("{} cores; wanted at least 1", *cores_max)};
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return Error{ErrorCode::kUnsupported, "this machine's topology cannot be read"};
  const Machine machine(raw);
  if (hwloc_topology_load(raw) != 0) return Error{ErrorCode::kUnsupported, "this machine's topology cannot be read"};
  HostTopology topology;
  topology.cpu_name = cpu_name_of(raw);
  topology.cores = usable_cores(raw, &topology.cluster_count);
  if (topology.cores.empty()) return Error{ErrorCode::kUnsupported, "no core of this machine is allowed to this process"};
  topology.quota = cgroup_quota();
  std::int32_t limit = cores_max.value_or(kHostCoresMax);
  if (topology.quota) limit = std::min(limit, std::max(1, static_cast<std::int32_t>(std::min(*topology.quota, 64.0))));
  limit = std::min(limit, kHostCoresMax);
  if (std::ssize(topology.cores) > limit) topology.cores.resize(static_cast<std::size_t>(limit), topology.cores.front());
  topology.cluster_count = topology.cores.back().cluster.index() + 1;
  return topology;
}

}  // namespace gatefold
