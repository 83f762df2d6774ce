#pragma once
#include <string>
#include <vector>

namespace creel::app {

// `creel rule …`, words[0] being "rule":
//   check FILE              compiles a rules file (TOML or JSON) and runs the tests in it
//   explain FILE            what each rule compiles to
//   test FILE --in OBJECT   what would happen to an object: decision, counts, differences, bytes
//        [--key KEY] [--bucket NAME] [--content-type TYPE] [--target NAME] [--json]
//   put BUCKET FILE | get BUCKET | delete BUCKET
//        --endpoint URL [--credentials FILE] [--region NAME] [--ca FILE]
// Exit codes as run_command(); 3: the rules are wrong, or the object would be held.
int run_rule(const std::vector<std::string>& words);

}  // namespace creel::app
