#!/usr/bin/env python3
"""Black-box suite: stock S3 clients, raw sockets and bad days against the real program.

    tests/blackbox/run.py --binary PATH [--only NAME]... [--role edge|core] [--list] [--keep]

Both roles run side by side where there are two processors. A line a case, then timings, then `blackbox: N passed, N failed, N skipped`. A client that is not
there is reported as skipped, by name. Exit status 1 if anything failed. CREEL_BIN names the program
when --binary does not.
"""
import argparse
import os
import shutil
import re
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

MODULES = ("cases_buckets", "cases_objects", "cases_large", "cases_conditions", "cases_checksums", "cases_multipart",
           "cases_copy", "cases_listing", "cases_versions", "cases_settings", "cases_access", "cases_keys", "cases_encryption", "cases_signing", "cases_post", "cases_wire", "cases_tools",
           "cases_js", "cases_config", "cases_process", "cases_crash", "cases_damage", "cases_space", "cases_reuse", "cases_fixture", "cases_core",
           "cases_replicate", "cases_portable")


def cache_folder():
    return os.environ.get("CREEL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "creel")


def use_python_with_boto3():
    """Without boto3 here, goes on in the venv `./dev setup` makes, if that has it."""
    try:
        import boto3  # noqa: F401
        return
    except ImportError:
        pass
    venv = os.path.join(cache_folder(), "venv", "bin", "python")
    if not os.path.exists(venv) or os.environ.get("CREEL_BLACKBOX_VENV"):
        return
    has = subprocess.run([venv, "-c", "import boto3"], capture_output=True)
    if has.returncode == 0:
        os.environ["CREEL_BLACKBOX_VENV"] = "1"
        os.execv(venv, [venv, os.path.abspath(__file__)] + sys.argv[1:])


def core_serves(ground):
    """None if this build can serve as a core; else why not."""
    from harness import Server
    server = Server(ground.binary, ground.folder("probe-core"), "core")
    try:
        server.start()
        return None
    except AssertionError as error:
        if "not in this build" in str(error):
            return "not in this build"
        return str(error)
    finally:
        server.kill()
        if not ground.keep:
            shutil.rmtree(server.folder, ignore_errors=True)


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.times = []

    def line(self, state, name, seconds=None, text=""):
        took = f"{seconds:7.2f} s" if seconds is not None else " " * 9
        print(f"{state:4} {took}  {name}{'  ' + text if text else ''}", flush=True)


def run_case(tally, ground, case, role, verbose):
    from harness import Skip, Trial
    trial = Trial(ground, role)
    name = f"{case.name}[{role}]"
    began = time.monotonic()
    try:
        case.run(trial)
        tally.passed += 1
        tally.line("ok", name, time.monotonic() - began, "; ".join(trial.notes))
    except Skip as why:
        tally.skipped += 1
        tally.line("skip", name, None, str(why))
    except Exception as error:  # Whatever it is: the next case still runs.
        tally.failed += 1
        frame = traceback.extract_tb(error.__traceback__)
        place = next((f for f in reversed(frame) if os.path.basename(f.filename).startswith("cases_")), frame[-1])
        tally.line("FAIL", name, time.monotonic() - began,
                   f"{os.path.basename(place.filename)}:{place.lineno}: {type(error).__name__}: {error}"[:1500])
        if verbose:
            traceback.print_exc()
    finally:
        trial.close()
    tally.times.append((time.monotonic() - began, name))


CLOSING = r"^blackbox: (\d+) passed, (\d+) failed, (\d+) skipped$"


def side_by_side(arguments):
    """Each role in a process of its own; their lines as they come, then the sums."""
    def pass_on(child, counts):
        for line in child.stdout:
            closing = re.match(CLOSING, line)
            if closing:
                counts += [int(number) for number in closing.groups()]
            else:
                print(line, end="", flush=True)

    roles = []
    for role in ("edge", "core"):
        child = subprocess.Popen([sys.executable, os.path.abspath(__file__), *arguments, "--role", role],
                                 stdout=subprocess.PIPE, text=True)
        counts = []
        thread = threading.Thread(target=pass_on, args=(child, counts))
        thread.start()
        roles.append((role, child, thread, counts))
    total = [0, 0, 0]
    for role, child, thread, counts in roles:
        thread.join()
        status = child.wait()
        if not counts or (status != 0 and counts[1] == 0):
            print(f"FAIL  {role}: ended with {status}")
            counts[:] = [counts[0] if counts else 0, 1, 0]
        total = [a + b for a, b in zip(total, counts)]
    print("blackbox: %d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.environ.get("CREEL_BIN"))
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="cases whose name holds NAME")
    parser.add_argument("--role", choices=("edge", "core"), help="this role only")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the folders of the run")
    parser.add_argument("-v", "--verbose", action="store_true", help="whole tracebacks")
    options = parser.parse_args()
    use_python_with_boto3()
    import importlib

    from harness import CASES, Ground, raise_file_limit
    for module in MODULES:
        importlib.import_module(module)
    chosen = [c for c in CASES if not options.only or any(word in c.name for word in options.only)]
    if options.list:
        for case in chosen:
            print(case.name, " ".join(case.roles))
        return 0
    if not options.binary or not os.access(options.binary, os.X_OK):
        sys.exit("run.py: --binary must name the creel program")
    raise_file_limit()
    if not options.role and (os.cpu_count() or 1) > 1 and len({r for c in chosen for r in c.roles}) > 1:
        return side_by_side(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that servers and folders go too.
    tally, began = Tally(), time.monotonic()
    ground = Ground(os.path.abspath(options.binary), options.keep)
    try:
        for role in ("edge", "core"):
            if options.role and role != options.role:
                continue
            of_role = [c for c in chosen if role in c.roles]
            if role == "core" and of_role:
                why = core_serves(ground)
                if why == "not in this build":
                    tally.skipped += len(of_role)
                    tally.line("skip", f"core: not in this build ({len(of_role)} cases)")
                    continue
                if why:
                    tally.failed += 1
                    tally.line("FAIL", "core: cannot be started", None, why)
                    continue
            for case in of_role:
                run_case(tally, ground, case, role, options.verbose)
            ground.end_servers()
    finally:
        if options.keep:
            print("folders of the run:", ground.root)
        ground.close()
    slowest = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(tally.times, reverse=True)[:6])
    print(f"took {time.monotonic() - began:.1f} s; slowest: {slowest}")
    print(f"blackbox: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
