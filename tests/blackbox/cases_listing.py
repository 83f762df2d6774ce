"""ListObjects, ListObjectsV2, ListObjectVersions: order, prefixes, delimiters, pages, encoding."""
from harness import BOTH, case, check, code_of, equal

KEYS = ["a", "a/", "a/1", "a/2/x", "a/2/y", "a0", "b/1", "b/2", "c d", "c+d", "ä", "z/\x07", "z/z", "😀"]


def fill(t):
    for key in KEYS:
        t.put(key, key.encode())
    return sorted(KEYS, key=lambda k: k.encode())


def expected(keys, prefix, delimiter):
    """(keys, common prefixes) as a listing of all of them has it, in order."""
    out, groups = [], []
    for key in keys:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            out.append(key)
        elif key[:at + len(delimiter)] not in groups:
            groups.append(key[:at + len(delimiter)])
    return out, groups


def v2_pages(t, size, **more):
    keys, groups, token = [], [], {}
    for _ in range(100):
        page = t.s3.list_objects_v2(Bucket=t.bucket, MaxKeys=size, EncodingType="url", **more, **token)
        count = len(page.get("Contents", [])) + len(page.get("CommonPrefixes", []))
        equal(page["KeyCount"], count)
        check(count <= size, "no page is longer than asked for", count)
        keys += [o["Key"] for o in page.get("Contents", [])]
        groups += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            return keys, groups
        token = {"ContinuationToken": page["NextContinuationToken"]}
    raise AssertionError("the pages do not end")


def unquote(texts):
    import urllib.parse
    return [urllib.parse.unquote(t.replace("+", " ")) for t in texts]


@case(BOTH)
def case_v2_all_pages(t):
    keys = fill(t)
    for size in (1, 2, 3, 1000):
        for prefix in ("", "a", "a/", "none"):
            for delimiter in ("", "/", "2/"):
                more = dict(Prefix=prefix)
                if delimiter:
                    more["Delimiter"] = delimiter
                got = v2_pages(t, size, **more)
                wanted = expected(keys, prefix, delimiter)
                equal((unquote(got[0]), unquote(got[1])), wanted, f"pages of {size}, prefix {prefix!r}, {delimiter!r}")


@case(BOTH)
def case_v1_all_pages(t):
    keys = fill(t)
    for size in (1, 2, 1000):
        for delimiter in ("", "/"):
            got, groups, marker = [], [], ""
            for _ in range(100):
                page = t.s3.list_objects(Bucket=t.bucket, MaxKeys=size, Delimiter=delimiter, Marker=marker)
                got += [o["Key"] for o in page.get("Contents", [])]
                groups += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
                if not page["IsTruncated"]:
                    break
                marker = page.get("NextMarker") or page["Contents"][-1]["Key"]
            equal((got, groups), expected(keys, "", delimiter), f"pages of {size}, {delimiter!r}")


@case(BOTH)
def case_fields(t):
    etag = t.put("k", b"12345")["ETag"]
    entry = t.s3.list_objects_v2(Bucket=t.bucket, FetchOwner=True)["Contents"][0]
    equal((entry["Key"], entry["Size"], entry["ETag"], entry["StorageClass"]), ("k", 5, etag, "STANDARD"))
    check(entry["Owner"]["ID"], "the owner, when asked for")
    check("Owner" not in t.s3.list_objects_v2(Bucket=t.bucket)["Contents"][0], "else not")
    check(t.s3.list_objects(Bucket=t.bucket)["Contents"][0]["Owner"]["ID"], "V1 always names it")
    equal(t.s3.head_object(Bucket=t.bucket, Key="k")["LastModified"], entry["LastModified"].replace(microsecond=0))


@case(BOTH)
def case_start_after_and_bounds(t):
    keys = fill(t)
    got = [o["Key"] for o in t.s3.list_objects_v2(Bucket=t.bucket, StartAfter="a/2/x")["Contents"]]
    equal(got, [k for k in keys if k.encode() > b"a/2/x"])
    page = t.s3.list_objects_v2(Bucket=t.bucket, MaxKeys=0)
    equal((page["KeyCount"], page["IsTruncated"]), (0, False))
    equal(code_of(t.s3.list_objects_v2, Bucket=t.bucket, MaxKeys=-1), ("InvalidArgument", 400))
    equal(t.s3.list_objects_v2(Bucket=t.bucket, MaxKeys=100_000)["MaxKeys"], 1000)
    equal(code_of(t.s3.list_objects_v2, Bucket=t.bucket, ContinuationToken="nonsense")[1], 400)


@case(BOTH)
def case_versions_of_unversioned(t):
    keys = fill(t)
    got, marker = [], {}
    for _ in range(100):
        page = t.s3.list_object_versions(Bucket=t.bucket, MaxKeys=3, **marker)
        for version in page.get("Versions", []):
            equal((version["VersionId"], version["IsLatest"]), ("null", True))
            got.append(version["Key"])
        if not page["IsTruncated"]:
            break
        marker = dict(KeyMarker=page["NextKeyMarker"], VersionIdMarker=page.get("NextVersionIdMarker", ""))
    equal(got, keys)
    sayable = [k for k in keys if "\x07" not in k]  # XML 1.0 cannot carry that one.
    gone = t.s3.delete_objects(Bucket=t.bucket, Delete={"Objects": [{"Key": k, "VersionId": "null"} for k in sayable]})
    equal(len(gone["Deleted"]), len(sayable))
    equal(t.s3.list_objects_v2(Bucket=t.bucket)["KeyCount"], 1)
    equal(code_of(t.s3.delete_objects, Bucket=t.bucket, Delete={"Objects": [{"Key": "z/\x07"}]}), ("MalformedXML", 400))
    equal(code_of(t.s3.delete_object, Bucket=t.bucket, Key="z/\x07", VersionId="null"), ("", 204))


@case(BOTH)
def case_more_than_a_thousand(t):
    import concurrent.futures
    bucket = t.bucket
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: t.s3.put_object(Bucket=bucket, Key=f"d{i % 7}/{i:05d}", Body=b""), range(2500)))
    wanted = sorted(f"d{i % 7}/{i:05d}" for i in range(2500))
    got = [o["Key"] for page in t.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for o in page.get("Contents", [])]
    equal(got, wanted)
    groups = t.s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    equal([p["Prefix"] for p in groups["CommonPrefixes"]], [f"d{i}/" for i in range(7)])
