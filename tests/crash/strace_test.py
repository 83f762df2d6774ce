"""The crash harness sees every system call that changes a file: what its shim counted in a sample run
is what the kernel saw (strace). A call that slips past it would be a power cut never tried."""
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

GROUPS = {
    "write": ["write", "pwrite64", "writev", "pwritev", "pwritev2"],
    "truncate": ["ftruncate", "truncate"],
    "allocate": ["fallocate"],
    "sync": ["fsync", "fdatasync", "sync_file_range", "msync", "sync", "syncfs"],
    "rename": ["rename", "renameat", "renameat2"],
    "unlink": ["unlink", "unlinkat", "rmdir"],
    "link": ["link", "linkat"],
    "mkdir": ["mkdir", "mkdirat"],
    "open": ["open", "openat", "openat2", "creat"],
    # Nobody may use these on a drive: the shim does not know them.
    "other": ["io_uring_setup", "io_uring_enter", "copy_file_range", "sendfile", "splice"],
}


def main():
    if shutil.which("strace") is None:
        print("SKIPPED: no strace here")
        return 77
    program = os.path.join(os.path.dirname(os.environ["CREEL_BIN"]), "tests_crash")
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        drive = os.path.join(folder, "drive")
        os.mkdir(drive)
        trace = os.path.join(folder, "trace")
        calls = [call for group in GROUPS.values() for call in group]
        run = subprocess.run(
            ["strace", "-f", "-y", "-s", "0", "-o", trace, "-e", "trace=" + ",".join("?" + c for c in calls), program,
             "--gtest_filter=ShimSample.*"],
            env=dict(os.environ, CREEL_CRASH_SAMPLE=drive), capture_output=True, text=True, timeout=300)
        if "ptrace" in run.stderr and run.returncode != 0 and not os.path.getsize(trace):
            print("SKIPPED: ptrace is not possible here")
            return 77
        if run.returncode != 0:
            print(run.stdout, run.stderr)
            print("0 passed, 1 failed")
            return 1
        counted = dict(re.findall(r"^counted (\w+) (\d+)$", run.stdout, re.M))
        seen = collections.Counter()
        with open(trace, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                call = re.match(r"\d+ +(\w+)\(", line)
                if call is None or drive not in line:
                    continue
                group = next(name for name, members in GROUPS.items() if call.group(1) in members)
                # Opening changes something only if it makes a file.
                if group == "open" and ("O_CREAT" not in line or " = -1 " in line):
                    continue
                seen[group] += 1
    failed = 0
    for group in GROUPS:
        ours = int(counted.get(group, 0))
        if ours != seen[group]:
            print("%s: the shim counted %d, the kernel saw %d" % (group, ours, seen[group]))
            failed += 1
    if sum(seen.values()) < 100:
        print("only %d calls were seen" % sum(seen.values()))
        failed += 1
    print("calls seen: " + ", ".join("%s %d" % item for item in sorted(seen.items())))
    print("%d passed, %d failed" % (len(GROUPS) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
