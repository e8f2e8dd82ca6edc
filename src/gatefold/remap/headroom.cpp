#include "gatefold/remap/headroom.h"

#include <algorithm>

#include "gatefold/remap/plan.h"

namespace gatefold {
namespace {

bool holds(const Placement& placement, CoreId core, std::int32_t cores_per_cluster) {
  const std::int32_t cluster = core.index() / cores_per_cluster;
  if (cluster < placement.first || cluster > placement.last()) return false;
  return (placement.core_mask >> static_cast<unsigned>(core.index() % cores_per_cluster) & 1U) != 0;
}

}  // namespace

Headroom::Headroom(const Situation& situation, const Assignment& target)
    : situation_(situation),
      target_(target),
      table_(*situation.table),
      cores_per_cluster_(table_.spec().cores_per_cluster),
      countable_(situation.spilling->tensors.empty() && !situation.residence->memory().any_failed()),
      added_(static_cast<std::size_t>(table_.spec().core_count())) {}

std::int64_t Headroom::banks(TensorId tensor, const Layout& layout, std::int32_t cores) const {
  const std::int64_t element = table_.tensor_bytes(tensor).count() / std::max<std::int64_t>(1, layout.elements());
  return ceil_div(element * layout.outer * ceil_div(layout.units, cores) * layout.inner, table_.spec().bank.size.count());
}

Headroom::Taken Headroom::weights_at(LayerId layer, const Placement& placement) const {
  if (placement.streamed) return {2, 0};  // a buffer that others may share
  const std::int64_t bytes = table_.work(layer).weights.count();
  const std::int64_t share = placement.split == CoreSplit::kRows ? bytes : ceil_div(bytes, placement.core_count());
  const std::int64_t bank = table_.spec().bank.size.count();
  return {share / bank, share % bank};
}

std::int64_t Headroom::opened(CoreId core, const Taken& more) const {
  const Taken& added = added_[core.at()];
  const std::int64_t rests = added.rests + more.rests;
  const std::int64_t shared = rests == 0 ? 0 : std::max<std::int64_t>(1, ceil_div(2 * rests, table_.spec().bank.size.count()) - 1);
  return added.banks + more.banks + shared;
}

bool Headroom::weights_fit(LayerId layer, const Placement& to, std::int64_t spare_banks) {
  const Taken taken = weights_at(layer, to);
  const Memory& memory = situation_.residence->memory();
  bool sure = true;
  for (std::int32_t c = 0; sure && c < to.core_count(); ++c) {
    const CoreId core = to.core(c, cores_per_cluster_);
    sure = memory.empty_banks(core) - opened(core, taken) >= spare_banks;
  }
  return sure || residence().weights_fit(layer, to, spare_banks);
}

void Headroom::list_alive() {
  const LayerGraph& graph = table_.graph();
  const std::size_t layers = target_.size();
  const auto from = [](const Activation& activation) { return activation.producer ? activation.producer->at() : 0; };
  const auto until = [&](const Activation& activation) {
    return activation.network_output ? layers - 1 : activation.last_use ? activation.last_use->at() : from(activation);
  };
  std::vector<std::size_t> at(layers + 1, 0);
  const auto lies_somewhere = [](const Activation& activation) { return activation.producer || !activation.consumers.empty(); };
  for (const Activation& activation : graph.activations) {
    if (!lies_somewhere(activation)) continue;
    for (std::size_t step = from(activation); step <= until(activation); ++step) ++at[step + 1];
  }
  for (std::size_t step = 0; step < layers; ++step) at[step + 1] += at[step];
  alive_from_ = at;
  alive_.resize(at.back(), TensorId(0));
  for (std::size_t t = 0; t < graph.activations.size(); ++t) {
    const Activation& activation = graph.activations[t];
    if (!lies_somewhere(activation)) continue;
    for (std::size_t step = from(activation); step <= until(activation); ++step) alive_[at[step]++] = TensorId(t);
  }
}

Headroom::Lying Headroom::where(TensorId tensor, std::size_t step, LayerId layer, const Placement& to) const {
  // With its latest reader; before the first one has read it, where that will be; if nobody reads it, with its producer.
  const Activation& activation = table_.graph().activation(tensor);
  const std::vector<LayerId>& readers = activation.consumers;
  std::size_t read = 0;
  while (read < readers.size() && readers[read].at() <= step) ++read;
  const LayerId at = readers.empty() ? *activation.producer : readers[read > 0 ? read - 1 : 0];
  const Placement& lies = at == layer ? to : target_[at.at()];
  if (read < 2) return {&lies, banks(tensor, table_.tensor_layout(tensor), lies.core_count())};
  const Layer& reader = table_.graph().layer(at);
  const auto operand = std::find_if(reader.inputs.begin(), reader.inputs.end(), [&](const Operand& o) { return o.tensor == tensor; });
  return {&lies, banks(tensor, operand_layout(reader, operand->shape), lies.core_count())};
}

bool Headroom::count() {
  if (counted_) return *counted_;
  counted_ = countable_;
  if (!countable_) return false;
  list_alive();
  peaks_.assign(added_.size(), 0);
  std::vector<std::int64_t> taken(peaks_.size(), 0);
  const auto each_core = [&](const Lying& lying, auto what) {
    for (std::int32_t c = 0; c < lying.at->core_count(); ++c) what(lying.at->core(c, cores_per_cluster_).at());
  };
  for (std::size_t step = 0; step < target_.size(); ++step) {
    const auto each_alive = [&](auto what) {
      for (std::size_t i = alive_from_[step]; i < alive_from_[step + 1]; ++i) {
        const Lying lying = where(alive_[i], step, LayerId(step), target_[step]);
        each_core(lying, [&](std::size_t core) { what(core, lying.banks); });
      }
    };
    each_alive([&](std::size_t core, std::int64_t banks) {
      taken[core] += banks;
      peaks_[core] = std::max(peaks_[core], taken[core]);
    });
    each_alive([&](std::size_t core, std::int64_t) { taken[core] = 0; });
  }
  const Memory& memory = situation_.residence->memory();
  for (std::size_t c = 0; c < peaks_.size(); ++c) {
    if (peaks_[c] > 0 && memory.empty_banks(CoreId(c)) - opened(CoreId(c), {}) < peaks_[c]) counted_ = false;
  }
  return *counted_;
}

std::int64_t Headroom::peak_with(CoreId core, LayerId layer, const Placement& to) const {
  // Only what the layer reads, and what it writes for nobody, lies elsewhere then.
  const LayerGraph& graph = table_.graph();
  std::size_t from = layer.at();
  std::size_t until = layer.at();
  const auto cover = [&](TensorId tensor) {
    const Activation& activation = graph.activation(tensor);
    from = std::min(from, activation.producer ? activation.producer->at() : 0);
    until = std::max(until, activation.network_output ? target_.size() - 1 : activation.last_use ? activation.last_use->at() : 0);
  };
  for (const Operand& operand : graph.layer(layer).inputs) {
    if (operand.tensor) cover(*operand.tensor);
  }
  for (const TensorId output : graph.layer(layer).outputs) {
    if (graph.activation(output).consumers.empty()) cover(output);
  }
  std::int64_t peak = peaks_[core.at()];
  for (std::size_t step = from; step <= until; ++step) {
    std::int64_t sum = 0;
    for (std::size_t i = alive_from_[step]; i < alive_from_[step + 1]; ++i) {
      const Lying lying = where(alive_[i], step, layer, to);
      if (holds(*lying.at, core, cores_per_cluster_)) sum += lying.banks;
    }
    peak = std::max(peak, sum);
  }
  return peak;
}

bool Headroom::leaves_room(LayerId layer, const Placement& to) {
  bool sure = count();
  const Taken taken = weights_at(layer, to);
  for (std::int32_t c = 0; sure && c < to.core_count(); ++c) {
    const CoreId core = to.core(c, cores_per_cluster_);
    sure = situation_.residence->memory().empty_banks(core) - opened(core, taken) >= peak_with(core, layer, to);
  }
  if (sure) return true;
  const Residence& now = residence();
  Assignment homes = target_;
  homes[layer.at()] = to;
  return shift_leaves_room(table_, now, homes, layer, std::nullopt, {});
}

void Headroom::move(LayerId layer, const Placement& to) {
  const Taken taken = weights_at(layer, to);
  for (std::int32_t c = 0; c < to.core_count(); ++c) {
    const CoreId core = to.core(c, cores_per_cluster_);
    if (counted_ == true) peaks_[core.at()] = peak_with(core, layer, to);
    added_[core.at()].banks += taken.banks;
    added_[core.at()].rests += taken.rests;
  }
  moves_.emplace_back(layer, to);
}

const Residence& Headroom::residence() {
  if (moves_.empty() && !residence_) return *situation_.residence;
  if (!residence_) {
    memory_.emplace(situation_.residence->memory());
    residence_.emplace(*situation_.residence, *memory_);
  }
  for (const auto& [layer, to] : moves_) {
    residence_->drop_weights(layer);
    GATEFOLD_ENSURE(residence_->store_weights(layer, to, {}).has_value());
  }
  moves_.clear();
  return *residence_;
}

}  // namespace gatefold
