#include "store/index/layer.h"

#include <utility>

#include "platform/base/check.h"

namespace creel::store {
namespace {

// The smallest key of all sources wins; among equals the newest. Sources advance only when the
// cursor moves on, so views of the current row stay valid.
class MergedCursor final : public RowCursor {
 public:
  MergedCursor(std::vector<const Layer*> layers, std::unique_ptr<RowCursor> base, Table table)
      : base_(std::move(base)), table_(table) {
    for (const Layer* layer : layers) sources_.push_back({layer, layer->end()});
  }

  Result<bool> seek(std::string_view key) override {
    for (Source& source : sources_) source.at = source.layer->lower_bound(RowNameView{table_, key});
    TRY(found, base_->seek(key));
    base_valid_ = found;
    return settle();
  }

  Result<bool> next() override {
    check(valid_);
    TRY_DO(pass_current());
    return settle();
  }

  std::string_view key() const override {
    check(valid_);
    return winner_ != nullptr ? std::string_view(winner_->at->first.key) : base_->key();
  }
  std::string_view value() const override {
    check(valid_);
    return winner_ != nullptr ? std::string_view(*winner_->at->second) : base_->value();
  }

 private:
  struct Source {
    const Layer* layer;
    Layer::const_iterator at;
  };

  bool has(const Source& source) const {
    return source.at != source.layer->end() && source.at->first.table == table_;
  }

  // Steps every source that stands on the current key.
  Result<Unit> pass_current() {
    if (winner_ == nullptr) {  // Only the base has it: a layer would have won.
      TRY(more, base_->next());
      base_valid_ = more;
      return Unit{};
    }
    const std::string& current = winner_->at->first.key;  // A map node: it stays while we move.
    for (Source& source : sources_)
      if (&source != winner_ && has(source) && source.at->first.key == current) ++source.at;
    if (base_valid_ && base_->key() == current) {
      TRY(more, base_->next());
      base_valid_ = more;
    }
    ++winner_->at;
    return Unit{};
  }

  Result<bool> settle() {
    for (;;) {
      winner_ = nullptr;
      for (Source& source : sources_)
        if (has(source) && (winner_ == nullptr || source.at->first.key < winner_->at->first.key))
          winner_ = &source;
      if (winner_ != nullptr && base_valid_ &&
          base_->key() < std::string_view(winner_->at->first.key))
        winner_ = nullptr;
      valid_ = winner_ != nullptr || base_valid_;
      if (winner_ == nullptr || winner_->at->second.has_value()) return valid_;
      TRY_DO(pass_current());  // An erased row hides the older ones.
    }
  }

  std::vector<Source> sources_;
  std::unique_ptr<RowCursor> base_;
  Table table_;
  Source* winner_ = nullptr;
  bool base_valid_ = false;
  bool valid_ = false;
};

}  // namespace

const std::optional<std::string>* find_in(const Layer& layer, Table table, std::string_view key) {
  const auto found = layer.find(RowNameView{table, key});
  return found == layer.end() ? nullptr : &found->second;
}

void fold_into(Layer& into, Layer& from) {
  if (into.empty()) {
    into.swap(from);
    return;
  }
  while (!from.empty()) {
    auto node = from.extract(from.begin());
    auto inserted = into.insert(std::move(node));
    if (!inserted.inserted) inserted.position->second = std::move(inserted.node.mapped());
  }
}

Result<std::optional<std::string>> find_through(const std::vector<const Layer*>& layers,
                                                const RowBase& base, Table table,
                                                std::string_view key) {
  for (const Layer* layer : layers)
    if (const auto* value = find_in(*layer, table, key)) return *value;
  return base.find(table, key);
}

Result<std::unique_ptr<RowCursor>> cursor_through(std::vector<const Layer*> layers,
                                                  const RowBase& base, Table table) {
  TRY(below, base.cursor(table));
  std::erase_if(layers, [](const Layer* layer) { return layer->empty(); });
  if (layers.empty()) return std::move(below);
  return std::unique_ptr<RowCursor>(new MergedCursor(std::move(layers), std::move(below), table));
}

StagingRows::StagingRows(Layer& top, std::vector<const Layer*> below, const RowBase& base)
    : top_(top), layers_(std::move(below)), base_(base) {
  layers_.insert(layers_.begin(), &top_);
}

Result<std::optional<std::string>> StagingRows::find(Table table, std::string_view key) const {
  return find_through(layers_, base_, table, key);
}

Result<std::unique_ptr<RowCursor>> StagingRows::cursor(Table table) const {
  return cursor_through(layers_, base_, table);
}

void StagingRows::put(Table table, std::string_view key, std::string_view value) {
  check(value.size() <= kRowValueBytesMax);
  set(table, key, std::string(value));
}

void StagingRows::erase(Table table, std::string_view key) { set(table, key, std::nullopt); }

void StagingRows::set(Table table, std::string_view key, std::optional<std::string> value) {
  check(key.size() <= kRowKeyBytesMax);
  const auto found = top_.lower_bound(RowNameView{table, key});
  const bool here = found != top_.end() && found->first.table == table && found->first.key == key;
  if (finder_ != nullptr && may_hold_extents(table)) {
    if (here) {
      count(table, key, found->second, -1);
    } else {
      Result<std::optional<std::string>> old = find(table, key);
      if (old.ok()) count(table, key, old.value(), -1);
      else trouble_ = old.error();
    }
    count(table, key, value, 1);
  }
  if (here) {
    undo_.push_back({found->first, true, std::move(found->second)});
    found->second = std::move(value);
    return;
  }
  const auto made = top_.emplace_hint(found, RowName{table, std::string(key)}, std::move(value));
  undo_.push_back({made->first, false, std::nullopt});
}

void StagingRows::count(Table table, std::string_view key, const std::optional<std::string>& value,
                        int sign) {
  if (!value) return;
  spots_.clear();
  finder_->find_extents(table, key, *value, spots_);
  for (const std::size_t at : spots_) {
    const Result<Extent> extent = parse_extent(as_bytes(*value), at);
    if (!extent.ok()) continue;  // Damage: whoever reads the body says so.
    const auto bytes = static_cast<std::int64_t>(footprint(extent.value()));
    changes_->push_back(
        {extent.value().segment, extent.value().generation, extent.value().offset, sign * bytes});
  }
}

void StagingRows::watch(const ExtentFinder& finder, LiveChanges& changes) {
  finder_ = &finder;
  changes_ = &changes;
  kept_ = changes.size();
}

std::span<const LiveChange> StagingRows::changes() const {
  if (changes_ == nullptr) return {};
  return std::span(*changes_).subspan(kept_);
}

void StagingRows::keep() {
  undo_.clear();
  if (changes_ != nullptr) kept_ = changes_->size();
}

void StagingRows::undo() {
  if (changes_ != nullptr) changes_->resize(kept_);
  trouble_.reset();
  while (!undo_.empty()) {
    Undo& last = undo_.back();
    const auto found = top_.find(RowNameView{last.name.table, last.name.key});
    check(found != top_.end());
    if (last.was_there) found->second = std::move(last.value);
    else top_.erase(found);
    undo_.pop_back();
  }
}

}  // namespace creel::store
