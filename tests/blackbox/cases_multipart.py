"""Multipart uploads: the whole life of one, and every way to do it wrong."""
import hashlib

from harness import BOTH, case, check, code_of, equal, pattern, refused

FIVE = 5 << 20


def begin(t, key="m", **more):
    return t.s3.create_multipart_upload(Bucket=t.bucket, Key=key, **more)["UploadId"]


def send(t, upload, number, body, key="m"):
    etag = t.s3.upload_part(Bucket=t.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)["ETag"]
    return {"PartNumber": number, "ETag": etag}


def finish(t, upload, parts, key="m"):
    return t.s3.complete_multipart_upload(Bucket=t.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


def combined_etag(bodies):
    joined = b"".join(hashlib.md5(b).digest() for b in bodies)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(bodies)}"'


@case(BOTH)
def case_three_parts(t):
    bodies = [pattern(FIVE, 1), pattern(FIVE + 12345, 2), pattern(7, 3)]
    upload = begin(t, ContentType="text/x-parts", Metadata={"from": "parts"})
    # Out of order, and one of them twice: the last one sent counts.
    parts = [send(t, upload, 3, bodies[2]), send(t, upload, 1, pattern(FIVE, 9)), send(t, upload, 2, bodies[1])]
    parts[1] = send(t, upload, 1, bodies[0])
    parts.sort(key=lambda p: p["PartNumber"])
    refused("404", 404, t.s3.head_object, Bucket=t.bucket, Key="m")
    done = finish(t, upload, parts)
    equal(done["ETag"], combined_etag(bodies))
    check(done["Location"].endswith("/m"), "Location", done["Location"])
    whole = b"".join(bodies)
    got = t.get("m")
    check(got["Bytes"] == whole, "the parts in order")
    equal((got["ContentType"], got["Metadata"]), ("text/x-parts", {"from": "parts"}))
    at = FIVE - 3
    check(t.get("m", Range=f"bytes={at}-{at + 9}")["Bytes"] == whole[at:at + 10], "a range over a seam")
    check(t.get("m", Range="bytes=-9")["Bytes"] == whole[-9:], "a range over the last seam")
    refused("NoSuchUpload", 404, t.s3.list_parts, Bucket=t.bucket, Key="m", UploadId=upload)


@case(BOTH)
def case_get_by_part_number(t):
    bodies = [pattern(FIVE, 1), pattern(100, 2)]
    upload = begin(t)
    finish(t, upload, [send(t, upload, n, b) for n, b in enumerate(bodies, 1)])
    for number, body in enumerate(bodies, 1):
        got = t.get("m", PartNumber=number)
        check(got["Bytes"] == body, f"part {number}")
        equal((got["PartsCount"], got["ResponseMetadata"]["HTTPStatusCode"]), (2, 206))
        head = t.s3.head_object(Bucket=t.bucket, Key="m", PartNumber=number)
        equal((head["ContentLength"], head["PartsCount"]), (len(body), 2))
    equal(code_of(t.s3.get_object, Bucket=t.bucket, Key="m", PartNumber=3)[1], 416)
    t.put("single", b"one")
    equal(t.get("single", PartNumber=1)["Bytes"], b"one")
    equal(code_of(t.s3.get_object, Bucket=t.bucket, Key="single", PartNumber=2)[1], 416)
    equal(code_of(t.s3.get_object, Bucket=t.bucket, Key="m", PartNumber=1, Range="bytes=0-1")[1], 400)


@case(BOTH)
def case_repeated_complete(t):
    upload = begin(t)
    parts = [send(t, upload, 1, b"only")]
    first = finish(t, upload, parts)
    # A client that lost the answer asks again and must not see a failure (or be told it is gone).
    again = code_of(t.s3.complete_multipart_upload, Bucket=t.bucket, Key="m", UploadId=upload,
                    MultipartUpload={"Parts": parts})
    check(again in (("", 200), ("NoSuchUpload", 404)), "a repeated Complete", again)
    t.note(f"repeated Complete: {again[1]}")
    equal(t.s3.head_object(Bucket=t.bucket, Key="m")["ETag"], first["ETag"])


@case(BOTH)
def case_wrong_completes(t):
    upload = begin(t)
    one, two = send(t, upload, 1, b"tiny"), send(t, upload, 2, b"last")

    def attempt(parts):
        return code_of(t.s3.complete_multipart_upload, Bucket=t.bucket, Key="m", UploadId=upload,
                       MultipartUpload={"Parts": parts})
    equal(attempt([one, two]), ("EntityTooSmall", 400))
    equal(attempt([two, one]), ("InvalidPartOrder", 400))
    equal(attempt([{"PartNumber": 1, "ETag": '"' + "0" * 32 + '"'}]), ("InvalidPart", 400))
    equal(attempt([one, {"PartNumber": 7, "ETag": two["ETag"]}])[1], 400)
    equal(attempt([])[1], 400)
    refused("404", 404, t.s3.head_object, Bucket=t.bucket, Key="m")
    # Only what Complete names becomes the object; the rest is dropped.
    equal(attempt([two]), ("", 200))
    equal(t.get("m")["Bytes"], b"last")


@case(BOTH)
def case_part_numbers(t):
    upload = begin(t)
    for number in (0, 10_001, -1):
        equal(code_of(t.s3.upload_part, Bucket=t.bucket, Key="m", UploadId=upload, PartNumber=number, Body=b"x"),
              ("InvalidArgument", 400), str(number))
    part = send(t, upload, 10_000, b"the last number")
    finish(t, upload, [part])
    equal(t.get("m")["Bytes"], b"the last number")


@case(BOTH)
def case_unknown_upload(t):
    name = dict(Bucket=t.bucket, Key="m", UploadId="no-such-upload")
    refused("NoSuchUpload", 404, t.s3.upload_part, **name, PartNumber=1, Body=b"x")
    refused("NoSuchUpload", 404, t.s3.list_parts, **name)
    refused("NoSuchUpload", 404, t.s3.abort_multipart_upload, **name)
    refused("NoSuchUpload", 404, t.s3.complete_multipart_upload, **name,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"' + "0" * 32 + '"'}]})
    upload = begin(t)
    refused("NoSuchUpload", 404, t.s3.upload_part, Bucket=t.bucket, Key="other", UploadId=upload, PartNumber=1, Body=b"x")


@case(BOTH)
def case_abort(t):
    upload = begin(t)
    send(t, upload, 1, pattern(300_000))
    equal(code_of(t.s3.abort_multipart_upload, Bucket=t.bucket, Key="m", UploadId=upload), ("", 204))
    refused("NoSuchUpload", 404, t.s3.upload_part, Bucket=t.bucket, Key="m", UploadId=upload, PartNumber=2, Body=b"x")
    check("Uploads" not in t.s3.list_multipart_uploads(Bucket=t.bucket), "gone from the list")


@case(BOTH)
def case_list_parts(t):
    upload = begin(t)
    sent = [send(t, upload, number, b"p%d" % number) for number in (1, 2, 5, 9)]
    whole = t.s3.list_parts(Bucket=t.bucket, Key="m", UploadId=upload)
    equal([(p["PartNumber"], p["ETag"], p["Size"]) for p in whole["Parts"]],
          [(p["PartNumber"], p["ETag"], 2) for p in sent])
    page = t.s3.list_parts(Bucket=t.bucket, Key="m", UploadId=upload, MaxParts=2)
    equal(([p["PartNumber"] for p in page["Parts"]], page["IsTruncated"], page["NextPartNumberMarker"]), ([1, 2], True, 2))
    page = t.s3.list_parts(Bucket=t.bucket, Key="m", UploadId=upload, PartNumberMarker=2)
    equal(([p["PartNumber"] for p in page["Parts"]], page["IsTruncated"]), ([5, 9], False))


@case(BOTH)
def case_list_uploads(t):
    uploads = {(key, begin(t, key)) for key in ("a/1", "a/2", "b", "b", "c")}
    listed = t.s3.list_multipart_uploads(Bucket=t.bucket)["Uploads"]
    equal({(u["Key"], u["UploadId"]) for u in listed}, uploads)
    equal([u["Key"] for u in listed], ["a/1", "a/2", "b", "b", "c"])
    grouped = t.s3.list_multipart_uploads(Bucket=t.bucket, Delimiter="/")
    equal([p["Prefix"] for p in grouped["CommonPrefixes"]], ["a/"])
    equal([u["Key"] for u in grouped["Uploads"]], ["b", "b", "c"])
    only = t.s3.list_multipart_uploads(Bucket=t.bucket, Prefix="a/")["Uploads"]
    equal([u["Key"] for u in only], ["a/1", "a/2"])
    seen, markers = set(), {}
    for _ in range(10):
        page = t.s3.list_multipart_uploads(Bucket=t.bucket, MaxUploads=2, **markers)
        seen |= {(u["Key"], u["UploadId"]) for u in page["Uploads"]}
        if not page["IsTruncated"]:
            break
        markers = dict(KeyMarker=page["NextKeyMarker"], UploadIdMarker=page["NextUploadIdMarker"])
    equal(seen, uploads, "paged")


@case(BOTH)
def case_copy_parts(t):
    source = pattern(6 << 20, 4)
    t.put("source", source)
    upload = begin(t)
    copied = t.s3.upload_part_copy(Bucket=t.bucket, Key="m", UploadId=upload, PartNumber=1,
                                   CopySource={"Bucket": t.bucket, "Key": "source"})["CopyPartResult"]
    ranged = t.s3.upload_part_copy(Bucket=t.bucket, Key="m", UploadId=upload, PartNumber=2,
                                   CopySource={"Bucket": t.bucket, "Key": "source"},
                                   CopySourceRange="bytes=65535-70000")["CopyPartResult"]
    equal(copied["ETag"], f'"{hashlib.md5(source).hexdigest()}"')
    equal(code_of(t.s3.upload_part_copy, Bucket=t.bucket, Key="m", UploadId=upload, PartNumber=3,
                  CopySource={"Bucket": t.bucket, "Key": "source"}, CopySourceRange="bytes=0-99999999")[1], 416)
    finish(t, upload, [{"PartNumber": 1, "ETag": copied["ETag"]}, {"PartNumber": 2, "ETag": ranged["ETag"]}])
    check(t.get("m")["Bytes"] == source + source[65535:70001], "the copied bytes")


@case(BOTH)
def case_overwrite_while_uploading(t):
    upload = begin(t)
    part = send(t, upload, 1, b"from the upload")
    t.put("m", b"meanwhile")
    equal(t.get("m")["Bytes"], b"meanwhile")
    finish(t, upload, [part])
    equal(t.get("m")["Bytes"], b"from the upload")
