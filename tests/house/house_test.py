#!/usr/bin/env python3
"""Every rule of the house must catch its planted violation, and a clean tree must pass."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house  # noqa: E402
import rules  # noqa: E402
import tally  # noqa: E402

CLEAN = {
    "README.md": "rooms: platform/ store/ s3/ app/ tests/\n",
    "platform/README.md": "floor 0\n",
    "platform/clock.h": "#pragma once\n",
    "platform/uv/uv_clock.cc": "#include <uv.h>\n#include \"platform/clock.h\"\nlong f() { return clock_gettime(0, 0); }\n",
    "store/README.md": "floor 1\n",
    "store/log.cc": "#include \"platform/clock.h\"\n// std::stoi( in a comment, and \"x.at(\" in text\n"
                    "const char* t = \"std::stoi(\";\nint n = 1'000'000;\n",
    "s3/README.md": "floor 2\n",
    "s3/route.cc": "#include \"store/log.h\"\n",
    "app/README.md": "floor 4\n",
    "app/main.cc": "#include \"platform/uv/uv_clock.h\"\nauto x = getenv(\"A\");\n",
    "tests/README.md": "tests\n",
    "docs/decisions/001-first.md": "why\n",
    "docs/configuration.md": "# Keys\n```toml\nrole = \"edge\"  # which\n[tls]\ncert = \"\"\n```\nother = 1\n",
    "app/config.cc": 'x(root.text("role", r));\nx(root.table("tls", f));\nx(t.text(\n    "cert", c));\n',
}

# rule: [(path, content, line where it must be found)]
PLANTED = {
    "floors": [
        ("platform/base/a.h", "#pragma once\n#include \"store/log.h\"\n", 2),
        ("edge/a.cc", "#include \"core/b.h\"\n", 1),
        ("store/b.cc", "#include \"platform/uv/uv_clock.h\"\n", 1),
        ("store/c.cc", "#include \"filters/x.h\"\n", 1),
        ("platform/base/b.cc", "#include \"platform/cpu/sha.h\"\n", 1),
        ("store/d.cc", "#include \"log.h\"\n", 1),
        ("store/e.cc", "#include \"tests/support/seeds.h\"\n", 1),
    ],
    "foreign-homes": [
        ("store/log/a.cc", "#include <lmdb.h>\n", 1),
        ("s3/a.cc", "\n#include <mbedtls/ssl.h>\n", 2),
        ("app/a.cc", "#include <uv.h>\n", 1),
        ("store/simd.cc", "#include <immintrin.h>\n", 1),
    ],
    "throwing-calls": [
        ("s3/a.cc", "int a = std::stoi(text);\n", 1),
        ("s3/b.cc", "/* two\nlines */ auto b = map.at(3);\n", 2),
        ("s3/c.cc", "#include <regex>\n", 1),
        ("s3/d.cc", "std::filesystem::path p;\n", 1),
        ("s3/e.cc", "void f() { throw 1; }\n", 1),
        ("s3/f.cc", "__int128 wide;\n", 1),
        ("s3/g.cc", "std::atomic<bool> left{false};\n", 1),
    ],
    "doors": [
        ("store/a.cc", "auto t = std::chrono::steady_clock::now();\n", 1),
        ("store/b.cc", "auto t = time(nullptr);\n", 1),
        ("store/c.cc", "std::random_device d;\n", 1),
        ("edge/d.cc", "std::thread t(f);\n", 1),
        ("store/e.cc", "std::ifstream in(name);\n", 1),
        ("platform/sim/f.cc", "clock_gettime(CLOCK_REALTIME, &t);\n", 1),
    ],
    "environment": [("s3/a.cc", "auto v = getenv(\"HOME\");\n", 1)],
    "coroutine-traps": [
        ("edge/a.cc", "auto [a, b] = co_await f();\n", 1),
        ("edge/b.h", "#pragma once\n#define TRY(x) auto y = ({ x; })\n", 2),
    ],
    "unordered-iteration": [
        ("store/a.cc", "std::unordered_map<int, int> all;\nvoid f() { for (auto& x : all) g(x); }\n", 2),
    ],
    "test-manners": [("tests/store/a_test.cc", "usleep(10);\n", 1)],
    "names": [
        ("store/BadName.cc", "", 1),
        ("store/utils.h", "#pragma once\n", 1),
        ("store/bare.h", "int x;\n", 1),
    ],
    "machine-paths": [("docs/a.md", "see /ro" + "ot/project/x\n", 1), ("docs/b.md", "\n\"/wo" + "rk/x\"\n", 2)],
    "registry-hosts": [("docs/a.md", "from deb.deb" + "ian.org\n", 1)],
    "secrets": [("docs/a.pem", "-----BEGIN EC PRIVATE " + "KEY-----\n", 1), ("docs/b.md", "AKIA" + "ABCDEFGHIJKLMNOP\n", 1)],
    "foreign-bytes": [("store/blob.bin", "a\0b", 1)],
    "size-ratchet": [
        ("store/long.cc", "int x;\n" * 601, 601),
        ("tests/house/ratchet.txt", "store/gone.cc 700\n", 1),
    ],
    "readme-map": [
        ("filters/a.cc", "", 1),
        ("store/README.md", "line\n" * 41, 41),
    ],
    "decisions": [
        ("docs/decisions/second.md", "", 1),
        ("docs/decisions/001-zero.md", "", 1),
        ("docs/decisions/003-third.md", "", 1),
    ],
    "configuration": [
        ("docs/configuration.md", "# Keys\n```toml\nrole = 1\nmood = 2\n```\nnone = 3\n", 4),
        ("app/config.cc", 'x(root.text("role", r));\nx(root.number(\n    "site", s));\n', 2),
    ],
}


def broken(extra):
    with tempfile.TemporaryDirectory() as root:
        for path, content in {**CLEAN, **extra}.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(content)
        return house.check(root)


class HouseTest(unittest.TestCase):
    def test_a_clean_tree_passes(self):
        self.assertEqual([], [item for found in broken({}).values() for item in found])

    def test_every_rule_has_a_planted_violation(self):
        self.assertEqual(sorted(rules.RULES), sorted(PLANTED))

    def test_an_exception_with_a_reason_is_heard(self):
        line = "std::thread t(f);  // house: allow doors: the store's log thread\n"
        self.assertEqual([], broken({"store/a.cc": line})["doors"])
        self.assertNotEqual([], broken({"store/a.cc": line.replace(": the store's log thread", ":")})["doors"])

    def test_a_file_of_the_ratchet_may_not_grow(self):
        listed = {"store/long.cc": "int x;\n" * 650, "tests/house/ratchet.txt": "store/long.cc 640\n"}
        self.assertIn("grew", broken(listed)["size-ratchet"][0][2])


def planted_case(rule, path, content, line):
    def test(self):
        found = broken({path: content})[rule]
        self.assertTrue(found, "%s did not notice %s" % (rule, path))
        if not (rule, path) in {("readme-map", "filters/a.cc"), ("decisions", "docs/decisions/003-third.md")}:
            self.assertIn((path, line), [(p, n) for p, n, _ in found])
    return test


for rule_name, cases in PLANTED.items():
    for index, case in enumerate(cases):
        setattr(HouseTest, "test_%s_%d" % (rule_name.replace("-", "_"), index), planted_case(rule_name, *case))


class TallyTest(unittest.TestCase):
    def test_own_closing_line(self):
        self.assertEqual((3, 1, 0), tally.of_text("x\n3 passed, 1 failed\n", 1))
        self.assertEqual((3, 0, 2), tally.of_text("3 passed, 0 failed, 2 skipped\n", 0))
        self.assertEqual((9, 0, 1), tally.of_text("blackbox: 9 passed, 0 failed, 1 skipped\n", 0))

    def test_a_program_that_dies_counts_as_a_failure(self):
        self.assertEqual((3, 1, 0), tally.of_text("3 passed, 0 failed\nSegmentation fault\n", 139))
        self.assertEqual((0, 1, 0), tally.of_text("", 1))

    def test_unittest_output(self):
        self.assertEqual((4, 0, 0), tally.of_text("....\nRan 4 tests in 0.1s\n\nOK\n", 0))
        self.assertEqual((1, 2, 1), tally.of_text("Ran 4 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=1)\n", 1))

    def test_exit_77_is_a_skip(self):
        self.assertEqual((0, 0, 1), tally.of_text("no client here\n", 77))

    def test_a_ctest_run_without_its_report_is_a_failure(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual((0, 1, 0), tally.of_ctest(empty))


if __name__ == "__main__":
    unittest.main()
