"""Six drives, 4+2: drives that are gone, stale, replaced or damaged."""
import glob
import json
import os
import random
import shutil
import time

from harness import Raw, case, check, code_of, equal, pattern

CONFIG = "[store]\nsegment_bytes = 16777216\n"
SIZES = (0, 10, 5_000, 200_000, 1_200_000, 5_000_001, 20_000_000)


def fill(server, prefix="k"):
    client = server.client()
    if prefix == "k":
        client.create_bucket(Bucket="cor")
    bodies = {f"{prefix}{size}": pattern(size, size + len(prefix)) for size in SIZES}
    for key, body in bodies.items():
        client.put_object(Bucket="cor", Key=key, Body=body)
    return bodies


def check_all(server, bodies):
    client = server.client()
    for key, body in bodies.items():
        got = client.get_object(Bucket="cor", Key=key)["Body"].read()
        check(got == body, "every byte", key, len(got), len(body))
    equal([o["Key"] for o in client.list_objects_v2(Bucket="cor")["Contents"]], sorted(bodies))


def shelve(server, *numbers):
    for number in numbers:
        os.rename(server.data[number], server.data[number] + ".away")


def bring_back(server, *numbers):
    for number in numbers:
        shutil.rmtree(server.data[number], ignore_errors=True)
        os.rename(server.data[number] + ".away", server.data[number])


def heal(server, within=120):
    """Asks for a repair and waits for its end."""
    end = time.monotonic() + within
    with Raw(server, 60) as raw:
        raw.request("POST", "/-/admin/v1/heal", {"content-length": "0"})
        answer = raw.answer()
        equal(answer.status, 200, answer.body[:300].decode())
        while time.monotonic() < end:
            raw.request("GET", "/-/admin/v1/heal")
            state = json.loads(raw.answer().body)
            if not state["running"]:
                return state
            time.sleep(0.2)
    raise AssertionError("the repair does not end")


@case(("core",))
def case_two_drives_gone(t):
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    rng = random.Random(7)
    for _ in range(3):
        pair = rng.sample(range(6), 2)
        equal(server.stop()[0], 0)
        shelve(server, *pair)
        server.start()
        check_all(server, bodies)
        server.kill()
        bring_back(server, *pair)
        server.start()
        check_all(server, bodies)
        t.note("without " + "+".join(str(n + 1) for n in sorted(pair)))


@case(("core",))
def case_three_drives_gone(t):
    """Beyond the parity: an error, never wrong bytes, and nothing is made worse."""
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    server.stop()
    shelve(server, 1, 3, 5)
    server.launch()
    end = time.monotonic() + 30
    while time.monotonic() < end and server.alive() and "listening" not in server.log():
        time.sleep(0.1)
    time.sleep(1)
    server.kill()
    bring_back(server, 1, 3, 5)
    server.start()
    check_all(server, bodies)


@case(("core",))
def case_write_with_a_drive_gone_then_stale(t):
    """What was written while a drive was away is readable when others go; the stale one is noticed."""
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    server.stop()
    shelve(server, 4)
    server.start()
    client = server.client()
    bodies.update(fill(server, "later"))
    client.delete_object(Bucket="cor", Key="k5000")
    del bodies["k5000"]
    client.put_object(Bucket="cor", Key="k10", Body=b"changed")
    bodies["k10"] = b"changed"
    check_all(server, bodies)
    server.stop()
    bring_back(server, 4)
    server.start()
    check_all(server, bodies)
    heal(server)
    server.stop()
    shelve(server, 0, 1)
    server.start()
    check_all(server, bodies)


@case(("core",))
def case_drive_replaced_and_healed(t):
    """An empty drive in the place of a lost one is rebuilt while serving."""
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    server.stop()
    shutil.rmtree(server.data[2])
    server.start()
    check_all(server, bodies)
    state = heal(server)
    t.note(f"healed {state['shards_rebuilt']} shards, {state['bytes_rebuilt'] / 1048576:.0f} MiB")
    server.stop()
    # With two others gone, the rebuilt one is needed.
    shelve(server, 0, 5)
    server.start()
    check_all(server, bodies)


@case(("core",))
def case_drive_pulled_while_serving(t):
    """The folder of a running core vanishes: reads and writes go on."""
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    shelve(server, 3)
    check_all(server, bodies)
    client = server.client()
    for index in range(5):
        body = pattern(2_000_000, index)
        equal(code_of(client.put_object, Bucket="cor", Key=f"new{index}", Body=body), ("", 200))
        bodies[f"new{index}"] = body
    check_all(server, bodies)
    server.kill()
    server.start()
    check_all(server, bodies)


def mirrors(server):
    """What status says of the operation log's folders, by drive number."""
    with Raw(server, 60) as raw:
        raw.request("GET", "/-/admin/v1/status")
        answer = raw.answer()
        equal(answer.status, 200, answer.body[:300].decode())
    return {next(n for n, folder in enumerate(server.data) if one["folder"].startswith(folder + "/")): one
            for one in json.loads(answer.body)["mirrors"]}


def wait_for_index_on(server, wanted, within=60):
    end = time.monotonic() + within
    while True:
        said = mirrors(server)
        have = sorted(number for number, one in said.items() if one["index"] == "whole")
        if have == sorted(wanted):
            return said
        check(time.monotonic() < end, "the index of the log lies on other drives", have, wanted, said)
        time.sleep(0.2)


def write_and_check(server, bodies, prefix, count=20):
    client = server.client()
    for index in range(count):
        key, body = f"{prefix}{index:03}", pattern(3_000 * index, index)
        equal(code_of(client.put_object, Bucket="cor", Key=key, Body=body), ("", 200))
        bodies[key] = body
    check_all(server, bodies)


@case(("core",))
def case_drive_with_the_first_index_pulled(t):
    """The drive that the index of the operation log is read from vanishes: nothing stops, another
    drive takes the copy over, and an empty drive in its place is healed."""
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    wait_for_index_on(server, [0, 1, 2])
    shelve(server, 0)
    write_and_check(server, bodies, "gone")
    said = wait_for_index_on(server, [1, 2, 3])
    equal(said[0]["state"], "down")
    check(said[0]["why"], "status says why")
    write_and_check(server, bodies, "moved")
    os.mkdir(server.data[0])
    check(heal(server)["blobs_failed"] == 0, "healed")
    end = time.monotonic() + 60
    while mirrors(server)[0]["state"] != "live":
        check(time.monotonic() < end, "the log is back on the drive", mirrors(server)[0])
        time.sleep(0.2)
    equal(server.starts, 1)
    # The next two go: the drive that was replaced is among those that take over.
    shelve(server, 1, 2)
    wait_for_index_on(server, [0, 3, 4])
    write_and_check(server, bodies, "next")
    server.check_alive()
    server.kill()
    server.start()
    check_all(server, bodies)


@case(("core",))
def case_four_drives_and_the_third_index(t):
    """The log lies on three drives: no other one may take the lost copy over. A repair restores it."""
    server = t.own_server(config=CONFIG, drives=4).start()
    bodies = fill(server)
    wait_for_index_on(server, [0, 1, 2])
    shelve(server, 0)
    write_and_check(server, bodies, "gone")
    wait_for_index_on(server, [1, 2])
    os.mkdir(server.data[0])
    check(heal(server)["blobs_failed"] == 0, "healed")
    wait_for_index_on(server, [0, 1, 2])
    write_and_check(server, bodies, "back")
    equal(server.starts, 1)
    server.stop()
    shelve(server, 1)
    server.start()
    check_all(server, bodies)


@case(("core",))
def case_pages_of_the_index_cannot_be_read(t):
    """As when a drive fails under a mapped file: the process lives, another copy of the index serves."""
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    write_and_check(server, bodies, "k-")
    equal(server.stop()[0], 0)
    server.start()  # All rows are in the index files now.
    wait_for_index_on(server, [0, 1, 2])
    for path in glob.glob(os.path.join(server.data[0], "**", "data.mdb"), recursive=True):
        os.truncate(path, 8_192)
    check_all(server, bodies)
    wait_for_index_on(server, [1, 2, 3])
    check("cannot be read at offset" in server.log(), "named", server.log()[-600:])
    write_and_check(server, bodies, "after")
    server.check_alive()
    equal(server.starts, 2)
    server.kill()
    server.start()
    check_all(server, bodies)


@case(("core",))
def case_flipped_bytes_on_two_drives(t):
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    server.stop()
    rng, flips = random.Random(11), 0
    for number in (1, 4):
        for path in glob.glob(os.path.join(server.data[number], "**", "*"), recursive=True):
            if not os.path.isfile(path) or "/idx" in path or os.path.getsize(path) < 100_000:
                continue
            with open(path, "r+b") as file:
                size = os.path.getsize(path)
                for _ in range(200):
                    at = rng.randrange(4096, size)
                    file.seek(at)
                    byte = file.read(1)
                    if byte and byte != b"\0":
                        file.seek(at)
                        file.write(bytes([byte[0] ^ 0x40]))
                        flips += 1
    check(flips > 20, "something was hit", flips)
    server.start()
    check_all(server, bodies)
    t.note(f"{flips} bytes flipped")


@case(("core",))
def case_drives_in_another_order(t):
    server = t.own_server(config=CONFIG).start()
    bodies = fill(server)
    server.stop()
    server.data = server.data[3:] + server.data[:3]
    server.start()
    check_all(server, bodies)


@case(("core",))
def case_drive_of_another_core(t):
    one, two = t.own_server(config=CONFIG).start(), t.own_server(config=CONFIG).start()
    bodies = fill(one)
    one.stop()
    two.stop()
    shelve(one, 2)
    shutil.copytree(two.data[2], one.data[2])
    one.launch()
    end = time.monotonic() + 40
    while time.monotonic() < end and one.alive() and one.log().count('"listening"') < 2:
        time.sleep(0.1)
    if one.alive():
        one.kill()
        t.note("served without it")
    else:
        check(one.data[2] in one.log(), "refused and named", one.log()[-300:])
        t.note("refused")
    bring_back(one, 2)
    one.start()
    check_all(one, bodies)
