#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace creel::filters {

// A LIKE pattern: % any text, _ one character (code point), the rest literal.
class LikePattern {
 public:
  // False with `reason` if the escape is not one character or stands before anything but %, _ or
  // itself.
  bool parse(std::string_view pattern, std::string_view escape, std::string& reason);
  bool matches(std::string_view text) const;

  static constexpr std::size_t kBytesMax = 1024;  // Bounds the quadratic worst case.

 private:
  enum class Kind : std::uint8_t { kByte, kAnyOne, kAnyMany };
  struct Element {
    Kind kind;
    char byte;
  };
  enum class Shape : std::uint8_t { kExact, kPrefix, kSuffix, kContains, kGeneral };
  bool general(std::string_view text) const;
  void find_shape();

  std::vector<Element> elements_{};
  Shape shape_ = Shape::kGeneral;
  std::string literal_{};  // Of every shape but kGeneral.
};

// GLOB and MATCHES as one table-driven automaton over bytes, built when the rule is accepted:
// matching costs one load a byte whatever the pattern. At most 4,096 states and 256 KiB, else it is
// refused.
class Automaton {
 public:
  // `*` and `?` stop at '/', `**` does not; [a-z]; {a,b}, at most 16 and not nested. The whole text
  // must match.
  bool glob(std::string_view pattern, std::string& reason, std::size_t& at);
  // Searches anywhere: classes, groups, | * + ? {m,n} ^ $ and \d \w \s; no captures, no
  // look-around.
  bool regex(std::string_view pattern, std::string& reason, std::size_t& at);

  bool matches(std::string_view text) const {
    std::uint32_t state = 0;
    for (const char c : text) {
      state = next_[state * classes_ + class_of_[static_cast<unsigned char>(c)]];
      if (kind_[state] >= kDead) return kind_[state] == kFound;
    }
    return kind_[state] != kRunning && kind_[state] != kDead;
  }
  std::size_t states() const { return kind_.size(); }

  static constexpr std::size_t kStatesMax = 4096;
  static constexpr std::size_t kTableBytesMax = 256 * 1024;

 private:
  friend class AutomatonBuilder;
  static constexpr std::uint8_t kRunning = 0;
  static constexpr std::uint8_t kAtEnd = 1;  // Matches if the text ends here.
  static constexpr std::uint8_t kDead = 2;  // Can never match.
  static constexpr std::uint8_t kFound = 3;  // Matches whatever follows.

  std::array<std::uint8_t, 256> class_of_{};
  std::uint32_t classes_ = 1;
  std::vector<std::uint16_t> next_{};
  std::vector<std::uint8_t> kind_{};
};

}  // namespace creel::filters
