#!/usr/bin/env python3
"""The house test: floors, banned calls, names, sizes, the README map. Reads text, builds nothing.

  house.py [ROOT]        checks; says which rule broke, with file and line
  house.py --ratchet     writes tests/house/ratchet.txt anew: do so only to lower it

An exception is written where it is made, with its reason:  // house: allow RULE: why
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules  # noqa: E402
import tree  # noqa: E402


def check(root):
    """{rule: [(path, line, text)]}, sorted."""
    files = tree.load(root)
    by_path = {f.path: f for f in files}
    broken = {}
    for name, rule in rules.RULES.items():
        broken[name] = sorted(
            (path, line, text) for path, line, text in rule(files)
            if path not in by_path or not by_path[path].allowed(line, name))
    return broken


def write_ratchet(root):
    sizes = rules.measured(tree.load(root))
    large = {p: n for p, n in sizes.items() if n > rules.LINES_MAX}
    with open(os.path.join(root, rules.RATCHET), "w", encoding="utf-8") as file:
        file.write("# Files over %d lines, and how long each may be. Numbers only go down.\n" % rules.LINES_MAX)
        for path, count in sorted(large.items()):
            file.write("%s %d\n" % (path, count))


def main(arguments):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if arguments == ["--ratchet"]:
        write_ratchet(root)
        return 0
    if arguments:
        root = arguments[0]
    failed = 0
    for name, found in check(root).items():
        failed += bool(found)
        for path, line, text in found:
            print("%s:%d: %s: %s" % (path, line, name, text))
    print("%d passed, %d failed" % (len(rules.RULES) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
