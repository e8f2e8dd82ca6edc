// How dot layers are cut: rows into slices, slices into groups whose padded input is near, groups into tiles.
#include "gatefold/kernels/tile_layer.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "gatefold/base/quantity.h"
#include "gatefold/kernels/tile_parameters.h"

namespace gatefold {
namespace {

constexpr std::int64_t kUnit = 4;                  // bytes that a 32-bit lane multiplies at a time
constexpr std::int64_t kCopiedBytes = 256 * 1024;  // of padded rows at a time: they stay in the second-level cache
constexpr std::int64_t kEdgesMatter = 16;          // columns up to which the two at the borders cost more than copying a row
constexpr std::int64_t kWeightsNear = 384 * 1024;  // weights that stay there from position to position

std::int64_t rounded_up(std::int64_t count, std::int64_t unit) { return (count + unit - 1) / unit * unit; }

/// What all dot layers share: rows of outputs, cut into slices and these into groups of rows whose input is padded together.
class RowsLayer : public TileLayer {
 public:
  /// `copies`: rows with padding are copied into scratch memory; else the layer sees the image itself.
  RowsLayer(const DotGeometry& d, TileParameters p, const TileLayerOptions& o, const TileKernels& kernels, bool copies = true)
      : d_(d),
        p_(std::move(p)),
        o_(o),
        kernels_(kernels),
        element_(p_.finish == TileFinish::kFloat ? 4 : 1),
        window_w_((d.ow - 1) * d.sw + (d.kw - 1) * d.dw + 1),
        padded_(copies && (d.pad_top > 0 || d.pad_left > 0 || (d.oh - 1) * d.sh + (d.kh - 1) * d.dh + 1 > d.ih || window_w_ > d.iw)),
        x_pixel_(padded_ ? d.ic * element_ : o.x.pixel),
        x_row_(padded_ ? window_w_ * x_pixel_ : o.x.row) {
    rows_at_once_ = d.oh;
    if (padded_) rows_at_once_ = std::clamp<std::int64_t>((kCopiedBytes / x_row_ - (d.kh - 1) * d.dh) / d.sh, 1, d.oh);
  }

  [[nodiscard]] std::size_t scratch_bytes() const override {
    if (!padded_) return 0;
    return static_cast<std::size_t>(input_rows(rows_at_once_) * x_row_) + kTileSlack;
  }

 protected:
  [[nodiscard]] std::int64_t input_rows(std::int64_t rows) const { return (rows - 1) * d_.sh + (d_.kh - 1) * d_.dh + 1; }

  /// Calls compute(x, y, row count, n, first row) for groups of output rows [first, last) of all images, counted through;
  /// `x` is the first tap of the first row.
  template <class Compute>
  void each_group(std::int64_t first, std::int64_t last, const std::byte* x, std::byte* y, std::byte* scratch, Compute compute) const {
    for (std::int64_t row = first; row < last;) {
      const std::int64_t n = row / d_.oh;
      const std::int64_t oh = row % d_.oh;
      const std::int64_t count = std::min({rows_at_once_, d_.oh - oh, last - row});
      const std::byte* image = x + n * o_.x.image;
      const std::byte* from = padded_ ? copied(image, oh * d_.sh - d_.pad_top, input_rows(count), scratch) : image + oh * d_.sh * o_.x.row;
      compute(from, y + n * o_.y.image + oh * o_.y.row, count, row);
      row += count;
    }
  }

  DotGeometry d_;
  TileParameters p_;
  TileLayerOptions o_;
  const TileKernels& kernels_;
  std::int64_t element_;   ///< bytes of one input element
  std::int64_t window_w_;  ///< columns that the windows of a row cover
  bool padded_;
  std::int64_t x_pixel_, x_row_;  ///< of what the inner loops read
  std::int64_t rows_at_once_ = 1;

 private:
  /// Rows [first, first + count) of an image with zeros where it has none.
  const std::byte* copied(const std::byte* image, std::int64_t first, std::int64_t count, std::byte* to) const {
    const auto left = static_cast<std::size_t>(d_.pad_left * x_pixel_);
    const std::int64_t columns = std::min(d_.iw, window_w_ - d_.pad_left);
    const auto line = static_cast<std::size_t>(columns * x_pixel_);
    const auto all = static_cast<std::size_t>(x_row_);
    for (std::int64_t i = 0; i < count; ++i) {
      std::byte* out = to + i * x_row_;
      const std::int64_t row = first + i;
      if (row < 0 || row >= d_.ih) {
        std::memset(out, p_.pad, all);
        continue;
      }
      const std::byte* from = image + row * o_.x.row;
      std::memset(out, p_.pad, left);
      if (o_.x.pixel == x_pixel_) std::memcpy(out + left, from, line);
      else
        for (std::int64_t column = 0; column < columns; ++column) {
          std::memcpy(out + d_.pad_left * x_pixel_ + column * x_pixel_, from + column * o_.x.pixel, static_cast<std::size_t>(x_pixel_));
        }
      std::memset(out + left + line, p_.pad, all - left - line);
    }
    return to;
  }
};

/// Weights and all per-channel numbers of one group of a dense layer, by panels.
struct Panels {
  std::shared_ptr<const std::byte> weights;
  std::vector<float> bias, scale;
  std::vector<std::int32_t> sums;
};

class DenseLayer final : public RowsLayer {
 public:
  DenseLayer(const DotGeometry& d, TileParameters p, const TileLayerOptions& o, const TileKernels& kernels, BytePool& pool)
      : RowsLayer(d, std::move(p), o, kernels), ic_(d.ic / d.group), oc_(d.oc / d.group) {
    // Neighbouring taps of one row are neighbours in memory if nothing lies between the pixels.
    merged_ = d.dw == 1 && d.group == 1 && x_pixel_ == d.ic * element_ && d.kw > 1;
    const std::int64_t columns = merged_ ? 1 : d.kw;
    run_ = merged_ ? d.kw * ic_ : ic_;
    depth_ = rounded_up(run_ * element_, kUnit) / kUnit;
    for (std::int64_t r = 0; r < d.kh; ++r) {
      for (std::int64_t s = 0; s < columns; ++s) taps_.push_back(r * d.dh * x_row_ + s * d.dw * x_pixel_);
    }
    panel_bytes_ = static_cast<std::int64_t>(taps_.size()) * depth_ * kPanel * kUnit;
    for (std::int64_t group = 0; group < d.group; ++group) groups_.push_back(packed(group, pool));
    p_.drop_weights();
    // A single row of equally spaced positions, whatever the image's extents.
    flat_ = !padded_ && d.kh == 1 && d.kw == 1 && d.sw == 1 && d.sh == 1 && o.x.row == d.iw * o.x.pixel && o.y.row == d.ow * o.y.pixel &&
            (d.n == 1 || (o.x.image == d.ih * o.x.row && o.y.image == d.oh * o.y.row));
  }

  [[nodiscard]] std::int64_t parts_max() const override { return by_channels() ? panels() : rows(); }

  void run(int part, int parts, const std::byte* x, std::byte* y, const std::byte* addend, std::byte* scratch) const override {
    Range rows_of_part{0, rows()};
    Range channels{0, oc_};
    if (by_channels()) {
      const Range mine = part_of(panels(), parts, part);
      channels = {mine.begin * kPanel, std::min(mine.end * kPanel, oc_)};
    } else {
      rows_of_part = part_of(rows(), parts, part);
    }
    if (flat_) {
      dot(channels, rows_of_part.count(), 1, rows_of_part.begin, x + rows_of_part.begin * o_.x.pixel, y + rows_of_part.begin * o_.y.pixel,
          addend);
      return;
    }
    each_group(rows_of_part.begin, rows_of_part.end, x, y, scratch,
               [&](const std::byte* from, std::byte* to, std::int64_t count, std::int64_t row) {
                 dot(channels, d_.ow, count, row * d_.ow, from, to, addend);
               });
  }

 private:
  [[nodiscard]] std::int64_t rows() const { return flat_ ? d_.n * d_.oh * d_.ow : d_.n * d_.oh; }
  [[nodiscard]] std::int64_t panels() const { return rounded_up(oc_, kPanel) / kPanel; }
  /// Few positions: cut by channels, so that no slice is a sliver. A matrix product of one row is all channels. So are layers with
  /// more weights than inputs: cut by rows each slice would bring all weights from memory, by channels only its own; unless that
  /// leaves fewer slices than there are rows.
  [[nodiscard]] bool by_channels() const {
    if (d_.group > 1 || panels() == 1) return false;
    constexpr std::int64_t kSlicesWanted = 16;
    const bool weights_lead = panels() * panel_bytes_ > d_.n * d_.ic * d_.ih * d_.iw * element_;
    return d_.n * d_.oh * d_.ow < 32 || (weights_lead && panels() >= std::min(rows(), kSlicesWanted));
  }

  [[nodiscard]] Panels packed(std::int64_t group, BytePool& pool) const {
    Panels out;
    const auto size = static_cast<std::size_t>(panels() * panel_bytes_);
    const std::shared_ptr<std::byte> weights = pool.take(size);
    std::memset(weights.get(), 0, size);
    out.weights = weights;
    const std::int64_t taps = d_.kh * d_.kw;
    const std::int64_t columns = merged_ ? d_.kw : 1;
    for (std::int64_t oc = 0; oc < oc_; ++oc) {
      std::byte* lane = weights.get() + oc / kPanel * panel_bytes_ + oc % kPanel * kUnit;
      const auto filter = static_cast<std::size_t>((group * oc_ + oc) * ic_ * taps);
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        std::byte* to = lane + tap / columns * depth_ * kPanel * kUnit;
        const std::int64_t first = tap % columns * ic_;  // elements of the run before this tap's
        if (element_ == 4) put_reals(p_.real().data() + filter, taps, tap, first, to);
        else put_bytes(p_.bytes().data() + filter, taps, tap, first, to);
      }
    }
    const auto padded = static_cast<std::size_t>(panels() * kPanel);
    const auto take = [&](const auto& all, auto& mine) {
      if (all.empty()) return;
      mine.assign(all.begin() + group * oc_, all.begin() + (group + 1) * oc_);
      mine.resize(padded);
    };
    take(p_.bias, out.bias);
    take(p_.scale, out.scale);
    take(p_.sums, out.sums);
    return out;
  }

  /// The elements of one tap, `taps` apart in a filter, to their units of a lane, from the run's element `first` on.
  void put_reals(const float* filter, std::int64_t taps, std::int64_t tap, std::int64_t first, std::byte* lane) const {
    std::byte* to = lane + first * kPanel * kUnit;
    for (std::int64_t c = 0; c < ic_; ++c) std::memcpy(to + c * kPanel * kUnit, filter + c * taps + tap, sizeof(float));
  }
  void put_bytes(const std::int8_t* filter, std::int64_t taps, std::int64_t tap, std::int64_t first, std::byte* lane) const {
    std::int64_t c = 0;
    if (taps == 1) {  // a unit's elements are neighbours
      for (; c + kUnit <= ic_; c += kUnit) std::memcpy(lane + c * kPanel, filter + c, kUnit);
    }
    for (; c < ic_; ++c) {
      const std::int64_t at = first + c;
      std::memcpy(lane + at / kUnit * kPanel * kUnit + at % kUnit, filter + c * taps + tap, 1);
    }
  }

  /// `lines` rows of `columns` positions each, for some output channels of every group.
  void dot(Range channels, std::int64_t columns, std::int64_t lines, std::int64_t position, const std::byte* x, std::byte* y,
           const std::byte* addend) const {
    const std::int64_t size = p_.finish == TileFinish::kByte ? 1 : 4;
    for (std::int64_t group = 0; group < d_.group; ++group) {
      const Panels& panels_of_group = groups_[static_cast<std::size_t>(group)];
      // Weights that do not stay near are brought once, for all positions; else each position takes all weights.
      const bool far = rounded_up(channels.count(), kPanel) / kPanel * panel_bytes_ > kWeightsNear;
      const std::int64_t step = far ? 2 * kPanel : channels.count();
      for (std::int64_t channel = channels.begin; channel < channels.end; channel += step) {
        DotTile tile{x + group * ic_ * element_,
                     d_.sw * x_pixel_,
                     taps_.data(),
                     static_cast<std::int64_t>(taps_.size()),
                     depth_,
                     panels_of_group.weights.get() + channel / kPanel * panel_bytes_,
                     panel_bytes_,
                     columns,
                     std::min(step, channels.end - channel),
                     y + (group * oc_ + channel) * size,
                     o_.y.pixel};
        const std::byte* plus = addend == nullptr ? nullptr : addend + position * o_.addend_pixel + (group * oc_ + channel) * size;
        for (std::int64_t line = 0; line < lines; ++line) {
          finish(tile, panels_of_group, channel, plus);
          tile.x += d_.sh * x_row_;
          tile.y += o_.y.row;
          if (plus != nullptr) plus += columns * o_.addend_pixel;
        }
      }
    }
  }

  void finish(const DotTile& tile, const Panels& panels_of_group, std::int64_t channel, const std::byte* addend) const {
    switch (p_.finish) {
      case TileFinish::kFloat:
        return kernels_.dot_float(tile, {panels_of_group.bias.data() + channel, p_.low, p_.high, addend, o_.addend_pixel});
      case TileFinish::kByte:
        return kernels_.dot_u8(tile,
                               {panels_of_group.sums.data() + channel, panels_of_group.scale.data() + channel, p_.low, p_.high, p_.zero});
      case TileFinish::kReal:
        return kernels_.dot_u8_real(tile, {panels_of_group.sums.data() + channel, panels_of_group.scale.data() + channel, p_.low, p_.high});
    }
  }

  std::int64_t ic_, oc_;  ///< of one group
  bool merged_ = false, flat_ = false;
  std::int64_t run_ = 0;    ///< elements of a tap
  std::int64_t depth_ = 0;  ///< units of a tap
  std::vector<std::int64_t> taps_;
  std::int64_t panel_bytes_ = 0;
  std::vector<Panels> groups_;
};

/// Fewer output channels than lanes: sums run along the inputs.
class NarrowLayer final : public RowsLayer {
 public:
  NarrowLayer(const DotGeometry& d, TileParameters p, const TileLayerOptions& o, const TileKernels& kernels, BytePool& pool)
      : RowsLayer(d, std::move(p), o, kernels) {
    const bool merged = d.dw == 1 && x_pixel_ == d.ic * element_;
    const std::int64_t columns = merged ? d.kw : 1;
    depth_ = columns * d.ic;
    const std::int64_t run = rounded_up(depth_, kPanel);
    for (std::int64_t r = 0; r < d.kh; ++r) {
      for (std::int64_t s = 0; s < d.kw; s += columns) taps_.push_back(r * d.dh * x_row_ + s * d.dw * x_pixel_);
    }
    channel_bytes_ = static_cast<std::int64_t>(taps_.size()) * run * 4;
    weights_ = pool.take(static_cast<std::size_t>(d.oc * channel_bytes_));
    std::memset(weights_.get(), 0, static_cast<std::size_t>(d.oc * channel_bytes_));
    const std::int64_t taps = d.kh * d.kw;
    for (std::int64_t i = 0; i < d.oc * d.ic * taps; ++i) {
      const std::int64_t tap = i % taps;
      const std::int64_t c = i / taps % d.ic;
      const std::int64_t within = tap / columns * run + tap % columns * d.ic + c;
      std::memcpy(weights_.get() + i / (taps * d.ic) * channel_bytes_ + within * 4, &p_.real()[static_cast<std::size_t>(i)], sizeof(float));
    }
    p_.drop_weights();
  }

  [[nodiscard]] std::int64_t parts_max() const override { return d_.n * d_.oh; }

  void run(int part, int parts, const std::byte* x, std::byte* y, const std::byte*, std::byte* scratch) const override {
    const Range mine = part_of(d_.n * d_.oh, parts, part);
    each_group(mine.begin, mine.end, x, y, scratch, [&](const std::byte* from, std::byte* to, std::int64_t count, std::int64_t) {
      for (std::int64_t line = 0; line < count; ++line) {
        const DotTile tile{from + line * d_.sh * x_row_,
                           d_.sw * x_pixel_,
                           taps_.data(),
                           static_cast<std::int64_t>(taps_.size()),
                           depth_,
                           weights_.get(),
                           channel_bytes_,
                           d_.ow,
                           d_.oc,
                           to + line * o_.y.row,
                           o_.y.pixel};
        kernels_.dot_narrow_float(tile, {p_.bias.data(), p_.low, p_.high});
      }
    });
  }

 private:
  std::int64_t depth_ = 0, channel_bytes_ = 0;
  std::vector<std::int64_t> taps_;
  std::shared_ptr<std::byte> weights_;
};

/// Padding is not copied where rows are long: a tap that lies outside the image points at a row of zeros in scratch memory.
class DepthwiseLayer final : public RowsLayer {
 public:
  DepthwiseLayer(const DotGeometry& d, TileParameters p, const TileLayerOptions& o, const TileKernels& kernels, BytePool& pool)
      : RowsLayer(d, std::move(p), o, kernels, d.ow < kEdgesMatter), block_(element_ == 4 ? kPanel : kByteBlock), channels_(d.oc) {
    // Few channels leave most of a register idle. With stride 1 and nothing between pixels, neighbouring columns are more
    // channels, whose weights repeat.
    const bool dense = x_pixel_ == d.ic * element_ && o.y.pixel == d.oc * output_size();
    if (d.sw == 1 && dense && d.oc < block_ && block_ % d.oc == 0) {
      fold_ = std::min(block_ / d.oc, d.ow);
      channels_ = fold_ * d.oc;
    }
    const std::int64_t reach = (d.kw - 1) * d.dw;
    inner_ = {0, d.ow};
    if (!padded_) {
      inner_.begin = std::min(d.ow, ceil_div(d.pad_left, d.sw));
      const std::int64_t last = d.iw - 1 - reach + d.pad_left;
      inner_.end = last < 0 ? inner_.begin : std::max(inner_.begin, std::min(d.ow, last / d.sw + 1));
    }
    blank_bytes_ = rounded_up((d.ow * d.sw + reach) * x_pixel_ + static_cast<std::int64_t>(kTileSlack), kPanel * 4);
    for (std::int64_t r = 0; r < d.kh; ++r) {
      for (std::int64_t s = 0; s < d.kw; ++s) taps_.push_back(r * d.dh * x_row_ + s * d.dw * x_pixel_);
    }
    if (element_ == 1) taps_.resize(static_cast<std::size_t>(rounded_up(static_cast<std::int64_t>(taps_.size()), 4)), 0);
    pack(pool);
  }

  [[nodiscard]] std::int64_t parts_max() const override { return d_.n * d_.oh; }
  [[nodiscard]] std::size_t scratch_bytes() const override {
    if (padded_) return RowsLayer::scratch_bytes();
    return static_cast<std::size_t>(blank_bytes_) + taps_.size() * sizeof(std::int64_t);
  }

  void run(int part, int parts, const std::byte* x, std::byte* y, const std::byte*, std::byte* scratch) const override {
    const Range mine = part_of(d_.n * d_.oh, parts, part);
    if (padded_) {
      each_group(mine.begin, mine.end, x, y, scratch, [&](const std::byte* from, std::byte* to, std::int64_t count, std::int64_t) {
        for (std::int64_t line = 0; line < count; ++line) columns(from + line * d_.sh * x_row_, to + line * o_.y.row, taps_.data());
      });
      return;
    }
    std::memset(scratch, p_.pad, static_cast<std::size_t>(blank_bytes_));
    auto* taps = reinterpret_cast<std::int64_t*>(scratch + blank_bytes_);
    std::memset(taps, 0, taps_.size() * sizeof(std::int64_t));
    for (std::int64_t line = mine.begin; line < mine.end; ++line) {
      const std::int64_t n = line / d_.oh;
      const std::int64_t oh = line % d_.oh;
      const std::byte* image = x + n * o_.x.image;
      std::byte* to = y + n * o_.y.image + oh * o_.y.row;
      for (std::int64_t ow = 0; ow < inner_.begin; ++ow) edge(image, oh, ow, to, scratch, taps);
      if (inner_.count() > 0) inner_columns(image, oh, to, scratch, taps);
      for (std::int64_t ow = inner_.end; ow < d_.ow; ++ow) edge(image, oh, ow, to, scratch, taps);
    }
  }

 private:
  [[nodiscard]] std::int64_t output_size() const { return p_.finish == TileFinish::kByte ? 1 : 4; }
  [[nodiscard]] static std::int64_t distance(const std::byte* from, const std::byte* to) {
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from));
  }

  /// The columns of an output row whose windows have no column outside the image.
  void inner_columns(const std::byte* image, std::int64_t oh, std::byte* to, const std::byte* blank, std::int64_t* taps) const {
    const std::int64_t top = oh * d_.sh - d_.pad_top;
    const std::byte* from = image + (inner_.begin * d_.sw - d_.pad_left) * x_pixel_;
    const std::int64_t* used = taps;
    if (top >= 0 && top + (d_.kh - 1) * d_.dh < d_.ih) {
      from += top * x_row_;
      used = taps_.data();
    } else {
      for (std::int64_t r = 0; r < d_.kh; ++r) {
        const std::int64_t ih = top + r * d_.dh;
        const bool inside = ih >= 0 && ih < d_.ih;
        for (std::int64_t s = 0; s < d_.kw; ++s) {
          taps[r * d_.kw + s] = inside ? ih * x_row_ + s * d_.dw * x_pixel_ : distance(from, blank) + s * d_.dw * x_pixel_;
        }
      }
    }
    columns(from, to + inner_.begin * o_.y.pixel, used);
  }

  /// As many columns as `inner_` has.
  void columns(const std::byte* from, std::byte* to, const std::int64_t* taps) const {
    const std::int64_t wide = inner_.count() / fold_;
    const std::int64_t done = wide * fold_;
    row(from, to, taps, wide, channels_, fold_ == 1 && d_.sw == 1 && d_.dw == 1 && d_.kw == 3 && d_.kh == 3);
    if (done < inner_.count()) row(from + done * d_.sw * x_pixel_, to + done * o_.y.pixel, taps, 1, (inner_.count() - done) * d_.oc, false);
  }

  /// An output whose window reaches over the left or right border.
  void edge(const std::byte* image, std::int64_t oh, std::int64_t ow, std::byte* to, const std::byte* blank, std::int64_t* taps) const {
    for (std::int64_t r = 0; r < d_.kh; ++r) {
      for (std::int64_t s = 0; s < d_.kw; ++s) {
        const std::int64_t ih = oh * d_.sh - d_.pad_top + r * d_.dh;
        const std::int64_t iw = ow * d_.sw - d_.pad_left + s * d_.dw;
        const bool inside = ih >= 0 && ih < d_.ih && iw >= 0 && iw < d_.iw;
        taps[r * d_.kw + s] = inside ? ih * x_row_ + iw * x_pixel_ : distance(image, blank);
      }
    }
    row(image, to + ow * o_.y.pixel, taps, 1, d_.oc, false);
  }

  void pack(BytePool& pool) {
    const std::int64_t taps = d_.kh * d_.kw;
    const std::int64_t all = static_cast<std::int64_t>(taps_.size());
    const std::int64_t blocks = rounded_up(channels_, block_);
    weights_ = pool.take(static_cast<std::size_t>(blocks * all * element_));
    std::memset(weights_.get(), 0, static_cast<std::size_t>(blocks * all * element_));
    std::vector<float> bias(static_cast<std::size_t>(blocks)), scale(static_cast<std::size_t>(blocks));
    std::vector<std::int32_t> sums(static_cast<std::size_t>(blocks));
    for (std::int64_t channel = 0; channel < channels_; ++channel) {
      const auto own = static_cast<std::size_t>(channel % d_.oc);
      const std::int64_t within = channel % block_;
      const std::int64_t place = element_ == 4 ? within : kernels_.depthwise_place(within);
      const std::int64_t block = channel / block_ * block_;
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::size_t from = own * static_cast<std::size_t>(taps) + static_cast<std::size_t>(tap);
        if (element_ == 4) {
          std::memcpy(weights_.get() + (block * all + tap * block_ + place) * 4, &p_.real()[from], sizeof(float));
        } else {
          std::memcpy(weights_.get() + block * all + (tap / 4 * block_ + place) * 4 + tap % 4, &p_.bytes()[from], 1);
        }
      }
      const auto at = static_cast<std::size_t>(block + place);
      if (element_ == 4) bias[at] = p_.bias[own];
      else {
        sums[at] = p_.sums[own];
        scale[at] = p_.scale[own];
      }
    }
    p_.drop_weights();
    p_.bias = std::move(bias);
    p_.scale = std::move(scale);
    p_.sums = std::move(sums);
  }

  void row(const std::byte* x, std::byte* y, const std::int64_t* taps, std::int64_t columns, std::int64_t channels, bool threes) const {
    const DepthwiseRow one{x, d_.sw * x_pixel_ * fold_, taps,  static_cast<std::int64_t>(taps_.size()), weights_.get(), columns, channels,
                           y, o_.y.pixel * fold_,       threes};
    if (element_ == 4) kernels_.depthwise_float(one, {p_.bias.data(), p_.low, p_.high});
    else kernels_.depthwise_u8(one, {p_.sums.data(), p_.scale.data(), p_.low, p_.high, p_.zero});
  }

  std::int64_t block_;
  std::int64_t channels_;           ///< as the inner loop sees a row
  std::int64_t fold_ = 1;           ///< columns taken as more channels
  Range inner_{0, 0};               ///< output columns whose windows have no column outside the image
  std::int64_t blank_bytes_ = 0;    ///< of the row of zeros
  std::vector<std::int64_t> taps_;  ///< of a window that lies inside the image
  std::shared_ptr<std::byte> weights_;
};

}  // namespace

std::unique_ptr<const TileLayer> make_tile_layer(const Layer& layer, Numerics numerics, const TileLayerOptions& options, TileIsa isa,
                                                 BytePool& pool) {
  GATEFOLD_REQUIRE(layer.kind == LayerKind::kDot);
  const bool integer = layer.integer && numerics == Numerics::kInteger;
  std::optional<TileParameters> parameters = integer ? integer_tile_parameters(layer) : float_tile_parameters(layer, options);
  if (!parameters) return nullptr;
  const TileKernels& kernels = tile_kernels(isa);
  const bool depthwise = layer.dot.depthwise() && parameters->finish != TileFinish::kReal && !options.added_to;
  if (depthwise) return std::make_unique<DepthwiseLayer>(layer.dot, std::move(*parameters), options, kernels, pool);
  if (layer.dot.depthwise()) return nullptr;  // one channel per group: rows of panels would be all padding
  const bool narrow = layer.dot.group == 1 && layer.dot.oc <= kNarrow && layer.dot.ic >= kPanel && !options.added_to &&
                      parameters->finish == TileFinish::kFloat && layer.dot.oh * layer.dot.ow > 1;
  if (narrow) return std::make_unique<NarrowLayer>(layer.dot, std::move(*parameters), options, kernels, pool);
  return std::make_unique<DenseLayer>(layer.dot, std::move(*parameters), options, kernels, pool);
}

}  // namespace gatefold
