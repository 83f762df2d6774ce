"""Objects: whole, in ranges, with metadata, small and large."""
import datetime

from harness import BOTH, case, check, code_of, equal, md5_hex, pattern, refused


@case(BOTH)
def case_put_get_head_delete(t):
    body = pattern(5000)
    put = t.put("a/b.txt", body, ContentType="text/plain", CacheControl="max-age=5",
                ContentDisposition='attachment; filename="x"', ContentEncoding="identity", ContentLanguage="de",
                Expires=datetime.datetime(2031, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc))
    equal(put["ETag"], f'"{md5_hex(body)}"')
    got = t.get("a/b.txt")
    equal(got["Bytes"], body)
    head = t.s3.head_object(Bucket=t.bucket, Key="a/b.txt")
    for answer in (got, head):
        equal(answer["ContentLength"], len(body))
        equal(answer["ContentType"], "text/plain")
        equal(answer["CacheControl"], "max-age=5")
        equal(answer["ContentDisposition"], 'attachment; filename="x"')
        equal(answer["ContentLanguage"], "de")
        equal(answer["ETag"], put["ETag"])
        check(abs((answer["LastModified"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 600,
              "LastModified is now")
        equal(answer["AcceptRanges"], "bytes")
    equal(got["ExpiresString"], "Mon, 03 Feb 2031 04:05:06 GMT")
    deleted = t.s3.delete_object(Bucket=t.bucket, Key="a/b.txt")
    equal(deleted["ResponseMetadata"]["HTTPStatusCode"], 204)
    refused("NoSuchKey", 404, t.s3.get_object, Bucket=t.bucket, Key="a/b.txt")
    refused("404", 404, t.s3.head_object, Bucket=t.bucket, Key="a/b.txt")
    equal(code_of(t.s3.delete_object, Bucket=t.bucket, Key="a/b.txt"), ("", 204), "deleting nothing")


@case(BOTH)
def case_default_content_type(t):
    t.put("k")
    equal(t.get("k")["ContentType"], "binary/octet-stream")


@case(BOTH)
def case_overwrite(t):
    for size in (10, 2_000_000, 0, 70_000, 300_000):
        body = pattern(size, size)
        t.put("k", body)
        equal(t.get("k")["Bytes"], body, f"{size} bytes")


@case(BOTH)
def case_empty_object(t):
    equal(t.put("empty", b"")["ETag"], '"d41d8cd98f00b204e9800998ecf8427e"')
    got = t.get("empty")
    equal((got["Bytes"], got["ContentLength"]), (b"", 0))
    refused("InvalidRange", 416, t.s3.get_object, Bucket=t.bucket, Key="empty", Range="bytes=0-0")


@case(BOTH)
def case_sizes_about_every_border(t):
    for border in (1, 4096, 65536, 262144, 1048576):
        for size in (border - 1, border, border + 1):
            body = pattern(size, size)
            put = t.put(f"s{size}", body)
            equal(put["ETag"], f'"{md5_hex(body)}"', f"{size}")
            got = t.get(f"s{size}")["Bytes"]
            check(got == body, f"{size} bytes come back", len(got))


@case(BOTH)
def case_64_mib(t):
    body = pattern(64 << 20)
    equal(t.put("big", body)["ETag"], f'"{md5_hex(body)}"')
    check(t.get("big")["Bytes"] == body, "64 MiB come back")
    for first, last in ((0, 0), (65535, 65537), (1 << 20, (1 << 20) + 99), (33_554_431, 41_000_000)):
        got = t.get("big", Range=f"bytes={first}-{last}")["Bytes"]
        check(got == body[first:last + 1], f"range {first}-{last}")
    t.note(f"server memory after it: {t.server.memory()[0] / 1048576:.1f} MiB, peak {t.server.memory()[2] / 1048576:.1f}")


@case(BOTH)
def case_ranges(t):
    body = pattern(100_000)
    t.put("k", body)
    size = len(body)
    for text, first, last in (("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=65530-65545", 65530, 65545),
                              ("bytes=99999-", 99999, 99999), ("bytes=500-9999999", 500, size - 1),
                              ("bytes=-1", size - 1, size - 1), ("bytes=-70000", size - 70000, size - 1),
                              ("bytes=-999999999", 0, size - 1)):
        got = t.get("k", Range=text)
        check(got["Bytes"] == body[first:last + 1], text)
        equal(got["ContentRange"], f"bytes {first}-{last}/{size}", text)
        equal(got["ResponseMetadata"]["HTTPStatusCode"], 206, text)
        head = t.s3.head_object(Bucket=t.bucket, Key="k", Range=text)
        equal((head["ContentLength"], head["ResponseMetadata"]["HTTPStatusCode"]), (last - first + 1, 206), text)
    for text in ("bytes=100000-", "bytes=200000-300000", "bytes=-0"):
        refused("InvalidRange", 416, t.s3.get_object, Bucket=t.bucket, Key="k", Range=text)
    # What cannot be read as one range is ignored: the whole object, 200.
    for text in ("bytes=5-2", "lines=1-2", "bytes=a-b", "bytes=0-1,4-5"):
        got = t.get("k", Range=text)
        check(got["ResponseMetadata"]["HTTPStatusCode"] == 200 and got["Bytes"] == body, text)


@case(BOTH)
def case_user_metadata(t):
    meta = {"plain": "value", "with-dash": "a b  c", "empty": "", "long": "x" * 1500}
    t.put("k", Metadata=meta)
    equal(t.s3.head_object(Bucket=t.bucket, Key="k")["Metadata"], {**meta, "with-dash": t.get("k")["Metadata"]["with-dash"]})
    equal(t.get("k")["Metadata"]["plain"], "value")
    t.put("k", b"again")
    equal(t.get("k")["Metadata"], {}, "a new version brings its own metadata")
    refused("MetadataTooLarge", 400, t.s3.put_object, Bucket=t.bucket, Key="m", Metadata={"big": "x" * 2100})


@case(BOTH)
def case_unicode_metadata(t):
    import http.client
    import urllib.parse

    # Raw UTF-8 in a header value, as clients other than boto3 send it.
    raw = "grün-日本".encode()
    path = f"/{t.bucket}/u"
    # The canonical request holds the bytes, not their latin-1 reading.
    fields = sign_bytes("PUT", path, f"127.0.0.1:{t.server.port}", {"x-amz-meta-word": raw})
    connection = http.client.HTTPConnection("127.0.0.1", t.server.port, timeout=30)
    connection.putrequest("PUT", path, skip_host=True, skip_accept_encoding=True)
    for name, value in fields.items():
        connection.putheader(name, value)
    connection.putheader("content-length", "1")
    connection.endheaders(b"x")
    answer = connection.getresponse()
    text = answer.read()
    equal(answer.status, 200, text.decode()[:300])
    connection.close()
    value = t.s3.head_object(Bucket=t.bucket, Key="u")["ResponseMetadata"]["HTTPHeaders"]["x-amz-meta-word"]
    decoded = value
    if value.startswith("=?"):
        import email.header
        decoded = "".join(part.decode(charset or "ascii") if isinstance(part, bytes) else part
                          for part, charset in email.header.decode_header(value))
    else:
        decoded = value.encode("latin-1", "surrogateescape").decode("utf-8")
    equal(decoded, raw.decode())
    # And percent-encoded, which is how most applications carry it.
    word = urllib.parse.quote("grün-日本")
    t.put("p", Metadata={"word": word})
    equal(t.get("p")["Metadata"]["word"], word)


def sign_bytes(method, path, host, extra):
    import hashlib
    import hmac

    from harness import ACCESS_KEY, REGION, amz_date, signing_key
    date = amz_date()
    fields = {"host": host.encode(), "x-amz-content-sha256": b"UNSIGNED-PAYLOAD", "x-amz-date": date.encode(), **extra}
    signed = ";".join(sorted(fields))
    canonical = b"\n".join([method.encode(), path.encode(), b"",
                            b"".join(k.encode() + b":" + fields[k] + b"\n" for k in sorted(fields)),
                            signed.encode(), b"UNSIGNED-PAYLOAD"])
    scope = f"{date[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical).hexdigest()])
    signature = hmac.new(signing_key(date), text.encode(), hashlib.sha256).hexdigest()
    fields["authorization"] = (f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={signed}, "
                               f"Signature={signature}").encode()
    return fields


@case(BOTH)
def case_response_overrides(t):
    t.put("k", ContentType="text/plain")
    got = t.get("k", ResponseContentType="application/x-other", ResponseContentDisposition="inline",
                ResponseCacheControl="no-cache", ResponseContentLanguage="fr", ResponseContentEncoding="x-none",
                ResponseExpires=datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc))
    equal(got["ContentType"], "application/x-other")
    equal(got["ContentDisposition"], "inline")
    equal(got["CacheControl"], "no-cache")
    equal(got["ContentLanguage"], "fr")
    equal(got["ContentEncoding"], "x-none")
    equal(t.get("k")["ContentType"], "text/plain", "only for that answer")


@case(BOTH)
def case_delete_objects_1000(t):
    import concurrent.futures
    bucket = t.bucket
    keys = [f"many/{i:04d}" for i in range(1000)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: t.s3.put_object(Bucket=bucket, Key=key, Body=b""), keys))
    gone = t.s3.delete_objects(Bucket=t.bucket, Delete={"Objects": [{"Key": k} for k in keys]})
    equal(sorted(d["Key"] for d in gone["Deleted"]), keys)
    check(not gone.get("Errors"), "no errors", gone.get("Errors"))
    equal(t.s3.list_objects_v2(Bucket=t.bucket)["KeyCount"], 0)
    quiet = t.s3.delete_objects(Bucket=t.bucket, Delete={"Objects": [{"Key": "none"}], "Quiet": True})
    check("Deleted" not in quiet and "Errors" not in quiet, "quiet says nothing", quiet)
    refused("MalformedXML", 400, t.s3.delete_objects, Bucket=t.bucket,
            Delete={"Objects": [{"Key": f"{i}"} for i in range(1001)]})


@case(BOTH)
def case_unsupported_wishes(t):
    """What is not there must not look as if it were done."""
    def refusal(**wish):
        return code_of(t.s3.put_object, Bucket=t.bucket, Key="k", Body=b"x", **wish)[1]
    equal(refusal(ServerSideEncryption="AES256"), 400, "no master key")
    equal(refusal(ServerSideEncryption="aws:kms", SSEKMSKeyId="nobody"), 400, "no such key")
    equal(refusal(ObjectLockLegalHoldStatus="ON"), 400, "no lock on this bucket")
    equal(refusal(ACL="public-read"), 400, "no lists on this bucket")
    equal(t.s3.list_objects_v2(Bucket=t.bucket)["KeyCount"], 0, "none of them was stored")
