#include "app/command.h"

#include <gtest/gtest.h>

namespace creel::app {
namespace {

TEST(Command, HelpIsGivenWhereverItIsAskedFor) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"help"}, {"--help"}, {"status", "--help"}, {"rule", "put", "-h"}})
    EXPECT_EQ(run_command(words), 0) << words.front();
}

TEST(Command, WhatIsNoVerbIsNotUnderstood) {
  EXPECT_EQ(run_command({}), 2);
  EXPECT_EQ(run_command({"sevre"}), 2);
  EXPECT_EQ(run_command({"status", "--nosuch"}), 2);
}

}  // namespace
}  // namespace creel::app
