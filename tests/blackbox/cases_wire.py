"""Raw sockets: what a stock client never sends, and the bounds of docs/http.md."""
import base64
import hashlib
import resource
import socket
import threading
import time

from harness import BOTH, Raw, Skip, case, check, code_of, equal, head, pattern, raise_file_limit, sign


def refused_head(t, data, status=400):
    """Sends bytes as they are; the answer has this status and the connection ends."""
    with Raw(t.server) as raw:
        raw.try_send(data)
        answer = raw.answer()
        check(answer is not None, "an answer before the end", data[:60])
        equal(answer.status, status, repr(data[:60]))
        check(raw.closed(15), "the connection is closed", data[:60])
    t.server.check_alive()


@case()
def case_smuggling(t):
    host = f"Host: 127.0.0.1:{t.server.port}\r\n".encode()
    for fields in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n",
                   b"Content-Length: 5, 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 0x5\r\n",
                   b"Content-Length: 99999999999999999999999\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
                   b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n",
                   b"X-Folded: a\r\n b\r\n", b"X Space: a\r\n", b"X-Space : a\r\n", b": no name\r\n", b"X-Nul: a\x00b\r\n",
                   b"X-Cr: a\rb\r\n", b"X-Lf: a\nContent-Length: 5\r\n", host):
        refused_head(t, b"PUT /bb/k HTTP/1.1\r\n" + host + fields + b"\r\n0\r\n\r\n")
    refused_head(t, b"GET / HTTP/1.1\n" + host + b"\r\n")
    refused_head(t, b"GET / HTTP/1.1\r\n\r\n")
    refused_head(t, b"GET / HTTP/3.0\r\n" + host + b"\r\n", 400)
    refused_head(t, b"GET /a b HTTP/1.1\r\n" + host + b"\r\n")
    refused_head(t, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50)
    refused_head(t, b"GET /\xff\xfe HTTP/1.1\r\n" + host + b"\r\n")


@case()
def case_one_megabyte_header(t):
    host = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{t.server.port}\r\n".encode()
    before = t.server.memory()[0]
    refused_head(t, host + b"X-Big: " + b"x" * (1 << 20) + b"\r\n\r\n")
    refused_head(t, b"GET /" + b"x" * (1 << 20) + b" HTTP/1.1\r\n\r\n")
    refused_head(t, host + b"".join(b"X-%d: y\r\n" % i for i in range(5000)) + b"\r\n")
    check(t.server.memory()[0] - before < 8 << 20, "memory is bounded")


@case()
def case_bad_chunk_sizes(t):
    for body in (b"zz\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n",
                 b"11111111111111111\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5;" + b"e" * 5000 + b"\r\n",
                 b"ffffffffffffffff\r\n"):
        with Raw(t.server) as raw:
            path = f"/{t.bucket}/chunked"
            fields = sign("PUT", path, raw.host, payload="UNSIGNED-PAYLOAD",
                          headers={"x-amz-decoded-content-length": "5"})
            fields["transfer-encoding"] = "chunked"
            raw.try_send(head("PUT", path, fields) + body)
            answer = raw.answer()
            check(answer is not None and answer.status == 400, "refused", body[:20], answer and answer.status)
            check(raw.closed(15), "closed", body[:20])
    equal(code_of(t.s3.head_object, Bucket=t.bucket, Key="chunked")[1], 404)


@case(BOTH)
def case_truncated_body(t):
    """A connection cut inside a body leaves nothing behind; what was there stays."""
    t.put("old", b"before")
    for key in ("new", "old"):
        for size, sent in ((1000, 400), (400_000, 399_999), (5_000_000, 3_000_000)):
            with Raw(t.server) as raw:
                raw.request("PUT", f"/{t.bucket}/{key}", {"content-length": str(size)}, b"", payload="UNSIGNED-PAYLOAD")
                raw.send(b"x" * sent)
                time.sleep(0.1)
    # Half-closed: the server may answer, but not with success.
    with Raw(t.server) as raw:
        raw.request("PUT", f"/{t.bucket}/new", {"content-length": "1000"}, b"", payload="UNSIGNED-PAYLOAD")
        raw.send(b"x" * 10)
        raw.socket.shutdown(socket.SHUT_WR)
        answer = raw.answer()
        check(answer is None or answer.status >= 400, "no success", answer and answer.status)
    equal(code_of(t.s3.head_object, Bucket=t.bucket, Key="new")[1], 404)
    equal(t.get("old")["Bytes"], b"before")


@case(BOTH)
def case_broken_aws_chunks(t):
    good = b"5\r\nhello\r\n0\r\n\r\n"
    for framed, decoded in ((b"5\r\nhelloXX0\r\n\r\n", 5), (b"zz\r\nhello\r\n0\r\n\r\n", 5), (b"5\r\nhello\r\n", 5), (good, 6),
                            (good, 4), (b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n", 5), (good + b"extra", 5)):
        with Raw(t.server) as raw:
            raw.request("PUT", f"/{t.bucket}/broken", {"content-length": str(len(framed))}, framed,
                        payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                        sign_extra={"x-amz-decoded-content-length": str(decoded), "content-encoding": "aws-chunked"})
            answer = raw.answer()
            check(answer is not None and answer.status == 400, "refused", framed[:20], decoded,
                  answer and (answer.status, answer.code))
    equal(code_of(t.s3.head_object, Bucket=t.bucket, Key="broken")[1], 404)


@case()
def case_slow_loris(t):
    """Heads that come byte by byte end at the head deadline, while others are served."""
    count, stop, ends = 40, threading.Event(), []
    lock = threading.Lock()

    def dribble(raw):
        began = time.monotonic()
        line = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{t.server.port}\r\nX-Slow: ".encode() + b"y" * 4000
        raw.socket.settimeout(0.2)
        for byte in line:
            if stop.is_set():
                return
            try:
                raw.socket.sendall(bytes([byte]))
                if not raw.socket.recv(4096):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        with lock:
            ends.append(time.monotonic() - began)

    raws = [Raw(t.server) for _ in range(count)]
    threads = [threading.Thread(target=dribble, args=(raw,), daemon=True) for raw in raws]
    for thread in threads:
        thread.start()
    slowest, served = 0.0, 0
    deadline = time.monotonic() + 25
    while time.monotonic() < deadline and len(ends) < count:
        began = time.monotonic()
        t.put("meanwhile", b"x" * 1000)
        equal(t.get("meanwhile")["Bytes"], b"x" * 1000)
        slowest, served = max(slowest, time.monotonic() - began), served + 1
        time.sleep(0.05)
    stop.set()
    for raw in raws:
        raw.socket.close()
    equal(len(ends), count, "all were closed within 25 s")
    check(served > 20, "others were served meanwhile", served)
    t.note(f"closed after {min(ends):.1f} to {max(ends):.1f} s; {served} PUT+GET meanwhile, slowest {slowest * 1000:.0f} ms")


@case()
def case_pipelining_and_keep_alive(t):
    bodies = {f"p{i}": pattern(100 * i + 1, i) for i in range(20)}
    with Raw(t.server) as raw:
        out = b""
        for key, body in bodies.items():
            path = f"/{t.bucket}/{key}"
            fields = sign("PUT", path, raw.host, payload=hashlib.sha256(body).hexdigest())
            fields["content-length"] = str(len(body))
            out += head("PUT", path, fields) + body
        for key in bodies:
            out += head("GET", f"/{t.bucket}/{key}", sign("GET", f"/{t.bucket}/{key}", raw.host))
        raw.send(out)
        for key in bodies:
            equal(raw.answer().status, 200, key)
        for key, body in bodies.items():
            answer = raw.answer()
            check((answer.status, answer.body) == (200, body), "answers come in order", key)
        # The same connection again, later, and after an error.
        raw.request("GET", f"/{t.bucket}/none")
        equal(raw.answer().status, 404)
        raw.request("HEAD", f"/{t.bucket}/p1")
        equal(raw.answer(body=False).status, 200)
        raw.request("DELETE", f"/{t.bucket}/p1")
        equal(raw.answer().status, 204)


@case()
def case_http_1_0_and_connection_close(t):
    with Raw(t.server) as raw:
        raw.send(b"GET /-/live HTTP/1.0\r\n\r\n")
        equal(raw.answer().status, 200)
        check(raw.closed(10), "HTTP/1.0 closes")
    with Raw(t.server) as raw:
        raw.send(f"GET /-/live HTTP/1.1\r\nHost: {raw.host}\r\nConnection: close\r\n\r\n".encode())
        equal(raw.answer().status, 200)
        check(raw.closed(10), "as asked")


@case(BOTH)
def case_expect_continue(t):
    def attempt(bucket, size=2_000_000):
        raw = Raw(t.server)
        raw.request("PUT", f"/{bucket}/e", {"content-length": str(size), "expect": "100-continue"}, b"",
                    payload="UNSIGNED-PAYLOAD")
        return raw, raw.answer(interim=True)
    raw, answer = attempt(t.bucket + "-none")
    equal((answer.status, answer.code), (404, "NoSuchBucket"), "refused before the body")
    check(raw.closed(10), "closed: whether the body comes is unknown")
    raw, answer = attempt(t.bucket)
    equal(answer.status, 100)
    raw.send(b"x" * 2_000_000)
    equal(raw.answer().status, 200)
    equal(t.s3.head_object(Bucket=t.bucket, Key="e")["ContentLength"], 2_000_000)
    raw.socket.close()


@case()
def case_expect_with_an_empty_body(t):
    """botocore falls out of step when an empty PUT that expects 100 is answered without it."""
    with Raw(t.server) as raw:
        raw.request("PUT", f"/{t.bucket}/zero", {"content-length": "0", "expect": "100-continue"}, b"")
        equal(raw.answer(interim=True).status, 100)
        equal(raw.answer().status, 200)
    began = time.monotonic()
    for index in range(6):
        t.put(f"k{index}", b"x" * (10 * (index % 2)))
    check(time.monotonic() - began < 20, "no PUT waits for a time-out")


@case()
def case_malformed_xml(t):
    with Raw(t.server) as raw:
        upload = t.s3.create_multipart_upload(Bucket=t.bucket, Key="m")["UploadId"]
        for target in (f"/{t.bucket}?delete", f"/{t.bucket}/m?uploadId={upload}"):
            for body in (b"<not closed", b"<Delete><Object></Delete>", b"{}", b"<!DOCTYPE x [<!ENTITY e 'x'>]><Delete/>",
                         b"<a>" * 5000, b"\xff\xfe\x00", b"<Delete><Object><Key>&nbsp;</Key></Object></Delete>"):
                digest = base64.b64encode(hashlib.md5(body).digest()).decode()
                raw.request("POST", target, {"content-length": str(len(body))}, body, sign_extra={"content-md5": digest})
                answer = raw.answer()
                equal((answer.status, answer.code), (400, "MalformedXML"), f"{target[-20:]} {body[:30]!r}")
        raw.request("POST", f"/{t.bucket}?delete", {"content-length": "0"}, b"")
        check(raw.answer().status == 400, "an empty one")


@case()
def case_idle_connections(t):
    """Ten thousand of them, as far as this machine's limit of open files goes."""
    limit = raise_file_limit()
    wanted = min(10_000, limit - 500)
    if wanted < 500:
        raise Skip(f"the limit of open files is {limit}")

    def more_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    server = t.own_server(config="[limits]\nconnections = 12000\n", preexec=more_files).start()
    client = server.client()
    client.create_bucket(Bucket="idle")
    before = server.memory()
    sockets = []
    try:
        for index in range(wanted):
            connection = socket.socket()
            connection.bind((f"127.0.{1 + index // 20000}.1", 0))
            connection.connect(("127.0.0.1", server.port))
            sockets.append(connection)
        # The server has taken them all when the last ones answer.
        sockets[-1].sendall(b"GET /-/live HTTP/1.1\r\nHost: x\r\n\r\n")
        sockets[-1].settimeout(60)
        check(sockets[-1].recv(100).startswith(b"HTTP/1.1 200"), "the last one is served")
        after = server.memory()
        client.put_object(Bucket="idle", Key="k", Body=b"served")
        equal(client.get_object(Bucket="idle", Key="k")["Body"].read(), b"served")
        each = (after[0] - before[0]) / wanted
        t.note(f"{wanted} of 10000 (limit of open files {limit}), {each:.0f} B each, "
               f"RSS {before[0] / 1048576:.1f} → {after[0] / 1048576:.1f} MiB")
        check(each < 16_384, "at most 16 KiB each", each)
    finally:
        for connection in sockets:
            connection.close()


@case()
def case_beyond_the_connection_limit(t):
    """At the cap the connection that waited longest makes room."""
    server = t.own_server(config="[limits]\nconnections = 50\n").start()
    raws = [Raw(server) for _ in range(80)]
    client = server.client()
    client.create_bucket(Bucket="full")
    client.put_object(Bucket="full", Key="k", Body=b"served")
    server.check_alive()
    for raw in raws:
        raw.socket.close()


@case(BOTH)
def case_client_that_does_not_read(t):
    """A reader that stops does not make the server hold the object in memory."""
    t.put("big", pattern(48 << 20))
    before = t.server.memory()[0]
    raws = []
    for _ in range(8):
        raw = Raw(t.server)
        raw.request("GET", f"/{t.bucket}/big")
        raws.append(raw)
    time.sleep(1.0)
    grown = t.server.memory()[0] - before
    for raw in raws:
        raw.socket.close()
    check(grown < 24 << 20, "bounded", grown)
    t.note(f"8 stalled readers of 48 MiB: {grown / 1048576:.1f} MiB")
    equal(t.get("big", Range="bytes=0-9")["Bytes"], pattern(48 << 20)[:10])


@case(BOTH)
def case_random_bytes(t):
    for seed in range(200):
        data = hashlib.sha512(f"noise {seed}".encode()).digest() * (1 + seed % 5)
        if seed % 3 == 0:
            data = b"GET /" + data + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        with Raw(t.server, 15) as raw:
            raw.try_send(data)
            if seed % 2:
                raw.socket.shutdown(socket.SHUT_WR)
                raw.closed(10)
    t.server.check_alive()
    equal(t.server.page("/-/live")[0], 200)
