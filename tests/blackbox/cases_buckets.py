"""Buckets: create, head, list, location, delete, and what is not there."""
from harness import BOTH, case, check, code_of, equal, refused


@case(BOTH)
def case_create_head_list_delete(t):
    name = t.bucket + "-life"
    refused("404", 404, t.s3.head_bucket, Bucket=name)
    answer = t.s3.create_bucket(Bucket=name)
    equal(answer["Location"], "/" + name)
    equal(t.s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"], 200)
    listed = t.s3.list_buckets()
    check(name in [b["Name"] for b in listed["Buckets"]], "the new bucket is listed")
    check(listed["Owner"]["ID"], "an owner is named")
    equal(t.s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"], 204)
    refused("NoSuchBucket", 404, t.s3.delete_bucket, Bucket=name)
    check(name not in [b["Name"] for b in t.s3.list_buckets()["Buckets"]], "gone from the list")


@case(BOTH)
def case_location_and_again(t):
    equal(t.s3.get_bucket_location(Bucket=t.bucket).get("LocationConstraint"), None)
    # us-east-1 answers 200 to its owner, as AWS does there.
    equal(code_of(t.s3.create_bucket, Bucket=t.bucket), ("", 200))


@case(BOTH)
def case_delete_not_empty(t):
    t.put("k")
    refused("BucketNotEmpty", 409, t.s3.delete_bucket, Bucket=t.bucket)
    t.s3.delete_object(Bucket=t.bucket, Key="k")
    equal(t.s3.delete_bucket(Bucket=t.bucket)["ResponseMetadata"]["HTTPStatusCode"], 204)


@case(BOTH)
def case_delete_with_open_upload(t):
    upload = t.s3.create_multipart_upload(Bucket=t.bucket, Key="k")["UploadId"]
    code = code_of(t.s3.delete_bucket, Bucket=t.bucket)
    check(code in (("BucketNotEmpty", 409), ("", 204)), "a clean answer", code)
    if code[1] == 409:
        t.s3.abort_multipart_upload(Bucket=t.bucket, Key="k", UploadId=upload)
        t.s3.delete_bucket(Bucket=t.bucket)


@case(BOTH)
def case_unknown_bucket(t):
    name = t.bucket + "-none"
    refused("NoSuchBucket", 404, t.s3.list_objects_v2, Bucket=name)
    refused("NoSuchBucket", 404, t.s3.list_objects, Bucket=name)
    refused("NoSuchBucket", 404, t.s3.put_object, Bucket=name, Key="k", Body=b"x")
    refused("NoSuchBucket", 404, t.s3.put_object, Bucket=name, Key="k", Body=b"x" * 3_000_000)
    refused("NoSuchBucket", 404, t.s3.get_object, Bucket=name, Key="k")
    refused("NoSuchBucket", 404, t.s3.delete_object, Bucket=name, Key="k")
    refused("NoSuchBucket", 404, t.s3.create_multipart_upload, Bucket=name, Key="k")
    refused("NoSuchBucket", 404, t.s3.get_bucket_location, Bucket=name)
    refused("404", 404, t.s3.head_object, Bucket=name, Key="k")


@case(BOTH)
def case_bad_names(t):
    import botocore.session  # noqa: F401
    client = t.server.client()
    client.meta.events.unregister("before-parameter-build.s3", None)
    for name in ("ab", "Upper-Case", "under_score", "dot..dot", "-dash", "a" * 64, "192.168.1.1"):
        code = code_of(client.create_bucket, Bucket=name)
        equal(code, ("InvalidBucketName", 400), name)


@case(BOTH)
def case_sub_resources_not_implemented(t):
    calls = [
        (t.s3.get_bucket_website, {}), (t.s3.get_bucket_replication, {}),
        (t.s3.get_bucket_notification_configuration, {}),
        (t.s3.get_bucket_accelerate_configuration, {}), (t.s3.get_bucket_request_payment, {}),
    ]
    for call, more in calls:
        equal(code_of(call, Bucket=t.bucket, **more), ("NotImplemented", 501), call.__name__)


@case(BOTH)
def case_object_sub_resources_not_implemented(t):
    t.put("k", b"untouched")
    calls = [
        (t.s3.get_object_torrent, {}),
        (t.s3.restore_object, dict(RestoreRequest={"Days": 1})),
    ]
    for call, more in calls:
        code = code_of(call, Bucket=t.bucket, Key="k", **more)
        equal(code, ("NotImplemented", 501), call.__name__)
    equal(t.get("k")["Bytes"], b"untouched")


@case(BOTH)
def case_versioning_status_of_unversioned(t):
    answer = t.s3.get_bucket_versioning(Bucket=t.bucket)
    check("Status" not in answer, "never switched on: no Status", answer)
