#include "tests/crash/crash_states.h"

#include <algorithm>

#include "platform/base/text.h"
#include "tests/support/seeds.h"

namespace creel::crash {

bool CrashStates::at(std::uint32_t at, const Visit& visit) {
  now_ = at;
  const std::vector<LoggedOp>& ops = log_.ops();
  while (low_ < at && (ops[low_].kind == LoggedOp::Kind::kSync || ops[low_].durable_at <= at))
    log_.apply(base_, ops[low_++]);
  undurable_.clear();
  for (std::uint32_t i = low_; i < at; ++i)
    if (ops[i].kind != LoggedOp::Kind::kSync && ops[i].durable_at > at) undurable_.push_back(i);
  choose(test::mix64(seed_ ^ at));
  for (std::uint32_t variant = 0; variant < choices_.size(); ++variant)
    if (!visit(variant, build(choices_[variant]))) return false;
  return true;
}

void CrashStates::add(std::vector<bool> keeps, const char* what) {
  Choice choice;
  choice.keeps = std::move(keeps);
  choice.what = what;
  choices_.push_back(std::move(choice));
}

void CrashStates::add_torn(int index, bool rest, Tear tear, const char* what) {
  Choice choice;
  choice.keeps.assign(undurable_.size(), rest);
  choice.keeps[static_cast<std::size_t>(index)] = true;
  choice.torn = index;
  choice.tear = tear;
  choice.what = what;
  choices_.push_back(std::move(choice));
}

void CrashStates::choose(std::uint64_t draw) {
  choices_.clear();
  const std::size_t count = undurable_.size();
  add(std::vector<bool>(count, false), "only what was flushed");
  if (count == 0) return;
  add(std::vector<bool>(count, true), "all that was written");
  test::TestRandom random(draw);
  const auto& ops = log_.ops();
  std::vector<bool> names(count);
  for (std::size_t i = 0; i < count; ++i) names[i] = ops[undurable_[i]].is_name();
  add(names, "names without data");
  names.flip();
  add(names, "data without names");
  for (std::size_t i = 0; i < count && count > 1; ++i) {
    std::vector<bool> keeps(count, true);
    keeps[i] = false;
    add(keeps, "all but one");
    keeps.flip();
    add(keeps, "one alone");
  }
  for (std::size_t i = 0; i < count; ++i) {
    const LoggedOp& op = ops[undurable_[i]];
    if (op.kind != LoggedOp::Kind::kWrite) continue;
    if (undurable_[i] + 1 == now_) tear_all(static_cast<int>(i), random.next());
    else if (random.chance(4.0 / static_cast<double>(count)))
      tear_some(static_cast<int>(i), random.next());
  }
  if (count <= 8) {
    for (std::uint32_t set = 1; set + 1 < (1u << count); ++set) {
      std::vector<bool> keeps(count);
      for (std::size_t i = 0; i < count; ++i) keeps[i] = (set >> i & 1) != 0;
      add(std::move(keeps), "a subset");
    }
  } else {
    for (int i = 0; i < 64; ++i) {
      std::vector<bool> keeps(count);
      const double share = static_cast<double>(random.between(1, 9)) / 10;
      for (std::size_t k = 0; k < count; ++k) keeps[k] = random.chance(share);
      add(std::move(keeps), "a drawn subset");
    }
  }
}

void CrashStates::tear_all(int index, std::uint64_t draw) {
  const auto bytes = log_.ops()[undurable_[static_cast<std::size_t>(index)]].bytes.size();
  add_torn(index, true, {Tear::Mode::kSizeOnly}, "size without data");
  add_torn(index, false, {Tear::Mode::kSizeOnly}, "size without data, alone");
  for (const std::uint32_t unit : {512u, 4096u}) {
    const auto pieces = static_cast<std::uint32_t>((bytes + unit - 1) / unit);
    if (pieces < 2) continue;
    for (const std::uint32_t piece : {0u, pieces / 2, pieces - 1})
      for (const bool rest : {false, true}) {
        add_torn(index, rest, {Tear::Mode::kLost, unit, piece}, "a piece lost");
        add_torn(index, rest, {Tear::Mode::kKept, unit, piece}, "a piece alone");
        if (piece > 0) add_torn(index, rest, {Tear::Mode::kPrefix, unit, piece}, "cut short");
        if (unit == 512) add_torn(index, rest, {Tear::Mode::kGarbage, unit, piece}, "garbage");
      }
    if (pieces > 3)
      for (int i = 0; i < 4; ++i) {
        Tear tear{Tear::Mode::kMask, unit};
        tear.mask = test::mix64(draw + static_cast<std::uint64_t>(i));
        add_torn(index, i % 2 == 0, tear, "pieces drawn");
      }
  }
}

void CrashStates::tear_some(int index, std::uint64_t draw) {
  const auto bytes = log_.ops()[undurable_[static_cast<std::size_t>(index)]].bytes.size();
  test::TestRandom random(draw);
  const std::uint32_t unit = random.chance(0.5) ? 512 : 4096;
  const auto pieces = static_cast<std::uint32_t>((bytes + unit - 1) / unit);
  if (pieces < 2) return;
  const auto mode = random.chance(0.5) ? Tear::Mode::kLost : Tear::Mode::kPrefix;
  const auto piece = static_cast<std::uint32_t>(random.between(1u, pieces - 1));
  add_torn(index, true, {mode, unit, piece}, "an older write torn");
  add_torn(index, false, {mode, unit, piece}, "an older write torn, alone");
}

Image CrashStates::build(const Choice& choice) {
  Image image = base_;
  const std::vector<LoggedOp>& ops = log_.ops();
  std::size_t next = 0;
  for (std::uint32_t i = low_; i < now_; ++i) {
    const bool open = next < undurable_.size() && undurable_[next] == i;
    if (!open) {
      log_.apply(image, ops[i]);
      continue;
    }
    if (choice.keeps[next])
      log_.apply(image, ops[i], choice.torn == static_cast<int>(next) ? choice.tear : Tear{});
    ++next;
  }
  return image;
}

Image CrashStates::flushed() {
  Choice nothing;
  nothing.keeps.assign(undurable_.size(), false);
  return build(nothing);
}

std::string CrashStates::text_of(std::uint32_t variant) const {
  if (variant >= choices_.size()) return "?";
  const Choice& choice = choices_[variant];
  std::string text = cat(choice.what, "; of what was not flushed:");
  for (std::size_t i = 0; i < undurable_.size(); ++i) {
    const bool torn = choice.torn == static_cast<int>(i);
    text += cat("\n    ", choice.keeps[i] ? (torn ? "torn  " : "there ") : "lost  ", undurable_[i],
                ": ", log_.text_of(undurable_[i]));
    if (torn)
      text += cat(" [mode ", static_cast<unsigned>(choice.tear.mode), ", pieces of ",
                  choice.tear.unit, ", ", choice.tear.index, "]");
  }
  return text;
}

}  // namespace creel::crash
