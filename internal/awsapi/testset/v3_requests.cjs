// Serialise every operation of every service with the AWS SDK for JavaScript v3;
// send nothing. Prints what botocore_requests.py prints.
//
//	node v3_requests.cjs NODE_MODULES [ENDPOINT] > requests.ndjson
"use strict";
const path = require("path");
const fs = require("fs");
const { text } = require("./samples.cjs");
const [modules, endpoint] = process.argv.slice(2);
process.emitWarning = () => {};

// value makes a value for a schema array, see gen/extract.cjs.
function value(schema, name, full, seed, depth) {
  while (typeof schema === "function") schema = schema();
  if (Array.isArray(schema) && schema.length === 2) return value(schema[0], name, full, seed, depth);
  if (typeof schema === "string") return {};
  if (typeof schema === "number") {
    if (schema >= 128) return { key1: value(schema & 127, "", full, seed, depth + 1) };
    if (schema >= 64) return [value(schema & 63, name, full, seed, depth + 1)];
    switch (schema) {
      case 1: case 17: case 19: return 1;
      case 2: return true;
      case 4: case 5: case 6: case 7: return new Date(1767323045000);
      case 15: return { a: 1 };
      case 21: case 42: return Buffer.from("blob\0data");
      default: return text(name, full, seed);
    }
  }
  switch (schema[0]) {
    case 0: return value(schema[4], name, full, seed, depth);
    case 1: return depth < 8 ? [value(schema[4], name, full, seed, depth + 1)] : [];
    case 2: return depth < 8 ? { key1: value(schema[5], "", full, seed, depth + 1) } : {};
    default: {
      if (schema[3] && schema[3].streaming) return (async function* () {})();
      const out = {};
      const required = schema[6] ?? 0;
      schema[4].forEach((member, i) => {
        if (i >= required && !(full && depth < 3)) return;
        if (schema[0] === 4 && Object.keys(out).length) return;
        out[member] = value(schema[5][i], member, full, seed, depth + 1);
      });
      return out;
    }
  }
}

// Timestream asks for its endpoint before every other call.
const discovery = (request) => /\.DescribeEndpoints$/.test(request.headers["x-amz-target"] ?? "") && !wanted;
const discovered = () => ({ response: { statusCode: 200, headers: { "content-type": "application/x-amz-json-1.0" }, body: require("stream").Readable.from([Buffer.from('{"Endpoints":[{"Address":"query-cell1.timestream.us-west-2.amazonaws.com","CachePeriodInMinutes":1440}]}')]) } });
let wanted = false; // DescribeEndpoints itself

let done = 0, failed = 0;
async function main() {
  for (const pkg of fs.readdirSync(path.join(modules, "@aws-sdk")).filter((n) => n.startsWith("client-")).sort()) {
    const sdk = require(path.join(modules, "@aws-sdk", pkg));
    const { version } = require(path.join(modules, "@aws-sdk", pkg, "package.json"));
    const Client = Object.entries(sdk).find(([n, v]) => n.endsWith("Client") && n !== "__Client" && typeof v === "function")[1];
    for (const style of [true, false]) {
      if (!style && pkg !== "client-s3") continue;
      let captured;
      const client = new Client({
        region: "us-west-2", credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", accountId: "123456789012" }, token: { token: "t" }, maxAttempts: 1,
        ...(endpoint ? { endpoint, disableHostPrefix: true } : {}), forcePathStyle: style,
        requestHandler: { handle: async (request) => { if (discovery(request)) return discovered(); captured = request; throw new Error("captured"); }, destroy() {}, metadata: { handlerProtocol: "http/1.1" } },
      });
      for (const operation of Object.values(sdk).filter((v) => Array.isArray(v) && v[0] === 9)) {
        const Command = sdk[operation[2] + "Command"];
        if (!Command) continue;
        for (const full of [false, true]) {
          captured = undefined;
          wanted = operation[2] === "DescribeEndpoints";
          let error;
          try {
            const input = value(operation[4], "", full, operation[2], 0);
            if (pkg === "client-s3" && "Body" in input) input.Body = "blob";
            await Promise.race([client.send(new Command(input)), new Promise((_, reject) => setTimeout(reject, 500, new Error("timeout")).unref())]);
          } catch (e) {
            error = e;
          }
          if (!captured) {
            failed++;
            console.error(pkg, operation[2], full, String(error).slice(0, 150));
            continue;
          }
          let query = Object.entries(captured.query ?? {}).flatMap(([k, v]) => [v].flat().map((w) => encodeURIComponent(k) + (w === null ? "" : "=" + encodeURIComponent(w)))).join("&");
          if (query) query = "?" + query;
          let body = captured.body;
          if (typeof body !== "string" && !(body instanceof Uint8Array)) body = "";
          const scope = /Credential=[^/]*\/\d+\/[^/]*\/([^/]*)\/aws4_request/.exec(captured.headers.authorization ?? "");
          done++;
          fs.writeSync(1, JSON.stringify({ sdk: "aws-sdk-js-v3 " + version, service: scope ? scope[1] : client.config.signingName ?? client.config.defaultSigningName ?? "", service_id: client.config.serviceId, action: operation[2],
            method: captured.method, url: `${captured.protocol}//${captured.hostname}${captured.port ? ":" + captured.port : ""}${captured.path}${query}`, headers: captured.headers, body: Buffer.from(body).subarray(0, 4096).toString("base64") }) + "\n");
        }
      }
    }
  }
  console.error(done, "requests,", failed, "could not be made");
  process.exit(0);
}
main();
