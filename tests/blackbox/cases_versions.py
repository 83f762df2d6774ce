"""Versioning: ids, null versions, delete markers, listings of versions, copies of older ones."""
from harness import BOTH, case, check, code_of, equal


def switch(t, status):
    t.s3.put_bucket_versioning(Bucket=t.bucket, VersioningConfiguration={"Status": status})


def versions(t, **more):
    """(key, id, is it the latest, is it a marker) of all pages, as they come."""
    out, marker = [], {}
    for _ in range(100):
        page = t.s3.list_object_versions(Bucket=t.bucket, **more, **marker)
        for kind, is_marker in (("Versions", False), ("DeleteMarkers", True)):
            out += [(v["Key"], v["VersionId"], v["IsLatest"], is_marker) for v in page.get(kind, [])]
        if not page["IsTruncated"]:
            return out
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextVersionIdMarker"):
            marker["VersionIdMarker"] = page["NextVersionIdMarker"]
    raise AssertionError("the pages do not end")


@case(BOTH)
def case_versions_live_and_die(t):
    t.put("k", b"before")
    switch(t, "Enabled")
    first = t.s3.put_object(Bucket=t.bucket, Key="k", Body=b"first")["VersionId"]
    large = b"second" * 100_000
    second = t.s3.put_object(Bucket=t.bucket, Key="k", Body=large)["VersionId"]
    marker = t.s3.delete_object(Bucket=t.bucket, Key="k")
    equal(marker["DeleteMarker"], True)
    equal(code_of(t.s3.get_object, Bucket=t.bucket, Key="k"), ("NoSuchKey", 404))
    for version, body in (("null", b"before"), (first, b"first"), (second, large)):
        equal(t.s3.get_object(Bucket=t.bucket, Key="k", VersionId=version)["Body"].read(), body)
    wanted = {("k", marker["VersionId"], True, True), ("k", second, False, False), ("k", first, False, False),
              ("k", "null", False, False)}
    for size in (1, 2, 1000):
        got = versions(t, MaxKeys=size)
        equal((set(got), len(got)), (wanted, 4), f"pages of {size}")
    equal(code_of(t.s3.delete_bucket, Bucket=t.bucket), ("BucketNotEmpty", 409))
    t.s3.delete_object(Bucket=t.bucket, Key="k", VersionId=marker["VersionId"])
    equal(t.s3.get_object(Bucket=t.bucket, Key="k")["VersionId"], second)
    t.s3.copy_object(Bucket=t.bucket, Key="k", CopySource={"Bucket": t.bucket, "Key": "k", "VersionId": first})
    equal(t.s3.get_object(Bucket=t.bucket, Key="k")["Body"].read(), b"first")
    switch(t, "Suspended")
    t.put("k", b"again")
    equal(t.s3.head_object(Bucket=t.bucket, Key="k")["VersionId"], "null")
    check(len(versions(t)) == 4, "the null version was replaced", versions(t))
    gone = [{"Key": key, "VersionId": version} for key, version, _, _ in versions(t)]
    equal(len(t.s3.delete_objects(Bucket=t.bucket, Delete={"Objects": gone})["Deleted"]), 4)
    equal(versions(t), [])
