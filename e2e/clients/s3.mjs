// Uses S3 through the AWS SDK for JavaScript, v3, and prints what it saw.
// Endpoint and credentials come from the environment.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteBucketCommand,
  DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, paginateListObjectsV2,
  PutObjectCommand, S3Client, UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const Bucket = 'js-bucket';
const s3 = new S3Client({ forcePathStyle: true });

const steps = {
  async create() {
    await s3.send(new CreateBucketCommand({ Bucket }));
    return 'created';
  },

  async put() {
    const bodies = { text: 'héllo', empty: '', bytes: noise(300_000), stream: Readable.from(pieces(noise(1_000_000))) };
    const saw = [];
    for (const [name, Body] of Object.entries(bodies)) {
      const length = name === 'stream' ? { ContentLength: 1_000_000 } : {};
      const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: `put/${name}`, Body, ...length, Metadata: { name }, ContentType: 'application/x-e2e' }));
      saw.push(name, ETag, await digest(`put/${name}`));
    }
    return saw;
  },

  async head() {
    const { ContentLength, ContentType, ETag, Metadata } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'put/bytes' }));
    return [ContentLength, ContentType, ETag, JSON.stringify(Metadata)];
  },

  async range() {
    return [await digest('put/bytes', { Range: 'bytes=1000-1999' })];
  },

  async keys() {
    const saw = [];
    for (const key of ['a b', 'c+d=é$@:!*()~', '%2F', '_$folder$', 'q?x=1&y', 'ü/日本/€']) {
      await s3.send(new PutObjectCommand({ Bucket, Key: `keys/${key}`, Body: key }));
      saw.push(key, await digest(`keys/${key}`));
    }
    return saw;
  },

  async list() {
    const saw = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket, Prefix: 'keys/', Delimiter: '/' })) {
      for (const { Key, Size, ETag } of page.Contents ?? []) saw.push(Key, Size, ETag);
      for (const { Prefix } of page.CommonPrefixes ?? []) saw.push(Prefix);
    }
    return saw;
  },

  async multipart() {
    const upload = new Upload({ client: s3, params: { Bucket, Key: 'big', Body: noise(20 << 20) }, partSize: 5 << 20, queueSize: 4 });
    const { ETag } = await upload.done();
    return [ETag, await digest('big')];
  },

  async multipartCopy() {
    const target = { Bucket, Key: 'big copy' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(target));
    const half = 10 << 20;
    const Parts = await Promise.all([1, 2].map(async (PartNumber) => {
      const CopySourceRange = `bytes=${(PartNumber - 1) * half}-${PartNumber * half - 1}`;
      const { CopyPartResult } = await s3.send(new UploadPartCopyCommand({ ...target, UploadId, PartNumber, CopySource: `${Bucket}/big`, CopySourceRange }));
      return { PartNumber, ETag: CopyPartResult.ETag };
    }));
    const { ETag } = await s3.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
    return [ETag, await digest('big copy')];
  },

  async copy() {
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/keys/a%20b` }));
    return [await digest('copy')];
  },

  async presigned() {
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'pre signed' }), { expiresIn: 600 });
    const sent = await fetch(put, { method: 'PUT', body: 'presigned body' });
    const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'pre signed', ResponseContentType: 'text/x;a=b' }), { expiresIn: 600 });
    const got = await fetch(get);
    return [sent.status, got.status, got.headers.get('content-type'), await got.text()];
  },

  async errors() {
    return [
      await code(new GetObjectCommand({ Bucket, Key: 'missing' })),
      await code(new HeadObjectCommand({ Bucket, Key: 'missing' })),
      await code(new ListObjectsV2Command({ Bucket: 'no-such-bucket' })),
    ];
  },

  async delete() {
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'copy' }));
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
    const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
    return [Deleted.length];
  },
};

async function digest(Key, options = {}) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...options }));
  const data = await Body.transformToByteArray();
  return `${data.length}:${createHash('sha256').update(data).digest('hex').slice(0, 16)}`;
}

// code is what an application would switch on.
async function code(command) {
  try {
    await s3.send(command);
    return 'ok';
  } catch (e) {
    return e.name;
  }
}

// noise is n bytes that look random, the same in every run.
function noise(n) {
  const data = Buffer.alloc(n);
  for (let i = 0, x = 42; i < n; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    data[i] = x >>> 24;
  }
  return data;
}

function* pieces(data) {
  for (let i = 0; i < data.length; i += 70_001) yield data.subarray(i, i + 70_001);
}

for (const [name, step] of Object.entries(steps)) {
  console.log(`${name}:`, [await step()].flat().join(' '));
}
