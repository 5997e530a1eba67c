"""Choose 3,000 requests of all that the serialisers made, for the committed sample.

    python3 sample.py DIR > ../testdata/requests.ndjson && gzip -9n ../testdata/requests.ndjson

Every service comes up with every SDK before one comes up twice; which of its
requests they are is up to a digest, so that the choice does not move.
"""
import base64, collections, glob, hashlib, json, re, sys

KEEP = {"authorization", "content-type", "content-encoding", "host", "x-amz-target", "smithy-protocol", "x-amz-copy-source",
        "x-amz-account-id", "x-amz-outpost-id", "x-amz-request-route", "x-amz-region-set", "user-agent", "x-amz-user-agent", "x-amz-content-sha256"}
groups = collections.defaultdict(list)
for file in sorted(glob.glob(sys.argv[1] + "/*.ndjson")):
    for line in open(file):
        r = json.loads(line)
        # The kernel's version is this machine's business.
        r["headers"] = {k: re.sub(r"(linux[/#])[^ ]+", r"\g<1>6.1", str(v), flags=re.I) for k, v in r["headers"].items() if k.lower() in KEEP}
        if "authorization" in {k.lower() for k in r["headers"]}:
            r["headers"] = {k: v.split("Signature=")[0] + "Signature=0" if k.lower() == "authorization" else v for k, v in r["headers"].items()}
        r["body"] = base64.b64encode(base64.b64decode(r["body"])[:512]).decode()
        # Two names for one request: nobody could tell these apart.
        if r["service_id"] == "SecurityLake" and "Datalake" in r["action"] or r["service_id"] == "S3" and r["action"] in (
                "GetBucketLifecycle", "PutBucketLifecycle", "GetBucketNotification", "PutBucketNotification"):
            continue
        line = json.dumps(r, separators=(",", ":"), sort_keys=True)
        groups[file, r["service_id"]].append((hashlib.sha256(line.encode()).hexdigest(), line))
for g in groups.values():
    g.sort()
chosen, i = [], 0
while len(chosen) < 3000:
    for key in sorted(groups, key=lambda k: hashlib.sha256(repr(k[1]).encode() + str(i).encode()).hexdigest()):
        if i < len(groups[key]) and len(chosen) < 3000:
            chosen.append(groups[key][i][1])
    i += 1
print("\n".join(sorted(chosen)))
