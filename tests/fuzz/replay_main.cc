// Runs a fuzz target without libFuzzer. With files as arguments it replays them (a crash found by
// the fuzzer); without, it feeds a fixed, seeded corpus: the empty input, the target's own seed
// files (tests/fuzz/corpus/<noun>/), mutations of them, and random bytes and text.
#include <dirent.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

constexpr size_t kInputBytesMax = 4096;

void feed(const std::string& input) {
  // An exact-size heap copy, so that a sanitizer sees a read past its end.
  std::vector<uint8_t> exact(input.begin(), input.end());
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

bool read_file(const std::string& path, std::string* out) {
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  char buffer[4096];
  size_t got;
  while ((got = std::fread(buffer, 1, sizeof buffer, file)) > 0) out->append(buffer, got);
  std::fclose(file);
  return true;
}

// tests/fuzz/corpus/<noun>/*, found from the root of the source tree, which is where ctest runs us.
std::vector<std::string> seed_files(const char* program) {
  const char* slash = std::strrchr(program, '/');
  std::string noun = slash == nullptr ? program : slash + 1;
  if (noun.rfind("fuzz_", 0) == 0) noun.erase(0, 5);
  const std::string folder = "tests/fuzz/corpus/" + noun;
  std::vector<std::string> inputs;
  DIR* dir = opendir(folder.c_str());
  if (dir == nullptr) return inputs;
  while (dirent* entry = readdir(dir)) {
    if (entry->d_name[0] == '.') continue;
    std::string input;
    if (read_file(folder + "/" + entry->d_name, &input)) inputs.push_back(std::move(input));
  }
  closedir(dir);
  return inputs;
}

std::string mutate(TestRandom& random, std::string input) {
  for (uint64_t edits = random.between(1, 6); edits > 0; --edits) {
    const size_t at = static_cast<size_t>(random.below(input.size() + 1));
    switch (random.below(4)) {
      case 0: input.insert(at, random.binary(static_cast<size_t>(random.between(1, 8)))); break;
      case 1: input.erase(at, static_cast<size_t>(random.skewed_below(16))); break;
      case 2:
        if (at < input.size()) input[at] = static_cast<char>(random.next());
        break;
      default: input.insert(at, input.substr(0, static_cast<size_t>(random.skewed_below(64))));
    }
  }
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    for (int i = 1; i < argc; ++i) {
      std::string input;
      if (!read_file(argv[i], &input)) {
        std::fprintf(stderr, "cannot read %s\n", argv[i]);
        return 2;
      }
      feed(input);
    }
    std::printf("replayed %d inputs\n", argc - 1);
    return 0;
  }
  feed(std::string());
  const std::vector<std::string> corpus = seed_files(argv[0]);
  for (const std::string& input : corpus) feed(input);
  size_t count = 1 + corpus.size();
  const std::string alphabet =
      "abcXYZ0189 \t\r\n\",;:=<>/\\{}[]()'&%+-_.*?!|#@$~^`\x01\x7f\xc3\xa9";
  for (Seed seed : seeds(2000)) {
    TestRandom random(seed);
    const size_t length = static_cast<size_t>(random.skewed_below(kInputBytesMax));
    if (!corpus.empty() && random.chance(0.6)) feed(mutate(random, random.pick(corpus)));
    else if (random.chance(0.5)) feed(random.text(length, alphabet));
    else feed(random.binary(length));
    ++count;
  }
  std::printf("fed %zu inputs\n", count);
  return 0;
}
