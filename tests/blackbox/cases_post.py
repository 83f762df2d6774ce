"""POST Object: browsers' forms, signed by a policy."""
import base64
import datetime
import hashlib
import hmac
import json
import urllib.error
import urllib.request

from harness import ACCESS_KEY, BOTH, SECRET_KEY, case, check, equal, pattern

BOUNDARY = "----creel-form-7"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def encode(fields, body, filename="f.txt"):
    out = b""
    for name, value in fields.items():
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    if body is not None:
        out += (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
                f"Content-Type: text/plain\r\n\r\n").encode() + body + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


def post(url, fields, body, filename="f.txt", content_type=f"multipart/form-data; boundary={BOUNDARY}"):
    request = urllib.request.Request(url, data=encode(fields, body, filename), method="POST",
                                     headers={"Content-Type": content_type})
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def v2_fields(bucket, conditions=(), seconds=600, **fields):
    """Fields signed in the old way, as many forms in the world still are."""
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    policy = {"expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
              "conditions": [{"bucket": bucket}, ["starts-with", "$key", "up/"], *conditions]}
    encoded = base64.b64encode(json.dumps(policy).encode())
    signature = base64.b64encode(hmac.new(SECRET_KEY.encode(), encoded, hashlib.sha1).digest()).decode()
    return {"key": "up/${filename}", "AWSAccessKeyId": ACCESS_KEY, "signature": signature,
            "policy": encoded.decode(), **fields}


@case(BOTH)
def case_post_as_boto3_signs_it(t):
    form = t.s3.generate_presigned_post(t.bucket, "dir/${filename}", Fields={"Content-Type": "text/x", "x-amz-meta-a": "1"},
                                        Conditions=[{"Content-Type": "text/x"}, {"x-amz-meta-a": "1"},
                                                    ["content-length-range", 1, 3_000_000]])
    for size in (1, 70_000, 3_000_000):
        body = pattern(size)
        status, headers, _ = post(form["url"], form["fields"], body, f"n{size}")
        equal(status, 204)
        got = t.get(f"dir/n{size}")
        check(got["Bytes"] == body, "the body", size)
        equal((got["ContentType"], got["Metadata"], got["ETag"]), ("text/x", {"a": "1"}, headers["ETag"]))
    for size, code in ((0, b"EntityTooSmall"), (3_000_001, b"EntityTooLarge")):
        status, _, text = post(form["url"], form["fields"], pattern(size), "refused")
        check(status == 400 and code in text, "the length", status, text[:300])
    check("Contents" not in t.s3.list_objects_v2(Bucket=t.bucket, Prefix="dir/refused"), "nothing of it is kept")


@case(BOTH)
def case_post_answers(t):
    url = f"{t.server.url}/{t.bucket}"
    status, headers, text = post(url, v2_fields(t.bucket, [["eq", "$success_action_status", "201"]],
                                                success_action_status="201"), b"body")
    equal(status, 201)
    check(b"<PostResponse" in text and b"<Key>up/f.txt</Key>" in text and headers["Location"].endswith("/up/f.txt"),
          "PostResponse", text, headers["Location"])
    status, headers, _ = post(url, v2_fields(t.bucket, [["starts-with", "$success_action_redirect", ""]],
                                             success_action_redirect="http://localhost/done"), b"body")
    equal(status, 303)
    etag = hashlib.md5(b"body").hexdigest()
    equal(headers["Location"], f"http://localhost/done?bucket={t.bucket}&key=up%2Ff.txt&etag=%22{etag}%22")


@case(BOTH)
def case_post_refused(t):
    url = f"{t.server.url}/{t.bucket}"
    good = v2_fields(t.bucket)
    spoiled = dict(good, signature=good["signature"][:-3] + "AA=")
    without_key = {name: value for name, value in good.items() if name != "key"}
    anonymous = {"key": "up/x"}
    cases = ((spoiled, b"x", 403, b"SignatureDoesNotMatch"), (dict(good, AWSAccessKeyId="nobody"), b"x", 403, b"InvalidAccessKeyId"),
             (v2_fields(t.bucket, seconds=-5), b"x", 403, b"Policy expired."), (dict(good, extra="1"), b"x", 403, b"extra"),
             (dict(good, key="elsewhere"), b"x", 403, b"$key"), (without_key, b"x", 400, b"InvalidArgument"),
             (good, None, 400, b"exactly one file"), (dict(good, policy="!"), b"x", 403, b"SignatureDoesNotMatch"),
             (anonymous, b"x", 403, b"AccessDenied"))
    for fields, body, wanted, text in cases:
        status, _, answer = post(url, fields, body)
        check(status == wanted and text in answer, "refused", wanted, text, status, answer[:300])
    status, _, answer = post(url, {"key": "${filename}" * 3_000}, b"x", "n" * 30_000)
    check(status == 400 and b"MaxMessageLengthExceeded" in answer, "90 MB of names, unsigned", status, answer[:300])
    status, _, answer = post(url, good, b"x", content_type="text/plain")
    check(status == 412 and b"enclosure-type multipart/form-data" in answer, "no form", status, answer[:300])
    status, _, answer = post(f"{t.server.url}/no-such-bucket-here", good, b"x")
    check(status == 404 and b"NoSuchBucket" in answer, "no bucket", status, answer[:300])
    check("Contents" not in t.s3.list_objects_v2(Bucket=t.bucket), "nothing was kept")
