// Runs one emulator of an AWS service on a free port of 127.0.0.1 and says where:
//   node serve.mjs dynalite|kinesalite|kinesis-local|s3rver|sqslite [directory]
// prints its URL as the first line of standard output. It ends when standard input does.
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';

const require = createRequire(import.meta.url);
const [name, directory] = process.argv.slice(2);
const host = '127.0.0.1';

const emulators = {
  dynalite: async () => listen(require('dynalite')({ createTableMs: 20, deleteTableMs: 20, updateTableMs: 20 })),
  kinesalite: async () => listen(require('kinesalite')({ createStreamMs: 20, deleteStreamMs: 20, updateStreamMs: 20 })),
  'kinesis-local': async () => {
    // It reads a certificate from its working directory, and its ports from the environment.
    process.chdir(dirname(require.resolve('kinesis-local/package.json')));
    const [plain, tls] = [await freePort(), await freePort()];
    const soon = ['CREATE_STREAM', 'DELETE_STREAM', 'REGISTER_STREAM_CONSUMER', 'SPLIT_SHARD', 'MERGE_SHARDS'].map((of) => [`${of}_DURATION`, '20ms']);
    Object.assign(process.env, Object.fromEntries(soon), { KINESIS_MOCK_PLAIN_PORT: plain, KINESIS_MOCK_TLS_PORT: tls, LOG_LEVEL: 'ERROR' });
    process.argv.length = 2;
    await import('kinesis-local/main.js');
    while (!(await accepts(plain))) await new Promise((next) => setTimeout(next, 20));
    return `http://${host}:${plain}`;
  },
  s3rver: async () => {
    const S3rver = require('s3rver');
    const { port } = await new S3rver({ address: host, port: 0, silent: true, directory }).run();
    return `http://${host}:${port}`;
  },
  sqslite: async () => {
    const server = require('sqslite')({});
    await server.listen({ host, port: 0 });
    return `http://${host}:${server.server.address().port}`;
  },
};

function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => resolve(`http://${host}:${server.address().port}`));
  });
}

// freePort is one that nobody listened on a moment ago, for what cannot listen on port 0 and say what it got.
async function freePort() {
  const server = createServer();
  const { port } = new URL(await listen(server));
  server.close();
  return port;
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(socket.end() && true));
    socket.once('error', () => resolve(false));
  });
}

if (!(name in emulators)) {
  console.error(`usage: node serve.mjs ${Object.keys(emulators).join('|')} [directory]`);
  process.exit(2);
}
console.log(await emulators[name]());
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
