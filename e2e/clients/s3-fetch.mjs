// Uses S3 through aws4fetch, which signs a plain fetch, and prints what it saw. The endpoint comes in AWS_ENDPOINT_URL.
import { AwsClient } from 'aws4fetch';

const { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
const client = new AwsClient({ accessKeyId, secretAccessKey, service: 's3', region: 'us-east-1', retries: 0 });
const bucket = `${endpoint}/fetch-bucket`;

async function show(step, response) {
  const body = Buffer.from(await (await response).arrayBuffer());
  const { status, headers } = await response;
  const xml = (headers.get('content-type') ?? '').includes('xml');
  const keys = body.toString().match(/<(Key|Code)>[^<]*/g) ?? '';
  console.log(step, status, xml ? `${keys}` : body.length > 80 ? `${body.length} bytes` : body.toString());
}

await show('create', client.fetch(bucket, { method: 'PUT' }));
for (const key of ['plain.txt', 'with%20space', '%C3%BC/%E6%97%A5', 'a%2Bb', "it's*(1)!~"]) {
  await show(`put ${key}`, client.fetch(`${bucket}/${key}`, { method: 'PUT', body: `body of ${key}` }));
  await show(`get ${key}`, client.fetch(`${bucket}/${key}`));
  await show(`presigned ${key}`, fetch(await client.sign(`${bucket}/${key}`, { aws: { signQuery: true } })));
}
await show('bytes', client.fetch(`${bucket}/bytes`, { method: 'PUT', body: new Uint8Array(3_000_000) }));
await show('range', client.fetch(`${bucket}/bytes`, { headers: { Range: 'bytes=1-5' } }));
await show('none', client.fetch(`${bucket}/none`));
await show('list', client.fetch(`${bucket}?list-type=2&max-keys=4`));
for (const key of ['plain.txt', 'with%20space', '%C3%BC/%E6%97%A5', 'a%2Bb', "it's*(1)!~", 'bytes']) {
  await show(`delete ${key}`, client.fetch(`${bucket}/${key}`, { method: 'DELETE' }));
}
await show('remove', client.fetch(bucket, { method: 'DELETE' }));
