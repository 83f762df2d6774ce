#!/usr/bin/env python3
"""One edge, one core, a link that fails, two lost drives: real data from a PUT to a verified GET.

Everything runs on loopback in a temporary folder; exit 0 only if every byte was as an independent
computation says. --keep leaves it running."""
import argparse
import csv
import hashlib
import hmac
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import data as demo_data
from relay import Relay

KEEP_ABOVE = 60.0  # Degrees Fahrenheit: what the site's rule calls interesting.
BUCKET = "weather"
RULES = '''default = "hold"

[[rule]]
name = "stations"
match = "o.key GLOB 'wx/**.csv'"
format = {type = "csv", header = "use"}
columns = ["station", "operator", "date", "temp"]
key = {hmac = "file:%s", id = "demo-2026"}
sql = "SELECT * EXCEPT (operator) REPLACE (HMAC(station) AS station) FROM S3Object WHERE CAST(temp AS FLOAT) >= 60"

[[rule]]
name = "camera"
match = "o.key GLOB 'cam/**'"
action = "replicate"
'''


def say(text):
    print(text, flush=True)


def size(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 10240 or unit == "GiB":
            return "%d %s" % (count, unit) if unit == "B" else "%.1f %s" % (count, unit)
        count /= 1024


class Server:
    """One creel process; its log goes to a file, and its addresses are read from there."""

    def __init__(self, binary, folder, name, config):
        self.name = name
        self.log_path = os.path.join(folder, name + ".log")
        path = os.path.join(folder, name + ".toml")
        with open(path, "w") as file:
            file.write(config)
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([binary, "serve", "--config", path], stdout=self.log, stderr=self.log,
                                        start_new_session=True)

    def events(self):
        with open(self.log_path, errors="replace") as log:
            for line in log:
                start = line.find("{")
                if line.startswith("<") and start > 0:
                    try:
                        yield json.loads(line[start:])
                    except ValueError:
                        pass

    def wait_for(self, event, field, timeout=30):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for entry in self.events():
                if entry.get("event") == event:
                    return entry[field]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log_path, errors="replace") as log:
            tail = log.read()[-2000:]
        raise SystemExit("demo: %s did not start (no '%s'):\n%s" % (self.name, event, tail))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def credentials(folder):
    values = {}
    with open(os.path.join(folder, "credentials")) as file:
        for line in file:
            name, _, value = line.partition(" = ")
            values[name] = value.strip()
    return values["access_key"], values["secret_key"]


def client(url, keys):
    import boto3
    from botocore.config import Config
    return boto3.client("s3", endpoint_url=url, aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
                        region_name="us-east-1", config=Config(signature_version="s3v4", max_pool_connections=16))


def expected_csv(content, key):
    """The rule in a few lines of Python, from the same input: what must arrive."""
    out = io.StringIO()
    kept = 0
    rows = list(csv.reader(io.StringIO(content.decode())))
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["station", "date", "temp"])
    for station, _operator, date, temp in rows[1:]:
        if float(temp) >= KEEP_ABOVE:
            token = hmac.new(key, station.encode(), hashlib.sha256).hexdigest()[:32]
            table.writerow([token, date, temp])
            kept += 1
    return out.getvalue().encode() if kept else None, len(rows) - 1, kept


def start_core(binary, folder, drives, certs):
    listing = ", ".join('"%s"' % drive for drive in drives)
    return Server(binary, folder, "core", '''role = "core"
data = [%s]
listen = "127.0.0.1:0"
[replicate]
listen = "127.0.0.1:0"
[replicate.tls]
cert = "%s/core.pem"
key = "%s/core.key"
ca = "%s/ca.pem"
[log]
requests = false
''' % (listing, certs, certs, certs))


def start_edge(binary, folder, certs, port):
    return Server(binary, folder, "edge", '''role = "edge"
data = "%s/edge"
listen = "127.0.0.1:0"
[replicate]
site = 1
site_name = "pole-1"
[replicate.tls]
cert = "%s/site-1.pem"
key = "%s/site-1.key"
ca = "%s/ca.pem"
[[replicate.target]]
name = "core"
address = "127.0.0.1:%d"
server_name = "core.creel.internal"
[[replicate.rule]]
bucket = "%s"
target = "core"
[log]
requests = false
''' % (folder, certs, certs, certs, port, BUCKET))


def put_all(s3, objects, failures):
    for key, content in objects:
        try:
            s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        except Exception as error:  # Shown at the end: a capture must never fail.
            failures.append("%s: %s" % (key, error))


def capture(s3, objects, progress=None):
    items = sorted(objects.items())
    failures = []
    threads = [threading.Thread(target=put_all, args=(s3, items[start::8], failures)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit("demo: captures failed:\n" + "\n".join(failures[:5]))


def wait_landed(s3, expected, timeout, what):
    end = time.monotonic() + timeout
    found = 0
    while time.monotonic() < end:
        found = 0
        try:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
                found += len(page.get("Contents", []))
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchBucket", "404"):
                raise
        if found >= expected:
            return
        time.sleep(0.2)
    raise SystemExit("demo: %s: %d of %d objects landed within %d s" % (what, found, expected, timeout))


def verify(s3, expected, problems):
    landed = 0
    for key, content in sorted(expected.items()):
        try:
            body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except Exception as error:
            problems.append("%s: %s" % (key, error))
            continue
        landed += len(body)
        if body != content:
            problems.append("%s: %d bytes differ from the %d expected" % (key, len(body), len(content)))
    return landed


def table(rows):
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        say("  " + "  ".join(cell.ljust(width[i]) if i == 0 else cell.rjust(width[i]) for i, cell in enumerate(row)))
        if number == 0:
            say("  " + "  ".join("-" * w for w in width))


def run(binary, folder, keep):
    begun = time.monotonic()
    certs = os.path.join(folder, "certs")
    subprocess.run([binary, "certs", certs, "--core-name", "core.creel.internal", "--site", "1"], check=True,
                   stdout=subprocess.DEVNULL)
    key_path = os.path.join(folder, "pseudonyms.key")
    key = os.urandom(32).hex().encode()
    with open(os.open(key_path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(key)
    drives = [os.path.join(folder, "drive-%d" % n) for n in range(1, 7)]
    for drive in drives:
        os.mkdir(drive)

    core = start_core(binary, folder, drives, certs)
    servers = [core]
    relay = None
    try:
        core_url = core.wait_for("listening", "url")
        link = core.wait_for("replication_listening", "address")
        relay = Relay(("127.0.0.1", int(link.rsplit(":", 1)[1])))
        edge = start_edge(binary, folder, certs, relay.port)
        servers.append(edge)
        edge_url = edge.wait_for("listening", "url")
        say("core  %s  six drives, 4+2 erasure coding" % core_url)
        say("edge  %s  one folder; mutual TLS to the core" % edge_url)
        edge_s3 = client(edge_url, credentials(os.path.join(folder, "edge")))
        core_keys = credentials(drives[0])
        core_s3 = client(core_url, core_keys)

        source, tables = demo_data.captures()
        frames = demo_data.binaries()
        say("data  %s: %d files; %d camera files" % (source, len(tables), len(frames)))
        edge_s3.create_bucket(Bucket=BUCKET)
        rules = os.path.join(folder, "rules.toml")
        with open(rules, "w") as file:
            file.write(RULES % key_path)
        edge_keys = os.path.join(folder, "edge", "credentials")
        subprocess.run([binary, "rule", "put", BUCKET, rules, "--endpoint", edge_url, "--credentials", edge_keys],
                       check=True, stdout=subprocess.DEVNULL)

        expected = dict(frames)
        rows_in = rows_kept = 0
        for name, content in tables.items():
            wanted, count, kept = expected_csv(content, key)
            rows_in += count
            rows_kept += kept
            if wanted is not None:
                expected[name] = wanted
        names = sorted(tables)
        first = {name: tables[name] for name in names[::2]}
        second = {name: tables[name] for name in names[1::2]}

        started = time.monotonic()
        say("1     capturing, link up")
        capture(edge_s3, first)
        capture(edge_s3, {name: frames[name] for name in list(frames)[:2]})
        say("2     link cut; capturing goes on")
        relay.cut()
        capture(edge_s3, second)
        capture(edge_s3, {name: frames[name] for name in list(frames)[2:]})
        before = relay.bytes_forward
        time.sleep(3)
        status = edge_s3.head_object(Bucket=BUCKET, Key=sorted(second)[-1]).get("ReplicationStatus", "")
        say("      nothing crosses (%d bytes); the newest capture is %s" % (relay.bytes_forward - before, status))
        captured_s = time.monotonic() - started
        say("3     link restored")
        relay.restore()
        healed = time.monotonic()
        wait_landed(core_s3, len(expected), 90, "after the link was restored")
        drained_s = time.monotonic() - healed

        say("4     drives 2 and 5 pulled out")
        for number in (2, 5):
            os.rename(drives[number - 1], drives[number - 1] + ".pulled")
        time.sleep(3)
        say("5     reading everything back from four drives")
        problems = []
        landed = verify(core_s3, expected, problems)
        extra = set()
        for page in core_s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            extra |= {entry["Key"] for entry in page.get("Contents", [])} - set(expected)
        problems += ["%s: landed, but the rule drops it" % name for name in sorted(extra)]

        captured = sum(map(len, tables.values())) + sum(map(len, frames.values()))
        table_bytes = sum(map(len, tables.values()))
        kept_bytes = sum(len(content) for name, content in expected.items() if name in tables)
        say("")
        table([
            ("", "objects", "rows", "bytes", "of captured"),
            ("captured at the edge", str(len(tables) + len(frames)), str(rows_in), size(captured), "100 %"),
            ("  weather tables", str(len(tables)), str(rows_in), size(table_bytes), "%.1f %%" % (100 * table_bytes / captured)),
            ("filtered away", str(len(tables) + len(frames) - len(expected)), str(rows_in - rows_kept),
             size(table_bytes - kept_bytes), "%.1f %% of the tables" % (100 - 100 * kept_bytes / table_bytes)),
            ("sent on the wire", "", "", size(relay.bytes_forward), "%.1f %%" % (100 * relay.bytes_forward / captured)),
            ("landed in the core", str(len(expected)), str(rows_kept), size(landed), "%.1f %%" % (100 * landed / captured)),
            ("verified with 4 of 6 drives", str(len(expected) - len({p.split(':')[0] for p in problems} & set(expected))), "",
             size(landed), "every byte" if not problems else "NO"),
        ])
        say("")
        say("captured in %.1f s, drained %.1f s after the link came back, %.0f s in all" %
            (captured_s, drained_s, time.monotonic() - begun))
        if problems:
            say("FAILED: %d problems" % len(problems))
            for problem in problems[:10]:
                say("  " + problem)
            return 1
        say("everything held")
        if keep:
            say("")
            say("still running: edge %s, core %s, folder %s" % (edge_url, core_url, folder))
            say("try:  AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=$(sed -n 's/^secret_key = //p' %s) \\\n"
                "      aws --region us-east-1 --endpoint-url %s s3 ls s3://%s/wx/ --recursive" %
                (core_keys[0], os.path.join(drives[0], "credentials"), core_url, BUCKET))
            say("stop: Ctrl-C")
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                pass
        return 0
    finally:
        for server in reversed(servers):
            server.stop()
        if relay is not None:
            relay.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave edge and core running, and say where")
    arguments = parser.parse_args()
    binary = os.environ.get("CREEL_BIN")
    if not binary or not os.access(binary, os.X_OK):
        raise SystemExit("demo: CREEL_BIN names no program; run it as ./dev demo")
    try:
        import boto3  # noqa: F401
    except ImportError:
        raise SystemExit("demo: boto3 is missing; ./dev setup clients installs it")
    folder = tempfile.mkdtemp(prefix="creel-demo-")
    code = 1
    try:
        code = run(os.path.abspath(binary), folder, arguments.keep)
    finally:
        if code == 0:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say("logs are in %s" % folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
