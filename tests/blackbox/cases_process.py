"""The process: health, metrics, log, signals, TLS, two on one folder, folders that cannot be written."""
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from harness import (ACCESS_KEY, BOTH, REGION, SECRET_KEY, Raw, Skip, boto_client, case, check, equal, json_lines,
                     pattern)


# Smaller than the default, so that the many starts of these cases read little.
SMALL_SEGMENTS = "[store]\nsegment_bytes = 16777216\n"


@case(BOTH)
def case_health_and_metrics(t):
    server = t.server
    equal(server.page("/-/live"), (200, "live\n"))
    equal(server.page("/-/ready")[0], 200)
    equal(server.page("/-/none")[0], 404)
    t.put("k")
    status, text = server.page("/-/metrics")
    equal(status, 200)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = re.fullmatch(r"([a-z0-9_]+)(\{[^}]*\})? (\d+)", line)
        check(found and found.group(1) in types, "Prometheus text", line)
    check(sum(int(n) for n in re.findall(r'^creel_s3_requests_total\{method="PUT".*\} (\d+)$', text, re.M)) >= 1, "counted")
    for name in ("creel_store_last_lsn", "creel_store_damaged_ranges", "creel_store_read_only"):
        check(name in types, name)
    with Raw(server) as raw:
        raw.send(f"POST /-/live HTTP/1.1\r\nHost: {raw.host}\r\nContent-Length: 0\r\n\r\n".encode())
        equal(raw.answer().status, 405)


@case(BOTH)
def case_log_is_json_lines(t):
    t.put("some/key")
    lines = json_lines(t.server.log())
    check(any(line["event"] == "listening" for line in lines), "says where it listens")
    mine = [line for line in lines if line["event"] == "request" and line.get("path") == f"/{t.bucket}/some/key"]
    check(mine and mine[-1]["status"] == 200 and mine[-1]["access_key"] == ACCESS_KEY, "a line a request", mine)
    url = t.s3.generate_presigned_url("get_object", {"Bucket": t.bucket, "Key": "some/key"})
    import urllib.request
    urllib.request.urlopen(url, timeout=30).read()
    log = t.server.log()
    check(SECRET_KEY not in log and url.rsplit("=", 1)[1] not in log, "neither secrets nor signatures")


@case(BOTH)
def case_admin_status(t):
    import json

    from harness import sign
    with Raw(t.server) as raw:
        raw.request("GET", "/-/admin/v1/status")
        answer = raw.answer()
        equal(answer.status, 200)
        equal(json.loads(answer.body)["role"], t.role)
        raw.send(f"GET /-/admin/v1/status HTTP/1.1\r\nHost: {raw.host}\r\n\r\n".encode())
        equal(raw.answer().status, 403)
        fields = sign("GET", "/-/admin/v1/status", raw.host, secret="wrong" * 8)
        raw.send(("GET /-/admin/v1/status HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n").encode())
        equal(raw.answer().status, 403)


@case(BOTH)
def case_idle_memory(t):
    server = t.own_server().start()
    time.sleep(1.0)
    rss, anonymous, _ = server.memory()
    size = os.path.getsize(t.ground.binary)
    release = size < 12 << 20
    t.note(f"idle RSS {rss / 1048576:.1f} MiB, anonymous {anonymous / 1048576:.1f} MiB; program "
           f"{size / 1048576:.1f} MiB{'' if release else ', not a release build: no bound'}")
    if release and t.role == "edge":
        check(rss <= 12 << 20, "at most 12 MiB", rss)


@case(BOTH)
def case_sigterm_idle(t):
    server = t.own_server().start()
    client = server.client()
    client.create_bucket(Bucket="kept")
    client.put_object(Bucket="kept", Key="k", Body=b"v")
    with Raw(server) as raw:  # An idle keep-alive connection must not hold it up.
        raw.request("GET", "/kept/k")
        equal(raw.answer().body, b"v")
        code, took = server.stop()
    equal(code, 0, server.log()[-400:])
    check(took < 5, "within 5 s", took)
    t.note(f"{took:.2f} s")
    server.start()
    equal(server.client().get_object(Bucket="kept", Key="k")["Body"].read(), b"v")


@case(BOTH)
def case_sigterm_drains(t):
    """A request under way is finished; a new connection is not served; the exit is 0."""
    server = t.own_server(config=SMALL_SEGMENTS).start()
    server.client().create_bucket(Bucket="kept")
    body = pattern(900_000)
    raw = Raw(server)
    raw.request("PUT", "/kept/slow", {"content-length": str(len(body))}, b"", payload="UNSIGNED-PAYLOAD")
    raw.send(body[:500_000])
    time.sleep(0.2)
    done = {}
    thread = threading.Thread(target=lambda: done.update(end=server.stop()))
    thread.start()
    time.sleep(0.4)
    raw.send(body[500_000:])
    answer = raw.answer()
    thread.join()
    check(answer is not None and answer.status == 200, "the upload is finished", answer and answer.status)
    equal(answer.headers.get("connection", "").lower(), "close")
    equal(done["end"][0], 0, server.log()[-400:])
    check(done["end"][1] < 5, "within 5 s", done["end"])
    server.start()
    check(server.client().get_object(Bucket="kept", Key="slow")["Body"].read() == body, "and is there")


@case(BOTH)
def case_sigterm_cuts_what_hangs(t):
    server = t.own_server(config=SMALL_SEGMENTS).start()
    client = server.client()
    client.create_bucket(Bucket="kept")
    client.put_object(Bucket="kept", Key="big", Body=pattern(32 << 20))
    upload, download = Raw(server), Raw(server)
    upload.request("PUT", "/kept/never", {"content-length": "900000"}, b"", payload="UNSIGNED-PAYLOAD")
    upload.send(b"x" * 1000)
    download.request("GET", "/kept/big")  # And never reads.
    time.sleep(0.3)
    code, took = server.stop()
    equal(code, 0, server.log()[-400:])
    check(took < 5.5, "within 5 s", took)
    t.note(f"{took:.2f} s")
    server.start()
    equal(server.client().list_objects_v2(Bucket="kept")["Contents"][0]["Key"], "big")


@case(BOTH)
def case_two_processes_one_folder(t):
    first = t.own_server(config=SMALL_SEGMENTS).start()
    first.client().create_bucket(Bucket="kept")
    second = t.own_server(data=first.data)
    code, said = second.start_refused()
    equal(code, 1)
    check(str(first.process.pid) in said, "names the first one's pid", said[-400:])
    first.client().put_object(Bucket="kept", Key="k", Body=b"unharmed")
    first.kill()
    second.start()  # The lock dies with its process.
    equal(second.client().get_object(Bucket="kept", Key="k")["Body"].read(), b"unharmed")


@case()
def case_folder_of_somebody_else(t):
    if os.geteuid() != 0:
        raise Skip("wants root, to become nobody")
    os.chmod(t.ground.root, 0o711)
    folder = t.ground.folder("foreign")
    os.chmod(folder, 0o711)
    server = t.own_server(folder=folder, preexec=lambda: os.setuid(65534))
    os.makedirs(server.data[0])
    if not subprocess.run([t.ground.binary, "version"], preexec_fn=lambda: os.setuid(65534),
                          capture_output=True).returncode == 0:
        raise Skip("nobody may not run the program where it lies")
    code, said = server.start_refused()
    equal(code, 1)
    check(server.data[0] in said, "names the folder", said[-400:])
    equal(len(said.strip().splitlines()[-1:]), 1)
    t.note(said.strip().splitlines()[-1][:140].replace(folder, "…"))


@case()
def case_read_only_folder(t):
    if os.geteuid() != 0:
        raise Skip("wants root, to mount")
    server = t.own_server()
    folder = server.data[0]
    os.makedirs(folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "creel-test", folder], capture_output=True).returncode != 0:
        raise Skip("mounting is not allowed here")
    try:
        server.start()
        server.client().create_bucket(Bucket="kept")
        server.client().put_object(Bucket="kept", Key="k", Body=b"v")
        server.stop()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        code, said = server.start_refused()
        equal(code, 1)
        check(folder in said, "names the folder", said[-400:])
        t.note(said.strip().splitlines()[-1][-140:].replace(folder, "…"))
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        server.start()
        equal(server.client().get_object(Bucket="kept", Key="k")["Body"].read(), b"v")
    finally:
        server.kill()
        subprocess.run(["umount", folder], check=False)


@case()
def case_data_is_a_file(t):
    server = t.own_server()
    with open(server.data[0], "w", encoding="utf-8") as file:
        file.write("not a folder")
    server.launch = _launch_without_folders(server)
    code, said = server.start_refused()
    check(code == 1 and server.data[0] in said, "named", code, said[-300:])


def _launch_without_folders(server):
    original, folders = server.launch, server.data

    def launch():
        words = server.command()
        server.data = []
        server.command = lambda: words
        try:
            return original()
        finally:
            server.data = folders
    return launch


@case()
def case_systemd_notify(t):
    path = os.path.join(t.ground.folder("n"), "s")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(20)
    server = t.own_server()
    plain = server.environment
    server.environment = lambda: {**plain(), "NOTIFY_SOCKET": path}
    server.start()
    check(b"READY=1" in listener.recv(500), "ready")
    server.stop()
    check(b"STOPPING=1" in listener.recv(500), "stopping")
    listener.close()


def certificates(folder, name="localhost"):
    """A little authority and a server certificate; paths of (ca, certificate, key)."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "30", "-subj", "/CN=Black box authority")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out",
            "request.pem", "-subj", f"/CN={name}")
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as file:
        file.write(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "cert.pem", "-days", "30", "-extfile", "names")
    return tuple(os.path.join(folder, n) for n in ("ca.pem", "cert.pem", "key.pem"))


@case(BOTH)
def case_https(t):
    ca, certificate, key = certificates(t.ground.folder("tls"))
    server = t.own_server(config=f'[tls]\ncert = "{certificate}"\nkey = "{key}"\n').start()
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise Skip("boto3 is not installed")
    client = boto3.client("s3", endpoint_url=f"https://127.0.0.1:{server.port}", region_name=REGION, verify=ca,
                          aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
                          config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))
    client.create_bucket(Bucket="safe")
    for size in (0, 3, 70_000, 3_000_000):
        body = pattern(size)
        client.put_object(Bucket="safe", Key="k", Body=body)
        check(client.get_object(Bucket="safe", Key="k")["Body"].read() == body, "over TLS", size)
    import io
    client.upload_fileobj(io.BytesIO(pattern(20 << 20)), "safe", "parts")
    check(client.get_object(Bucket="safe", Key="parts")["Body"].read() == pattern(20 << 20), "parts over TLS")
    # Plain HTTP on it, and a client that does not know the authority.
    with Raw(server, 15) as raw:
        raw.try_send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        check(raw.closed(15), "plain text is not answered for ever")
    try:
        boto_client(f"https://127.0.0.1:{server.port}").list_buckets()
        raise AssertionError("an unknown authority was trusted")
    except Exception as error:
        check("CERTIFICATE_VERIFY_FAILED" in str(error), "the client refuses", str(error)[:200])
    server.check_alive()
    client.list_buckets()


@case()
def case_bad_certificates(t):
    ca, certificate, key = certificates(t.ground.folder("tls"))
    _, _, other_key = certificates(t.ground.folder("tls-other"))
    empty = os.path.join(t.ground.folder("tls-empty"), "empty.pem")
    open(empty, "w", encoding="utf-8").close()
    for cert, private in ((certificate, other_key), (empty, key), (certificate, empty), (key, key)):
        server = t.own_server(config=f'[tls]\ncert = "{cert}"\nkey = "{private}"\n')
        code, said = server.start_refused()
        check(code == 1 and len(said.strip()) > 20, "refused", code, said[-300:])
