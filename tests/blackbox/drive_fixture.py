"""Drives as earlier programs wrote them, kept as text: every later program must open them.

    python3 tests/blackbox/drive_fixture.py --binary build/release/creel --role edge --out tests/fixtures/edge-DATE.txt

makes one with today's program; do that whenever a format on the drive changes, and keep the older files. Of each file only
what is not zero is kept: `file PATH BYTES`, then `OFFSET BASE64` lines. `object` lines tell what must be found; the file's name begins
with the role.
"""
import argparse
import base64
import hashlib
import os
import sys
import tempfile

from harness import Ground, Trial

PIECE = 64  # Bytes; runs of pieces that are not all zero are kept.
LINE = 72  # Bytes on a line.
BUCKET = "kept"
CONFIG = "[log]\nrequests = false\n[store]\nsegment_bytes = 8388608\n"
PART = 5 << 20


def body_of(size, number):
    """Mostly zeros, so that a large one takes little room as text; its numbers tell where bytes belong."""
    out = bytearray(size)
    for at in range(0, size, 65_536):
        text = b"body %d at %d" % (number, at)
        out[at:at + len(text)] = text[:size - at]
    return bytes(out)


def pack(folder, out):
    for root, dirs, names in os.walk(folder):
        dirs[:] = sorted(d for d in dirs if d != "idx")  # An index never travels (docs/formats/index.md).
        for name in sorted(set(names) - {"lock", "log", "creel.toml"}):
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                content = file.read()
            out.append(f"file {os.path.relpath(path, folder)} {len(content)}")
            at = 0
            while at < len(content):
                if not any(content[at:at + PIECE]):
                    at += PIECE
                    continue
                end = at
                while end < len(content) and end - at < LINE and any(content[end:end + PIECE]):
                    end += PIECE
                end = min(end, at + LINE, len(content))
                out.append(f"{at} {base64.b64encode(content[at:end]).decode()}")
                at = end


def unpack(text, folder):
    """Writes the files below `folder`; gives back the fields of all `object` lines, and of the one `upload` line."""
    objects, uploads, file = [], [], None
    for line in text.splitlines():
        words = line.split(" ")
        if line.startswith("#") or not line:
            continue
        if words[0] == "object":
            objects.append(words[1:])
        elif words[0] == "upload":
            uploads.append(words[1:])
        elif words[0] == "file":
            path = os.path.join(folder, words[1])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if file:
                file.close()
            file = open(path, "wb")
            file.truncate(int(words[2]))
        else:
            file.seek(int(words[0]))
            file.write(base64.b64decode(words[1]))
    file.close()
    return objects, uploads


def fill(s3):
    """Everything that has a format of its own. Gives back the lines that tell what must be found."""
    s3.create_bucket(Bucket=BUCKET)
    for number, size in enumerate((0, 1, 700, 65_536, 300_000, 2_500_000)):
        s3.put_object(Bucket=BUCKET, Key=f"plain/{number}", Body=body_of(size, number), ContentType="text/x-kept",
                      Metadata={"number": str(number)})
    s3.put_object(Bucket=BUCKET, Key="plain/1", Body=body_of(900, 77), Metadata={"number": "77"})
    s3.put_object(Bucket=BUCKET, Key="long/" + "k" * 1_000 + "/é☃", Body=b"a long name")
    s3.delete_object(Bucket=BUCKET, Key="plain/2")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "plain/5"})
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    done = []
    for part, size in ((1, PART), (2, 1_000)):
        answer = s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=part, Body=body_of(size, 100 + part))
        done.append({"PartNumber": part, "ETag": answer["ETag"]})
    s3.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload={"Parts": done})
    unfinished = s3.create_multipart_upload(Bucket=BUCKET, Key="unfinished")["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key="unfinished", UploadId=unfinished, PartNumber=1, Body=body_of(PART, 200))
    lines = []
    for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        answer = s3.get_object(Bucket=BUCKET, Key=entry["Key"])
        body = answer["Body"].read()
        key = base64.b64encode(entry["Key"].encode()).decode()
        lines.append(f"object {key} {len(body)} {hashlib.sha256(body).hexdigest()} {answer['ETag']} "
                     f"{answer['Metadata'].get('number', '-')}")
    return lines + [f"upload unfinished {unfinished}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--role", choices=("edge", "core"), required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    trial = Trial(Ground(os.path.abspath(arguments.binary)), arguments.role)
    try:
        server = trial.own_server(folder=tempfile.mkdtemp(), config=CONFIG).start()
        lines = [f"# {os.path.basename(arguments.out)}: a drive as it was written, see tests/blackbox/drive_fixture.py"]
        lines += fill(server.client())
        server.stop()
        pack(server.folder, lines)
    finally:
        trial.close()
    with open(arguments.out, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
