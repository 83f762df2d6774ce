"""Names of objects: any UTF-8 up to 1,024 bytes, nothing folded."""
from harness import BOTH, Raw, case, check, code_of, equal, quote

ODD = ["//", ".", "..", "/", "a//b", "a/./b", "a/../b", "/leading", "trailing/", "a b", " lead", "trail ", "+", "a+b", "%",
       "100%", "%2F", "%zz", "a%20b", "?", "a?b=c", "#", "a#b", "&=;:@$,!~*'()", "\\", "\"quoted\"", "<xml>&amp;", "ü", "日本",
       "😀/🚀", "e\u0301", "\u00e9", "a\tb", "\u200b", "-/x", "\u00a0", "x" * 255 + "/" + "y" * 300, "k" * 1024, "ä" * 512]


@case(BOTH)
def case_odd_keys(t):
    for key in ODD:
        body = key.encode()
        t.put(key, body)
    for key in ODD:
        equal(t.get(key)["Bytes"], key.encode(), repr(key[:40]))
        equal(t.s3.head_object(Bucket=t.bucket, Key=key)["ContentLength"], len(key.encode()))
    listed = [o["Key"] for page in t.s3.get_paginator("list_objects_v2").paginate(Bucket=t.bucket)
              for o in page["Contents"]]
    equal(listed, sorted(ODD, key=str.encode))
    for key in ODD[::2]:
        t.s3.delete_object(Bucket=t.bucket, Key=key)
    rest = t.s3.delete_objects(Bucket=t.bucket, Delete={"Objects": [{"Key": k} for k in ODD[1::2] if "\t" not in k]})
    check(not rest.get("Errors"), "no errors", rest.get("Errors"))
    left = [o["Key"] for o in t.s3.list_objects_v2(Bucket=t.bucket).get("Contents", [])]
    check(all("\t" in k for k in left), "all gone", left)


@case(BOTH)
def case_too_long(t):
    for key in ("k" * 1025, "ä" * 512 + "x"):
        equal(code_of(t.s3.put_object, Bucket=t.bucket, Key=key, Body=b"x"), ("KeyTooLongError", 400))
        equal(code_of(t.s3.get_object, Bucket=t.bucket, Key=key)[1] in (400, 404), True)
        equal(code_of(t.s3.create_multipart_upload, Bucket=t.bucket, Key=key), ("KeyTooLongError", 400))


@case(BOTH)
def case_not_utf8(t):
    with Raw(t.server) as raw:
        raw.request("PUT", f"/{t.bucket}/%FF%FE", {"content-length": "1"}, b"x")
        answer = raw.answer()
        check(answer.status == 400, "bytes that are no UTF-8 are refused", answer.status, answer.code)
        raw.request("PUT", f"/{t.bucket}/%zz", {"content-length": "1"}, b"x")
        check(raw.answer().status in (400, 403), "a broken escape")


@case(BOTH)
def case_kept_as_sent(t):
    """The path on the wire decides; the server folds nothing."""
    with Raw(t.server) as raw:
        for key in ("a//b/../c", "./x", "..", "dir//"):
            raw.request("PUT", f"/{t.bucket}/{quote(key)}", {"content-length": "1"}, b"x")
            equal(raw.answer().status, 200, key)
    keys = [o["Key"] for o in t.s3.list_objects_v2(Bucket=t.bucket)["Contents"]]
    equal(keys, sorted(["a//b/../c", "./x", "..", "dir//"]))
