"""A full drive: 507, nothing lost, everything else works. Quotas of buckets."""
import json
import os
import subprocess
import time

from harness import ACCESS_KEY, BOTH, SECRET_KEY, Raw, Skip, case, check, code_of, equal, pattern, refused

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


class Ext4:
    """A small ext4 of its own behind a loop device: the real thing, with a real ENOSPC."""

    def __init__(self, folder, mib):
        if os.geteuid() != 0:
            raise Skip("wants root, to mount a small ext4")
        os.makedirs(folder, exist_ok=True)
        self.folder, self.image = folder, folder.rstrip("/") + ".img"
        with open(self.image, "wb") as file:
            file.truncate(mib << 20)
        words = ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^resize_inode", self.image]
        try:
            made = subprocess.run(words, capture_output=True)
        except FileNotFoundError:
            raise Skip("mkfs.ext4 is not here") from None
        check(made.returncode == 0, "mkfs.ext4", made.stderr)
        if subprocess.run(["mount", "-o", "loop", self.image, folder], capture_output=True).returncode != 0:
            os.remove(self.image)
            raise Skip("mounting a loop device is not allowed here")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=False)
        os.remove(self.image)

    def free(self):
        info = os.statvfs(self.folder)
        return info.f_bavail * info.f_frsize


class Filler:
    """Another process that takes all but some bytes of the file system."""

    def __init__(self, drive, leave):
        self.path = os.path.join(drive.folder, "filler")
        wanted = max(drive.free() - leave, 0)
        subprocess.run(["fallocate", "-l", str(max(wanted, 1)), self.path], capture_output=True)
        # The last blocks one by one, as far as they go.
        over = drive.free() - leave
        if over > 0:
            subprocess.run(["dd", "if=/dev/zero", f"of={self.path}", "bs=4096", f"count={over // 4096 + 1}",
                            "oflag=append", "conv=notrunc"], capture_output=True)

    def remove(self):
        os.remove(self.path)


def contract(t, server, kept, end):
    """All that must work, however full it is; then an end of the process and a start."""
    client = server.client()
    for key in sorted(kept)[::7]:
        check(client.get_object(Bucket="full", Key=key)["Body"].read() == kept[key], "as acknowledged", key)
        equal(client.head_object(Bucket="full", Key=key)["ContentLength"], len(kept[key]))
    listed = [o["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket="full")
              for o in page.get("Contents", [])]
    equal(listed, sorted(kept))
    for key in sorted(kept)[:2]:
        equal(code_of(client.delete_object, Bucket="full", Key=key), ("", 204), "a delete on a full drive")
        del kept[key]
    if end == "kill":
        server.kill()
    else:
        code, _ = server.stop()
        equal(code, 0, server.log()[-300:])
    server.start()
    server.check_alive()


@case()
def case_every_fill_level(t):
    """Another process leaves less and less; at each level the contract, a kill -9 or a stop, and a start."""
    server = t.own_server(config="[store]\nbytes = 100663296\nsegment_bytes = 2097152\n")
    block = 4096
    segment = 2 << 20
    levels = [30 << 20, 8 * segment + block, 8 * segment - block, 2 * segment + block, 2 * segment,
              2 * segment - block, segment + block, segment - block, 64 << 10, 3 * block, block, 0]
    began = time.monotonic()
    with Ext4(server.data[0], 160) as drive:
        server.start()
        kept, full_levels, number = {}, 0, 0
        client = server.client()
        client.create_bucket(Bucket="full")
        upload = client.create_multipart_upload(Bucket="full", Key="unfinished")["UploadId"]
        client.upload_part(Bucket="full", Key="unfinished", UploadId=upload, PartNumber=1, Body=pattern(5 << 20, 1))
        for level, leave in enumerate(levels):
            filler = Filler(drive, leave)
            client = server.client()
            refusals = 0
            for _ in range(24):
                size = (3_000, 40_000, 700_000)[number % 3]
                code = code_of(client.put_object, Bucket="full", Key=f"k{number:05d}", Body=pattern(size, number))
                number += 1
                if code == ("", 200):
                    kept[f"k{number - 1:05d}"] = pattern(size, number - 1)
                    continue
                equal(code, ("InsufficientStorage", 507), f"level {level}, {leave} bytes left")
                refusals += 1
                if refusals == 3:
                    break
            if level == 5:
                equal(code_of(client.abort_multipart_upload, Bucket="full", Key="unfinished", UploadId=upload),
                      ("", 204), "an abort on a full drive")
            contract(t, server, kept, "kill" if level % 2 == 0 else "stop")
            filler.remove()
            full_levels += refusals > 0
        check(kept and full_levels >= 3, "levels met full", full_levels, len(kept))
        # What the others took is back: so are writes, once the store has looked again.
        client, code = server.client(), None
        while code != ("", 200) and time.monotonic() - began < 120:
            code = code_of(client.put_object, Bucket="full", Key="zz", Body=b"room again")
        equal(code, ("", 200))
        kept["zz"] = b"room again"
        check_kept(server.client(), kept)
        t.note(f"{len(levels)} levels, {full_levels} met full, {len(kept)} objects kept, {time.monotonic() - began:.0f} s")
        server.kill()


def creel(t, server, *words):
    env = {"CREEL_ROOT_ACCESS_KEY": ACCESS_KEY, "CREEL_ROOT_SECRET_KEY": SECRET_KEY}
    return subprocess.run([server.binary, *words, "--endpoint", server.url], env={**os.environ, **env},
                          capture_output=True, text=True, timeout=60, check=False)


@case(BOTH)
def case_quota(t):
    """`creel quota set`: judged where writes take effect, through overwrites, deletes, copies and uploads."""
    put = lambda key, size: code_of(t.s3.put_object, Bucket=t.bucket, Key=key, Body=pattern(size, size))
    over = ("QuotaExceeded", 403)
    done = creel(t, t.server, "quota", "set", t.bucket, "100K", "--objects", "5", "--json")
    equal(done.returncode, 0, done.stderr)
    equal(put("a", 60_000), ("", 200))
    equal(put("b", 50_000), over, "beyond the bytes")
    equal(put("a", 90_000), ("", 200), "an overwrite counts the difference")
    equal(put("c", 12_401), over)
    equal(put("c", 12_400), ("", 200), "to the last byte")
    equal(code_of(t.s3.copy_object, Bucket=t.bucket, Key="d", CopySource=f"{t.bucket}/c"), over)
    equal(code_of(t.s3.delete_object, Bucket=t.bucket, Key="a"), ("", 204))
    equal(code_of(t.s3.copy_object, Bucket=t.bucket, Key="d", CopySource=f"{t.bucket}/c"), ("", 200))
    upload = t.s3.create_multipart_upload(Bucket=t.bucket, Key="m")["UploadId"]
    part = {"Bucket": t.bucket, "Key": "m", "UploadId": upload}
    refused(over[0], over[1], t.s3.upload_part, PartNumber=1, Body=pattern(80_000, 1), **part)
    etag = t.s3.upload_part(PartNumber=1, Body=pattern(70_000, 1), **part)["ETag"]
    equal(put("e", 20_000), over, "parts count")
    t.s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    equal([put(key, 1) for key in ("f", "g", "h")], [("", 200), ("", 200), over], "beyond the objects")
    listed = json.loads(creel(t, t.server, "quota", "--json").stdout)
    mine = [b for b in listed if b["bucket"] == t.bucket][0]
    equal((mine["bytes"], mine["objects"], mine["upload_bytes"]), (12_400 * 2 + 70_000 + 2, 5, 0))
    equal((mine["quota_bytes"], mine["quota_objects"]), (102_400, 5))
    equal(creel(t, t.server, "quota", "set", "no-such-bucket", "1").returncode, 1)
    equal(creel(t, t.server, "quota", "set", t.bucket, "much").returncode, 1)
    equal(creel(t, t.server, "quota", "set", t.bucket, "none").returncode, 0)
    equal(put("h", 500_000), ("", 200))
    check(f'creel_bucket_bytes{{bucket="{t.bucket}"}}' in t.server.page("/-/metrics")[1], "a metric a bucket")
