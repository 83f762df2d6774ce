#include "store/index/lmdb_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "platform/base/endian.h"
#include "platform/base/text.h"

namespace creel::store {
namespace {

// The layout of mdb.c 0.9: every number is of the machine's own word size and byte order; all our
// machines are little-endian.
constexpr std::size_t kWord = sizeof(std::size_t);
constexpr std::size_t kPageHead = kWord + 8;  // number, pad, flags, lower, upper (or pages u32)
constexpr std::size_t kNodeHead = 8;          // size or child u32, flags u16, key bytes u16
constexpr std::size_t kTree = 8 + 5 * kWord;
constexpr std::size_t kMetaBytes = 8 + 2 * kWord + 2 * kTree + 2 * kWord;
constexpr std::uint32_t kMagic = 0xbeefc0de;
constexpr std::uint32_t kVersion = 1;
constexpr std::uint16_t kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8;
constexpr std::uint16_t kBigData = 1;
constexpr std::uint16_t kIntegerKeys = 8;
constexpr std::uint64_t kNoPage = static_cast<std::size_t>(-1);
constexpr std::size_t kDepthMax = 16;
constexpr std::uint64_t kMetas = 2;

std::uint64_t load_word(ByteView bytes, std::size_t at) { return load_le<std::size_t>(bytes, at); }
std::string_view text_of(ByteView bytes) { return as_text(bytes); }

struct Tree {
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branches = 0;
  std::uint64_t leaves = 0;
  std::uint64_t overflows = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = kNoPage;
};

struct Meta {
  std::uint32_t page_bytes = 0;
  Tree free;
  Tree main;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};

Tree parse_tree(ByteView bytes) {
  Tree tree;
  tree.flags = load_le<std::uint16_t>(bytes, 4);
  tree.depth = load_le<std::uint16_t>(bytes, 6);
  tree.branches = load_word(bytes, 8);
  tree.leaves = load_word(bytes, 8 + kWord);
  tree.overflows = load_word(bytes, 8 + 2 * kWord);
  tree.entries = load_word(bytes, 8 + 3 * kWord);
  tree.root = load_word(bytes, 8 + 4 * kWord);
  return tree;
}

// Reads whole pieces of the file.
class PageFile {
 public:
  PageFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  PageFile(const PageFile&) = delete;
  PageFile& operator=(const PageFile&) = delete;
  ~PageFile() { ::close(fd_); }

  Result<std::uint64_t> size() const {
    const off_t end = ::lseek(fd_, 0, SEEK_END);
    if (end < 0) return fail(ErrorCode::kIo, cat(path_, ": its size is not known"));
    // The trees are walked in key order; let a cold file come in order instead.
    (void)posix_fadvise(fd_, 0, 0, POSIX_FADV_WILLNEED);
    return static_cast<std::uint64_t>(end);
  }
  Result<Unit> read(std::uint64_t offset, MutableBytes into) const {
    while (!into.empty()) {
      const ssize_t got = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(ErrorCode::kIo, cat(path_, ": cannot be read at offset ", offset));
      if (got == 0) return fail(ErrorCode::kCorrupt, cat(path_, ": ends at offset ", offset));
      into = into.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return Unit{};
  }
  Error corrupt(std::uint64_t page, std::string_view what) const {
    return fail(ErrorCode::kCorrupt, cat(path_, ": page ", page, ": ", what));
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_;
};

// One node of a page.
struct Node {
  std::string_view key;
  ByteView data;  // Leaf.
  bool big = false;
  std::uint64_t child = 0;      // Branch.
  std::uint64_t data_bytes = 0;  // Leaf; also if big.
};

class Walk {
 public:
  Walk(const PageFile& file, const Meta& meta, PageVisitor& visitor)
      : file_(file),
        meta_(meta),
        page_bytes_(meta.page_bytes),
        visitor_(visitor),
        seen_(static_cast<std::size_t>(meta.last_page / 8 + 1)) {}

  Result<Unit> run() {
    TRY_DO(tree(meta_.main, false));
    TRY_DO(tree(meta_.free, true));
    if (marked_ + kMetas != meta_.last_page + 1)
      return file_.corrupt(meta_.last_page, cat(meta_.last_page + 1 - kMetas - marked_,
                                                " pages are neither used nor free"));
    return Unit{};
  }

 private:
  Result<Unit> tree(const Tree& tree, bool free) {
    free_ = free;
    count_ = Tree();
    last_number_ = 0;
    const bool empty = tree.root == kNoPage;
    if (tree.flags != (free ? kIntegerKeys : 0) || tree.depth > kDepthMax ||
        empty != (tree.depth == 0))
      return file_.corrupt(meta_.transaction % 2, "its trees are of another kind");
    depth_ = tree.depth;
    if (!empty) TRY_DO(visit(tree.root, 1, std::nullopt, std::nullopt));
    if (count_.branches != tree.branches || count_.leaves != tree.leaves ||
        count_.overflows != tree.overflows || count_.entries != tree.entries)
      return file_.corrupt(meta_.transaction % 2, "its trees hold more or less than it says");
    return Unit{};
  }

  Result<Unit> mark(std::uint64_t page) {
    if (page < kMetas || page > meta_.last_page)
      return file_.corrupt(page, "named, but there is no such page");
    std::uint8_t& byte = seen_[static_cast<std::size_t>(page / 8)];
    const auto bit = static_cast<std::uint8_t>(1U << (page % 8));
    if ((byte & bit) != 0) return file_.corrupt(page, "used twice");
    byte = static_cast<std::uint8_t>(byte | bit);
    ++marked_;
    return Unit{};
  }

  // Keys of the page lie in [lower, upper); the views are of the pages above, which stay loaded.
  Result<Unit> visit(std::uint64_t page, std::size_t level, std::optional<std::string_view> lower,
                     std::optional<std::string_view> upper) {
    TRY_DO(mark(page));
    Bytes& bytes = buffers_[level - 1];
    bytes.resize(page_bytes_);
    TRY_DO(file_.read(page * page_bytes_, bytes));
    const bool leaf = level == depth_;
    TRY(nodes, check_page(page, bytes, leaf));
    ++(leaf ? count_.leaves : count_.branches);
    last_key_.reset();  // Between pages the separators keep the order.
    if (nodes < (leaf ? 1U : 2U)) return file_.corrupt(page, "almost empty");
    for (std::size_t i = 0; i < nodes; ++i) {
      const Node node = node_at(bytes, i, leaf);
      if (leaf) {
        TRY_DO(leaf_node(page, node, lower, upper));
        continue;
      }
      std::optional<std::string_view> from = lower;  // The first key of a branch means nothing.
      if (i > 0) from = node.key;
      std::optional<std::string_view> to = upper;
      if (i + 1 < nodes) to = node_at(bytes, i + 1, leaf).key;
      TRY_DO(visit(node.child, level + 1, from, to));
    }
    return Unit{};
  }

  // The head and the bounds of all nodes; how many there are.
  Result<std::size_t> check_page(std::uint64_t page, ByteView bytes, bool leaf) const {
    const std::size_t lower = load_le<std::uint16_t>(bytes, kWord + 4);
    const std::size_t upper = load_le<std::uint16_t>(bytes, kWord + 6);
    if (load_word(bytes, 0) != page) return file_.corrupt(page, "it bears another number");
    if (load_le<std::uint16_t>(bytes, kWord + 2) != (leaf ? kLeaf : kBranch))
      return file_.corrupt(page, "it is of another kind");
    if (lower < kPageHead || lower % 2 != 0 || upper < lower || upper > page_bytes_)
      return file_.corrupt(page, "its bounds are wrong");
    const std::size_t nodes = (lower - kPageHead) / 2;
    std::size_t used = 0;
    for (std::size_t i = 0; i < nodes; ++i) {
      const std::size_t at = load_le<std::uint16_t>(bytes, kPageHead + 2 * i);
      if (at < upper || at % 2 != 0 || at + kNodeHead > page_bytes_)
        return file_.corrupt(page, "a node lies outside");
      const std::uint16_t flags = load_le<std::uint16_t>(bytes, at + 4);
      std::uint64_t size = kNodeHead + load_le<std::uint16_t>(bytes, at + 6);
      if (leaf) {
        if ((flags & (free_ ? ~kBigData : ~0)) != 0)
          return file_.corrupt(page, "a node is of another kind");
        size += (flags & kBigData) != 0 ? kWord : load_le<std::uint32_t>(bytes, at);
      }
      if (size > page_bytes_ - at) return file_.corrupt(page, "a node reaches outside");
      used += static_cast<std::size_t>(size + size % 2);
    }
    // LMDB keeps nodes packed; with ascending keys this also means that none overlap.
    if (used != page_bytes_ - upper) return file_.corrupt(page, "its nodes leave gaps or overlap");
    return nodes;
  }

  static Node node_at(ByteView bytes, std::size_t index, bool leaf) {
    const std::size_t at = load_le<std::uint16_t>(bytes, kPageHead + 2 * index);
    const std::size_t key_bytes = load_le<std::uint16_t>(bytes, at + 6);
    Node node;
    node.key = text_of(bytes.subspan(at + kNodeHead, key_bytes));
    if (leaf) {
      node.big = (load_le<std::uint16_t>(bytes, at + 4) & kBigData) != 0;
      node.data_bytes = load_le<std::uint32_t>(bytes, at);
      node.data = bytes.subspan(at + kNodeHead + key_bytes,
                                node.big ? kWord : static_cast<std::size_t>(node.data_bytes));
      return node;
    }
    node.child = load_le<std::uint32_t>(bytes, at);  // With the flags as its top 16 bits.
    if constexpr (kWord == 8)
      node.child |= std::uint64_t{load_le<std::uint16_t>(bytes, at + 4)} << 32;
    return node;
  }

  Result<Unit> leaf_node(std::uint64_t page, const Node& node,
                         std::optional<std::string_view> lower,
                         std::optional<std::string_view> upper) {
    ++count_.entries;
    if (free_) return free_node(page, node, lower, upper);
    if ((last_key_ && node.key <= *last_key_) || (lower && node.key < *lower) ||
        (upper && node.key >= *upper))
      return file_.corrupt(page, "its keys are out of order");
    last_key_ = node.key;
    visitor_.entry(node.key, text_of(node.data));
    return Unit{};
  }

  // A list of pages that became free with one transaction: count, then numbers, falling.
  Result<Unit> free_node(std::uint64_t page, const Node& node,
                         std::optional<std::string_view> lower,
                         std::optional<std::string_view> upper) {
    const auto number = [](std::string_view key) {
      return key.size() == kWord ? load_word(as_bytes(key), 0) : 0;
    };
    const std::uint64_t key = number(node.key);
    if (key == 0 || key <= last_number_ || key > meta_.transaction ||
        (lower && key < number(*lower)) || (upper && key >= number(*upper)))
      return file_.corrupt(page, "its keys are out of order");
    last_number_ = key;
    Bytes big;
    ByteView list = node.data;
    if (node.big) {
      TRY_DO(read_overflow(load_word(node.data, 0), node.data_bytes, big));
      list = big;
    }
    const std::uint64_t count = list.size() >= kWord ? load_word(list, 0) : kNoPage;
    if (count > list.size() / kWord - (list.size() >= kWord ? 1 : 0))
      return file_.corrupt(page, "a list of free pages is cut");
    std::uint64_t above = meta_.last_page + 1;
    for (std::size_t i = 1; i <= count; ++i) {
      const std::uint64_t free = load_word(list, i * kWord);
      if (free >= above) return file_.corrupt(page, "a list of free pages is out of order");
      TRY_DO(mark(free));
      above = free;
    }
    return Unit{};
  }

  Result<Unit> read_overflow(std::uint64_t page, std::uint64_t bytes, Bytes& into) {
    const std::uint64_t pages = (kPageHead - 1 + bytes) / page_bytes_ + 1;
    if (page < kMetas || page > meta_.last_page || pages > meta_.last_page + 1 - page)
      return file_.corrupt(page, "named, but there is no such page");
    std::array<std::uint8_t, kPageHead> head{};
    TRY_DO(file_.read(page * page_bytes_, head));
    if (load_word(head, 0) != page || load_le<std::uint16_t>(head, kWord + 2) != kOverflow ||
        load_le<std::uint32_t>(head, kWord + 4) != pages)
      return file_.corrupt(page, "it is no overflow page of this length");
    for (std::uint64_t i = 0; i < pages; ++i) TRY_DO(mark(page + i));
    count_.overflows += pages;
    into.resize(static_cast<std::size_t>(bytes));
    return file_.read(page * page_bytes_ + kPageHead, into);
  }

  const PageFile& file_;
  const Meta& meta_;
  std::uint64_t page_bytes_;
  PageVisitor& visitor_;
  Bytes seen_;
  std::uint64_t marked_ = 0;
  std::array<Bytes, kDepthMax> buffers_;
  bool free_ = false;
  std::size_t depth_ = 0;
  Tree count_;
  std::optional<std::string_view> last_key_;
  std::uint64_t last_number_ = 0;
};

Result<Meta> read_meta(const PageFile& file, std::uint64_t index, std::uint64_t offset) {
  std::array<std::uint8_t, kPageHead + kMetaBytes> raw{};
  TRY_DO(file.read(offset, raw));
  const ByteView body = ByteView(raw).subspan(kPageHead);
  // A drive that comes from another machine: no damage, only of no use here.
  constexpr std::size_t kOtherPageHead = kWord == 8 ? 12 : 16;
  if (load_le<std::uint32_t>(raw, kOtherPageHead) == kMagic)
    return fail(ErrorCode::kInvalid,
                cat(file.path(), ": written by a build for ", kWord == 8 ? 32 : 64, " bits"));
  if (load_word(raw, 0) != index || load_le<std::uint16_t>(raw, kWord + 2) != kMeta)
    return file.corrupt(index, "it is no meta page");
  if (load_le<std::uint32_t>(body, 0) != kMagic || load_le<std::uint32_t>(body, 4) != kVersion)
    return fail(ErrorCode::kInvalid, cat(file.path(), ": not a file of LMDB 0.9"));
  if (load_word(body, 8) != 0) return file.corrupt(index, "it asks for a fixed address");
  const std::size_t trees = 8 + 2 * kWord;
  Meta meta;
  meta.page_bytes = load_le<std::uint32_t>(body, trees);
  meta.free = parse_tree(body.subspan(trees));
  meta.main = parse_tree(body.subspan(trees + kTree));
  meta.last_page = load_word(body, trees + 2 * kTree);
  meta.transaction = load_word(body, trees + 2 * kTree + kWord);
  const std::uint32_t size = meta.page_bytes;
  if (size < 512 || size > 64 * KiB || (size & (size - 1)) != 0)
    return fail(ErrorCode::kInvalid, cat(file.path(), ": pages of ", size, " bytes"));
  return meta;
}

}  // namespace

Result<PageReport> walk_lmdb_pages(const std::string& path, std::uint64_t map_bytes,
                                   PageVisitor& visitor, std::optional<std::uint64_t> transaction) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return PageReport();
  if (fd < 0) return fail(ErrorCode::kIo, cat(path, ": cannot be opened"));
  const PageFile file(path, fd);
  TRY(size, file.size());
  if (size == 0) return PageReport();
  TRY(first, read_meta(file, 0, 0));
  TRY(second, read_meta(file, 1, first.page_bytes));
  // As LMDB chooses. Commits alternate between both, so that the older one is just one behind.
  const bool odd = second.transaction > first.transaction;
  const Meta& newest = odd ? second : first;
  const Meta& older = odd ? first : second;
  if (first.page_bytes != second.page_bytes ||
      older.transaction + (newest.transaction == 0 ? 0 : 1) != newest.transaction ||
      newest.transaction % 2 != (odd ? 1 : 0))
    return file.corrupt(odd ? 1 : 0, "the two meta pages do not follow each other");
  const bool wants_older = transaction && *transaction == older.transaction;
  const Meta& meta = wants_older ? older : newest;
  if (transaction && *transaction != meta.transaction)
    return file.corrupt(odd ? 1 : 0, "neither meta page has the transaction that is read");
  if (meta.last_page + 1 < kMetas || meta.last_page >= map_bytes / meta.page_bytes)
    return file.corrupt(odd ? 1 : 0, "it has more pages than the map");
  Walk walk(file, meta, visitor);
  TRY_DO(walk.run());
  return PageReport{meta.transaction, meta.last_page + 1, meta.main.entries};
}

}  // namespace creel::store
