"""Tags, object lock, CORS, attributes and lifecycle, as boto3 and browsers meet them."""
import datetime
import time
import urllib.request

from harness import BOTH, case, check, code_of, equal, refused


def tag_set(**tags):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


@case(BOTH)
def case_tags_follow_their_versions(t):
    t.s3.put_bucket_versioning(Bucket=t.bucket, VersioningConfiguration={"Status": "Enabled"})
    first = t.put("k", b"one", Tagging="a=1&b=two%20words")["VersionId"]
    second = t.put("k", b"two")["VersionId"]
    equal(t.s3.get_object_tagging(Bucket=t.bucket, Key="k", VersionId=first)["TagSet"],
          tag_set(a="1", b="two words")["TagSet"])
    equal(t.s3.get_object_tagging(Bucket=t.bucket, Key="k")["TagSet"], [])
    t.s3.put_object_tagging(Bucket=t.bucket, Key="k", VersionId=second, Tagging=tag_set(c="3"))
    equal(t.s3.head_object(Bucket=t.bucket, Key="k")["TagCount"], 1)
    t.s3.delete_object_tagging(Bucket=t.bucket, Key="k", VersionId=first)
    equal(t.s3.get_object_tagging(Bucket=t.bucket, Key="k", VersionId=first)["TagSet"], [])
    refused("NoSuchTagSet", 404, t.s3.get_bucket_tagging, Bucket=t.bucket)


@case(BOTH)
def case_a_locked_version_outlives_its_owner_s_wishes(t):
    bucket = t.bucket + "-vault"
    t.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    version = t.s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE",
                              ObjectLockRetainUntilDate=until)["VersionId"]
    equal(code_of(t.s3.delete_object, Bucket=bucket, Key="k", VersionId=version), ("AccessDenied", 403))
    many = t.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}]})
    equal(many["Errors"][0]["Code"], "AccessDenied")
    t.s3.put_object_legal_hold(Bucket=bucket, Key="k", VersionId=version, LegalHold={"Status": "ON"})
    equal(code_of(t.s3.delete_object, Bucket=bucket, Key="k", VersionId=version,
                  BypassGovernanceRetention=True), ("AccessDenied", 403))
    t.s3.put_object_legal_hold(Bucket=bucket, Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    t.s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    t.s3.delete_bucket(Bucket=bucket)


@case(BOTH)
def case_parts_show_their_sizes_and_checksums(t):
    upload = t.s3.create_multipart_upload(Bucket=t.bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    where = {"Bucket": t.bucket, "Key": "k", "UploadId": upload}
    parts = []
    for number, body in ((1, b"a" * (5 << 20)), (2, b"b")):
        part = t.s3.upload_part(**where, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    t.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    got = t.s3.get_object_attributes(Bucket=t.bucket, Key="k", ObjectAttributes=["ObjectParts", "ObjectSize"])
    equal(got["ObjectSize"], (5 << 20) + 1)
    equal([(p["Size"], p["ChecksumSHA256"]) for p in got["ObjectParts"]["Parts"]],
          [(5 << 20, parts[0]["ChecksumSHA256"]), (1, parts[1]["ChecksumSHA256"])])


@case(BOTH)
def case_a_browser_asks_first(t):
    t.put("k", b"x")
    t.s3.put_bucket_cors(Bucket=t.bucket, CORSConfiguration={"CORSRules": [
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example"], "MaxAgeSeconds": 9}]})
    ask = urllib.request.Request(f"{t.server.url}/{t.bucket}/k", method="OPTIONS", headers={
        "Origin": "https://a.example", "Access-Control-Request-Method": "GET"})
    with urllib.request.urlopen(ask) as answer:
        equal((answer.status, answer.headers["Access-Control-Allow-Origin"], answer.headers["Access-Control-Max-Age"]),
              (200, "https://a.example", "9"))


@case()
def case_short_days_are_for_tests(t):
    config = "[testing]\nlifecycle_day_seconds = 1\n"
    code, said = t.own_server(config=config).start_refused()
    check(code != 0 and "--allow-testing" in said, "refused by name", code, said)
    server = t.own_server(config=config, flags=["--allow-testing"]).start()
    s3 = server.client()
    s3.create_bucket(Bucket="rules")
    s3.put_bucket_lifecycle_configuration(Bucket="rules", LifecycleConfiguration={"Rules": [
        {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1}}]})
    s3.put_object(Bucket="rules", Key="old/a", Body=b"x")
    s3.put_object(Bucket="rules", Key="new", Body=b"x")
    end = time.monotonic() + 30
    while s3.list_objects_v2(Bucket="rules")["KeyCount"] > 1:
        check(time.monotonic() < end, "it never expired")
        time.sleep(0.1)
    equal(s3.list_objects_v2(Bucket="rules")["Contents"][0]["Key"], "new")
