"""Stock command-line clients: aws-cli, rclone, s3cmd."""
import os
import shutil

from harness import ACCESS_KEY, BOTH, REGION, SECRET_KEY, Skip, case, check, equal, pattern, run_tool


def need(tool):
    path = shutil.which(tool)
    if not path:
        raise Skip(f"{tool} is not installed")
    return path


def tree(folder, files):
    for name, body in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(body)


def read_tree(folder):
    out = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                out[os.path.relpath(path, folder)] = file.read()
    return out


FILES = {"a.txt": b"alpha", "empty": b"", "dir/b.bin": pattern(100_000), "dir/deep/ü name+1.txt": b"odd",
         "dir/deep/c": pattern(300_000, 3)}


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RCLONE_"))}
    env.update(AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY, AWS_DEFAULT_REGION=REGION,
               AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
               AWS_PAGER="", **more)
    return env


class Aws:
    def __init__(self, t):
        self.words = [need("aws"), "--endpoint-url", t.server.url]

    def __call__(self, *words):
        return run_tool(self.words + list(words), environment())


@case(BOTH)
def case_aws_cp_ls_rm(t):
    aws, folder = Aws(t), t.ground.folder("aws")
    tree(folder, FILES)
    aws("s3", "cp", folder + "/a.txt", f"s3://{t.bucket}/up/a.txt", "--quiet")
    equal(aws("s3", "cp", f"s3://{t.bucket}/up/a.txt", "-"), "alpha")
    aws("s3", "cp", folder, f"s3://{t.bucket}/tree", "--recursive", "--quiet")
    listed = aws("s3", "ls", f"s3://{t.bucket}/tree/", "--recursive")
    equal(len(listed.splitlines()), len(FILES), listed)
    check("PRE dir/" in aws("s3", "ls", f"s3://{t.bucket}/tree/"), "folders are shown")
    check(t.bucket in aws("s3", "ls"), "buckets are shown")
    aws("s3", "mv", f"s3://{t.bucket}/up/a.txt", f"s3://{t.bucket}/moved/a.txt", "--quiet")
    equal([o["Key"] for o in t.s3.list_objects_v2(Bucket=t.bucket, Prefix="moved/")["Contents"]], ["moved/a.txt"])
    aws("s3", "rm", f"s3://{t.bucket}/tree", "--recursive", "--quiet")
    equal(t.s3.list_objects_v2(Bucket=t.bucket, Prefix="tree")["KeyCount"], 0)
    aws("s3", "rb", f"s3://{t.bucket}", "--force")


@case(BOTH)
def case_aws_sync(t):
    aws, folder, back = Aws(t), t.ground.folder("aws"), t.ground.folder("aws-back")
    tree(folder, FILES)
    place = f"s3://{t.bucket}/s"
    aws("s3", "sync", folder, place, "--quiet")
    equal(aws("s3", "sync", folder, place), "", "a second sync has nothing to do")
    os.remove(folder + "/a.txt")
    tree(folder, {"new": b"new"})
    aws("s3", "sync", folder, place, "--delete", "--quiet")
    aws("s3", "sync", place, back, "--quiet")
    equal(read_tree(back), read_tree(folder))


@case(BOTH)
def case_aws_multipart(t):
    aws, folder = Aws(t), t.ground.folder("aws")
    body = pattern((20 << 20) + 17)
    tree(folder, {"big": body})
    aws("s3", "cp", folder + "/big", f"s3://{t.bucket}/big", "--quiet")
    etag = t.s3.head_object(Bucket=t.bucket, Key="big")["ETag"]
    check(etag.endswith('-3"'), "uploaded in three parts", etag)
    aws("s3", "cp", f"s3://{t.bucket}/big", folder + "/back", "--quiet")
    check(read_tree(folder)["back"] == body, "as sent")
    aws("s3", "cp", f"s3://{t.bucket}/big", f"s3://{t.bucket}/copied", "--quiet")
    check(t.get("copied")["Bytes"] == body, "copied inside, part by part")


@case(BOTH)
def case_aws_s3api(t):
    import json
    aws, folder = Aws(t), t.ground.folder("aws")
    tree(folder, {"f": b"body"})
    aws("s3api", "put-object", "--bucket", t.bucket, "--key", "k", "--body", folder + "/f", "--metadata", "a=b",
        "--checksum-algorithm", "SHA256")
    answer = json.loads(aws("s3api", "head-object", "--bucket", t.bucket, "--key", "k", "--checksum-mode", "ENABLED"))
    equal((answer["Metadata"], answer["ContentLength"]), ({"a": "b"}, 4))
    check(answer["ChecksumSHA256"], "the checksum comes back")
    aws("s3api", "get-object", "--bucket", t.bucket, "--key", "k", "--range", "bytes=1-2", folder + "/part")
    equal(read_tree(folder)["part"], b"od")


class Rclone:
    def __init__(self, t):
        self.words = [need("rclone"), "--config", "/dev/null"]
        self.env = environment(RCLONE_CONFIG_C_TYPE="s3", RCLONE_CONFIG_C_PROVIDER="Other",
                               RCLONE_CONFIG_C_ENDPOINT=t.server.url, RCLONE_CONFIG_C_ACCESS_KEY_ID=ACCESS_KEY,
                               RCLONE_CONFIG_C_SECRET_ACCESS_KEY=SECRET_KEY, RCLONE_CONFIG_C_REGION=REGION,
                               RCLONE_CONFIG_C_FORCE_PATH_STYLE="true")

    def __call__(self, *words):
        return run_tool(self.words + list(words), self.env)


@case(BOTH)
def case_rclone_copy_sync_check(t):
    rclone, folder, back = Rclone(t), t.ground.folder("rclone"), t.ground.folder("rclone-back")
    tree(folder, FILES)
    place = f"C:{t.bucket}/r"
    rclone("copy", folder, place)
    rclone("check", folder, place)
    rclone("check", folder, place, "--download")
    listed = rclone("ls", place)
    equal(sorted(line.split(None, 1)[1] for line in listed.splitlines()), sorted(FILES))
    os.remove(folder + "/a.txt")
    tree(folder, {"new": b"new", "empty": b"no more"})
    rclone("sync", folder, place)
    rclone("check", folder, place)
    rclone("copy", place, back)
    equal(read_tree(back), read_tree(folder))
    rclone("purge", place)
    equal(t.s3.list_objects_v2(Bucket=t.bucket)["KeyCount"], 0)


@case(BOTH)
def case_rclone_multipart_and_times(t):
    rclone, folder = Rclone(t), t.ground.folder("rclone")
    body = pattern((11 << 20) + 5)
    tree(folder, {"big": body})
    os.utime(folder + "/big", (1_600_000_000, 1_600_000_000))
    rclone("copy", folder, f"C:{t.bucket}", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M")
    check(t.get("big")["Bytes"] == body, "as sent")
    os.utime(folder + "/big", (1_600_000_999, 1_600_000_999))
    rclone("sync", folder, f"C:{t.bucket}")  # Only the time: a copy onto itself with REPLACE.
    check(t.s3.head_object(Bucket=t.bucket, Key="big")["Metadata"]["mtime"].startswith("1600000999"), "the time is kept")
    check(t.get("big")["Bytes"] == body, "and the bytes")
    equal(rclone("cat", f"C:{t.bucket}/big", "--offset", "5242870", "--count", "0"), "")


@case(BOTH)
def case_s3cmd(t):
    tool, folder = need("s3cmd"), t.ground.folder("s3cmd")
    tree(folder, FILES)
    config = folder + ".cfg"
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"[default]\naccess_key = {ACCESS_KEY}\nsecret_key = {SECRET_KEY}\nhost_base = 127.0.0.1:{t.server.port}\n"
                   f"host_bucket = 127.0.0.1:{t.server.port}\nuse_https = False\nsignature_v2 = False\n"
                   f"bucket_location = {REGION}\n")

    def s3cmd(*words):
        return run_tool([tool, "--config", config, "--no-progress", *words], environment())
    place = f"s3://{t.bucket}/s"
    s3cmd("put", folder + "/a.txt", place + "/a.txt")
    s3cmd("sync", folder + "/", place + "/tree/")
    check(f"{place}/a.txt" in s3cmd("ls", place + "/"), "listed")
    s3cmd("get", "--force", place + "/tree/dir/b.bin", folder + ".back")
    with open(folder + ".back", "rb") as file:
        check(file.read() == FILES["dir/b.bin"], "as sent")
    tree(folder, {"big": pattern(16 << 20)})
    s3cmd("put", "--multipart-chunk-size-mb", "5", folder + "/big", place + "/big")
    check(t.get("s/big")["Bytes"] == pattern(16 << 20), "in parts")
    s3cmd("del", "--recursive", "--force", place)
    equal(t.s3.list_objects_v2(Bucket=t.bucket)["KeyCount"], 0)
