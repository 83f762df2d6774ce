"""Who may do what: bucket policies, anonymous callers, users by the command line, the audit log."""
import json
import os
import subprocess
import urllib.error
import urllib.request

from harness import ACCESS_KEY, BOTH, SECRET_KEY, boto_client, case, check, equal


def nobody(t, path, method="GET", data=None):
    request = urllib.request.Request(f"{t.server.url}/{path}", method=method, data=data)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def refused(call, **more):
    try:
        call(**more)
    except Exception as error:  # botocore's own; the import is the harness's.
        return error.response["Error"]["Code"]
    return "nothing"


@case(BOTH)
def case_policy_opens_what_it_names(t):
    t.put("open/a", b"for all")
    t.put("shut/a", b"for few")
    equal(nobody(t, f"{t.bucket}/open/a")[0], 403)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
         "Resource": f"arn:aws:s3:::{t.bucket}/open/*"}]})
    t.s3.put_bucket_policy(Bucket=t.bucket, Policy=policy)
    equal(t.s3.get_bucket_policy(Bucket=t.bucket)["Policy"], policy)
    check(t.s3.get_bucket_policy_status(Bucket=t.bucket)["PolicyStatus"]["IsPublic"], "it is public")
    equal(nobody(t, f"{t.bucket}/open/a"), (200, b"for all"))
    equal(nobody(t, f"{t.bucket}/shut/a")[0], 403)
    equal(nobody(t, f"{t.bucket}/open/b", "PUT", b"x")[0], 403)
    t.s3.delete_bucket_policy(Bucket=t.bucket)
    equal(nobody(t, f"{t.bucket}/open/a")[0], 403)


@case()
def case_users_live_through_a_restart(t):
    folder = t.ground.folder("access")
    key_file = os.path.join(folder, "master.key")
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write("k" * 40)
    audit = os.path.join(folder, "audit.log")
    server = t.own_server(config=f'[s3]\nmaster_key = "file:{key_file}"\n[audit]\nfile = "{audit}"\n'
                               "[store]\nbytes = 67108864\nsegment_bytes = 4194304\n").start()

    def creel(*words):
        env = dict(os.environ, CREEL_ROOT_ACCESS_KEY=ACCESS_KEY, CREEL_ROOT_SECRET_KEY=SECRET_KEY)
        done = subprocess.run([t.ground.binary, *words, "--endpoint", server.url], capture_output=True, text=True,
                              timeout=60, env=env, stdin=subprocess.DEVNULL)
        check(done.returncode == 0, "creel", words, done.stderr)
        return json.loads(done.stdout)

    document = os.path.join(folder, "reader.json")
    with open(document, "w", encoding="utf-8") as file:
        json.dump({"Version": "2012-10-17", "Statement": [
            {"Sid": "home", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": "arn:aws:s3:::things/${aws:username}/*"}]}, file)
    server.client().create_bucket(Bucket="things")
    creel("user", "add", "ann")
    creel("group", "add", "staff")
    creel("policy", "put", "home", document)
    creel("group", "attach", "staff", "home")
    creel("user", "join", "ann", "staff")
    key = creel("key", "add", "ann")
    for _ in range(2):
        ann = boto_client(server.url, key["access_key"], key["secret_key"])
        ann.put_object(Bucket="things", Key="ann/a", Body=b"mine")
        equal(refused(ann.put_object, Bucket="things", Key="bob/a", Body=b"x"), "AccessDenied")
        equal(refused(ann.list_objects_v2, Bucket="things"), "AccessDenied")
        equal(server.stop()[0], 0)
        server.start()
    # What the server did is told, with the statement that decided.
    answer = boto_client(server.url, key["access_key"], key["secret_key"]).get_object(Bucket="things", Key="ann/a")
    told = creel("explain", answer["ResponseMetadata"]["RequestId"], "--json")
    equal((told["decision"], told["why"]), ("allow", "user policy"))
    check("statement 1 (home)" in told["statement"] and told["who"].endswith("user/ann"), "the statement", told)
    # Keys change without a restart.
    second = creel("key", "add", "ann")
    creel("key", "disable", key["access_key"])
    old = boto_client(server.url, key["access_key"], key["secret_key"])
    equal(refused(old.get_object, Bucket="things", Key="ann/a"), "InvalidAccessKeyId")
    boto_client(server.url, second["access_key"], second["secret_key"]).get_object(Bucket="things", Key="ann/a")
    equal(server.stop()[0], 0)
    # Nothing secret on the drives, and an audit log that holds.
    for place, _, names in os.walk(server.folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                check(key["secret_key"].encode() not in file.read(), "a secret in", name)
    with open(audit, encoding="utf-8") as file:
        text = file.read()
    check(key["secret_key"] not in text and "user/ann" in text, "the audit log")
    done = subprocess.run([t.ground.binary, "audit", "verify", audit], capture_output=True, text=True, timeout=60)
    equal(done.returncode, 0)
    with open(audit, "w", encoding="utf-8") as file:
        file.write(text.replace('"deny"', '"allow"', 1))
    done = subprocess.run([t.ground.binary, "audit", "verify", audit], capture_output=True, text=True, timeout=60)
    check(done.returncode == 1 and "was changed" in done.stdout, "the changed line", done.stdout)
