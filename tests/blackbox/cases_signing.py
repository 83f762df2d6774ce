"""Signatures: header and query form, clocks, wrong keys."""
import datetime
import hashlib
import hmac
import urllib.error
import urllib.request

from harness import (ACCESS_KEY, BOTH, REGION, SECRET_KEY, Raw, amz_date, boto_client, case, check, code_of, equal,
                     head, pattern, sign, signing_key)


def fetch(url, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@case(BOTH)
def case_presigned_get_and_put(t):
    body = pattern(100_000)
    url = t.s3.generate_presigned_url("put_object", {"Bucket": t.bucket, "Key": "a b/ü+.bin"}, ExpiresIn=300)
    equal(fetch(url, "PUT", body)[0], 200)
    url = t.s3.generate_presigned_url("get_object", {"Bucket": t.bucket, "Key": "a b/ü+.bin"}, ExpiresIn=300)
    status, got = fetch(url)
    check(status == 200 and got == body, "the body", status, got[:300])
    status, got = fetch(url, headers={"Range": "bytes=5-9"})
    equal((status, got), (206, body[5:10]))
    equal(fetch(url, "PUT", b"x")[0], 403, "a URL for GET is none for PUT")
    url = t.s3.generate_presigned_url("get_object", {"Bucket": t.bucket, "Key": "a b/ü+.bin",
                                                     "ResponseContentType": "text/plain"}, ExpiresIn=300)
    with urllib.request.urlopen(url, timeout=60) as answer:
        equal(answer.headers["content-type"], "text/plain")


@case(BOTH)
def case_presigned_spoiled(t):
    t.put("k", b"secret")
    url = t.s3.generate_presigned_url("get_object", {"Bucket": t.bucket, "Key": "k"}, ExpiresIn=300)
    for spoiled in (url.replace("/k?", "/other?"), url.replace("X-Amz-Expires=300", "X-Amz-Expires=301"),
                    url[:-1] + ("0" if url[-1] != "0" else "1"), url + "&partNumber=1"):
        status, text = fetch(spoiled)
        check(status == 403 and b"SignatureDoesNotMatch" in text, "refused", status, text[:200], spoiled[:80])
    for bad in ("X-Amz-Expires=604801", "X-Amz-Expires=-1", "X-Amz-Expires=ten"):
        status, text = fetch(url.replace("X-Amz-Expires=300", bad))
        check(status == 400 and b"AuthorizationQueryParametersError" in text, bad, status, text[:200])


def presign(server, bucket, key, when, expires):
    """A presigned GET made at another time than now."""
    host, path = f"127.0.0.1:{server.port}", f"/{bucket}/{key}"
    date = amz_date(when)
    scope = f"{date[:8]}/{REGION}/s3/aws4_request"
    query = "&".join(["X-Amz-Algorithm=AWS4-HMAC-SHA256", f"X-Amz-Credential={ACCESS_KEY}%2F{scope.replace('/', '%2F')}",
                      f"X-Amz-Date={date}", f"X-Amz-Expires={expires}", "X-Amz-SignedHeaders=host"])
    canonical = "\n".join(["GET", path, query, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(signing_key(date), text.encode(), hashlib.sha256).hexdigest()
    return f"http://{host}{path}?{query}&X-Amz-Signature={signature}"


@case(BOTH)
def case_presigned_times(t):
    t.put("k", b"body")
    now = datetime.datetime.now(datetime.timezone.utc)
    minutes = datetime.timedelta(minutes=1)
    equal(fetch(presign(t.server, t.bucket, "k", now - 10 * minutes, 3600)), (200, b"body"))
    equal(fetch(presign(t.server, t.bucket, "k", now - 24 * 60 * minutes, 604800))[0], 200)
    status, text = fetch(presign(t.server, t.bucket, "k", now - 10 * minutes, 60))
    check(status == 403 and b"Request has expired" in text, "expired", status, text[:300])
    equal(fetch(presign(t.server, t.bucket, "k", now + 30 * minutes, 3600))[0], 403, "from the future")


@case(BOTH)
def case_wrong_keys(t):
    equal(code_of(boto_client(t.server.url, secret="x" * 40).list_buckets), ("SignatureDoesNotMatch", 403))
    equal(code_of(boto_client(t.server.url, access="NOSUCHKEY00000000001").list_buckets), ("InvalidAccessKeyId", 403))
    from botocore import UNSIGNED
    anonymous = boto_client(t.server.url, signature_version=UNSIGNED)
    t.put("k")
    for call, more in ((anonymous.list_buckets, {}), (anonymous.get_object, dict(Bucket=t.bucket, Key="k")),
                       (anonymous.put_object, dict(Bucket=t.bucket, Key="k", Body=b"x")),
                       (anonymous.delete_object, dict(Bucket=t.bucket, Key="k"))):
        equal(code_of(call, **more), ("AccessDenied", 403), call.__name__)
    check(SECRET_KEY not in t.server.log(), "no secret in the log")


@case(BOTH)
def case_clock_off(t):
    now = datetime.datetime.now(datetime.timezone.utc)
    with Raw(t.server) as raw:
        for minutes, status in ((-20, 403), (20, 403), (-10, 200), (10, 200)):
            fields = sign("GET", f"/{t.bucket}", raw.host, when=now + datetime.timedelta(minutes=minutes))
            raw.send(head("GET", f"/{t.bucket}", fields))
            answer = raw.answer()
            equal((answer.status, answer.code), (status, "RequestTimeTooSkewed" if status == 403 else ""), f"{minutes} min")
            if status == 403:
                check(b"<ServerTime>" in answer.body and b"<MaxAllowedSkewMilliseconds>" in answer.body, "says by how much")


@case(BOTH)
def case_broken_authorization(t):
    path = f"/{t.bucket}"

    def attempt(change, drop=()):
        with Raw(t.server) as raw:
            fields = sign("GET", path, raw.host)
            fields = {k: v for k, v in fields.items() if k not in drop}
            fields.update(change(fields))
            raw.send(head("GET", path, fields))
            answer = raw.answer()
            return answer.code, answer.status
    equal(attempt(lambda f: {"authorization": f["authorization"].replace("AWS4-HMAC-SHA256", "AWS4-OTHER")})[1], 400)
    equal(attempt(lambda f: {"authorization": f["authorization"].replace("Credential=", "Cred=")}),
          ("AuthorizationHeaderMalformed", 400))
    equal(attempt(lambda f: {"authorization": f["authorization"].replace("/us-east-1/", "/eu-west-9/")}),
          ("AuthorizationHeaderMalformed", 400))
    equal(attempt(lambda f: {"authorization": f["authorization"].replace("/s3/", "/ec2/")}),
          ("AuthorizationHeaderMalformed", 400))
    equal(attempt(lambda f: {"authorization": "AWS AKIA:sig"})[1], 400, "version 2")
    equal(attempt(lambda f: {}, ("x-amz-content-sha256",))[1] in (400, 403), True)
    equal(attempt(lambda f: {}, ("x-amz-date",))[1], 403)
    equal(attempt(lambda f: {"x-amz-meta-extra": "unsigned"}), ("AccessDenied", 403))
    equal(attempt(lambda f: {"x-amz-content-sha256": "0" * 64}), ("SignatureDoesNotMatch", 403))
    equal(attempt(lambda f: {"x-amz-content-sha256": "word"})[1] in (400, 403), True)


@case(BOTH)
def case_payload_hash_differs(t):
    with Raw(t.server) as raw:
        raw.request("PUT", f"/{t.bucket}/k", {"content-length": "5"}, b"bytes", payload=hashlib.sha256(b"other").hexdigest())
        answer = raw.answer()
        equal((answer.code, answer.status), ("XAmzContentSHA256Mismatch", 400))
    equal(code_of(t.s3.get_object, Bucket=t.bucket, Key="k"), ("NoSuchKey", 404))


def signed_chunks(fields, pieces, spoil=None):
    """aws-chunked with a signature a chunk, seeded by the request's own."""
    seed = fields["authorization"].rsplit("Signature=", 1)[1]
    date = fields["x-amz-date"]
    scope = f"{date[:8]}/{REGION}/s3/aws4_request"
    out, previous = b"", seed
    for index, piece in enumerate(list(pieces) + [b""]):
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, hashlib.sha256(b"").hexdigest(),
                          hashlib.sha256(piece).hexdigest()])
        previous = hmac.new(signing_key(date), text.encode(), hashlib.sha256).hexdigest()
        if index == spoil:
            piece = piece[:-1] + bytes([piece[-1] ^ 1])
        out += b"%x;chunk-signature=%s\r\n" % (len(piece), previous.encode()) + piece + b"\r\n"
    return out


@case(BOTH)
def case_signed_chunks(t):
    body = pattern(200_000)
    pieces = [body[:65536], body[65536:131072], body[131072:]]
    for spoil, wanted in ((None, 200), (0, 403), (2, 403)):
        with Raw(t.server) as raw:
            path = f"/{t.bucket}/c{spoil}"
            fields = sign("PUT", path, raw.host, payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                          headers={"x-amz-decoded-content-length": str(len(body)), "content-encoding": "aws-chunked"})
            framed = signed_chunks(fields, pieces, spoil)
            fields["content-length"] = str(len(framed))
            raw.send(head("PUT", path, fields) + framed)
            answer = raw.answer()
            equal((answer.status, answer.code), (wanted, "" if wanted == 200 else "SignatureDoesNotMatch"), f"spoil {spoil}")
    check(t.get("cNone")["Bytes"] == body, "the decoded bytes")
    equal(code_of(t.s3.get_object, Bucket=t.bucket, Key="c0"), ("NoSuchKey", 404))
    equal(code_of(t.s3.get_object, Bucket=t.bucket, Key="c2"), ("NoSuchKey", 404))
