// Grows a network over [1, c, h, w] values: every step reads one or two of the values so far, recent ones more often, so
// that some are read once, some often and some never. In a quantised network every value has gone through int8.
#include <algorithm>

#include "graph/model_builder.h"
#include "invariants/random_case.h"

namespace gatefold::test {
namespace {

constexpr float kWeightScale = 0.0078125F;  // a power of two, as all scales here: folding then has no ties to turn

struct Grown {
  ValueId id;
  Shape shape;
  float scale;  ///< of its int8 values; meaningless in a float network
};

class Grower {
 public:
  explicit Grower(Random& random) : random_(random), quantised_(random.chance(2)), chain_(random.chance(3)) {
    const Shape shape{1, random_.between(1, 8), random_.between(3, 8), random_.between(3, 8)};
    keep("x", net_.input("x", shape), shape);
    if (random_.chance(4)) keep("x2", net_.input("x2", shape), shape);
  }

  Model grow() {
    const std::int64_t steps = random_.between(2, 9);
    for (std::int64_t i = 0; i < steps; ++i) step("n" + std::to_string(i));
    if (random_.chance(2)) dense("dense", values_.back());
    if (values_.size() < 3) depthwise("only", values_.back());
    net_.output(values_.back().id);
    if (!chain_ && random_.chance(3)) net_.output(values_[values_.size() - 2].id);
    return net_.model();
  }

 private:
  const Grown& pick() { return chain_ || !random_.chance(3) ? values_.back() : random_.element(values_); }

  /// A value joins the ones that later steps read, through int8 if the network is quantised.
  void keep(const std::string& name, ValueId id, const Shape& shape) {
    Grown grown{id, shape, random_.chance(3) ? 0.03125F : 0.0625F};
    if (quantised_) {
      const auto zero = static_cast<std::int8_t>(random_.between(0, 1) * 5);
      grown.id = net_.dequantize(name + "/dq", net_.quantize(name + "/q", id, grown.scale, zero), grown.scale, zero);
    }
    values_.push_back(grown);
  }

  void step(const std::string& name) {
    const Grown x = pick();
    if (x.shape.rank() != 4) return dense(name, x);
    switch (random_.between(0, 11)) {
      case 0:
      case 1:
      case 2: return conv(name, x, random_.between(1, 8), 1);
      case 3: return depthwise(name, x);
      case 4: return x.shape[1] % 2 == 0 ? conv(name, x, 2 * random_.between(1, 4), 2) : conv(name, x, 3, 1);
      case 5: return pool(name, x);
      case 6:
      case 7: return add(name, x);
      case 8: return concat(name, x);
      case 9: return keep(name, net_.node(name, Transpose{{0, 1, 3, 2}}, {x.id}), Shape{1, x.shape[1], x.shape[3], x.shape[2]});
      case 10: return keep(name, net_.node(name, Softmax{1}, {x.id}), x.shape);
      default: return split(name, x);
    }
  }

  void conv(const std::string& name, const Grown& x, std::int64_t oc, std::int64_t group) {
    const std::int64_t k = random_.one_of<std::int64_t>({1, 3});
    const std::int64_t stride = random_.chance(4) ? 2 : 1;
    const std::int64_t pad = k / 2;
    const Shape kernel{oc, x.shape[1] / group, k, k};
    const Conv op{Window{{k, k}, {stride, stride}, {1, 1}, {pad, pad, pad, pad}, AutoPad::kExplicit}, group};
    std::vector<std::optional<ValueId>> inputs{x.id, weights(name, kernel)};
    if (random_.chance(2)) inputs.emplace_back(bias(name, oc, x));
    ValueId y = net_.node(name, op, inputs);
    if (random_.chance(2)) y = net_.relu(name + "/relu", y);
    const auto out = [&](std::int64_t in) { return (in + 2 * pad - k) / stride + 1; };
    keep(name, y, Shape{1, oc, out(x.shape[2]), out(x.shape[3])});
  }
  void depthwise(const std::string& name, const Grown& x) { conv(name, x, x.shape[1], x.shape[1]); }

  void pool(const std::string& name, const Grown& x) {
    if (x.shape[2] < 2 || x.shape[3] < 2) return conv(name, x, 2, 1);
    const Pool op{random_.chance(2) ? PoolKind::kMax : PoolKind::kAverage, Window{{2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, AutoPad::kExplicit},
                  false, false, false};
    keep(name, net_.node(name, op, {x.id}), Shape{1, x.shape[1], x.shape[2] / 2, x.shape[3] / 2});
  }

  void add(const std::string& name, const Grown& x) {
    const auto same = std::find_if(values_.begin(), values_.end(), [&](const Grown& v) { return v.shape == x.shape && v.id != x.id; });
    if (same == values_.end() || chain_) return conv(name, x, x.shape[1], 1);
    keep(name, net_.node(name, Binary{}, {x.id, same->id}), x.shape);
  }

  void concat(const std::string& name, const Grown& x) {
    const auto same = std::find_if(values_.begin(), values_.end(), [&](const Grown& v) {
      return v.shape.rank() == 4 && v.shape[2] == x.shape[2] && v.shape[3] == x.shape[3] && v.id != x.id;
    });
    if (same == values_.end() || chain_ || x.shape[1] + same->shape[1] > 12) return conv(name, x, 4, 1);
    keep(name, net_.node(name, Concat{1}, {x.id, same->id}), Shape{1, x.shape[1] + same->shape[1], x.shape[2], x.shape[3]});
  }

  void split(const std::string& name, const Grown& x) {
    if (x.shape[1] < 2 || chain_) return conv(name, x, 5, 1);
    const std::int64_t half = x.shape[1] / 2;
    const auto parts = net_.node(name, Split{1}, {x.id, net_.integers({half, x.shape[1] - half})}, 2);
    keep(name + "/0", parts[0], Shape{1, half, x.shape[2], x.shape[3]});
    keep(name + "/1", parts[1], Shape{1, x.shape[1] - half, x.shape[2], x.shape[3]});
  }

  void dense(const std::string& name, const Grown& x) {
    const std::int64_t k = x.shape.elements();
    const std::int64_t n = random_.between(1, 12);
    const ValueId flat = net_.node(name + "/flat", Flatten{}, {x.id});
    keep(name, net_.node(name, MatMul{}, {flat, weights(name, Shape{k, n})}), Shape{1, n});
  }

  ValueId weights(const std::string& name, const Shape& shape) {
    return quantised_ ? net_.quantised_weights(name + "/w", shape, {kWeightScale}) : net_.weights(shape);
  }
  ValueId bias(const std::string& name, std::int64_t count, const Grown& x) {
    return quantised_ ? net_.quantised_bias(name + "/b", count, {kWeightScale * x.scale}) : net_.weights({count});
  }

  Random& random_;
  bool quantised_;
  bool chain_;
  ModelBuilder net_;
  std::vector<Grown> values_;
};

}  // namespace

LayerGraph random_network(Random& random) {
  auto graph = build_layer_graph(Grower(random).grow());
  if (!graph) GATEFOLD_REQUIRE(!"a grown network is valid");
  return std::move(graph).value();
}

}  // namespace gatefold::test
