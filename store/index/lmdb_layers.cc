#include "store/index/lmdb_layers.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "platform/base/text.h"
#include "store/index/state_hash.h"

namespace creel::store {
namespace {

constexpr std::size_t kSliceBytes = 480;
constexpr char kContinued = 1;
constexpr std::size_t kValueHead = 8;   // version u8, flags u8, length u16, CRC-32C u32
constexpr std::size_t kNodeBytesMin = 64;  // Smaller nodes overfill large pages (LMDB ITS#9806).
constexpr std::uint8_t kValueVersion = 1;

std::string layer_prefix(std::uint32_t layer) {
  std::string out(4, '\0');
  store_be<std::uint32_t>(MutableBytes(reinterpret_cast<std::uint8_t*>(out.data()), 4), 0, layer);
  return out;
}

MDB_val as_val(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string_view as_view(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

std::uint32_t value_crc(std::string_view key, std::string_view value) {
  return crc32c(as_bytes(value), crc32c(as_bytes(key)));
}

std::string pack_value(std::string_view key, std::string_view value, std::size_t node_key_bytes) {
  std::string out(kValueHead, '\0');
  const MutableBytes head(reinterpret_cast<std::uint8_t*>(out.data()), kValueHead);
  head[0] = kValueVersion;
  store_le<std::uint16_t>(head, 2, static_cast<std::uint16_t>(value.size()));
  store_le<std::uint32_t>(head, 4, value_crc(key, value));
  out.append(value);
  if (out.size() + node_key_bytes < kNodeBytesMin) out.resize(kNodeBytesMin - node_key_bytes, '\0');
  return out;
}

Result<std::string_view> unpack_value(std::string_view key, std::string_view stored) {
  if (stored.size() >= kValueHead && static_cast<std::uint8_t>(stored[0]) == kValueVersion) {
    const std::size_t length = load_le<std::uint16_t>(as_bytes(stored), 2);
    if (length <= stored.size() - kValueHead) {
      const std::string_view value = stored.substr(kValueHead, length);
      if (load_le<std::uint32_t>(as_bytes(stored), 4) == value_crc(key, value)) return value;
    }
  }
  return fail(ErrorCode::kCorrupt, cat("index: the row ", hex_encode(as_bytes(key.substr(0, 32))),
                                       " does not match its checksum"));
}

StateHash hash_of(std::string_view logical, std::string_view value) {
  return row_hash(static_cast<Table>(logical[0]), logical.substr(1), value);
}

Result<std::uint32_t> child_layer(std::string_view stored) {
  if (stored.size() != 4) return fail(ErrorCode::kCorrupt, "index: a layer link is damaged");
  return load_le<std::uint32_t>(as_bytes(stored), 0);
}

bool lies_in(const MDB_val& key, std::uint32_t layer) {
  return key.mv_size >= 4 && load_be<std::uint32_t>(as_bytes(as_view(key)), 0) == layer;
}

struct Position {
  std::uint32_t layer = 0;
  std::string slices;  // Logical bytes above this layer.
};

class LayeredCursor final : public RowCursor {
 public:
  LayeredCursor(MDB_cursor* cursor, Table table, const MapGuard* guard)
      : cursor_(cursor), table_(static_cast<char>(table)), guard_(guard) {}
  ~LayeredCursor() override { mdb_cursor_close(cursor_); }

  Result<bool> seek(std::string_view key) override {
    stack_.assign(1, Position{});
    std::string rest(1, table_);
    rest.append(key);
    for (;;) {
      const bool longer = rest.size() > kSliceBytes;
      std::string target = layer_prefix(stack_.back().layer) + rest.substr(0, kSliceBytes);
      if (longer) target.push_back(kContinued);
      MDB_val k = as_val(target);
      MDB_val v{};
      const int rc = mdb_cursor_get(cursor_, &k, &v, MDB_SET_RANGE);
      if (rc == 0 && longer && as_view(k) == target) {  // The continuation itself: go on below it.
        TRY(child, child_layer(as_view(v)));
        push(child, std::string_view(rest).substr(0, kSliceBytes));
        rest.erase(0, kSliceBytes);
        continue;
      }
      return settle(rc, k, v);
    }
  }

  Result<bool> next() override { return step(MDB_NEXT); }
  std::string_view key() const override { return std::string_view(key_).substr(1); }
  std::string_view value() const override { return value_; }

 private:
  void push(std::uint32_t layer, std::string_view slice) {
    Position position{layer, stack_.back().slices};
    position.slices.append(slice);
    stack_.push_back(std::move(position));
  }

  Result<bool> step(MDB_cursor_op op) {
    MDB_val k{};
    MDB_val v{};
    const int rc = mdb_cursor_get(cursor_, &k, &v, op);
    return settle(rc, k, v);
  }

  // Makes the raw position a logical one: into child layers, out of finished ones, over damage.
  Result<bool> settle(int rc, MDB_val k, MDB_val v) {
    Result<bool> found = settle_unguarded(rc, k, v);
    TRY_DO(still_mapped(guard_));
    return found;
  }
  Result<bool> settle_unguarded(int rc, MDB_val k, MDB_val v) {
    for (;;) {
      if (rc != 0 && rc != MDB_NOTFOUND) return lmdb_error("walking the index", rc);
      if (rc == MDB_NOTFOUND || !lies_in(k, stack_.back().layer)) {
        if (stack_.size() == 1) return false;
        // Back to the continuation entry in the layer above, and past it.
        const std::string slices = stack_.back().slices;
        stack_.pop_back();
        std::string link = layer_prefix(stack_.back().layer);
        link.append(slices.substr(stack_.back().slices.size())).push_back(kContinued);
        k = as_val(link);
        rc = mdb_cursor_get(cursor_, &k, &v, MDB_SET_RANGE);
        if (rc == 0 && as_view(k) == link) rc = mdb_cursor_get(cursor_, &k, &v, MDB_NEXT);
        continue;
      }
      const std::string_view slice = as_view(k).substr(4);
      if (slice.size() > kSliceBytes) {
        TRY(child, child_layer(as_view(v)));
        if (stack_.size() > 4) return fail(ErrorCode::kCorrupt, "index: layers nest too deep");
        push(child, slice.substr(0, kSliceBytes));
        std::string first = layer_prefix(child);
        k = as_val(first);
        rc = mdb_cursor_get(cursor_, &k, &v, MDB_SET_RANGE);
        continue;
      }
      if (stack_.size() == 1) {
        key_.assign(slice);
      } else {
        key_ = stack_.back().slices;
        key_.append(slice);
      }
      if (key_.empty() || key_[0] != table_) return false;
      TRY(value, unpack_value(key_, as_view(v)));
      value_.assign(value);  // Its page may be lost while it is looked at.
      return true;
    }
  }

  MDB_cursor* cursor_;
  char table_;
  std::vector<Position> stack_;
  const MapGuard* guard_;
  std::string key_;
  std::string value_;
};

}  // namespace

std::string logical_key(Table table, std::string_view key) {
  check(key.size() <= kRowKeyBytesMax);
  std::string out(1, static_cast<char>(table));
  return out.append(key);
}

std::uint32_t entry_sum(std::string_view key, std::string_view value) {
  return value_crc(key, value);
}

Error lmdb_error(const std::string& what, int code) {
  ErrorCode kind = ErrorCode::kIo;
  if (code == MDB_MAP_FULL || code == ENOSPC) kind = ErrorCode::kNoSpace;
  if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_PANIC)
    kind = ErrorCode::kCorrupt;
  if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH) kind = ErrorCode::kInvalid;
  if (code == EROFS || code == EACCES) kind = ErrorCode::kReadOnly;
  return fail(kind, cat("index: ", what, ": ", mdb_strerror(code)));
}

Result<std::optional<std::string>> layered_find(MDB_txn* txn, MDB_dbi dbi, const std::string& key) {
  std::uint32_t layer = 0;
  std::string_view rest = key;
  for (;;) {
    std::string raw = layer_prefix(layer);
    raw.append(rest.substr(0, kSliceBytes));
    const bool longer = rest.size() > kSliceBytes;
    if (longer) raw.push_back(kContinued);
    MDB_val k = as_val(raw);
    MDB_val v{};
    const int rc = mdb_get(txn, dbi, &k, &v);
    if (rc == MDB_NOTFOUND) return std::optional<std::string>();
    if (rc != 0) return lmdb_error("reading a row", rc);
    if (!longer) {
      TRY(value, unpack_value(key, as_view(v)));
      return std::optional<std::string>(std::string(value));
    }
    TRY(child, child_layer(as_view(v)));
    layer = child;
    rest.remove_prefix(kSliceBytes);
  }
}

Result<Unit> still_mapped(const MapGuard* guard) {
  if (guard == nullptr || !guard->lost()) return Unit{};
  return fail(ErrorCode::kIo, "index: the drive could not give back a page of it");
}

Result<std::unique_ptr<RowCursor>> layered_cursor(MDB_txn* txn, MDB_dbi dbi, Table table,
                                                  const MapGuard* guard) {
  MDB_cursor* cursor = nullptr;
  const int rc = mdb_cursor_open(txn, dbi, &cursor);
  if (rc != 0) return lmdb_error("opening a cursor", rc);
  return std::unique_ptr<RowCursor>(std::make_unique<LayeredCursor>(cursor, table, guard));
}

Result<std::optional<std::uint32_t>> LayeredWriter::descend(std::uint32_t layer,
                                                            std::string_view slice, bool make) {
  std::string raw = layer_prefix(layer);
  raw.append(slice).push_back(kContinued);
  MDB_val k = as_val(raw);
  MDB_val v{};
  int rc = mdb_get(txn_, dbi_, &k, &v);
  if (rc == 0) {
    TRY(child, child_layer(as_view(v)));
    return std::optional<std::uint32_t>(child);
  }
  if (rc != MDB_NOTFOUND) return lmdb_error("reading a layer", rc);
  if (!make) return std::optional<std::uint32_t>();
  const std::uint32_t child = next_layer_++;
  std::uint8_t link[4];
  store_le<std::uint32_t>(link, 0, child);
  v = MDB_val{sizeof link, link};
  sum_ += entry_sum(as_view(k), as_view(v));
  rc = mdb_put(txn_, dbi_, &k, &v, 0);
  if (rc != 0) return lmdb_error("writing a layer", rc);
  return std::optional<std::uint32_t>(child);
}

Result<bool> LayeredWriter::layer_empty(std::uint32_t layer) {
  MDB_cursor* cursor = nullptr;
  int rc = mdb_cursor_open(txn_, dbi_, &cursor);
  if (rc != 0) return lmdb_error("opening a cursor", rc);
  const std::string prefix = layer_prefix(layer);
  MDB_val k = as_val(prefix);
  MDB_val v{};
  rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
  const bool empty = rc == MDB_NOTFOUND || (rc == 0 && !as_view(k).starts_with(prefix));
  mdb_cursor_close(cursor);
  if (rc != 0 && rc != MDB_NOTFOUND) return lmdb_error("reading a layer", rc);
  return empty;
}

int LayeredWriter::remove_entry(MDB_val key, const std::string* row) {
  MDB_val value{};
  const int rc = mdb_get(txn_, dbi_, &key, &value);
  if (rc != 0) return rc;
  sum_ -= entry_sum(as_view(key), as_view(value));
  if (row != nullptr && !drop_from_hash(*row, value).ok()) return MDB_CORRUPTED;
  return mdb_del(txn_, dbi_, &key, nullptr);
}

Result<Unit> LayeredWriter::drop_from_hash(const std::string& key, const MDB_val& stored) {
  TRY(old, unpack_value(key, as_view(stored)));
  hash_.subtract(hash_of(key, old));
  return Unit{};
}

Result<int> LayeredWriter::put(const std::string& key, std::string_view value) {
  check(value.size() <= kRowValueBytesMax);
  std::uint32_t layer = 0;
  std::string_view rest = key;
  while (rest.size() > kSliceBytes) {
    TRY(child, descend(layer, rest.substr(0, kSliceBytes), true));
    layer = *child;
    rest.remove_prefix(kSliceBytes);
  }
  std::string raw = layer_prefix(layer);
  raw.append(rest);
  const std::string packed = pack_value(key, value, raw.size());
  MDB_val k = as_val(raw);
  MDB_val v = as_val(packed);
  sum_ += entry_sum(as_view(k), as_view(v));
  hash_.add(hash_of(key, value));
  int rc = mdb_put(txn_, dbi_, &k, &v, MDB_NOOVERWRITE);
  if (rc == 0) return 1;
  if (rc == MDB_KEYEXIST) {
    sum_ -= entry_sum(as_view(k), as_view(v));  // v is the old value now.
    TRY_DO(drop_from_hash(key, v));
    v = as_val(packed);
    rc = mdb_put(txn_, dbi_, &k, &v, 0);
    if (rc == 0) return 0;
  }
  return lmdb_error("writing a row", rc);
}

Result<int> LayeredWriter::append(const std::string& key, std::string_view value) {
  check(value.size() <= kRowValueBytesMax);
  if (next_layer_ > 1 || key.size() > kSliceBytes) return put(key, value);
  const std::string raw = layer_prefix(0) + key;
  const std::string packed = pack_value(key, value, raw.size());
  MDB_val k = as_val(raw);
  MDB_val v = as_val(packed);
  sum_ += entry_sum(as_view(k), as_view(v));
  hash_.add(hash_of(key, value));
  const int rc = mdb_put(txn_, dbi_, &k, &v, MDB_APPEND);
  if (rc != 0) return lmdb_error("appending a row", rc);
  return 1;
}

Result<int> LayeredWriter::erase(const std::string& key) {
  std::vector<std::string> links;  // Continuation entries on the way down.
  std::uint32_t layer = 0;
  std::string_view rest = key;
  while (rest.size() > kSliceBytes) {
    TRY(child, descend(layer, rest.substr(0, kSliceBytes), false));
    if (!child) return 0;
    std::string link = layer_prefix(layer);
    link.append(rest.substr(0, kSliceBytes)).push_back(kContinued);
    links.push_back(std::move(link));
    layer = *child;
    rest.remove_prefix(kSliceBytes);
  }
  std::string raw = layer_prefix(layer);
  raw.append(rest);
  MDB_val k = as_val(raw);
  int rc = remove_entry(k, &key);
  if (rc == MDB_NOTFOUND) return 0;
  if (rc != 0) return lmdb_error("erasing a row", rc);
  // Empty layers go with their last row, from the deepest up.
  while (!links.empty()) {
    TRY(empty, layer_empty(layer));
    if (!empty) break;
    k = as_val(links.back());
    rc = remove_entry(k, nullptr);
    if (rc != 0) return lmdb_error("erasing a layer", rc);
    layer = load_be<std::uint32_t>(as_bytes(links.back()), 0);
    links.pop_back();
  }
  return -1;
}

}  // namespace creel::store
