#!/usr/bin/env python3
"""Many clients of one real server under a nemesis: is what they saw linearizable, and do races have one winner?

    tests/model/linear_test.py [--minutes M] [--seed S] [--nemesis NAME]... [--clients N] [--keys N] [--keep]

Without --minutes a run of half a minute over all nemeses; with it, rounds of 20 s until the time is over. Each round
has a fresh store, a nemesis and 32 clients on 200 keys (tests/model/linear/), whose history the checker of
tests/model/wgl.h judges. CREEL_BIN names the program; creel-linear lies beside it, or CREEL_LINEAR names it.
"""
import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "blackbox"), os.path.join(ROOT, "demo")]
sys.dont_write_bytecode = True

from harness import ACCESS_KEY, SECRET_KEY, Server, raise_file_limit  # noqa: E402
from relay import Relay  # noqa: E402

# Small segments: the log rolls over within a round, and a start reads little.
CONFIG = "[log]\nrequests = false\n[store]\nsegment_bytes = 16777216\n"
FULL = "[log]\nrequests = false\n[store]\nsegment_bytes = 8388608\nbytes = 134217728\n"


class FixedServer(Server):
    """A server that comes back on the port it had."""

    def command(self):
        words = super().command()
        if self.port == 0:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.port = probe.getsockname()[1]
        words[words.index("--listen") + 1] = f"127.0.0.1:{self.port}"
        return words


class SlowRelay(Relay):
    """Holds some pieces back for a while, so that requests overtake each other."""

    def _pump(self, near, far):
        luck = random.Random(id(near))

        class Late:
            def __init__(self, end):
                self.end = end

            def fileno(self):
                return self.end.fileno()

            def recv(self, count):
                data = self.end.recv(count)
                if luck.random() < 0.1:
                    time.sleep(luck.random() * 0.08)
                return data

            def sendall(self, data):
                self.end.sendall(data)

            def close(self):
                self.end.close()

        super()._pump(Late(near), Late(far))


class Nemesis(threading.Thread):
    """Works against one server until told to stop. Leaves it running."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.luck, self.over = server, random.Random(seed), threading.Event()
        self.deaths, self.strikes, self.trouble = [], 0, None
        self.relay = None

    def port(self):
        return self.server.port

    def strike(self):
        self.over.wait()

    def heal(self):
        pass

    def run(self):
        try:
            while not self.over.is_set():
                self.strike()
                self.strikes += 0 if self.over.is_set() else 1
        except Exception as error:  # Told by the main thread.
            self.trouble = error

    def end(self):
        self.over.set()
        self.join()
        self.heal()
        if self.trouble:
            raise self.trouble


class Calm(Nemesis):
    pass


class Kill(Nemesis):
    def strike(self):
        if self.over.wait(0.3 + self.luck.random() * 1.5):
            return
        self.server.kill()
        self.deaths.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        self.server.start()


class Restart(Nemesis):
    def strike(self):
        if self.over.wait(0.5 + self.luck.random() * 1.5):
            return
        code, _ = self.server.stop()
        if code != 0:
            raise AssertionError(f"SIGTERM: exit status {code}")
        self.deaths.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        self.server.start()


class Pause(Nemesis):
    def strike(self):
        if self.over.wait(0.2 + self.luck.random()):
            return
        self.server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.05 + self.luck.random())
        self.server.process.send_signal(signal.SIGCONT)

    def heal(self):
        self.server.process.send_signal(signal.SIGCONT)


class Delay(Nemesis):
    def port(self):
        self.relay = self.relay or SlowRelay(("127.0.0.1", self.server.port))
        return self.relay.port


class Cut(Nemesis):
    def port(self):
        self.relay = self.relay or Relay(("127.0.0.1", self.server.port))
        return self.relay.port

    def strike(self):
        if self.over.wait(1 + self.luck.random() * 2):
            return
        self.relay.cut()
        time.sleep(0.05 + self.luck.random() * 0.3)
        self.relay.restore()

    def heal(self):
        self.relay.restore()


class Full(Nemesis):
    """A store so small that it fills up: writes are refused, the rest goes on."""


class KillAndPause(Kill):
    def strike(self):
        Pause.strike(self) if self.luck.random() < 0.5 else Kill.strike(self)


NEMESES = {"none": Calm, "kill": Kill, "restart": Restart, "pause": Pause, "delay": Delay, "cut": Cut, "full": Full,
           "mixed": KillAndPause}


class Ground:
    def __init__(self, options):
        self.options = options
        self.binary = os.environ.get("CREEL_BIN") or os.path.join(ROOT, "build", "release", "creel.stripped")
        self.linear = os.environ.get("CREEL_LINEAR") or os.path.join(os.path.dirname(self.binary), "creel-linear")
        self.folder = tempfile.mkdtemp(prefix="creel-linear-")
        self.passed = self.failed = self.operations = self.unanswered = 0

    def round(self, name, seconds, seed, races=0):
        """One store, one nemesis; None, or what is wrong."""
        folder = os.path.join(self.folder, f"{name}-{seed}{'-races' if races else ''}")
        server = FixedServer(self.binary, folder, config=FULL if name == "full" else CONFIG)
        server.start()
        nemesis = NEMESES[name](server, seed)
        history = os.path.join(folder, "history.jsonl")
        words = [self.linear, "run", "--port", str(nemesis.port()), "--access", ACCESS_KEY, "--secret", SECRET_KEY,
                 "--out", history, "--seconds", str(seconds), "--seed", str(seed),
                 "--clients", str(64 if races else self.options.clients), "--keys", str(self.options.keys)]
        if races:
            words += ["--races", str(races)]
        try:
            clients = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            nemesis.start()
            try:
                clients.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
            nemesis.end()
            said = clients.communicate(timeout=240)[0]
            server.check_alive()
            counts = said.split("\n")[0]
            self.operations += int(counts.split()[0])
            self.unanswered += int(counts.split()[2])
            verdict = counts
            wrong = clients.returncode != 0
            if not races and not wrong:
                deaths = os.path.join(folder, "deaths")
                with open(deaths, "w", encoding="utf-8") as file:
                    file.writelines(f"{ns}\n" for ns in nemesis.deaths)
                page = os.path.join(tempfile.gettempdir(), f"creel-linear-{name}-{seed}.html")
                judged = subprocess.run([self.linear, "check", history, "--deaths", deaths, "--html", page],
                                        capture_output=True, text=True, timeout=600)
                verdict, wrong = judged.stdout, judged.returncode != 0
            elif wrong:
                verdict = said
            verdict = verdict.strip()
            if name == "none" and not races and not wrong:
                missed = self.teeth(history)
                wrong = missed is not None
                verdict += f"; NOT FOUND when planted: {missed}" if wrong else "; planted lies are found"
            return wrong, f"{verdict}{f', {nemesis.strikes} strikes' if nemesis.strikes else ''}"
        finally:
            server.kill()
            if nemesis.relay:
                nemesis.relay.close()
            if not self.options.keep:
                shutil.rmtree(folder, ignore_errors=True)

    def teeth(self, history):
        """A lie planted in a history that was good: must be found. None, or which was not."""
        with open(history, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        reads = [i for i, op in enumerate(lines) if op["op"] == "read" and op["value"]]
        last = reads[-1]
        old = next(op["value"] for op in lines if op["op"] == "write" and op["result"] == "ok" and
                   op["key"] == lines[last]["key"] and op["value"] != lines[last]["value"])
        for lie, value in (("a stale read", old), ("a lost write", "")):
            wrong = [dict(op) for op in lines]
            wrong[last]["value"] = value
            path = history + ".lie"
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(op) + "\n" for op in wrong)
            judged = subprocess.run([self.linear, "check", path], capture_output=True, text=True, timeout=600)
            if judged.returncode != 1 or "NOT LINEARIZABLE" not in judged.stdout:
                return lie
        return None

    def tell(self, name, seconds, seed, races=0):
        began = time.monotonic()
        try:
            wrong, text = self.round(name, seconds, seed, races)
        except Exception as error:  # Whatever it is: the next round still runs.
            wrong, text = True, f"{type(error).__name__}: {error}"
        self.failed += 1 if wrong else 0
        self.passed += 0 if wrong else 1
        what = f"races, {name}" if races else name
        print(f"{'FAIL' if wrong else 'ok':4} {time.monotonic() - began:6.1f} s  {what}: {text}", flush=True)
        if wrong:
            print(f"     again: ./dev sim linear --minutes 1 --nemesis {name} --seed {seed}"
                  f"{' --races' if races else ''}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=lambda text: int(text, 0), default=1)
    parser.add_argument("--nemesis", action="append", choices=sorted(NEMESES), default=[])
    parser.add_argument("--races", action="store_true", help="races only")
    parser.add_argument("--round", type=int, default=20, help="seconds of a round of a campaign")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--keep", action="store_true", help="leave stores and histories")
    options = parser.parse_args()
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ground = Ground(options)
    if not os.access(ground.linear, os.X_OK) or not os.access(ground.binary, os.X_OK):
        sys.exit("linear_test.py: CREEL_BIN must name the program, and creel-linear must lie beside it")
    names = options.nemesis or list(NEMESES)
    try:
        if options.minutes is None:
            for name, seconds in (("none", 3), ("kill", 6), ("pause", 4), ("cut", 3)):
                if name in names:
                    ground.tell(name, seconds, options.seed)
            for name, seconds in (("none", 2), ("kill", 5)):
                ground.tell(name, seconds, options.seed, 1_000_000)
        else:
            end, seed = time.monotonic() + options.minutes * 60, options.seed
            while time.monotonic() < end:
                for name in names:
                    if not options.races:
                        ground.tell(name, options.round, seed)
                    if options.races or name in ("none", "kill", "pause"):
                        ground.tell(name, options.round, seed, 1_000_000)
                    if time.monotonic() >= end:
                        break
                seed += 1
    finally:
        if options.keep:
            print("folders of the run:", ground.folder)
        else:
            shutil.rmtree(ground.folder, ignore_errors=True)
    print(f"{ground.operations} operations in all, {ground.unanswered} without an answer")
    print(f"linear: {ground.passed} passed, {ground.failed} failed")
    return 1 if ground.failed else 0


if __name__ == "__main__":
    sys.exit(main())
