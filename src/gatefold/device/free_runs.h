// The index of free runs: which stretches of adjacent clusters of one speed are available, found by length in
// logarithmic time, so that a boundary decision costs the same on four clusters and on four thousand.
//
// A run is maximal: it ends where a cluster is not available or has another speed. Runs change only when a condition of the
// chip changes; queries allocate nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace gatefold {

class FreeRuns {
 public:
  struct Run {
    std::int32_t begin = 0;      ///< first cluster
    std::int32_t end = 0;        ///< one past the last
    std::int32_t percent = 100;  ///< speed of all its clusters
    [[nodiscard]] std::int32_t length() const { return end - begin; }
    friend bool operator==(const Run&, const Run&) = default;
  };

  /// All clusters available at full speed. Requires: clusters >= 1.
  explicit FreeRuns(std::int32_t clusters);

  /// What is true of a cluster from now on. O(log clusters).
  void set(std::int32_t cluster, bool available, std::int32_t percent);

  /// The run that a cluster belongs to; nullopt if it is not available. O(log clusters).
  [[nodiscard]] std::optional<Run> containing(std::int32_t cluster) const;
  /// The leftmost run of at least `length` clusters that begins at or after cluster `from`. O(log clusters).
  [[nodiscard]] std::optional<Run> first_fit(std::int32_t length, std::int32_t from = 0) const;
  /// The shortest run of at least `length` clusters, the leftmost of those. O(log clusters).
  [[nodiscard]] std::optional<Run> best_fit(std::int32_t length) const;
  /// The same among the runs of the highest speed that has one long enough. O(speeds * log clusters).
  [[nodiscard]] std::optional<Run> fastest_fit(std::int32_t length) const;
  /// Clusters in the longest run. O(1).
  [[nodiscard]] std::int32_t longest() const { return lengths_[1]; }

 private:
  void insert(const Run& run);
  void erase(const Run& run);
  void set_length(std::int32_t begin, std::int32_t length);

  using ByLength = std::set<std::pair<std::int32_t, std::int32_t>>;  ///< (length, begin)
  std::int32_t clusters_;
  std::int32_t leaves_;
  std::map<std::int32_t, Run> by_begin_;
  ByLength by_length_;
  std::map<std::int32_t, ByLength> by_speed_;  ///< by -percent: the fastest first
  std::vector<std::int32_t> lengths_;          ///< a tournament tree over clusters: the length of the run that begins there, 0: none
};

}  // namespace gatefold
