"""Files that came back wrong: torn tails, flipped bytes, lost index files."""
import glob
import json
import os
import random
import shutil
import struct
import subprocess

from harness import BOTH, case, check, code_of, equal, pattern

BLOCK = 4096


def batches(folder):
    """(segment file, offset, total bytes) of all batches of LOG segments, in order of their number."""
    out = []
    for path in sorted(glob.glob(os.path.join(folder, "seg", "*.seg"))):
        with open(path, "rb") as file:
            head = file.read(BLOCK)
            if head[:8] != b"CREELSEG" or head[10] != 1:
                continue
            at = BLOCK
            while True:
                file.seek(at)
                block = file.read(64)
                if block[:4] != b"CRB1":
                    break
                number = struct.unpack_from("<Q", block, 8)[0]
                total = struct.unpack_from("<I", block, 28)[0]
                out.append((number, path, at, total))
                at += total
    return [entry[1:] for entry in sorted(out)]


def patch(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def flip(path, offset, mask=0x10):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


def fill(server, count=30, size=2000):
    client = server.client()
    client.create_bucket(Bucket="dmg")
    bodies = {}
    for index in range(count):
        bodies[f"k{index:02d}"] = pattern(size + index, index)
        client.put_object(Bucket="dmg", Key=f"k{index:02d}", Body=bodies[f"k{index:02d}"])
    return bodies


def check_all(server, bodies, but=()):
    client = server.client()
    for key, body in bodies.items():
        if key not in but:
            check(client.get_object(Bucket="dmg", Key=key)["Body"].read() == body, "as written", key)
    listed = [o["Key"] for o in client.list_objects_v2(Bucket="dmg").get("Contents", [])]
    check(set(bodies) - set(but) <= set(listed) <= set(bodies), "the listing", listed)


@case()
def case_torn_tail_garbage(t):
    """Garbage behind the last whole batch is what a torn write leaves: the log ends before it."""
    for seed in range(3):
        server = t.own_server().start()
        bodies = fill(server)
        server.kill()
        path, at, total = batches(server.data[0])[-1]
        rng = random.Random(seed)
        garbage = rng.randbytes(9000 if seed else 700)
        if seed == 2:  # A header of a batch whose rest never came.
            with open(path, "rb") as file:
                file.seek(at)
                garbage = file.read(min(total, 2048))
        patch(path, at + total, garbage)
        server.start()
        check_all(server, bodies)
        equal(server.metric("creel_store_damaged_ranges"), 0, "a torn tail is no damage")
        server.client().put_object(Bucket="dmg", Key="after", Body=b"goes on")
        server.kill()
        server.start()
        bodies["after"] = b"goes on"
        check_all(server, bodies)
        server.kill()


@case()
def case_torn_last_batch(t):
    """The last batch cut in its middle: it is not there, all before it is."""
    server = t.own_server().start()
    bodies = fill(server)
    server.kill()
    path, at, total = batches(server.data[0])[-1]
    patch(path, at + total - 1500, bytes(1500))
    server.start()
    check_all(server, bodies, but=("k29",))
    equal(code_of(server.client().get_object, Bucket="dmg", Key="k29"), ("NoSuchKey", 404))


@case()
def case_segment_cut_short(t):
    server = t.own_server().start()
    bodies = fill(server)
    server.kill()
    path, at, total = batches(server.data[0])[-1]
    os.truncate(path, at + total)
    server.start()
    check_all(server, bodies)
    server.client().put_object(Bucket="dmg", Key="after", Body=b"goes on")
    equal(server.client().get_object(Bucket="dmg", Key="after")["Body"].read(), b"goes on")


@case()
def case_damaged_middle_of_the_log(t):
    """One bit in an older batch that no checkpoint covers: reported, the rest served."""
    server = t.own_server().start()
    bodies = fill(server)
    server.kill()
    old = batches(server.data[0])[10]
    flip(old[0], old[1] + 64 + 70)  # In the record's own head or names.
    offset = os.path.getsize(server.log_path)
    server.start()
    check(server.metric("creel_store_damaged_ranges") >= 1, "in /-/metrics")
    said = server.log(offset)
    check("damaged" in said and ("lost" in said or "checksum" in said), "in the log", said[-600:])
    client = server.client()
    gone = []
    for key, body in bodies.items():
        code = code_of(client.get_object, Bucket="dmg", Key=key)
        if code == ("", 200):
            check(client.get_object(Bucket="dmg", Key=key)["Body"].read() == body, "right or refused", key)
        else:
            gone.append(key)
    check(len(gone) <= 1, "at most the one batch", gone)
    t.note(f"lost: {gone}")
    client.put_object(Bucket="dmg", Key="after", Body=b"goes on")


@case()
def case_damaged_payload(t):
    """A flipped bit in a stored body is an error, never wrong bytes."""
    server = t.own_server().start()
    bodies = fill(server)
    client = server.client()
    large = pattern(3 << 20, 77)
    client.put_object(Bucket="dmg", Key="large", Body=large)
    server.stop()
    small_hit = large_hit = False
    for path in glob.glob(os.path.join(server.data[0], "seg", "*.seg")):
        with open(path, "rb") as file:
            data = file.read()
        at = data.find(bodies["k05"][100:200])
        if at >= 0:
            flip(path, at + 5)
            small_hit = True
        at = data.rfind(large[1_500_000:1_500_100])  # Its pattern comes again: the last one.
        if at >= 0:
            flip(path, at + 5)
            large_hit = True
    check(small_hit and large_hit, "the bytes lie in the log as they are", small_hit, large_hit)
    server.start()
    client = server.client()
    check_all(server, {**bodies, "large": large}, but=("k05", "large"))
    check(code_of(client.get_object, Bucket="dmg", Key="k05")[1] == 500, "an error", code_of(client.get_object, Bucket="dmg", Key="k05"))
    try:
        got = client.get_object(Bucket="dmg", Key="large")["Body"].read()
    except Exception:  # The answer was cut, or refused: either tells the client.
        got = None
    check(got is None, "a large one is cut, not wrong")
    check(client.get_object(Bucket="dmg", Key="large", Range="bytes=0-99999")["Body"].read() == large[:100_000],
          "its other parts are served")
    server.check_alive()
    client.put_object(Bucket="dmg", Key="k05", Body=b"new")
    equal(client.get_object(Bucket="dmg", Key="k05")["Body"].read(), b"new")


def run(words, server):
    return subprocess.run(words, env=server.environment(), capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)


def creel_check(server, *words):
    """`creel check` of the stopped server's folders: (exit code, report)."""
    folders = [word for folder in server.data for word in ("--data", folder)]
    done = run([server.binary, "check", "--json", "--role", server.role, *folders, *words], server)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}


def ask(server, verb, *words):
    """A verb that asks the running server: (exit code, report)."""
    done = run([server.binary, verb, "--json", "--endpoint", server.url, *words], server)
    return done.returncode, json.loads(done.stdout)


@case(BOTH)
def case_check_of_a_sound_store(t):
    server = t.own_server(config="[store]\nsegment_bytes = 16777216\n").start()
    bodies = fill(server, 20)
    server.client().put_object(Bucket="dmg", Key="big", Body=pattern(2 << 20))
    code, report = ask(server, "check")
    check((code, report["damaged"], report["whole"]) == (0, 0, True), "while it runs", code, report)
    equal(server.stop()[0], 0)
    for words in ((), ("--rebuild",)):
        code, report = creel_check(server, *words)
        check((code, report["damaged"], report["whole"]) == (0, 0, True), "while it is stopped", code, report)
        check(sum(one["bytes"] for one in report["stores"]) > 2 << 20, "all was read", report)
    server.start()
    check_all(server, {**bodies, "big": pattern(2 << 20)})
    equal(creel_check(server)[0], 2, "a folder in use is refused")


@case()
def case_damage_is_named(t):
    """A damaged body is named by bucket, key and version: after a GET, and by a check."""
    server = t.own_server().start()
    bodies = fill(server)
    equal(server.stop()[0], 0)
    for path in glob.glob(os.path.join(server.data[0], "seg", "*.seg")):
        with open(path, "rb") as file:
            at = file.read().find(bodies["k07"][100:200])
        if at >= 0:
            flip(path, at + 9)
    code, report = creel_check(server)
    check(code == 1, "damage found", code, report)
    check("dmg/k07 version null" in str(report["stores"][0]["findings"]), "by its name", report)
    server.start()
    equal(server.metric("creel_store_damaged_objects"), 0)
    equal(code_of(server.client().get_object, Bucket="dmg", Key="k07")[1], 500)
    equal(code_of(server.client().head_object, Bucket="dmg", Key="k07")[1], 200)
    equal(server.metric("creel_store_damaged_objects"), 1)
    check("dmg/k07 version null" in str(ask(server, "status")[1]["damaged_names"]), "in the status")
    server.client().put_object(Bucket="dmg", Key="k07", Body=bodies["k07"])
    ask(server, "check")
    equal(server.metric("creel_store_damaged_objects"), 0, "its bytes are right again")
    check_all(server, bodies)


@case(BOTH)
def case_index_deleted(t):
    server = t.own_server(config="[store]\nsegment_bytes = 16777216\n").start()
    bodies = fill(server, 60)
    server.client().delete_object(Bucket="dmg", Key="k00")
    server.client().put_object(Bucket="dmg", Key="big", Body=pattern(2 << 20))
    bodies["big"] = pattern(2 << 20)
    equal(server.stop()[0], 0)
    del bodies["k00"]
    found = 0
    for folder in server.data:
        for index in glob.glob(os.path.join(folder, "**", "idx"), recursive=True):
            shutil.rmtree(index)
            found += 1
    check(found >= 1, "there is an index")
    server.start()
    check_all(server, bodies)
    equal(code_of(server.client().get_object, Bucket="dmg", Key="k00"), ("NoSuchKey", 404))
    equal(server.stop()[0], 0)
    server.start()
    check_all(server, bodies)


def look_for_wrong_bytes(server, bodies):
    """GETs and lists; how many were errors. Wrong bytes or a row that is silently gone fail the case."""
    client, errors = server.client(), 0
    for key, body in bodies.items():
        try:
            check(client.get_object(Bucket="dmg", Key=key)["Body"].read() == body, "never wrong bytes", key)
        except AssertionError:
            raise
        except Exception as error:
            check("NoSuchKey" not in str(error), "a row is gone unnoticed", key)
            errors += 1
            if not server.alive():  # A fault inside the map ends the process; the next start rebuilds.
                return errors
    return errors


@case()
def case_index_flipped(t):
    """Flipped bytes in the index: right answers after a rebuild, or errors, never wrong ones."""
    seed = random.randrange(1 << 30)
    t.note(f"seed {seed}")
    rng = random.Random(seed)
    server = t.own_server().start()
    bodies = fill(server, 120)
    equal(server.stop()[0], 0)
    index = os.path.join(server.data[0], "idx")
    kept = server.folder + "/kept-idx"
    shutil.copytree(index, kept)
    rebuilt = errors = 0
    for _ in range(12):
        shutil.rmtree(index)
        shutil.copytree(kept, index)
        name = rng.choice(["data.mdb", "data.mdb", "pages.crc"])
        path = os.path.join(index, name)
        if not os.path.exists(path):
            continue
        size = min(os.path.getsize(path), 65536 * 4)
        for _ in range(rng.choice((1, 1, 8))):
            flip(path, rng.randrange(size), 1 << rng.randrange(8))
        offset = os.path.getsize(server.log_path)
        server.start()
        errors += look_for_wrong_bytes(server, bodies)
        if server.alive():
            server.stop()
        # Whatever was met is put right by the next start.
        server.start()
        check_all(server, bodies)
        rebuilt += "rebuil" in server.log(offset)
        server.kill()
    t.note(f"rebuilt {rebuilt} of 12 times, {errors} answers were errors before that")


@case()
def case_files_of_another_store(t):
    """An index or a segment of another store is not taken for ours."""
    one, two = t.own_server().start(), t.own_server().start()
    bodies = fill(one)
    fill(two, 3)
    one.stop()
    two.stop()
    shutil.rmtree(os.path.join(one.data[0], "idx"))
    shutil.copytree(os.path.join(two.data[0], "idx"), os.path.join(one.data[0], "idx"))
    one.start()
    check_all(one, bodies)


@case()
def case_state_file_lost(t):
    server = t.own_server().start()
    bodies = fill(server)
    server.stop()
    for damage in ("remove", "zero", "noise"):
        path = os.path.join(server.data[0], "state")
        if damage == "remove":
            os.remove(path)
        else:
            patch(path, 0, bytes(8192) if damage == "zero" else os.urandom(8192))
        server.start()
        check_all(server, bodies)
        equal(server.stop()[0], 0, damage)


@case()
def case_identity_file_damaged(t):
    """Without its identity a folder with data is refused: starting anew would hide everything."""
    server = t.own_server().start()
    bodies = fill(server, 3)
    server.stop()
    path = os.path.join(server.data[0], "creel.drive")
    with open(path, "rb") as file:
        kept = file.read()
    for damaged in (None, b"", b"\x00" * len(kept), kept[:-1] + bytes([kept[-1] ^ 1])):
        if damaged is None:
            os.remove(path)
        else:
            with open(path, "wb") as file:
                file.write(damaged)
        code, said = server.start_refused()
        check(code == 1 and server.data[0] in said, "refused and named", damaged and damaged[:20], code, said[-300:])
    with open(path, "wb") as file:
        file.write(kept)
    server.start()
    check_all(server, bodies)
