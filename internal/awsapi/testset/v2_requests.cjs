// Serialise every operation of every service with the AWS SDK for JavaScript v2;
// send nothing. Prints what botocore_requests.py prints.
//
//	node v2_requests.cjs NODE_MODULES [ENDPOINT] > requests.ndjson
"use strict";
const path = require("path");
const fs = require("fs");
const { text } = require("./samples.cjs");
const [modules, endpoint] = process.argv.slice(2);
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const AWS = require(path.join(modules, "aws-sdk"));
const { version } = require(path.join(modules, "aws-sdk/package.json"));

AWS.config.update({ region: "us-west-2", credentials: new AWS.Credentials("AKIDEXAMPLE", "secret"), paramValidation: false, maxRetries: 0 });
AWS.config.token = new AWS.Token({ token: "t" });

function value(shape, name, full, seed, depth) {
  switch (shape.type) {
    case "structure": {
      if (shape.isDocument) return { a: 1 };
      const out = {};
      for (const m of shape.memberNames ?? []) {
        const member = shape.members[m];
        if (!(shape.required ?? []).includes(m) && !(full && depth < 3)) continue;
        if (member.isEventStream || member.streaming && !full) continue;
        if (shape.union && Object.keys(out).length) break;
        out[m] = value(member, m, full, seed, depth + 1);
      }
      return out;
    }
    case "list":
      return depth < 8 ? [value(shape.member, name, full, seed, depth + 1)] : [];
    case "map":
      return depth < 8 ? { key1: value(shape.value, "", full, seed, depth + 1) } : {};
    case "timestamp":
      return new Date(1767323045000);
    case "boolean":
      return true;
    case "integer": case "long": case "short": case "byte":
      return 1;
    case "float": case "double":
      return 1.5;
    case "blob":
      return Buffer.from("blob\0data");
    default:
      if (shape.enum) return shape.enum[0];
      return text(name, full, seed);
  }
}

let done = 0, failed = 0;
async function main() {
  for (const name of Object.keys(AWS)) {
    const Service = AWS[name];
    if (!Service || !Service.serviceIdentifier || !Service.services) continue;
    for (const style of [true, false]) {
      if (!style && name !== "S3") continue;
      let service;
      try {
        service = new Service({ endpoint: endpoint ?? (name === "IotData" || name === "CloudSearchDomain" ? Service.serviceIdentifier + ".us-west-2.amazonaws.com" : undefined), s3ForcePathStyle: style, hostPrefixEnabled: !endpoint });
      } catch (e) {
        console.error(name, e.message);
        continue;
      }
      for (const [method, operation] of Object.entries(service.api.operations)) {
        for (const full of [false, true]) {
          const params = operation.input ? value(operation.input, "", full, operation.name, 0) : {};
          delete params.EndpointId; // of EventBridge, refused by this SDK
          const request = service.makeRequest(method, params);
          const error = await new Promise((resolve) => {
            try {
              request.runTo("sign", resolve);
              setTimeout(resolve, 1000, new Error("timeout"));
            } catch (e) {
              resolve(e);
            }
          });
          const http = request.httpRequest;
          if (error || !http.path) {
            failed++;
            console.error(name, method, full, String(error).slice(0, 150));
            continue;
          }
          let body = http.body ?? "";
          if (typeof body.read === "function") body = "";
          done++;
          const signing = service.api.signingName || service.api.endpointPrefix;
          fs.writeSync(1, JSON.stringify({ sdk: "aws-sdk-js " + version, service: service.getSigningName ? service.getSigningName(request) ?? signing : signing, service_id: service.api.serviceId, action: method[0].toUpperCase() + method.slice(1) && operation.name.replace(/\d{4}_\d{2}_\d{2}$/, ""),
            method: http.method, url: `${http.endpoint.protocol}//${http.endpoint.host}${http.path}`, headers: http.headers, body: Buffer.from(body).subarray(0, 4096).toString("base64") }) + "\n");
        }
      }
    }
  }
  console.error(done, "requests,", failed, "could not be made");
  process.exit(0);
}
main();
