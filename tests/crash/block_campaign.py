#!/usr/bin/env python3
"""Power cuts below a real file system: the real program on ext4 on a block device that records every write and flush.

    block_campaign.py --binary CREEL [--states N] [--seed S] [--ops N] [--replay STATE] [--teeth]

QEMU's storage daemon logs what reaches the device (blklogwrites). A state is the device at a flush, or at a random moment
after it with a random part of the writes since; writes with FUA are always there. Each is mounted (ext4 replays its
journal), the program is started on it, and every object must be what was acknowledged, or a later PUT that had begun.
Needs root, FUSE, loop devices, qemu-storage-daemon and mkfs.ext4. Everything happens in a mount namespace of its own."""
import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "blackbox"))
import harness  # noqa: E402

SECTOR = 512
DEVICE_BYTES = 192 << 20
LOG_BYTES = 16 << 30  # Sparse.
FLUSH, FUA, DISCARD = 1, 2, 4
CONFIG = "[store]\nbytes = 134217728\n"
KEYS = 24
BUCKET = "bucket"


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def missing():
    """What this machine lacks, as text; empty: nothing."""
    lacks = [tool for tool in ("qemu-storage-daemon", "mkfs.ext4", "mount", "unshare") if not shutil.which(tool)]
    lacks += [path for path in ("/dev/fuse", "/dev/loop-control") if not os.path.exists(path)]
    if os.geteuid() != 0:
        lacks.append("root")
    return ", ".join(lacks)


# --- the log of the device: dm-log-writes, version 1 -------------------------------------------
class Entry:
    def __init__(self, sector, count, flags, data_at):
        self.sector, self.count, self.flags, self.data_at = sector, count, flags, data_at


class DeviceLog:
    """Entries as they come; poll() reads what is new."""

    def __init__(self, path):
        self.file = open(path, "rb", buffering=0)
        self.entries = []
        self.at = SECTOR
        self.lock = threading.Lock()

    def poll(self):
        """The number of entries so far."""
        with self.lock:
            while True:
                head = os.pread(self.file.fileno(), 32, self.at)
                if len(head) < 32:
                    break
                sector, count, flags, length = struct.unpack("<QQQQ", head)
                if count == 0 and flags == 0:
                    break
                self.entries.append(Entry(sector, count, flags, self.at + SECTOR))
                self.at += SECTOR + (0 if flags & DISCARD else count * SECTOR)
            return len(self.entries)

    def apply(self, device, entry):
        if entry.count == 0:
            return
        size = entry.count * SECTOR
        data = bytes(size) if entry.flags & DISCARD else os.pread(self.file.fileno(), size, entry.data_at)
        os.pwrite(device, data, entry.sector * SECTOR)


# --- the workload -------------------------------------------------------------------------------
class Write:
    """A PUT or DELETE of one key: `begun` and `acked` count log entries; acked None: never answered."""

    def __init__(self, digest, begun):
        self.digest, self.begun, self.acked = digest, begun, None


class Workload:
    """Some threads, each with keys of its own, so that the order of a key's writes is known."""

    def __init__(self, server, log, seed, ops):
        self.server, self.log, self.seed = server, log, seed
        self.ops_each = max(1, ops // 4)
        self.history = {}  # key: [Write], in order
        self.errors = []

    def run(self):
        threads = [threading.Thread(target=self.client, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def client(self, number):
        draw = random.Random(f"{self.seed}/{number}")
        try:
            client = self.server.client()
            keys = [f"k{number}-{i}" for i in range(KEYS // 4)]
            for _ in range(self.ops_each):
                key = draw.choice(keys)
                while not self.one(client, draw, key):
                    time.sleep(0.2)  # Told 507: the cleaner makes room.
        except Exception as error:  # noqa: BLE001: reported by the caller
            self.errors.append(repr(error))

    def one(self, client, draw, key):
        """False: refused because the drive is full."""
        from botocore.exceptions import ClientError
        writes = self.history.setdefault(key, [])
        before = len(writes)
        try:
            self.write(client, draw, key, writes)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 507:
                raise
            del writes[before:]
            return False
        return True

    def write(self, client, draw, key, writes):
        what = draw.random()
        if what < 0.2:
            write = Write(None, self.log.poll())
            writes.append(write)
            client.delete_object(Bucket=BUCKET, Key=key)
        elif what < 0.23:
            body = draw.randbytes(5 << 20) + draw.randbytes(draw.randrange(1, 100_000))
            upload = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
            parts = []
            for i, piece in enumerate((body[:5 << 20], body[5 << 20:]), 1):
                etag = client.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=i, Body=piece)["ETag"]
                parts.append({"PartNumber": i, "ETag": etag})
            write = Write(hashlib.sha256(body).hexdigest(), self.log.poll())
            writes.append(write)
            client.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        else:
            body = draw.randbytes(draw.choice((10, 900, 4096, 20_000, 400_000)))
            write = Write(hashlib.sha256(body).hexdigest(), self.log.poll())
            writes.append(write)
            client.put_object(Bucket=BUCKET, Key=key, Body=body)
        write.acked = self.log.poll()


def record(options, folder):
    """Runs the workload on a fresh device: (log path, history, entries when the file system was made, … when the bucket was)."""
    disk, log_path, export, mount = (os.path.join(folder, n) for n in ("d.raw", "log.raw", "mnt.raw", "mnt"))
    for path, size in ((disk, DEVICE_BYTES), (log_path, LOG_BYTES)):
        with open(path, "wb") as file:
            file.truncate(size)
    open(export, "wb").close()
    os.mkdir(mount)
    pid_file = os.path.join(folder, "pid")
    run("qemu-storage-daemon",
        "--blockdev", f"driver=file,node-name=f0,filename={disk}", "--blockdev", "driver=raw,node-name=r0,file=f0",
        "--blockdev", f"driver=file,node-name=l0,filename={log_path}", "--blockdev", "driver=raw,node-name=lr0,file=l0",
        "--blockdev", "driver=blklogwrites,node-name=b0,file=r0,log=lr0,log-sector-size=512",
        "--export", f"type=fuse,id=e0,node-name=b0,mountpoint={export},writable=on", "--pidfile", pid_file, "--daemonize")
    with open(pid_file, encoding="utf-8") as file:
        daemon = int(file.read())
    server = None
    mounted = False
    try:
        run("mkfs.ext4", "-q", "-F", export)
        log = DeviceLog(log_path)
        made = log.poll()
        run("mount", "-o", "loop", export, mount)
        mounted = True
        server = harness.Server(options.binary, os.path.join(folder, "server"), config=CONFIG,
                                data=[os.path.join(mount, "d")]).start()
        server.client().create_bucket(Bucket=BUCKET)
        bucket = log.poll()
        workload = Workload(server, log, options.seed, options.ops)
        workload.run()
        if workload.errors:
            raise RuntimeError("the workload failed: " + workload.errors[0])
        log.poll()
        return log, workload.history, made, bucket
    finally:
        if server:
            server.kill()
        if mounted:
            run("umount", mount)
        os.kill(daemon, signal.SIGTERM)
        while os.path.exists(f"/proc/{daemon}"):
            time.sleep(0.01)


# --- states ---------------------------------------------------------------------------------------
class State:
    def __init__(self, flushed, cut, kept):
        self.flushed = flushed  # Entries that are all there.
        self.cut = cut  # The power went after so many entries.
        self.kept = kept  # Which of those between are there.

    def text(self):
        return f"{self.flushed}/{self.cut}/" + ",".join(str(n - self.flushed) for n in self.kept)


def states_of(log, first, wanted, seed):
    """Distinct states behind entry `first`: at each flush, and at random moments after it."""
    entries = log.entries
    flushes = [i + 1 for i in range(first, len(entries)) if entries[i].flags & FLUSH]
    spans, before = [], None
    for at in flushes:
        if before is not None and any(e.count for e in entries[before:at]):
            spans.append((before, at))
        before = at
    each = max(1, -(-wanted // max(1, len(spans))) - 1)
    states, seen = [], set()
    for begin, end in spans:
        draw = random.Random(f"{seed}/{begin}")
        options = [State(begin, begin, ())]
        for _ in range(8 * each):
            cut = draw.randint(begin + 1, end - 1) if end - 1 > begin else end
            share = draw.choice((0.1, 0.5, 0.9, 1.0))
            kept = tuple(n for n in range(begin, cut)
                         if entries[n].count and (entries[n].flags & FUA or draw.random() < share))
            options.append(State(begin, cut, kept))
        taken = 0
        for state in options:
            key = (state.flushed, state.kept)
            if key in seen or taken > each:
                continue
            seen.add(key)
            states.append(state)
            taken += 1
    return states


def allowed(writes, cut):
    """Digests a key may have; None: no such object."""
    sure = -1
    for number, write in enumerate(writes):
        if write.acked is not None and write.acked <= cut:
            sure = number
    may = {None if sure < 0 else writes[sure].digest}
    may.update(w.digest for w in writes[sure + 1:] if w.begun <= cut)
    return may


class Inspector:
    """Builds states on a copy of the device and looks at them; one a process."""

    def __init__(self, options, log, history, bucket, folder):
        self.options, self.log, self.history, self.bucket = options, log, history, bucket
        self.folder = folder
        os.makedirs(folder)
        self.mount = os.path.join(folder, "mnt")
        os.mkdir(self.mount)
        self.base = os.open(os.path.join(folder, "base"), os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self.base, DEVICE_BYTES)
        self.applied = 0

    def check(self, state):
        """What is wrong with it; None: nothing."""
        while self.applied < state.flushed:
            self.log.apply(self.base, self.log.entries[self.applied])
            self.applied += 1
        image = os.path.join(self.folder, "image")
        run("cp", "--sparse=always", os.path.join(self.folder, "base"), image)
        device = os.open(image, os.O_RDWR)
        for number in state.kept:
            self.log.apply(device, self.log.entries[number])
        os.close(device)
        try:
            run("mount", "-o", "loop", image, self.mount)
        except RuntimeError as error:
            return f"does not mount: {error}"
        server = harness.Server(self.options.binary, os.path.join(self.folder, "server"), config=CONFIG,
                                data=[os.path.join(self.mount, "d")])
        try:
            server.start()
            return self.look(server, state)
        except AssertionError as error:
            return str(error)
        finally:
            server.kill()
            shutil.rmtree(server.folder)
            run("umount", self.mount)

    def look(self, server, state):
        wrong = re.search(r'"level":"(?:warning|error)".*', server.log())
        if wrong:
            return "the start complained: " + wrong.group(0)
        with harness.Raw(server) as raw:
            raw.request("HEAD", f"/{BUCKET}")
            status = raw.answer(body=False).status
            if status == 404:
                return "the bucket is gone" if state.cut >= self.bucket else None
            for key, writes in sorted(self.history.items()):
                raw.request("GET", f"/{BUCKET}/{key}")
                answer = raw.answer()
                if answer is None or answer.status not in (200, 404):
                    return f"GET of {key}: {answer and (answer.status, answer.body[:300])}"
                digest = hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else None
                may = allowed(writes, state.cut)
                if digest not in may:
                    return f"{key} is {digest and digest[:16]}, may be {[d and d[:16] for d in may]}"
            for _ in range(100):
                raw.request("PUT", f"/{BUCKET}/new", {"content-length": "3"}, b"new")
                status = raw.answer().status
                if status != 507:
                    break
                time.sleep(0.2)  # It was full when the power went: the cleaner makes room.
            return None if status == 200 else f"a new PUT answers {status}"


def inspect(options, log, history, bucket, states, folder, number, workers, end):
    inspector = Inspector(options, log, history, bucket, os.path.join(folder, f"inspector-{number}"))
    done = 0
    for state in states[number::workers]:
        wrong = inspector.check(state)
        done += 1
        if wrong:
            end.send(("wrong", state.text(), wrong))
            return
        if done % 25 == 0:
            end.send(("done", 25, ""))
    end.send(("done", done % 25, ""))


def judge(options, folder):
    import multiprocessing
    began = time.monotonic()
    log, history, made, bucket = record(options, folder)
    writes = sum(len(w) for w in history.values())
    print(f"   recorded {len(log.entries)} entries of the device, {writes} writes of clients, "
          f"{time.monotonic() - began:.0f} s", flush=True)
    if options.teeth:
        for write in (w for writes in history.values() for w in writes):
            write.acked = write.begun
    states = states_of(log, made, options.states, options.seed)[:options.states]
    if options.replay:
        states = [state for state in states if state.text() == options.replay]
    workers = min(os.cpu_count() or 1, 4)
    context = multiprocessing.get_context("fork")
    near, far = context.Pipe(duplex=False)
    children = [context.Process(target=inspect, args=(options, log, history, bucket, states, folder, n, workers, far))
                for n in range(workers)]
    for child in children:
        child.start()
    far.close()
    checked, failures = 0, []
    while True:
        try:
            kind, first, second = near.recv()
        except EOFError:
            break
        if kind == "done":
            checked += first
        else:
            failures.append((first, second))
    for child in children:
        child.join()
        if child.exitcode != 0:
            failures.append(("", f"an inspector ended with {child.exitcode}"))
    if options.teeth:
        print("   caught: " + failures[0][1] if failures else "   answers before their flush were not caught")
        print("1 passed, 0 failed" if failures else "0 passed, 1 failed")
        return 0 if failures else 1
    for state, wrong in failures:
        print(f"   {wrong}\n     replay with --seed {options.seed} --ops {options.ops} --states {options.states} --replay {state}")
    enough = bool(options.replay) or checked >= options.states
    if not enough and not failures:
        print(f"   only {checked} states: more --ops give more")
    seconds = time.monotonic() - began
    print(f"   {checked} states of ext4 on a device, {seconds:.0f} s")
    print(f"{0 if failures or not enough else 1} passed, {len(failures) or (0 if enough else 1)} failed")
    return 1 if failures or not enough else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--states", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ops", type=int, default=600)
    parser.add_argument("--replay", default="", help="look at this state only")
    parser.add_argument("--teeth", action="store_true",
                        help="take each write as answered when it began: a campaign that sees nothing wrong is none")
    options = parser.parse_args()
    lacks = missing()
    if lacks:
        print(f"SKIPPED: a block device that records needs {lacks}\n0 passed, 0 failed, 1 skipped")
        return 2
    if "CREEL_OWN_MOUNTS" not in os.environ:
        os.environ["CREEL_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    scratch = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="creel-block-", dir=scratch) as folder:
        return judge(options, folder)


if __name__ == "__main__":
    sys.exit(main())
