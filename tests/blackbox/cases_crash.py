"""kill -9 at any moment: what was acknowledged is there, and nothing is mixed."""
import hashlib
import http.client
import random
import threading
import time

from harness import BOTH, Raw, case, check, equal, head, md5_hex, sign

CYCLES = 20
WRITERS = 6
KEYS = 8
# Small segments: the log rolls over within the case, and a start reads little.
SMALL_SEGMENTS = "[log]\nrequests = false\n[store]\nsegment_bytes = 16777216\n"
SIZES = (0, 1, 100, 4000, 4096, 20_000, 100_000, 262_144, 300_000, 1_500_000)


def body_of(key, sequence, size):
    """Says of itself what it must be, so that a mix of two is seen."""
    start = f"{key}:{sequence}:{size}\n".encode()
    unit = hashlib.sha256(start).digest() * 128
    return (start + unit * (size // len(unit) + 1))[:max(size, len(start))]


def read_body(body):
    key, sequence, size = body.split(b"\n", 1)[0].decode().split(":")
    check(body == body_of(key, int(sequence), int(size)), "a whole version, not a mix", body[:60])
    return key, int(sequence)


class Link:
    """One connection with signed requests; any trouble is an OSError."""

    def __init__(self, port):
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __call__(self, method, path, body=b""):
        fields = sign(method, path, f"127.0.0.1:{self.port}", payload="UNSIGNED-PAYLOAD")
        try:
            self.connection.request(method, path, body=body, headers=fields)
            answer = self.connection.getresponse()
            data = answer.read()
        except (http.client.HTTPException, OSError) as error:
            raise OSError(str(error))
        return answer.status, data


class Writer(threading.Thread):
    """Owns its keys. `acked` is what the server promised; `maybe` the request it did not answer."""

    def __init__(self, index, seed):
        super().__init__(daemon=True)
        self.names = [f"w{index}/k{i}" for i in range(KEYS)]
        self.random = random.Random(seed * 1000 + index)
        self.port = 0

    def work(self, port, state, sequence):
        link = Link(port)
        try:
            while True:
                key = self.random.choice(self.names)
                sequence += 1
                if self.random.random() < 0.25:
                    state[key]["maybe"] = None
                    status, text = link("DELETE", "/crash/" + key)
                    check(status == 204, "delete", status, text[:300])
                    state[key] = {"acked": None}
                else:
                    size = self.random.choice(SIZES)
                    state[key]["maybe"] = sequence
                    status, text = link("PUT", "/crash/" + key, body_of(key, sequence, size))
                    check(status == 200, "put", status, text[:300])
                    state[key] = {"acked": sequence}
                self.count = getattr(self, "count", 0) + 1
        except OSError:
            return sequence


def verify(server, states):
    """Each key is as acknowledged, or as the one request that was cut would have made it."""
    link = Link(server.port)
    present = set()
    for state, key in [(state, key) for state in states for key in state]:
        known = state[key]
        status, body = link("GET", "/crash/" + key)
        allowed = [known["acked"]] + ([known["maybe"]] if "maybe" in known else [])
        if status == 404:
            found = None
        else:
            equal(status, 200, f"{key}: {body[:200]!r}")
            name, found = read_body(body)
            equal(name, key)
            present.add(key)
        check(found in allowed, f"{key}: version {found}, allowed are {allowed}")
        state[key] = {"acked": found}  # From now on that is what holds.
    listed = {}
    token = {}
    client = server.client()
    while True:
        page = client.list_objects_v2(Bucket="crash", **token)
        listed.update({o["Key"]: o["ETag"] for o in page.get("Contents", [])})
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    equal(set(listed), present, "the listing agrees")
    return len(present)


@case(BOTH)
def case_kill_loop(t):
    seed = random.randrange(1 << 30)
    t.note(f"seed {seed}")
    rng = random.Random(seed)
    server = t.own_server(config=SMALL_SEGMENTS).start()
    server.client().create_bucket(Bucket="crash")
    writers = [Writer(i, seed) for i in range(WRITERS)]
    states = [{key: {"acked": None} for key in w.names} for w in writers]
    sequences = [0] * WRITERS
    slowest_start = 0.0
    for _ in range(CYCLES):
        failures = []

        def run(index):
            try:
                sequences[index] = writers[index].work(server.port, states[index], sequences[index])
            except AssertionError as error:
                failures.append(error)
        threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(WRITERS)]
        for thread in threads:
            thread.start()
        time.sleep(rng.choice((0.02, 0.1, 0.3, 0.8)))
        server.check_alive()
        server.kill()
        for thread in threads:
            thread.join(60)
        check(not failures, "a request failed although the server ran", failures[:1])
        began = time.monotonic()
        server.start()
        slowest_start = max(slowest_start, time.monotonic() - began)
        verify(server, states)
        equal(server.metric("creel_store_damaged_ranges"), 0)
    acked = sum(getattr(w, "count", 0) for w in writers)
    t.note(f"{CYCLES} cycles, {acked} acknowledged writes, slowest restart {slowest_start:.2f} s")
    code, _ = server.stop()
    equal(code, 0)
    server.start()
    verify(server, states)


@case(BOTH)
def case_kill_in_multipart(t):
    """Parts that were acknowledged are there after a kill; a Complete holds or never was."""
    server = t.own_server(config=SMALL_SEGMENTS).start()
    client = server.client()
    client.create_bucket(Bucket="crash")
    done = {}
    for round_number in range(4):
        key = f"m{round_number}"
        upload = client.create_multipart_upload(Bucket="crash", Key=key)["UploadId"]
        bodies = [body_of(key, n, 5 << 20) for n in (1, 2)] + [body_of(key, 3, 1000)]
        parts = [{"PartNumber": n, "ETag": client.upload_part(Bucket="crash", Key=key, UploadId=upload, PartNumber=n,
                                                            Body=b)["ETag"]} for n, b in enumerate(bodies, 1)]
        server.kill()
        server.start()
        client = server.client()
        listed = client.list_parts(Bucket="crash", Key=key, UploadId=upload)["Parts"]
        equal([(p["PartNumber"], p["ETag"]) for p in listed], [(p["PartNumber"], p["ETag"]) for p in parts])
        client.complete_multipart_upload(Bucket="crash", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        server.kill()
        server.start()
        client = server.client()
        done[key] = b"".join(bodies)
        for name, body in done.items():
            check(client.get_object(Bucket="crash", Key=name)["Body"].read() == body, name)
    check("Uploads" not in client.list_multipart_uploads(Bucket="crash"), "no upload is left")


@case(BOTH)
def case_kill_during_start(t):
    """Recovery is killed too, again and again."""
    server = t.own_server(config=SMALL_SEGMENTS).start()
    client = server.client()
    client.create_bucket(Bucket="crash")
    kept = {}
    for index in range(200):
        body = body_of(f"s{index}", index, 3000)
        client.put_object(Bucket="crash", Key=f"s{index}", Body=body)
        kept[f"s{index}"] = body
    server.kill()
    for delay in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3):
        server.launch()
        time.sleep(delay)
        server.kill()
    server.start()
    client = server.client()
    for key, body in kept.items():
        equal(md5_hex(client.get_object(Bucket="crash", Key=key)["Body"].read()), md5_hex(body), key)


@case(BOTH)
def case_kill_on_first_start(t):
    """Every step of the very first start can be repeated."""
    server = t.own_server(config=SMALL_SEGMENTS)
    for delay in (0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1):
        server.launch()
        time.sleep(delay)
        server.kill()
    server.start()
    server.client().create_bucket(Bucket="works")


@case()
def case_signature_of_an_answer_is_durability(t):
    """An answered PUT is on the drive: the process dies right behind the answer."""
    for _ in range(5):
        server = t.own_server(config=SMALL_SEGMENTS).start()
        server.client().create_bucket(Bucket="crash")
        with Raw(server) as raw:
            path = "/crash/last"
            fields = sign("PUT", path, raw.host, payload="UNSIGNED-PAYLOAD")
            fields["content-length"] = "4"
            raw.send(head("PUT", path, fields) + b"last")
            equal(raw.answer().status, 200)
            server.kill()
        server.start()
        equal(server.client().get_object(Bucket="crash", Key="last")["Body"].read(), b"last")
        server.kill()
