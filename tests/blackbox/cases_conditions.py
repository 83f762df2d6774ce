"""Conditions on reading, writing, completing and deleting."""
import concurrent.futures
import datetime

from harness import BOTH, case, check, code_of, equal, refused

DAY = datetime.timedelta(days=1)


@case(BOTH)
def case_get_and_head(t):
    etag = t.put("k", b"body")["ETag"]
    now = datetime.datetime.now(datetime.timezone.utc)
    for call in (t.s3.get_object, t.s3.head_object):
        def answer(**conditions):
            return code_of(call, Bucket=t.bucket, Key="k", **conditions)[1]
        equal(answer(IfMatch=etag), 200)
        equal(answer(IfMatch="*"), 200)
        equal(answer(IfMatch='"other", ' + etag), 200)
        equal(answer(IfMatch='"other"'), 412)
        equal(answer(IfNoneMatch='"other"'), 200)
        equal(answer(IfNoneMatch=etag), 304)
        equal(answer(IfNoneMatch="*"), 304)
        equal(answer(IfModifiedSince=now - DAY), 200)
        equal(answer(IfUnmodifiedSince=now + DAY), 200)
        equal(answer(IfUnmodifiedSince=now - DAY), 412)
        # RFC 9110 §13.2.2: the etag forms win over the dates.
        equal(answer(IfMatch=etag, IfUnmodifiedSince=now - DAY), 200)
        equal(answer(IfNoneMatch='"other"', IfModifiedSince=now + DAY), 200)
        equal(answer(IfMatch=etag, Range="bytes=0-1"), 206)


@case(BOTH)
def case_not_modified_carries_etag(t):
    from botocore.exceptions import ClientError
    etag = t.put("k", b"body")["ETag"]
    last = t.s3.head_object(Bucket=t.bucket, Key="k")["LastModified"]
    try:
        t.s3.get_object(Bucket=t.bucket, Key="k", IfModifiedSince=last)
        raise AssertionError("304 expected")
    except ClientError as error:
        meta = error.response["ResponseMetadata"]
        equal(meta["HTTPStatusCode"], 304)
        equal(meta["HTTPHeaders"]["etag"], etag)


@case(BOTH)
def case_put(t):
    put = t.s3.put_object
    name = dict(Bucket=t.bucket, Key="k")
    refused("NoSuchKey", 404, put, **name, Body=b"0", IfMatch='"x"')
    first = put(**name, Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", 412, put, **name, Body=b"2", IfNoneMatch="*")
    refused("PreconditionFailed", 412, put, **name, Body=b"2" * 400_000, IfNoneMatch="*")
    refused("PreconditionFailed", 412, put, **name, Body=b"3", IfMatch='"other"')
    equal(t.get("k")["Bytes"], b"1")
    put(**name, Body=b"4", IfMatch=first)
    equal(t.get("k")["Bytes"], b"4")


@case(BOTH)
def case_exclusive_create_has_one_winner(t):
    for round_number, size in enumerate((20, 20, 400_000)):
        def attempt(i):
            body = bytes([65 + i]) * size
            return code_of(t.s3.put_object, Bucket=t.bucket, Key=f"lock{round_number}", Body=body, IfNoneMatch="*")[1], body
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            outcome = list(pool.map(attempt, range(8)))
        winners = [body for status, body in outcome if status == 200]
        equal(len(winners), 1, f"one of {[status for status, _ in outcome]}")
        equal(t.get(f"lock{round_number}")["Bytes"], winners[0])
        check(all(status in (200, 412, 409) for status, _ in outcome), "the others are told", outcome)


@case(BOTH)
def case_delete(t):
    etag = t.put("k", b"1")["ETag"]
    refused("PreconditionFailed", 412, t.s3.delete_object, Bucket=t.bucket, Key="k", IfMatch='"other"')
    equal(t.get("k")["Bytes"], b"1")
    equal(code_of(t.s3.delete_object, Bucket=t.bucket, Key="k", IfMatch=etag), ("", 204))
    equal(code_of(t.s3.delete_object, Bucket=t.bucket, Key="k", IfMatch=etag)[1], 412, "nothing there any more")


@case(BOTH)
def case_complete(t):
    def upload(**conditions):
        upload_id = t.s3.create_multipart_upload(Bucket=t.bucket, Key="m")["UploadId"]
        part = t.s3.upload_part(Bucket=t.bucket, Key="m", UploadId=upload_id, PartNumber=1, Body=b"part")["ETag"]
        return code_of(t.s3.complete_multipart_upload, Bucket=t.bucket, Key="m", UploadId=upload_id,
                       MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}, **conditions), upload_id
    equal(upload(IfNoneMatch="*")[0], ("", 200))
    refusal, upload_id = upload(IfNoneMatch="*")
    equal(refusal, ("PreconditionFailed", 412))
    parts = t.s3.list_parts(Bucket=t.bucket, Key="m", UploadId=upload_id)["Parts"]
    equal(len(parts), 1, "a refused Complete leaves the upload")
    etag = t.s3.head_object(Bucket=t.bucket, Key="m")["ETag"]
    equal(upload(IfMatch=etag)[0], ("", 200))
