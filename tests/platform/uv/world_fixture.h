#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "platform/async/scope.h"
#include "platform/uv/uv_world.h"

namespace creel::test {

// A world with a root Ctx and a directory of its own, both gone at the end.
class UvTest : public ::testing::Test {
 protected:
  explicit UvTest(UvOptions options = {}) { start(std::move(options)); }
  ~UvTest() override {
    std::error_code ignored;
    if (!dir_.empty()) std::filesystem::remove_all(dir_, ignored);
  }
  void start(UvOptions options) {
    world_.reset();
    auto made = UvWorld::make(std::move(options));
    if (!made.ok()) std::abort();
    world_ = made.take();
  }

  Platform& doors() { return world_->platform(); }
  // Runs one coroutine made by `body(ctx)` to its end. The lambda outlives it, so it may capture.
  template <class Body>
  void run(Body body) {
    Ctx ctx(doors().executor, doors().clock);
    world_->run(body(ctx));
  }
  // A path in a directory that exists from the first call on.
  std::string path(const std::string& name) {
    if (dir_.empty()) {
      std::string made = (std::filesystem::temp_directory_path() / "creel-uv-XXXXXX").string();
      if (mkdtemp(made.data()) == nullptr) std::abort();
      dir_ = made;
    }
    return name.empty() ? dir_ : dir_ + "/" + name;
  }

  std::unique_ptr<UvWorld> world_;

 private:
  std::string dir_;
};

// gtest's ASSERT_* return void, which a coroutine cannot: these end it instead.
#define CO_ASSERT(condition)                    \
  do {                                          \
    const bool co_assert_holds = (condition);   \
    EXPECT_TRUE(co_assert_holds) << #condition; \
    if (!co_assert_holds) co_return;            \
  } while (false)
#define CO_ASSERT_OK(result)                                                           \
  do {                                                                                 \
    EXPECT_TRUE((result).ok()) << #result << ": "                                      \
                               << ((result).ok() ? "" : error_text((result).error())); \
    if (!(result).ok()) co_return;                                                     \
  } while (false)

}  // namespace creel::test
