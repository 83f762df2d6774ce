#include "tests/fuzz/filter_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace creel::filters;
  static const fuzz::FuzzKeys keys;
  static const auto set = RuleSet::parse_toml(
      "default = 'hold'\n"
      "[[rule]]\nname = 'copy'\nmax_errors = '100%'\nmissing = 'null'\nmax_record = 100\n"
      "sql = 'SELECT * FROM S3Object WHERE a > 1'\n"
      "[[rule]]\nname = 'list'\nmax_errors = '100%'\nformat = {header = 'none', quoted_newlines = "
      "true}\n"
      "encode = 'ndjson'\nsql = 'SELECT _1, UPPER(_2) u, _1 || _2 j FROM S3Object WHERE _1 IS NOT "
      "NULL'\n"
      "[[rule]]\nname = 'cut'\nmax_errors = '100%'\ncolumns = ['a','b','c']\nkey = {hmac = "
      "'env:K', id = 'k'}\n"
      "new_column = 'strip'\nmissing = 'null'\n"
      "sql = 'SELECT * EXCEPT (b) REPLACE (HMAC(c) AS c) FROM S3Object'\n"
      "[[rule]]\nname = 'odd'\nmax_errors = '100%'\nformat = {delimiter = ';', escape = '\\', "
      "comment = '#', ragged = 'pad', "
      "header = 'none'}\nsql = 'SELECT * FROM S3Object'\n",
      keys);
  creel::check(set.ok());
  fuzz::run_all(*set.value(), "a.csv", data, size);
  return 0;
}
