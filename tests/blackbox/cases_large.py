"""An object larger than memory may hold: 5 GiB in one PUT, and back, in bounded memory."""
import hashlib
import http.client
import shutil
import urllib.parse

from harness import Skip, case, check, equal

BLOCK = 4 << 20
BYTES = 5 << 30


def blocks():
    """The body: blocks that all differ, made cheaply."""
    base = bytes(range(256)) * (BLOCK // 256)
    for index in range(BYTES // BLOCK):
        yield index.to_bytes(16, "big") + base[16:]


def presigned(t, method):
    url = t.s3.generate_presigned_url(method, Params={"Bucket": t.bucket, "Key": "large"}, ExpiresIn=3600)
    parts = urllib.parse.urlsplit(url)
    return parts.netloc, f"{parts.path}?{parts.query}"


@case(("edge", "core"))
def case_five_gib(t):
    folder = t.server.folder if hasattr(t.server, "folder") else "/tmp"
    if shutil.disk_usage(folder).free < 24 << 30:
        raise Skip("wants 24 GiB of free disk")
    sent = hashlib.md5()

    def body():
        for block in blocks():
            sent.update(block)
            yield block

    host, path = presigned(t, "put_object")
    put = http.client.HTTPConnection(host, timeout=300)
    put.request("PUT", path, body=body(), headers={"Content-Length": str(BYTES)})
    answer = put.getresponse()
    answer.read()
    equal(answer.status, 200)
    equal(answer.headers["ETag"], f'"{sent.hexdigest()}"')
    put.close()

    host, path = presigned(t, "get_object")
    get = http.client.HTTPConnection(host, timeout=300)
    get.request("GET", path)
    answer = get.getresponse()
    equal((answer.status, int(answer.headers["Content-Length"])), (200, BYTES))
    back = hashlib.md5()
    while block := answer.read(BLOCK):
        back.update(block)
    get.close()
    equal(back.hexdigest(), sent.hexdigest())
    _, anonymous, _ = t.server.memory()
    check(anonymous <= 64 << 20, "anonymous memory after 5 GiB both ways", anonymous)
    t.note(f"{anonymous / 2**20:.0f} MiB anonymous memory")
    t.s3.delete_object(Bucket=t.bucket, Key="large")
