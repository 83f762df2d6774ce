// Cases of the JavaScript SDK v3, run by ../cases_js.py from the folder the packages were installed in.
// Arguments: endpoint, bucket, name of the case. Exit 0 if it held; else the reason on stderr.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Readable } from 'node:stream';

const require = createRequire(path.join(process.env.CREEL_JS_MODULES, 'package.json'));
const { S3Client, PutObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, DeleteObjectCommand,
        DeleteObjectsCommand, CopyObjectCommand } = require('@aws-sdk/client-s3');
const { Upload } = require('@aws-sdk/lib-storage');

const [endpoint, Bucket, name] = process.argv.slice(2);
const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1,
  credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY } });

function bytes(size) {
  const unit = crypto.createHash('sha512').update('creel').digest();
  const out = Buffer.alloc(size);
  for (let at = 0, n = 0; at < size; at += 64, ++n) {
    unit.writeUInt32LE(n, 0);
    unit.copy(out, at, 0, Math.min(64, size - at));
  }
  return out;
}

async function read(Key, more = {}) {
  const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from(await answer.Body.transformToByteArray());
}

const cases = {
  async put_get_list_delete() {
    const body = bytes(100_000);
    await client.send(new PutObjectCommand({ Bucket, Key: 'dir/ä b+.bin', Body: body, Metadata: { a: 'b' },
      ContentType: 'text/x' }));
    assert.ok((await read('dir/ä b+.bin')).equals(body));
    assert.ok((await read('dir/ä b+.bin', { Range: 'bytes=5-9' })).equals(body.subarray(5, 10)));
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'dir/ä b+.bin' }));
    assert.equal(head.ContentLength, body.length);
    assert.deepEqual(head.Metadata, { a: 'b' });
    await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${encodeURIComponent('dir/ä b+.bin')}` }));
    const list = await client.send(new ListObjectsV2Command({ Bucket }));
    assert.deepEqual(list.Contents.map((o) => o.Key), ['copy', 'dir/ä b+.bin']);
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'copy' }));
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'dir/ä b+.bin' }] } }));
    assert.equal((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
    await assert.rejects(read('copy'), (error) => error.name === 'NoSuchKey');
  },
  async stream_of_known_length() {
    const body = bytes(300_000);
    const pieces = [];
    for (let at = 0; at < body.length; at += 7001) pieces.push(body.subarray(at, at + 7001));
    await client.send(new PutObjectCommand({ Bucket, Key: 's', Body: Readable.from(pieces), ContentLength: body.length }));
    assert.ok((await read('s')).equals(body));
  },
  async upload_of_a_stream() {
    const body = bytes(13 * 1024 * 1024 + 3);
    const pieces = [];
    for (let at = 0; at < body.length; at += 65_537) pieces.push(body.subarray(at, at + 65_537));
    const upload = new Upload({ client, partSize: 5 * 1024 * 1024, queueSize: 3,
      params: { Bucket, Key: 'u', Body: Readable.from(pieces) } });
    const done = await upload.done();
    assert.match(done.ETag, /-3"$/);
    assert.ok((await read('u')).equals(body));
  },
  async conditional_create() {
    await client.send(new PutObjectCommand({ Bucket, Key: 'c', Body: 'one', IfNoneMatch: '*' }));
    await assert.rejects(client.send(new PutObjectCommand({ Bucket, Key: 'c', Body: 'two', IfNoneMatch: '*' })),
      (error) => error.$metadata.httpStatusCode === 412);
    assert.equal((await read('c')).toString(), 'one');
  },
};

await cases[name]();
