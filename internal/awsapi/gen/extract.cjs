// Prints, one JSON value a line, what only JavaScript can tell the generator:
// the models inside the AWS SDK for JavaScript v3, in the form of a service-2.json
// ("model"), every service's endpoints, evaluated from its rule set
// ("endpoints"), and the partitions ("partitions").
//
//	node extract.cjs NODE_MODULES [BOTOCORE_DATA]
"use strict";
const fs = require("fs");
const path = require("path");

const [modules, botocore] = process.argv.slice(2);
const from = (name) => require(path.join(modules, name));
process.emitWarning = () => {}; // about the age of Node
const print = (value) => fs.writeSync(1, JSON.stringify(value) + "\n");

const { awsEndpointFunctions, partition } = from("@aws-sdk/core/dist-cjs/submodules/client/index.js");
const { customEndpointFunctions, resolveEndpoint } = from("@smithy/core/dist-cjs/submodules/endpoints/index.js");
customEndpointFunctions.aws = awsEndpointFunctions;

const partitions = JSON.parse(fs.readFileSync(botocore
  ? path.join(botocore, "partitions.json")
  : path.join(modules, "@aws-sdk/util-endpoints/dist-cjs/lib/aws/partitions.json")));
print({ kind: "partitions", partitions: partitions.partitions });
const regions = partitions.partitions.flatMap((p) => Object.keys(p.regions));

// endpoints evaluates a rule set for every region and variant.
function endpoints(serviceId, source, resolve) {
  const rows = [];
  for (const region of regions) {
    for (const variant of [0, 1, 2, 3]) {
      for (const account of ["", "111122223333"]) {
        const params = { Region: region, ApiType: "ControlPlane", UseFIPS: !!(variant & 1), UseDualStack: !!(variant & 2) };
        if (account) Object.assign(params, { AccountId: account, AccountIdEndpointMode: "preferred", RequiresAccountId: true });
        let r;
        try {
          r = resolve(params);
        } catch {
          continue;
        }
        const url = new URL(r.url);
        const auth = (r.properties?.authSchemes ?? []).find((a) => /^sigv4/.test(a.name)) ?? {};
        rows.push([region, variant, account ? 1 : 0, url.host, url.pathname, auth.signingName ?? "", auth.signingRegion ?? ""]);
      }
    }
  }
  print({ kind: "endpoints", serviceId, source, rows });
}

const simple = { 0: "string", 1: "integer", 2: "boolean", 4: "timestamp", 5: "timestamp", 6: "timestamp", 7: "timestamp", 15: "document", 17: "bigInteger", 19: "bigDecimal", 21: "blob", 42: "blob" };
const formats = { 5: "iso8601", 6: "rfc822", 7: "unixTimestamp" };
const bits = ["httpLabel", "idempotent", "idempotencyToken", "sensitive", "httpPayload", "httpResponseCode", "httpQueryParams"];

// Converter turns the schema arrays of one client into the shapes of a service-2.json.
class Converter {
  shapes = {};
  names = new Map();

  traits(t) {
    if (typeof t === "object") return t ?? {};
    return Object.fromEntries(bits.filter((_, i) => (t >> i) & 1).map((name) => [name, 1]));
  }

  // ref returns a definition or a reference for a schema, with the traits of the place.
  ref(schema) {
    while (typeof schema === "function") schema = schema();
    if (Array.isArray(schema) && schema.length === 2) {
      const out = this.ref(schema[0]);
      return { ...out, ...this.place(this.traits(schema[1])) };
    }
    if (typeof schema === "string") return { type: "structure", members: {} }; // "unit"
    if (typeof schema === "number") {
      if (schema >= 128) return { type: "map", key: { type: "string" }, value: this.ref(schema & 127) };
      if (schema >= 64) return { type: "list", member: this.ref(schema & 63) };
      const out = { type: simple[schema] ?? "string" };
      if (formats[schema]) out.timestampFormat = formats[schema];
      if (schema === 42) out.streaming = true;
      return out;
    }
    let name = this.names.get(schema);
    if (!name) {
      name = schema[2];
      while (this.shapes[name]) name += "_";
      this.names.set(schema, name);
      this.shapes[name] = {};
      Object.assign(this.shapes[name], this.define(schema));
    }
    return { shape: name };
  }

  define(schema) {
    const [kind, , , traits] = schema;
    const t = this.traits(traits);
    const own = t.sensitive ? { sensitive: true } : {};
    switch (kind) {
      case 0:
        return { ...this.ref(schema[4]), ...own };
      case 1:
        return { type: "list", member: this.ref(schema[4]), ...own };
      case 2:
        return { type: "map", key: this.ref(schema[4]), value: this.ref(schema[5]), ...own };
      default: {
        const out = { type: "structure", members: {}, ...own };
        if (kind === 4) out.union = true;
        const eventStream = !!t.streaming;
        if (eventStream) out.eventstream = true;
        schema[4].forEach((member, i) => {
          const ref = this.ref(schema[5][i]);
          if (ref.location === "uri") ref.locationName = member;
          if (ref.payload) out.payload = member;
          delete ref.payload;
          out.members[member] = ref;
        });
        out.required = schema[4].slice(0, schema[6] ?? 0);
        return out;
      }
    }
  }

  // place translates the traits of a member.
  place(t) {
    const out = {};
    if (t.jsonName) out.locationName = t.jsonName;
    if (t.xmlName) out.xmlName = t.xmlName;
    if (t.ec2QueryName) out.queryName = t.ec2QueryName;
    if (t.httpLabel) out.location = "uri";
    if (t.httpHeader) Object.assign(out, { location: "header", locationName: t.httpHeader });
    if (t.httpPrefixHeaders !== undefined) Object.assign(out, { location: "headers", locationName: t.httpPrefixHeaders });
    if (t.httpQuery) Object.assign(out, { location: "querystring", locationName: t.httpQuery });
    if (t.httpQueryParams) out.location = "querystring";
    if (t.httpResponseCode) out.location = "statusCode";
    if (t.httpPayload) out.payload = true;
    if (t.xmlFlattened) out.flattened = true;
    if (t.xmlAttribute) out.xmlAttribute = true;
    if (t.idempotencyToken) out.idempotencyToken = true;
    if (t.sensitive) out.sensitive = true;
    if (t.hostLabel) out.hostLabel = true;
    return out;
  }
}

const protocols = { AwsJson1_0Protocol: ["json", "1.0"], AwsJson1_1Protocol: ["json", "1.1"], AwsRestJsonProtocol: ["rest-json"], AwsRestXmlProtocol: ["rest-xml"], S3RestXmlProtocol: ["rest-xml"], AwsQueryProtocol: ["query"], AwsEc2QueryProtocol: ["ec2"], AwsSmithyRpcV2CborProtocol: ["smithy-rpc-v2-cbor"], SmithyRpcV2CborProtocol: ["smithy-rpc-v2-cbor"] };

// noAuth reports whether the client sends an operation unsigned by choice.
function noAuth(config, operation) {
  try {
    return config.httpAuthSchemeProvider({ operation, region: "us-east-1" })[0]?.schemeId === "smithy.api#noAuth";
  } catch {
    return false;
  }
}

function model(source, client, sdk) {
  const { config } = client;
  const operations = Object.values(sdk).filter((v) => Array.isArray(v) && v[0] === 9);
  const [protocol, jsonVersion] = protocols[(typeof config.protocol === "function" ? config.protocol : config.protocol?.constructor)?.name] ?? [];
  if (!operations.length) return;
  if (!protocol) throw new Error(`${source}: unknown protocol ${config.protocol?.constructor?.name}`);
  const settings = config.protocolSettings ?? {};
  const converter = new Converter();
  const out = {
    metadata: { serviceId: config.serviceId, apiVersion: config.apiVersion, protocol, jsonVersion, signingName: config.signingName ?? config.defaultSigningName, targetPrefix: settings.serviceTarget, queryCompatible: settings.awsQueryCompatible },
    operations: {},
    shapes: converter.shapes,
  };
  for (const [, , name, traits, input, output] of operations) {
    const t = converter.traits(traits);
    const operation = { name, input: converter.ref(input), output: converter.ref(output) };
    if (t.http) operation.http = { method: t.http[0], requestUri: t.http[1], responseCode: t.http[2] };
    if (t.endpoint) operation.endpoint = { hostPrefix: t.endpoint[0] };
    if (noAuth(config, name)) operation.authtype = "none";
    out.operations[name] = operation;
  }
  print({ kind: "model", source, model: out });
}

const seen = new Set();
for (const pkg of fs.readdirSync(path.join(modules, "@aws-sdk")).filter((n) => n.startsWith("client-")).sort()) {
  const sdk = from("@aws-sdk/" + pkg);
  const { version } = from(`@aws-sdk/${pkg}/package.json`);
  const source = `@aws-sdk/${pkg}@${version}`;
  const constructor = Object.entries(sdk).find(([n, v]) => n.endsWith("Client") && n !== "__Client" && typeof v === "function")[1];
  const client = new constructor({ region: "us-east-1", credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" }, token: { token: "t" } });
  model(source, client, sdk);
  seen.add(client.config.serviceId);
  endpoints(client.config.serviceId, source, (params) => client.config.endpointProvider(params));
}

// Rule sets of services that the SDK above does not have.
if (botocore) {
  for (const name of fs.readdirSync(botocore).sort()) {
    const dir = path.join(botocore, name);
    if (!fs.statSync(dir).isDirectory()) continue;
    const version = path.join(dir, fs.readdirSync(dir).sort().pop());
    const read = (file) => {
      for (const [suffix, decode] of [["", (b) => b], [".gz", require("zlib").gunzipSync]]) {
        const p = path.join(version, file + suffix);
        if (fs.existsSync(p)) return JSON.parse(decode(fs.readFileSync(p)));
      }
    };
    const rules = read("endpoint-rule-set-1.json");
    const service = read("service-2.json");
    if (!rules || !service || seen.has(service.metadata.serviceId)) continue;
    endpoints(service.metadata.serviceId, "botocore", (params) => resolveEndpoint(rules, { endpointParams: params }));
  }
}
