"""What every black-box case leans on: a server process, a registry of cases, a signer.

Python's standard library only; boto3 is imported where a case asks for a client.
"""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

ACCESS_KEY = "BLACKBOXROOT00000001"
SECRET_KEY = "blackbox-secret-for-tests-only-000000001"
REGION = "us-east-1"
START_S = 60.0
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Skip(Exception):
    """The case cannot run here; the text says why."""


class Case:
    def __init__(self, name, run, roles, room):
        self.name, self.run, self.roles, self.room = name, run, roles, room


CASES = []


def case(roles=("edge",)):
    """Registers a function; its name (without `case_`) and file are the name of the case.

    roles: which roles it runs with. `BOTH` cases are the contract of edge and core alike.
    """
    def register(function):
        room = function.__module__.replace("cases_", "")
        name = function.__name__.removeprefix("case_")
        CASES.append(Case(room + "." + name, function, roles, room))
        return function
    return register


BOTH = ("edge", "core")


def check(condition, text="", *details):
    if not condition:
        raise AssertionError(" ".join([text] + [repr(d)[:600] for d in details]))


def equal(got, wanted, text=""):
    if got != wanted:
        raise AssertionError(f"{text}: got {got!r:.500}, wanted {wanted!r:.500}")


# --- the server process ------------------------------------------------------------------------
class Server:
    """One `creel serve`. Keeps its folders over kill() and start()."""

    def __init__(self, binary, folder, role="edge", config=None, data=None, credentials=True,
                 preexec=None, drives=6, flags=()):
        self.binary, self.folder, self.role = binary, folder, role
        os.makedirs(folder, exist_ok=True)
        count = 1 if role == "edge" else drives
        self.data = data or [os.path.join(folder, f"d{i + 1}") for i in range(count)]
        self.config_text = config
        self.credentials = credentials
        self.preexec = preexec
        self.flags = list(flags)
        self.runner = []  # What the program runs under: an emulator.
        self.process = None
        self.port = 0
        self.log_path = os.path.join(folder, "log")
        self.starts = 0

    def command(self):
        words = [*self.runner, self.binary, "serve", "--role", self.role, "--listen", "127.0.0.1:0"]
        if self.config_text is not None:
            path = os.path.join(self.folder, "creel.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.config_text)
            words += ["--config", path]
        for folder in self.data:
            words += ["--data", folder]
        return words + self.flags

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CREEL_", "NOTIFY_", "AWS_"))}
        if self.credentials:
            env["CREEL_ROOT_ACCESS_KEY"] = ACCESS_KEY
            env["CREEL_ROOT_SECRET_KEY"] = SECRET_KEY
        return env

    def launch(self):
        """Starts the process without waiting; its log goes to log_path."""
        for folder in self.data:
            os.makedirs(folder, exist_ok=True)
        self.starts += 1
        offset = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, env=self.environment(), preexec_fn=self.preexec)
        log.close()
        return offset

    def start(self, within=START_S):
        offset = self.launch()
        end = time.monotonic() + within
        while time.monotonic() < end:
            found = re.search(r'"event":"listening".*?"url":"https?://127\.0\.0\.1:(\d+)"', self.log(offset))
            if found:
                self.port = int(found.group(1))
                return self
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}: {self.log(offset)[-600:]}")
            time.sleep(0.02)
        raise AssertionError(f"the server did not listen within {within} s: {self.log(offset)[-600:]}")

    def start_refused(self, within=START_S):
        """Starts and expects it to end by itself; (exit code, what it said)."""
        offset = self.launch()
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server runs although it had to refuse: " + self.log(offset)[-600:])
        return code, self.log(offset)

    def log(self, offset=0):
        with open(self.log_path, "rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", "replace")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, within=30.0):
        """SIGTERM; (exit code, seconds it took)."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server within {within} s")
        return code, time.monotonic() - began

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        if not self.alive():
            raise AssertionError(f"the server died, status {self.process.returncode}: {self.log()[-800:]}")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def memory(self):
        """(VmRSS, of it anonymous, VmHWM) in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            text = file.read()
        return tuple(int(re.search(name + r":\s+(\d+) kB", text).group(1)) * 1024
                     for name in ("VmRSS", "RssAnon", "VmHWM"))

    def client(self, **extra):
        return boto_client(self.url, **extra)

    def page(self, path):
        """(status, text) of an unsigned GET, such as /-/metrics."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name):
        status, text = self.page("/-/metrics")
        equal(status, 200, "/-/metrics")
        found = re.search(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\d+)$", text, re.M)
        return int(found.group(1)) if found else None


def boto_client(url, access=ACCESS_KEY, secret=SECRET_KEY, **config):
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise Skip("boto3 is not installed")
    settings = dict(retries={"total_max_attempts": 1, "mode": "standard"}, s3={"addressing_style": "path"},
                    signature_version="s3v4", read_timeout=120, connect_timeout=20, max_pool_connections=32)
    settings.update(config)
    return boto3.client("s3", endpoint_url=url, region_name=REGION, aws_access_key_id=access,
                        aws_secret_access_key=secret, config=Config(**settings))


def code_of(call, *args, **kwargs):
    """(error code, HTTP status) of a boto3 call that must fail; ("", status) if it did not."""
    from botocore.exceptions import ClientError
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "", answer["ResponseMetadata"]["HTTPStatusCode"]


def refused(wanted_code, wanted_status, call, *args, **kwargs):
    equal(code_of(call, *args, **kwargs), (wanted_code, wanted_status), getattr(call, "__name__", "call"))


# --- signatures, for the raw requests ----------------------------------------------------------
def amz_date(when=None):
    return (when or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")


def hmac256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signing_key(date, secret=SECRET_KEY, region=REGION):
    key = hmac256(("AWS4" + secret).encode(), date[:8])
    for word in (region, "s3", "aws4_request"):
        key = hmac256(key, word)
    return key


def sign(method, path, host, query="", payload=EMPTY_SHA256, headers=None, when=None,
         access=ACCESS_KEY, secret=SECRET_KEY):
    """The header fields of a signed request, in a dict; `path` and `query` as on the wire."""
    date = amz_date(when)
    fields = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": date}
    fields.update({k.lower(): v for k, v in (headers or {}).items()})
    signed = ";".join(sorted(fields))
    pairs = sorted(tuple((p + "=").split("=")[:2]) for p in query.split("&") if p)
    canonical = "\n".join([method, path, "&".join("=".join(p) for p in pairs),
                           "".join(f"{k}:{' '.join(fields[k].split())}\n" for k in sorted(fields)),
                           signed, payload])
    scope = f"{date[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(signing_key(date, secret), text.encode(), hashlib.sha256).hexdigest()
    fields["authorization"] = (f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={signed}, "
                               f"Signature={signature}")
    return fields


def head(method, target, fields):
    return (f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n").encode()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        found = re.search(rb"<Code>(.*?)</Code>", self.body)
        return found.group(1).decode() if found else ""


class Raw:
    """A plain socket to the server, with just enough HTTP to read answers."""

    def __init__(self, server, timeout=30.0):
        self.server = server
        self.host = f"127.0.0.1:{server.port}"
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def try_send(self, data):
        """Sends as much as the server takes; a refusal half-way is part of these tests."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def request(self, method, target, headers=None, body=b"", payload=None, sign_extra=None):
        path, _, query = target.partition("?")
        payload = payload if payload is not None else hashlib.sha256(body).hexdigest()
        fields = sign(method, path, self.host, query, payload, sign_extra)
        fields.update(headers or {})
        self.send(head(method, target, fields) + body)

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            return False
        self.buffer += data
        return True

    def answer(self, body=True, interim=False):
        """The next answer; None if the connection ended first. 1xx are skipped unless asked for."""
        while True:
            while b"\r\n\r\n" not in self.buffer:
                try:
                    if not self.fill():
                        return None
                except ConnectionError:
                    return None
            top, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            lines = top.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            if status < 200:
                if interim:
                    return Answer(status, headers, b"")
                continue
            if not body or status in (204, 304):
                return Answer(status, headers, b"")
            return Answer(status, headers, self.body(headers))

    def body(self, headers):
        if headers.get("transfer-encoding", "") == "chunked":
            out = b""
            while True:
                size = int(self.line().split(b";")[0], 16)
                out += self.take(size)
                self.line()
                if size == 0:
                    return out
        if "content-length" in headers:
            return self.take(int(headers["content-length"]))
        out = b""
        while self.fill():
            pass
        out, self.buffer = self.buffer, b""
        return out

    def line(self):
        while b"\r\n" not in self.buffer:
            check(self.fill(), "the connection ended inside a line")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def take(self, count):
        while len(self.buffer) < count:
            check(self.fill(), "the connection ended inside a body")
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def closed(self, within=30.0):
        """Whether the server ends the connection, reading whatever is left, within that time."""
        end = time.monotonic() + within
        try:
            while time.monotonic() < end:
                self.socket.settimeout(max(0.01, end - time.monotonic()))
                if not self.socket.recv(65536):
                    return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return False


# --- what a case is given ----------------------------------------------------------------------
class Ground:
    """Servers and folders of a run. `shared` servers serve all ordinary cases of a role."""

    def __init__(self, binary, keep=False):
        self.binary, self.keep = binary, keep
        self.root = tempfile.mkdtemp(prefix="creel-blackbox-")
        self.shared = {}
        self.counter = 0

    def folder(self, name="case"):
        self.counter += 1
        path = os.path.join(self.root, f"{self.counter:03d}-{name}")
        os.makedirs(path)
        return path

    def shared_server(self, role):
        server = self.shared.get(role)
        if server is None or not server.alive():
            server = Server(self.binary, self.folder("shared-" + role), role)
            server.start()
            self.shared[role] = server
        return server

    def end_servers(self):
        """Ends the shared servers; what they stored goes too, for each keeps gigabytes allocated."""
        for server in self.shared.values():
            server.kill()
            if not self.keep:
                shutil.rmtree(server.folder, ignore_errors=True)
        self.shared = {}

    def close(self):
        self.end_servers()
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)


class Trial:
    """One run of one case with one role."""

    def __init__(self, ground, role):
        self.ground, self.role = ground, role
        self.notes = []
        self.servers = []
        self._client = self._bucket = None
        self._lock = threading.RLock()

    def note(self, text):
        """A measured figure, printed behind the case."""
        self.notes.append(text)

    @property
    def server(self):
        return self.ground.shared_server(self.role)

    @property
    def s3(self):
        with self._lock:
            if self._client is None:
                self._client = self.server.client()
            return self._client

    @property
    def bucket(self):
        with self._lock:
            if self._bucket is None:
                self.ground.counter += 1
                name = f"bb-{self.role}-{self.ground.counter}"
                self.s3.create_bucket(Bucket=name)
                self._bucket = name
            return self._bucket

    def own_server(self, **settings):
        """A server of this case alone, not started; ended when the case ends."""
        settings.setdefault("role", self.role)
        server = Server(self.ground.binary, settings.pop("folder", None) or self.ground.folder("own"), **settings)
        self.servers.append(server)
        return server

    def put(self, key, body=b"body", **more):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key, **more):
        answer = self.s3.get_object(Bucket=self.bucket, Key=key, **more)
        answer["Bytes"] = answer["Body"].read()
        return answer

    def close(self):
        for server in self.servers:
            server.kill()
        if not self.ground.keep:
            for server in self.servers:
                shutil.rmtree(server.folder, ignore_errors=True)


def pattern(size, seed=1):
    """Bytes that repeat nowhere near: a counter hashed 32 bytes at a time."""
    out = bytearray()
    block = 0
    unit = b"".join(hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(2048))
    while len(out) < size:
        out += block.to_bytes(8, "little") + unit
        block += 1
    return bytes(out[:size])


def md5_hex(data):
    return hashlib.md5(data).hexdigest()


def raise_file_limit():
    """Raises the soft limit of open files to the hard one; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run_tool(words, env=None, timeout=240, cwd=None):
    """Runs an outside client; its output. A failure is an AssertionError with what it said."""
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=timeout, cwd=cwd,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words[:4])}… ended with {done.returncode}: "
                             f"{(done.stderr or done.stdout)[-900:]}")
    return done.stdout


def quote(key):
    return urllib.parse.quote(key, safe="/-_.~")


def json_lines(text):
    out = []
    for line in text.splitlines():
        line = re.sub(r"^<\d>", "", line)
        if line.startswith("{"):
            try:
                out.append(json.loads(line))
            except ValueError:
                raise AssertionError("a log line is no JSON: " + line[:300])
    return out
