#include "app/command.h"

#include <gtest/gtest.h>

namespace creel::app {
namespace {

TEST(Command, HelpIsGivenWhereverItIsAskedFor) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"help"}, {"--help"}, {"status", "--help"}, {"rule", "put", "-h"}})
    EXPECT_EQ(run_command(words), 0) << words.front();
}

// A bucket or a file may have that name.
TEST(Command, HelpBehindAVerbIsAnArgumentLikeAnyOther) {
  EXPECT_EQ(run_command({"config", "check", "help"}), 1);  // No such file.
  EXPECT_NE(run_command({"rule", "check", "help"}), 0);
}

TEST(Command, WhatIsNoVerbIsNotUnderstood) {
  EXPECT_EQ(run_command({}), 2);
  EXPECT_EQ(run_command({"sevre"}), 2);
  EXPECT_EQ(run_command({"status", "--nosuch"}), 2);
}

}  // namespace
}  // namespace creel::app
