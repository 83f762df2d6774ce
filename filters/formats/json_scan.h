#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/eval/program.h"
#include "filters/formats/byte_kernels.h"
#include "platform/base/bytes.h"

namespace creel::filters {

// Which keys of a record matter: slots to fill, columns that are declared, members to cut or
// replace. Built once for a rule, walked for every record.
struct JsonTree {
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Child {
    Name name;
    std::uint32_t node = kNone;
  };
  struct Item {
    std::uint32_t index = 0;
    std::uint32_t node = kNone;
  };
  struct Node {
    std::vector<Child> children{};
    std::vector<Item> items{};
    std::vector<std::uint32_t> slots{};
    std::uint32_t replace = kNone;  // Which replacement stands for this member.
    bool cut = false;
    bool closed = false;            // Other keys than the children are undeclared here.
  };
  std::vector<Node> nodes{1};  // The root is the record.
  bool unique_keys = false;    // A key of a child twice is a fault.
  bool strip_new = false;      // Undeclared keys are cut; otherwise they are a fault.
  bool ambiguous = false;  // A key was asked for both as "Name" and as name: only one could get it.

  // The node at the end of the path, made if absent.
  std::uint32_t reach(const std::vector<Step>& steps);
};

// A member to leave out or to write differently, as byte offsets into the record.
struct JsonEdit {
  std::uint32_t begin = 0;  // Cut: of the key. Replace: of the value.
  std::uint32_t end = 0;
  std::uint32_t replace = JsonTree::kNone;
};

// Checks one record in full (RFC 8259, UTF-8, depth) and fills slots from it in the same pass.
class JsonScanner {
 public:
  static constexpr unsigned kDepthMax = 512;

  JsonScanner(const JsonTree& tree, const ByteKernels& kernels);

  // Values of slot s go to out[s * stride]; absent ones become MISSING. Text that holds escapes is
  // made in the arena. Returns kNone, kJson, kUtf8, kColumns or kTooLong.
  Fault scan(std::string_view record, Value* out, std::size_t stride, std::size_t slots,
             Arena& arena);

  // Edits in order of position; needs no slots. The record passed scan() before.
  Fault edits(std::string_view record, std::vector<JsonEdit>& out, Arena& arena);

 private:
  Fault start(std::string_view record);
  bool value(std::uint32_t node);
  bool object(std::uint32_t node);
  bool array(std::uint32_t node);
  bool skip();
  bool skip_container();
  bool key(std::string_view& out);
  bool string(std::string_view& inner, bool& escaped);
  bool scalar(std::string_view& text);
  bool unescape(std::string_view inner, std::string_view& out);
  bool check_string();
  std::uint32_t child_of(std::uint32_t node, std::string_view key, std::uint32_t& child) const;
  std::size_t token_end() const;
  char at() const { return data_[tokens_[next_]]; }
  bool more() const { return next_ < count_; }
  bool broken(Fault fault = Fault::kJson);

  const JsonTree& tree_;
  const ByteKernels& kernels_;
  std::vector<std::uint32_t> tokens_{};
  std::vector<std::vector<std::uint32_t>>
      seen_;  // By node and child: the record it was last seen in.
  std::uint32_t record_ = 0;
  std::string_view data_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::size_t first_escape_ = 0;  // Of the record; strings outside these two hold none.
  std::size_t last_escape_ = 0;
  unsigned depth_ = 0;
  Fault fault_ = Fault::kNone;
  Value* out_ = nullptr;
  std::size_t stride_ = 0;
  Arena* arena_ = nullptr;
  std::vector<JsonEdit>* edits_ = nullptr;
};

bool is_json_number(std::string_view text);
// Appends `text` as the inside of a JSON string; it must be UTF-8.
void append_json_escaped(Bytes& out, std::string_view text);

}  // namespace creel::filters
