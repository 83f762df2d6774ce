"""CopyObject."""
from harness import BOTH, case, check, code_of, equal, pattern, refused


def copy(t, source, key, **more):
    return t.s3.copy_object(Bucket=t.bucket, Key=key, CopySource={"Bucket": t.bucket, "Key": source}, **more)


@case(BOTH)
def case_small_and_large(t):
    for size in (0, 100, 65_537, 3 << 20):
        body = pattern(size)
        put = t.put("source", body, ContentType="text/x", Metadata={"a": "b"})
        done = copy(t, "source", "to/here")["CopyObjectResult"]
        equal(done["ETag"], put["ETag"])
        check(done["LastModified"], "LastModified")
        t.put("source", b"changed")
        got = t.get("to/here")
        check(got["Bytes"] == body, "the copy stands alone", size)
        equal((got["ContentType"], got["Metadata"]), ("text/x", {"a": "b"}))
        t.s3.delete_object(Bucket=t.bucket, Key="source")
        check(t.get("to/here")["Bytes"] == body, "also without its source")


@case(BOTH)
def case_onto_itself(t):
    t.put("k", b"body", ContentType="text/x", Metadata={"a": "b"})
    refused("InvalidRequest", 400, t.s3.copy_object, Bucket=t.bucket, Key="k",
            CopySource={"Bucket": t.bucket, "Key": "k"})
    copy(t, "k", "k", MetadataDirective="REPLACE", Metadata={"c": "d"}, ContentType="text/y")
    got = t.get("k")
    equal((got["Bytes"], got["ContentType"], got["Metadata"]), (b"body", "text/y", {"c": "d"}))


@case(BOTH)
def case_conditions(t):
    etag = t.put("k", b"body")["ETag"]
    equal(code_of(copy, t, "k", "to", CopySourceIfMatch='"other"'), ("PreconditionFailed", 412))
    equal(code_of(copy, t, "k", "to", CopySourceIfNoneMatch=etag), ("PreconditionFailed", 412))
    copy(t, "k", "to", CopySourceIfMatch=etag)
    copy(t, "k", "to", CopySourceIfNoneMatch='"other"')


@case(BOTH)
def case_odd_names_and_other_bucket(t):
    source = "dir with space/ü+%2F.txt"
    t.put(source, b"odd")
    other = t.bucket + "-two"
    t.s3.create_bucket(Bucket=other)
    t.s3.copy_object(Bucket=other, Key="copy", CopySource={"Bucket": t.bucket, "Key": source})
    equal(t.s3.get_object(Bucket=other, Key="copy")["Body"].read(), b"odd")


@case(BOTH)
def case_missing_source(t):
    equal(code_of(copy, t, "none", "to"), ("NoSuchKey", 404))
    equal(code_of(t.s3.copy_object, Bucket=t.bucket, Key="to", CopySource={"Bucket": t.bucket + "-none", "Key": "k"}),
          ("NoSuchBucket", 404))


@case(BOTH)
def case_of_a_multipart_object(t):
    upload = t.s3.create_multipart_upload(Bucket=t.bucket, Key="m")["UploadId"]
    bodies = [pattern(5 << 20, 1), pattern(99_999, 2)]
    parts = [{"PartNumber": n, "ETag": t.s3.upload_part(Bucket=t.bucket, Key="m", UploadId=upload, PartNumber=n,
                                                      Body=b)["ETag"]} for n, b in enumerate(bodies, 1)]
    t.s3.complete_multipart_upload(Bucket=t.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
    copy(t, "m", "copy")
    t.s3.delete_object(Bucket=t.bucket, Key="m")
    check(t.get("copy")["Bytes"] == b"".join(bodies), "the whole of it")
