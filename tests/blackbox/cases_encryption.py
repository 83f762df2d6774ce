"""Encryption: SSE-S3, SSE-KMS, defaults of buckets; what is on the drives; keys that change and go."""
import os

from harness import BOTH, case, check, code_of, equal, pattern


def config(t, server, master, old=()):
    """Written anew before each start: key files lie beside the data folders, not inside."""
    def file(number):
        path = os.path.join(server.folder, f"master-{number}.key")
        with open(path, "wb", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
            out.write(bytes([number]) * 32)
        return f'"file:{path}"'
    ring = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    lines = ["[s3]", f'kms_keys = {{ ring-1 = "{ring}" }}']
    if master:
        lines += [f"master_key = {file(master)}", f"old_master_keys = [{', '.join(map(file, old))}]"]
    server.config_text = "\n".join(lines) + "\n"
    return server


def on_drives(server, needles):
    """Those of them that lie anywhere in the data folders; holes of files are not read."""
    found = set()
    for folder in server.data:
        for root, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(root, name), "rb") as file:
                    found |= {needle for needle in needles if in_file(file.fileno(), needle)}
    return found


def in_file(handle, needle):
    at, tail = 0, b""
    while True:
        try:
            data = os.lseek(handle, at, os.SEEK_DATA)
        except OSError:  # Only a hole follows.
            return False
        tail = tail if data == at else b""
        piece = os.pread(handle, 1 << 20, data)
        if needle in tail + piece:
            return True
        at, tail = data + len(piece), piece[-len(needle):]


@case(BOTH)
def case_sealed_objects(t):
    server = config(t, t.own_server(), 1)
    s3 = server.start().client()
    s3.create_bucket(Bucket="vault")
    secret = b"a very secret line of text\n"
    bodies = {"small": secret, "large": secret * 40_000, "noise": pattern(700_001)}
    for kind, more in (("AES256", {}), ("aws:kms", {"SSEKMSKeyId": "ring-1"})):
        for name, body in bodies.items():
            key = f"{kind}/{name}"
            put = s3.put_object(Bucket="vault", Key=key, Body=body, ServerSideEncryption=kind, **more)
            equal(put["ServerSideEncryption"], kind)
            got = s3.get_object(Bucket="vault", Key=key)
            equal((got["Body"].read() == body, got["ServerSideEncryption"]), (True, kind), key)
            part = s3.get_object(Bucket="vault", Key=key, Range="bytes=10-25")["Body"].read()
            equal(part, body[10:26], key)
    upload = s3.create_multipart_upload(Bucket="vault", Key="parts", ServerSideEncryption="AES256")["UploadId"]
    pieces = [secret * 200_000, pattern(300_000)]
    parts = [{"PartNumber": i + 1, "ETag": s3.upload_part(Bucket="vault", Key="parts", UploadId=upload,
              PartNumber=i + 1, Body=piece)["ETag"]} for i, piece in enumerate(pieces)]
    s3.complete_multipart_upload(Bucket="vault", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    edge = len(pieces[0])
    got = s3.get_object(Bucket="vault", Key="parts", Range=f"bytes={edge - 100}-{edge + 99}")["Body"].read()
    equal(got, (pieces[0] + pieces[1])[edge - 100:edge + 100])
    s3.put_object(Bucket="vault", Key="plain", Body=b"this one is in the clear")
    equal(server.stop()[0], 0)
    plain = b"this one is in the clear"
    equal(on_drives(server, [plain, secret, bytes([1]) * 32]), {plain}, "neither what is sealed nor the key")
    check(secret not in server.log().encode(), "nor in the log")


@case(BOTH)
def case_keys_change_and_go(t):
    server = config(t, t.own_server(), 1)
    s3 = server.start().client()
    s3.create_bucket(Bucket="vault")
    s3.put_object(Bucket="vault", Key="old", Body=b"under the first", ServerSideEncryption="AES256")
    equal(server.stop()[0], 0)
    s3 = config(t, server, 2, old=(1,)).start().client()
    equal(s3.get_object(Bucket="vault", Key="old")["Body"].read(), b"under the first")
    s3.put_object(Bucket="vault", Key="new", Body=b"under the second", ServerSideEncryption="AES256")
    s3.copy_object(Bucket="vault", Key="old", CopySource="vault/old", ServerSideEncryption="AES256")
    equal(server.stop()[0], 0)
    s3 = config(t, server, 2).start().client()
    equal(s3.get_object(Bucket="vault", Key="old")["Body"].read(), b"under the first")
    equal(server.stop()[0], 0)
    s3 = config(t, server, None).start().client()
    equal(code_of(s3.get_object, Bucket="vault", Key="new")[1], 503)
    equal(s3.head_object(Bucket="vault", Key="new")["ContentLength"], 16)
    equal(code_of(s3.put_object, Bucket="vault", Key="k", Body=b"x", ServerSideEncryption="AES256"),
          ("InvalidRequest", 400))


@case(BOTH)
def case_default_encryption(t):
    s3 = config(t, t.own_server(), 1).start().client()
    s3.create_bucket(Bucket="vault")
    equal(code_of(s3.get_bucket_encryption, Bucket="vault"), ("ServerSideEncryptionConfigurationNotFoundError", 404))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "ring-1"},
            "BucketKeyEnabled": False}
    s3.put_bucket_encryption(Bucket="vault", ServerSideEncryptionConfiguration={"Rules": [rule]})
    got = s3.get_bucket_encryption(Bucket="vault")["ServerSideEncryptionConfiguration"]["Rules"]
    equal(got, [rule])
    put = s3.put_object(Bucket="vault", Key="k", Body=b"x")
    equal((put["ServerSideEncryption"], put["SSEKMSKeyId"]), ("aws:kms", "ring-1"))
    s3.delete_bucket_encryption(Bucket="vault")
    check("ServerSideEncryption" not in s3.put_object(Bucket="vault", Key="k", Body=b"x"), "no default any more")
    equal(code_of(s3.put_object, Bucket="vault", Key="k", Body=b"x", SSECustomerAlgorithm="AES256",
                  SSECustomerKey="k" * 32), ("InvalidRequest", 400), "a client's key over plain HTTP")
