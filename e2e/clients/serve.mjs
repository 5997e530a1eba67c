// Runs one emulator of an AWS service on a free port of 127.0.0.1 and says where:
//   node serve.mjs dynalite|kinesalite|s3rver|sqslite [directory]
// prints its URL as the first line of standard output. It ends when standard input does.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [name, directory] = process.argv.slice(2);
const host = '127.0.0.1';

const emulators = {
  dynalite: async () => listen(require('dynalite')({ createTableMs: 20, deleteTableMs: 20, updateTableMs: 20 })),
  kinesalite: async () => listen(require('kinesalite')({ createStreamMs: 20, deleteStreamMs: 20, updateStreamMs: 20 })),
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

if (!(name in emulators)) {
  console.error(`usage: node serve.mjs ${Object.keys(emulators).join('|')} [directory]`);
  process.exit(2);
}
console.log(await emulators[name]());
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
