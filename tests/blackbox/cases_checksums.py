"""The five checksum algorithms, Content-MD5, as header and as trailer."""
import base64
import hashlib
import zlib

from harness import BOTH, Raw, case, check, code_of, equal, pattern, refused


def crc_table(polynomial):
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


TABLE_32C = crc_table(0x82F63B78)
TABLE_64 = crc_table(0x9A6C9329AC4BC9B5)


def crc(data, table, ones):
    value = ones
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 255]
    return value ^ ones


def b64(raw):
    return base64.b64encode(raw).decode()


ALGORITHMS = {
    "CRC32": lambda d: b64(zlib.crc32(d).to_bytes(4, "big")),
    "CRC32C": lambda d: b64(crc(d, TABLE_32C, 0xFFFFFFFF).to_bytes(4, "big")),
    "CRC64NVME": lambda d: b64(crc(d, TABLE_64, (1 << 64) - 1).to_bytes(8, "big")),
    "SHA1": lambda d: b64(hashlib.sha1(d).digest()),
    "SHA256": lambda d: b64(hashlib.sha256(d).digest()),
}


@case(BOTH)
def case_as_header(t):
    for size in (0, 3000, 300_000):
        body = pattern(size)
        for name, digest in ALGORITHMS.items():
            if size > 3000 and name.startswith("CRC") and name != "CRC32":
                continue  # A CRC in plain Python is slow; the trailer case has the large one.
            value = digest(body)
            put = t.put(name, body, **{"Checksum" + name: value})
            equal(put["Checksum" + name], value, name)
            got = t.get(name, ChecksumMode="ENABLED")
            check(got["Bytes"] == body, "the body", name)
            equal(got["Checksum" + name], value, name)
            equal(got["ChecksumType"], "FULL_OBJECT")
            wrong = digest(body + b"x")
            refused("BadDigest", 400, t.s3.put_object, Bucket=t.bucket, Key=name, Body=body, **{"Checksum" + name: wrong})
            check(t.get(name)["Bytes"] == body, "a refused body changes nothing")


@case(BOTH)
def case_undecodable(t):
    for name in ALGORITHMS:
        code = code_of(t.s3.put_object, Bucket=t.bucket, Key="k", Body=b"x", **{"Checksum" + name: "not base64"})
        equal(code, ("InvalidRequest", 400), name)
    refused("404", 404, t.s3.head_object, Bucket=t.bucket, Key="k")


@case(BOTH)
def case_content_md5(t):
    good = b64(hashlib.md5(b"body").digest())
    t.put("k", b"body", ContentMD5=good)
    refused("BadDigest", 400, t.s3.put_object, Bucket=t.bucket, Key="k", Body=b"other", ContentMD5=good)
    refused("InvalidDigest", 400, t.s3.put_object, Bucket=t.bucket, Key="k", Body=b"body", ContentMD5="short")


@case(BOTH)
def case_default_crc64(t):
    """A client that brings none gets the one the server keeps."""
    with Raw(t.server) as raw:
        raw.request("PUT", f"/{t.bucket}/k", {"content-length": "9"}, b"123456789")
        equal(raw.answer().status, 200)
    got = t.get("k", ChecksumMode="ENABLED")
    equal(got["ChecksumCRC64NVME"], b64(bytes.fromhex("ae8b14860a799888")))


def trailer_put(raw, target, name, value, body, cut=0):
    header = f"x-amz-checksum-{name.lower()}"
    framed = b""
    for at in range(0, len(body), 70_000):
        piece = body[at:at + 70_000]
        framed += b"%x\r\n" % len(piece) + piece + b"\r\n"
    framed += b"0\r\n" + (f"{header}:{value}\r\n\r\n".encode() if value is not None else b"\r\n")
    fields = {"x-amz-decoded-content-length": str(len(body) + cut), "x-amz-trailer": header,
              "content-encoding": "aws-chunked"}
    raw.request("PUT", target, {"content-length": str(len(framed))}, framed,
                payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER", sign_extra=fields)
    return raw.answer()


@case(BOTH)
def case_as_trailer(t):
    with Raw(t.server) as raw:
        for size in (0, 5, 300_000):
            body = pattern(size)
            for name, digest in ALGORITHMS.items():
                value = digest(body)
                answer = trailer_put(raw, f"/{t.bucket}/{name}", name, value, body)
                equal((answer.status, answer.headers.get("x-amz-checksum-" + name.lower())), (200, value), name)
                got = t.get(name, ChecksumMode="ENABLED")
                check(got["Bytes"] == body and got["Checksum" + name] == value, "as sent", name)
                check("aws-chunked" not in got.get("ContentEncoding", ""), "aws-chunked is not kept")


@case(BOTH)
def case_bad_trailers(t):
    body = b"some bytes"
    for value, code in ((ALGORITHMS["SHA256"](b"other"), "BadDigest"), ("%%%", "InvalidRequest"),
                        (None, "MalformedTrailerError")):
        with Raw(t.server) as raw:
            answer = trailer_put(raw, f"/{t.bucket}/bad", "SHA256", value, body)
            equal((answer.code, answer.status), (code, 400), repr(value))
    with Raw(t.server) as raw:
        answer = trailer_put(raw, f"/{t.bucket}/bad", "SHA256", ALGORITHMS["SHA256"](body), body, cut=5)
        equal((answer.code, answer.status), ("IncompleteBody", 400))
    refused("404", 404, t.s3.head_object, Bucket=t.bucket, Key="bad")


@case(BOTH)
def case_boto_trailer_over_chunked(t):
    """A body without a length: boto3 frames it in HTTP chunks and aws-chunks."""
    class Stream:
        def __init__(self, data):
            self.data, self.at = data, 0

        def read(self, size=-1):
            size = len(self.data) if size is None or size < 0 else size
            out = self.data[self.at:self.at + size]
            self.at += len(out)
            return out

        def seek(self, at, whence=0):
            self.at = at if whence == 0 else len(self.data) + at if whence == 2 else self.at + at
            return self.at

        def tell(self):
            return self.at

    body = pattern(1_500_000)
    t.s3.put_object(Bucket=t.bucket, Key="s", Body=Stream(body), ChecksumAlgorithm="SHA256")
    got = t.get("s", ChecksumMode="ENABLED")
    check(got["Bytes"] == body, "the body")
    equal(got["ChecksumSHA256"], ALGORITHMS["SHA256"](body))


@case(BOTH)
def case_multipart_checksums(t):
    parts = [pattern(5 << 20, 1), pattern(1000, 2)]
    plain = t.server.client(request_checksum_calculation="when_required")
    for name, kind in (("CRC32", "COMPOSITE"), ("CRC32C", "COMPOSITE"), ("SHA1", "COMPOSITE"), ("SHA256", "COMPOSITE"),
                       ("CRC32", "FULL_OBJECT"), ("CRC64NVME", "FULL_OBJECT")):
        upload = t.s3.create_multipart_upload(Bucket=t.bucket, Key="m", ChecksumAlgorithm=name, ChecksumType=kind)
        equal((upload["ChecksumAlgorithm"], upload["ChecksumType"]), (name, kind))
        done = []
        for number, body in enumerate(parts, 1):
            # Without botocore's crt extra boto3 cannot make these two itself: the server does.
            more = {} if name in ("CRC32C", "CRC64NVME") else {"ChecksumAlgorithm": name}
            client = plain if name in ("CRC32C", "CRC64NVME") else t.s3
            sent = client.upload_part(Bucket=t.bucket, Key="m", UploadId=upload["UploadId"], PartNumber=number, Body=body,
                                      **more)
            done.append({"PartNumber": number, "ETag": sent["ETag"], "Checksum" + name: sent["Checksum" + name]})
        answer = t.s3.complete_multipart_upload(Bucket=t.bucket, Key="m", UploadId=upload["UploadId"],
                                                MultipartUpload={"Parts": done})
        value = answer["Checksum" + name]
        if kind == "COMPOSITE":
            raw = b"".join(base64.b64decode(p["Checksum" + name]) for p in done)
            equal(value, ALGORITHMS[name](raw) + "-2", name)
        if (name, kind) == ("CRC32", "FULL_OBJECT"):
            equal(value, ALGORITHMS[name](b"".join(parts)))
        head = t.s3.head_object(Bucket=t.bucket, Key="m", ChecksumMode="ENABLED")
        equal((head["Checksum" + name], head["ChecksumType"]), (value, kind), name)
        check(t.get("m")["Bytes"] == b"".join(parts), "the body")
    refused("InvalidRequest", 400, t.s3.create_multipart_upload, Bucket=t.bucket, Key="m", ChecksumAlgorithm="CRC64NVME",
            ChecksumType="COMPOSITE")


@case(BOTH)
def case_delete_objects_wants_a_digest(t):
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    t.put("k")
    with Raw(t.server) as raw:
        raw.request("POST", f"/{t.bucket}?delete", {"content-length": str(len(body))}, body)
        answer = raw.answer()
        equal((answer.code, answer.status), ("InvalidRequest", 400))
        for field in ({"content-md5": b64(hashlib.md5(body).digest())}, {"x-amz-checksum-crc32": ALGORITHMS["CRC32"](body)}):
            raw.request("POST", f"/{t.bucket}?delete", {"content-length": str(len(body))}, body, sign_extra=field)
            answer = raw.answer()
            equal(answer.status, 200, answer.body.decode()[:300])
