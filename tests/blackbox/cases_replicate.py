"""An edge and a core with a link between: kill -9 on either side, wrong certificates, the command line."""
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time

from harness import ACCESS_KEY, SECRET_KEY, case, check, code_of, equal, pattern

SETTLE_S = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def creel(t, *words):
    env = {**os.environ, "CREEL_ROOT_ACCESS_KEY": ACCESS_KEY, "CREEL_ROOT_SECRET_KEY": SECRET_KEY}
    done = subprocess.run([t.ground.binary, *words], capture_output=True, text=True, timeout=120, env=env,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


class Fleet:
    """One edge that sends bucket `sent` to one core of six folders, both on loopback, mutual TLS."""

    def __init__(self, t, certs=None):
        self.certs = certs or t.ground.folder("certs")
        if certs is None:
            code, _, said = creel(t, "certs", self.certs, "--core-name", "localhost", "--site", "1")
            equal(code, 0, said)
        self.port = free_port()
        self.core = t.own_server(role="core", config=f"""
[store]
segment_bytes = 16777216
[replicate]
listen = "127.0.0.1:{self.port}"
{self.tls("core")}""")
        self.edge = t.own_server(role="edge", config=self.edge_config())

    def tls(self, name):
        return (f'[replicate.tls]\ncert = "{self.certs}/{name}.pem"\nkey = "{self.certs}/{name}.key"\n'
                f'ca = "{self.certs}/ca.pem"\n')

    def edge_config(self, certificate="site-1"):
        return f"""
[store]
segment_bytes = 16777216
[replicate]
site = 1
site_name = "pole-1"
{self.tls(certificate)}
[[replicate.target]]
name = "core"
address = "127.0.0.1:{self.port}"
server_name = "localhost"
[[replicate.rule]]
bucket = "sent"
target = "core"
"""

    def start(self):
        self.core.start()
        self.edge.start()
        self.edge.client().create_bucket(Bucket="sent")
        code = code_of(self.core.client().create_bucket, Bucket="sent")
        check(code[1] in (200, 409), "the bucket at the core", code)
        return self


def state_of(server):
    """key → (etag, size) of the bucket; None while it does not answer."""
    try:
        pages = server.client().get_paginator("list_objects_v2").paginate(Bucket="sent")
        return {o["Key"]: (o["ETag"], o["Size"]) for page in pages for o in page.get("Contents", [])}
    except Exception:  # Not there, or on its way.
        return None


def settle(fleet, within=SETTLE_S):
    """Waits until the core has what the edge has; the seconds it took."""
    began = time.monotonic()
    while time.monotonic() < began + within:
        edge, core = state_of(fleet.edge), state_of(fleet.core)
        if edge is not None and edge == core:
            return time.monotonic() - began
        time.sleep(0.3)
    missing = sorted(set(edge or ()) - set(core or ()))[:5]
    surplus = sorted(set(core or ()) - set(edge or ()))[:5]
    differ = [k for k in (edge or {}) if k in (core or {}) and edge[k] != core[k]][:5]
    raise AssertionError(f"after {within} s: missing {missing}, too many {surplus}, different {differ}; "
                         f"edge says {fleet.edge.log()[-300:]}")


@case()
def case_everything_arrives(t):
    fleet = Fleet(t).start()
    client = fleet.edge.client()
    bodies = {f"k{size}": pattern(size, size) for size in (0, 1, 5000, 262_144, 300_000, 7_000_000)}
    bodies["dir/ü b+.txt"] = b"odd"
    for key, body in bodies.items():
        client.put_object(Bucket="sent", Key=key, Body=body, ContentType="text/x", Metadata={"a": "b"})
    upload = client.create_multipart_upload(Bucket="sent", Key="parts")["UploadId"]
    pieces = [pattern(5 << 20, 1), pattern(1000, 2)]
    parts = [{"PartNumber": n, "ETag": client.upload_part(Bucket="sent", Key="parts", UploadId=upload, PartNumber=n,
                                                        Body=b)["ETag"]} for n, b in enumerate(pieces, 1)]
    client.complete_multipart_upload(Bucket="sent", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    bodies["parts"] = b"".join(pieces)
    client.put_object(Bucket="sent", Key="gone", Body=b"x")
    client.delete_object(Bucket="sent", Key="gone")
    t.note(f"settled in {settle(fleet):.1f} s")
    core = fleet.core.client()
    for key, body in bodies.items():
        got = core.get_object(Bucket="sent", Key=key)
        check(got["Body"].read() == body, "every byte", key)
        if key != "parts":
            equal((got["ContentType"], got["Metadata"].get("a")), ("text/x", "b"), key)
    equal(client.head_object(Bucket="sent", Key="k5000").get("ReplicationStatus"), "COMPLETED")
    equal(core.head_object(Bucket="sent", Key="k5000").get("ReplicationStatus"), "REPLICA")
    client.delete_object(Bucket="sent", Key="k5000")
    settle(fleet)
    equal(code_of(core.get_object, Bucket="sent", Key="k5000"), ("NoSuchKey", 404))


@case()
def case_kill_either_side(t):
    """Nothing acknowledged at the edge is forgotten, whoever dies when."""
    seed = random.randrange(1 << 30)
    t.note(f"seed {seed}")
    rng = random.Random(seed)
    fleet = Fleet(t).start()
    kept, writes = {}, 0
    for _ in range(10):
        client = fleet.edge.client()
        for _ in range(rng.randrange(3, 15)):
            key = f"k{rng.randrange(25)}"
            if rng.random() < 0.25:
                client.delete_object(Bucket="sent", Key=key)
                kept.pop(key, None)
            else:
                kept[key] = pattern(rng.choice((10, 3000, 200_000, 3_000_000)), rng.randrange(1000))
                client.put_object(Bucket="sent", Key=key, Body=kept[key])
            writes += 1
        time.sleep(rng.choice((0.0, 0.05, 0.3)))
        victim = rng.choice((fleet.edge, fleet.core))
        victim.kill()
        if victim is fleet.core:  # Writing at the edge goes on without it.
            kept["while-away"] = pattern(1000, rng.randrange(1000))
            client.put_object(Bucket="sent", Key="while-away", Body=kept["while-away"])
        victim.start()
    took = settle(fleet)
    core = fleet.core.client()
    equal(sorted(state_of(fleet.core)), sorted(kept))
    for key, body in kept.items():
        check(core.get_object(Bucket="sent", Key=key)["Body"].read() == body, "the last version", key)
    t.note(f"{writes} writes, settled {took:.1f} s after the last kill")


@case()
def case_wrong_certificates(t):
    """A stranger's certificate moves nothing; with the right one it all goes."""
    fleet = Fleet(t)
    strangers = t.ground.folder("strangers")
    equal(creel(t, "certs", strangers, "--core-name", "localhost", "--site", "1")[0], 0)
    right = fleet.edge.config_text
    fleet.edge.config_text = right.replace(fleet.certs, strangers)
    fleet.start()
    fleet.edge.client().put_object(Bucket="sent", Key="k", Body=b"secret")
    time.sleep(3)
    equal(state_of(fleet.core), {}, "nothing has arrived")
    fleet.core.check_alive()
    # The core's own certificate is no site's.
    fleet.edge.stop()
    fleet.edge.config_text = right.replace("site-1.", "core.")
    fleet.edge.start()
    time.sleep(2)
    equal(state_of(fleet.core), {}, "nor by the core's own")
    fleet.edge.stop()
    os.rename(fleet.certs + "/ca.pem", fleet.certs + "/ca.away")
    fleet.edge.config_text = right
    code, said = fleet.edge.start_refused()
    check(code == 1 and "ca.pem" in said, "a missing one is named", said[-300:])
    os.rename(fleet.certs + "/ca.away", fleet.certs + "/ca.pem")
    fleet.edge.start()
    settle(fleet)
    equal(fleet.core.client().get_object(Bucket="sent", Key="k")["Body"].read(), b"secret")


@case()
def case_link_port_takes_noise(t):
    fleet = Fleet(t).start()
    for seed in range(40):
        with socket.create_connection(("127.0.0.1", fleet.port), 10) as link:
            try:
                link.sendall(random.Random(seed).randbytes(2000) if seed % 2 else b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            except OSError:
                pass
    fleet.core.check_alive()
    fleet.edge.client().put_object(Bucket="sent", Key="k", Body=b"still works")
    settle(fleet)


@case(("edge", "core"))
def case_status_and_heal(t):
    server = t.server
    code, text, said = creel(t, "status", "--endpoint", server.url)
    equal(code, 0, said)
    check(t.role in text and "ready" in text, "the role", text)
    code, text, said = creel(t, "status", "--endpoint", server.url, "--json")
    equal((code, json.loads(text)["role"]), (0, t.role))
    code, text, said = creel(t, "heal", "--endpoint", server.url)
    check(code == (0 if t.role == "core" else 1), "heal is a core's", code, text, said)
    code, _, said = creel(t, "status", "--endpoint", f"http://127.0.0.1:{free_port()}")
    check(code == 1 and said.startswith("creel: "), "nobody there", code, said)
    equal(creel(t, "status", "--endpoint", "nonsense")[0], 2)
    equal(creel(t, "status", "surplus")[0], 2)


@case()
def case_rule_command(t):
    folder = t.ground.folder("rules")
    path = os.path.join(folder, "r.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write('[[rule]]\nname = "x"\nselct = "a"\n')
    code, _, said = creel(t, "rule", "check", path)
    check(code == 3 and re.search(r"line \d+|:\d+:\d+", said) and "selct" in said, "refused with its place", code, said)
    with open(path, "w", encoding="utf-8") as file:
        file.write("[[rule]\n")
    code, _, said = creel(t, "rule", "check", path)
    check(code == 3 and "line 1" in said or ":1:" in said, "no TOML", code, said)
    code, _, said = creel(t, "rule", "check", folder + "/none")
    check(code != 0 and "none" in said, "a missing file", code, said)
    shutil.rmtree(folder)
