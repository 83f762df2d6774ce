// Every image that a power cut may leave at one moment of an op-log, or a fair choice of them.
#pragma once

#include <functional>

#include "tests/crash/op_log.h"

namespace creel::crash {

// The power goes once `at` ops were made: what was flushed is there, of the rest (U) anything may
// be. In turn: nothing of U; all; all but one; one alone; the newest write torn at 512 bytes and at
// 4 KiB, with and without the rest; sizes without data; names without data and data without names;
// all subsets of up to 8 ops, else 64 drawn ones. Images repeat; the caller drops those it knows.
class CrashStates {
 public:
  CrashStates(OpLog& log, std::uint64_t seed) : log_(log), seed_(seed), base_(log.base()) {}

  // `visit(variant, image)`; false ends it. `at` only grows from call to call.
  using Visit = std::function<bool(std::uint32_t variant, const Image& image)>;
  bool at(std::uint32_t at, const Visit& visit);
  // Of the last call: the ops that were not on stable storage, and the image without them.
  const std::vector<std::uint32_t>& undurable() const { return undurable_; }
  Image flushed();
  // What the last call's variants did, for people.
  std::string text_of(std::uint32_t variant) const;

 private:
  struct Choice {
    std::vector<bool> keeps;  // Of U.
    int torn = -1;  // Index in U, or none.
    Tear tear;
    const char* what = "";
  };
  void choose(std::uint64_t draw);
  void add(std::vector<bool> keeps, const char* what);
  void add_torn(int index, bool rest, Tear tear, const char* what);
  void tear_all(int index, std::uint64_t draw);
  void tear_some(int index, std::uint64_t draw);
  Image build(const Choice& choice);

  OpLog& log_;
  std::uint64_t seed_;
  Image base_;  // All ops below low_, which are durable.
  std::uint32_t low_ = 0;
  std::uint32_t now_ = 0;
  std::vector<std::uint32_t> undurable_;  // U
  std::vector<Choice> choices_;
};

}  // namespace creel::crash
