#include "tests/fuzz/filter_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace creel::filters;
  static const fuzz::FuzzKeys keys;
  static const auto set = RuleSet::parse_toml(
      "default = 'hold'\n"
      "[[rule]]\nname = 'copy'\nmax_errors = '100%'\nmax_record = 100\nsql = 'SELECT * FROM "
      "S3Object WHERE a.b[1] > 1'\n"
      "[[rule]]\nname = 'list'\nmax_errors = '100%'\nencode = 'csv'\nsql = 'SELECT a, b.c, "
      "TRY_CAST(d AS INT) d FROM S3Object'\n"
      "[[rule]]\nname = 'cut'\nmax_errors = '100%'\ncolumns = ['a','b.c','b.d','e']\nkey = {hmac = "
      "'env:K', id = 'k'}\n"
      "new_column = 'strip'\nredact_error = 'dlq'\n"
      "sql = 'SELECT * EXCEPT (a) REPLACE (HMAC(b.c) AS b.c) FROM S3Object'\n",
      keys);
  creel::check(set.ok());
  fuzz::run_all(*set.value(), "a.ndjson", data, size);
  return 0;
}
