// Layers that lie apart, so that a core need not hold both what its layer reads and what it writes: a repair of an assignment that cannot
// be laid out. The fitter (fit.cpp) leaves room for both on every core, and finds no such plan.
#include "gatefold/device/chip.h"
#include "gatefold/remap/plan.h"
#include "gatefold/remap/walk.h"

namespace gatefold {
namespace {

// Assignments that are laid out to find one whose layers lie apart: before the first request, and in what others leave of a chip, where
// it is asked again whenever they come and go. One layer of edge-16 has about 400 places.
constexpr std::int64_t kTries = 4000;
constexpr std::int64_t kTriesWithin = 1000;

/// Where Fitter finds nothing: layers that overflow move to other cores, so that what one of them writes lies in cores that the
/// others leave free. Every round moves the layer whose operands found no room, or the one that executed then, to the place from which the
/// request gets furthest; of those the cheapest. It ends where no place gets it further.
class Apart {
 public:
  /// `tries`: assignments that are laid out before it gives up.
  Apart(const OptionTable& table, Assignment wanted, const std::vector<char>& spilled, const Memory& within, std::int64_t tries)
      : table_(table), assignment_(std::move(wanted)), spilled_(spilled), within_(within), tries_(tries) {}

  std::optional<Assignment> fit() {
    if (!each_fits_somewhere() || !place_weights()) return std::nullopt;
    Reached reached = lay_out(assignment_);
    while (reached.failed) {
      const std::optional<Reached> further = move_on(reached);
      if (!further) return std::nullopt;
      reached = *further;
    }
    return assignment_;
  }

 private:
  /// How far an assignment can be laid out.
  struct Reached {
    std::int64_t layers = 0;        ///< that executed; -1: not even all weights find room
    std::optional<LayerId> failed;  ///< whose operands found no room; nullopt: none
  };

  Reached lay_out(const Assignment& assignment) const {
    Memory memory(within_);
    Residence residence(table_, memory, spilled_);
    for (std::size_t v = 0; v < assignment.size(); ++v) {
      if (!residence.store_weights(LayerId(v), assignment[v], {})) return {-1, LayerId(v)};
    }
    std::vector<RowBlocks> executed;
    const std::optional<LayerId> failed = walk(table_, assignment, std::nullopt, {}, residence, &executed);
    return {std::ssize(executed), failed};
  }

  /// Banks per core for a layer's inputs, and for staging buffers at their smallest.
  std::int64_t banks_read(LayerId layer, std::int64_t cores, const Residence& residence) const {
    std::int64_t banks = spilled_.empty() ? 0 : least_staging_banks(table_, spilled_, layer, cores);
    for (const Operand& operand : table_.graph().layer(layer).inputs) {
      if (operand.tensor) banks += residence.banks_per_core(*operand.tensor, cores);
    }
    return banks;
  }

  /// Finds the shapes whose cores hold a layer's weights, inputs and staging buffers.
  bool each_fits_somewhere() {
    const DeviceSpec& spec = table_.spec();
    Memory memory(spec);
    const Residence residence(table_, memory, spilled_);
    for (std::size_t v = 0; v < assignment_.size(); ++v) {
      auto& shapes = shapes_.emplace_back();
      for (const Option& option : table_.layer(LayerId(v)).options) {
        const std::int64_t cores = option.footprint.total();
        const Bytes weights = assignment_[v].streamed ? Bytes(0) : weights_stored(spec, table_.work(LayerId(v)), option.footprint);
        const std::int64_t banks =
            banks_read(LayerId(v), cores, residence) + ceil_div(ceil_div(weights.count(), cores), spec.bank.size.count());
        if (banks <= spec.banks_per_core) shapes.push_back(option.footprint);
      }
      if (shapes.empty()) return false;
    }
    return true;
  }

  /// Weights where they are wanted or, where they and the layer's inputs find no room there, in the next place of the same shape.
  bool place_weights() {
    Memory memory(within_);
    Residence residence(table_, memory, spilled_);
    for (std::size_t v = 0; v < assignment_.size(); ++v) {
      const LayerId layer(v);
      const auto store = [&](const Placement& place, std::int64_t spare) {
        if (!residence.weights_fit(layer, place, spare) || !residence.store_weights(layer, place, {})) return false;
        assignment_[v] = place;
        return true;
      };
      const Placement wanted = assignment_[v];
      bool stored = false;
      // Cores that are too few for what is read now are left later.
      for (const std::int64_t spare : {banks_read(layer, wanted.core_count(), residence), std::int64_t{0}}) {
        stored = stored || (!failed_core(memory, wanted, table_.spec().cores_per_cluster) && store(wanted, spare));
        for_each_place(layer, footprint_of(wanted), [&](const Placement& place) { stored = stored || store(place, spare); });
      }
      if (!stored) return false;
    }
    return true;
  }

  std::optional<Reached> move_on(const Reached& reached) {
    std::vector<LayerId> movable{*reached.failed};
    const auto executing = static_cast<std::size_t>(reached.layers);
    if (executing != reached.failed->at()) movable.emplace_back(executing);
    std::optional<Reached> furthest;
    Assignment best;
    EnergyTotal lowest;
    for (const LayerId layer : movable) {
      Assignment tried = assignment_;
      const auto attempt = [&](const Placement& place) {
        if (--tries_ < 0) return;
        tried[layer.at()] = place;
        const Reached got = lay_out(tried);
        if (got.layers <= reached.layers || (furthest && got.layers < furthest->layers)) return;
        const EnergyTotal cost = assignment_cost(table_, tried, {spilled_, {}}) + reload_energy(table_, tried);
        if (furthest && got.layers == furthest->layers && lowest <= cost) return;
        furthest = got;
        best = tried;
        lowest = cost;
      };
      for (const Footprint& shape : shapes_[layer.at()]) for_each_place(layer, shape, attempt);
    }
    if (furthest) assignment_ = std::move(best);
    return furthest;
  }

  template <class Try>
  void for_each_place(LayerId layer, const Footprint& shape, Try attempt) const {
    const DeviceSpec& spec = table_.spec();
    Placement place = placed_at(shape, 0);
    place.streamed = assignment_[layer.at()].streamed;
    const int cores = place.cores_per_cluster();
    const auto block = static_cast<std::uint16_t>((1U << cores) - 1U);
    for (std::int32_t first = 0; first + shape.clusters <= spec.cluster_count; ++first) {
      place.first = static_cast<std::int16_t>(first);
      for (int shift = 0; shift + cores <= spec.cores_per_cluster; ++shift) {
        place.core_mask = static_cast<std::uint16_t>(block << shift);
        if (!failed_core(within_, place, spec.cores_per_cluster)) attempt(place);
      }
    }
  }

  const OptionTable& table_;
  Assignment assignment_;
  const std::vector<char>& spilled_;
  const Memory& within_;
  std::vector<std::vector<Footprint>> shapes_;  ///< by layer
  std::int64_t tries_;
};

}  // namespace

EnergyTotal reload_energy(const OptionTable& table, const Assignment& assignment) {
  EnergyTotal sum;
  for (std::size_t v = 0; v < assignment.size(); ++v) {
    if (assignment[v].streamed) continue;
    const Bytes stored = weights_stored(table.spec(), table.work(LayerId(v)), footprint_of(assignment[v]));
    sum += external_energy(table.spec(), Bytes(0), stored);
  }
  return sum;
}

std::optional<FittedPlan> fit_apart(const OptionTable& table, const Assignment& wanted, const std::vector<char>& spilled,
                                    const Memory* within) {
  const Memory empty(table.spec());
  const Memory& memory = within != nullptr ? *within : empty;
  auto apart = Apart(table, wanted, spilled, memory, within != nullptr ? kTriesWithin : kTries).fit();
  if (!apart) return std::nullopt;
  auto spilling = lay_out_as_is(table, *apart, spilled, within);
  GATEFOLD_ENSURE(spilling.has_value());  // it was laid out so
  return FittedPlan{*std::move(apart), *std::move(spilling)};
}

}  // namespace gatefold
