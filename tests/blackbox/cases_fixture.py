"""Drives that earlier programs wrote, from tests/fixtures: opened, whole, and written on."""
import base64
import glob
import hashlib
import os
import subprocess

from drive_fixture import BUCKET, CONFIG, PART, body_of, unpack
from harness import case, check, equal

FIXTURES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures")


def compare(s3, objects):
    equal(len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]), len(objects), "objects listed")
    for key, size, digest, etag, number in objects:
        name = base64.b64decode(key).decode()
        answer = s3.get_object(Bucket=BUCKET, Key=name)
        body = answer["Body"].read()
        equal((len(body), hashlib.sha256(body).hexdigest()), (int(size), digest), name)
        equal((answer["ETag"], answer["Metadata"].get("number", "-")), (etag, number), name)


@case(roles=("edge", "core"))
def drives_of_earlier_programs_open(t):
    found = sorted(glob.glob(os.path.join(FIXTURES, f"{t.role}-*.txt")))
    check(found, "there are fixtures", FIXTURES)
    for path in found:
        server = t.own_server(config=CONFIG)
        with open(path, encoding="utf-8") as file:
            objects, uploads = unpack(file.read(), server.folder)
        check(len(objects) > 5, "it tells what must be found", path)
        server.start()
        s3 = server.client()
        compare(s3, objects)
        # What was begun then is ended now.
        (key, upload), = uploads
        listed = s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)["Parts"]
        equal([(p["PartNumber"], p["Size"]) for p in listed], [(1, PART)], "parts of the open upload")
        etag = listed[0]["ETag"]
        s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload,
                                     MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        check(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body_of(PART, 200), "the part of then")
        s3.delete_object(Bucket=BUCKET, Key=key)
        s3.put_object(Bucket=BUCKET, Key="new", Body=b"of now")
        server.kill()
        server.start()
        s3 = server.client()
        equal(s3.get_object(Bucket=BUCKET, Key="new")["Body"].read(), b"of now", "written on")
        s3.delete_object(Bucket=BUCKET, Key="new")
        compare(s3, objects)
        server.stop()
        folders = [word for folder in server.data for word in ("--data", folder)]
        done = subprocess.run([t.ground.binary, "check", "--role", t.role, *folders], capture_output=True, timeout=120, check=False)
        equal(done.returncode, 0, f"creel check of {os.path.basename(path)}: {done.stderr[-600:]!r}")
        t.note(f"{os.path.basename(path)}: {len(objects)} objects")
