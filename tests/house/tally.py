#!/usr/bin/env python3
"""Counts what passed: `tally.py ctest REPORTS` or `tally.py text LOG EXIT_STATUS`.

Prints `passed failed skipped`. A program that died without a report counts as one failure, so a
crash can never look like success.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree as ET


def of_ctest(folder):
    """One ctest run: ctest.xml names the programs, <program>.json holds GoogleTest's counts."""
    passed = failed = skipped = 0
    path = os.path.join(folder, "ctest.xml")
    if not os.path.exists(path):
        return 0, 1, 0
    for case in ET.parse(path).getroot().iter("testcase"):
        name, good = case.get("name"), case.get("status") == "run"
        report = os.path.join(folder, "tests_%s.json" % name)
        if not os.path.exists(report):
            passed, failed = passed + good, failed + (not good)
            continue
        with open(report, encoding="utf-8") as file:
            data = json.load(file)
        skips = sum(1 for suite in data["testsuites"] for test in suite["testsuite"]
                    if test.get("result") == "SKIPPED" or test.get("status") == "NOTRUN")
        bad = data["failures"] + data.get("errors", 0)
        if not good and bad == 0:
            bad = 1  # Every test passed, yet the program failed: a leak, or a crash at exit.
        failed += bad
        skipped += skips
        passed += max(0, sum(len(suite["testsuite"]) for suite in data["testsuites"])
                      - data["failures"] - skips)
    return passed, failed, skipped


def of_text(text, status):
    """A script: its own closing line, or unittest's."""
    own = re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.M)
    if own:
        passed, failed, skipped = (int(n or 0) for n in own[-1])
    else:
        ran = re.search(r"^Ran (\d+) tests?", text, re.M)
        total = int(ran.group(1)) if ran else 0
        counts = dict((k, int(n)) for k, n in
                      re.findall(r"(failures|errors|skipped)=(\d+)", text.rsplit("\n\n", 1)[-1]))
        failed = counts.get("failures", 0) + counts.get("errors", 0)
        skipped = counts.get("skipped", 0)
        passed = max(0, total - failed - skipped)
        if not ran and status == 77:  # The usual exit status of "cannot run here".
            return 0, 0, 1
        if not ran and status == 0:
            passed = 1
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "ctest":
        counts = of_ctest(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "text":
        with open(sys.argv[2], encoding="utf-8", errors="replace") as file:
            counts = of_text(file.read(), int(sys.argv[3]))
    else:
        sys.exit(__doc__)
    print(*counts)


if __name__ == "__main__":
    main()
