"""A full drive: 507, nothing lost, everything else works."""
import os
import subprocess

from harness import Raw, Skip, case, check, code_of, equal, pattern

CONFIG = "[store]\nsegment_bytes = 8388608\nbytes = 83886080\n"


class SmallDrive:
    """A tmpfs of some MiB under the data folder."""

    def __init__(self, folder, mib):
        if os.geteuid() != 0:
            raise Skip("wants root, to mount a small drive")
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "creel-test", folder], capture_output=True)
        if done.returncode != 0:
            raise Skip("mounting is not allowed here")
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=False)


def fill_up(client, kept, size, prefix):
    """PUTs until refused; the refusal must be the clean one."""
    for index in range(5000):
        body = pattern(size, index)
        code = code_of(client.put_object, Bucket="full", Key=f"{prefix}{index:04d}", Body=body)
        if code != ("", 200):
            equal(code, ("InsufficientStorage", 507), f"{prefix}{index}")
            return index
        kept[f"{prefix}{index:04d}"] = body
    raise AssertionError("it never got full")


def check_kept(client, kept):
    for key, body in kept.items():
        check(client.get_object(Bucket="full", Key=key)["Body"].read() == body, "as acknowledged", key)
    listed = [o["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket="full")
              for o in page.get("Contents", [])]
    equal(listed, sorted(kept))


def full_drive(t, server, drive_full):
    kept = {}
    client = server.client()
    client.create_bucket(Bucket="full")
    drive_full(client, kept)
    # Refused before the body where the client asks, and after it where not.
    with Raw(server) as raw:
        raw.request("PUT", "/full/expect", {"content-length": str(4 << 20), "expect": "100-continue"}, b"",
                    payload="UNSIGNED-PAYLOAD")
        answer = raw.answer(interim=True)
        equal((answer.status, answer.code), (507, "InsufficientStorage"))
    check_kept(client, kept)
    server.check_alive()
    # Deletes, each acknowledged and kept over a restart.
    for key in sorted(kept)[::3]:
        equal(code_of(client.delete_object, Bucket="full", Key=key), ("", 204))
        del kept[key]
    check_kept(client, kept)
    server.kill()
    server.start()
    check_kept(server.client(), kept)
    equal(code_of(server.client().delete_object, Bucket="full", Key=sorted(kept)[0]), ("", 204))
    del kept[sorted(kept)[0]]
    code, took = server.stop()
    equal(code, 0, server.log()[-300:])
    server.start()
    check_kept(server.client(), kept)
    equal(server.page("/-/live")[0], 200)
    t.note(f"{len(kept)} objects kept")


@case()
def case_full_by_itself(t):
    """Our own objects fill the room the store was given."""
    server = t.own_server(config=CONFIG)
    with SmallDrive(server.data[0], 128):
        server.start()

        def fill(client, kept):
            refused_large = fill_up(client, kept, 1_000_000, "large")
            fill_up(client, kept, 40_000, "small")
            check(refused_large > 20, "most of the room can be used", refused_large)
        full_drive(t, server, fill)
        server.kill()


@case()
def case_full_by_others(t):
    """Something else fills the file system under us."""
    server = t.own_server(config="[store]\nsegment_bytes = 8388608\n")
    with SmallDrive(server.data[0], 160):
        server.start()

        def fill(client, kept):
            for index in range(20):
                body = pattern(100_000, index)
                client.put_object(Bucket="full", Key=f"before{index:02d}", Body=body)
                kept[f"before{index:02d}"] = body
            with open(os.path.join(server.data[0], "filler"), "wb") as file:
                try:
                    while True:
                        file.write(bytes(1 << 20))
                        file.flush()
                except OSError:
                    pass
            fill_up(client, kept, 1_000_000, "large")
            fill_up(client, kept, 40_000, "small")
        full_drive(t, server, fill)
        os.remove(os.path.join(server.data[0], "filler"))
        server.stop()
        server.start()
        equal(code_of(server.client().put_object, Bucket="full", Key="again", Body=b"there is room again"), ("", 200))
        server.kill()
