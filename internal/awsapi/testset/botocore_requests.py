"""Serialise every operation of every service with botocore; send nothing.

    python3 botocore_requests.py [ENDPOINT] > requests.ndjson

One request a line, as it would go out, with what it is: sdk, service (signing
name), service_id, action, method, url, headers, body (base64). Each operation
comes twice: with its required members only, and with all of them. With ENDPOINT
(http://localhost:4577) requests go there, else to AWS's own hosts.
"""
import base64, datetime, io, json, random, re, sys

import botocore, botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config

ENDPOINT = sys.argv[1] if len(sys.argv) > 1 else None
PLAIN = ["example", "a-b_c.d", "x y", "a/b", "50%", "ä+ü", "arn:aws:iam::123456789012:role/x"]


class Sample:
    """Makes a value for a shape: strings are plain, or with strange characters."""

    def __init__(self, seed, all_members):
        self.random, self.all_members = random.Random(seed), all_members

    def value(self, shape, name="", depth=0):
        kind = shape.type_name
        if kind == "structure":
            if getattr(shape, "is_document_type", False):
                return {"a": 1}
            members = shape.members
            if getattr(shape, "is_tagged_union", False):
                return {k: self.value(m, k, depth + 1) for k, m in list(members.items())[:1]}
            return {k: self.value(m, k, depth + 1) for k, m in members.items()
                    if k in shape.required_members or (self.all_members and depth < 3 and not getattr(m, "is_event_stream", False) and not getattr(m, "event_stream", False))}
        if kind == "list":
            return [self.value(shape.member, name, depth + 1)] * max(1, shape.metadata.get("min", 1)) if depth < 8 else []
        if kind == "map":
            return {"key1": self.value(shape.value, "", depth + 1)} if depth < 8 else {}
        if kind == "timestamp":
            return datetime.datetime(2026, 1, 2, 3, 4, 5)
        if kind == "boolean":
            return True
        if kind in ("integer", "long"):
            return max(1, shape.metadata.get("min", 1))
        if kind in ("float", "double"):
            return 1.5
        if kind == "blob":
            return b"blob\x00data"
        if shape.enum if hasattr(shape, "enum") else False:
            return shape.enum[0]
        text = {"AccountId": "123456789012", "Bucket": "my-bucket", "accountId": "123456789012"}.get(name)
        if not text:
            text = self.random.choice(PLAIN) if self.all_members else "example"
        while len(text) < shape.metadata.get("min", 0):
            text += "x"
        return text


def main():
    session = botocore.session.get_session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    session.set_config_variable("region", "us-west-2")
    done = failed = 0
    for name in session.get_available_services():
        for style in ("path", "virtual"):
            if style == "virtual" and name != "s3":
                continue
            config = Config(parameter_validation=False, inject_host_prefix=ENDPOINT is None, retries={"max_attempts": 0}, s3={"addressing_style": style})
            try:
                client = session.create_client(name, endpoint_url=ENDPOINT, config=config)
            except Exception as e:
                print(name, "no client:", e, file=sys.stderr)
                continue
            model = client.meta.service_model
            captured = []

            def capture(request, **_):
                body = request.body
                if hasattr(body, "read"):
                    body = body.read()
                if isinstance(body, str):
                    body = body.encode()
                if wanted != "DescribeEndpoints" and str(request.headers.get("X-Amz-Target", "")).rstrip("'").endswith(".DescribeEndpoints"):
                    return AWSResponse(request.url, 200, {}, io.BytesIO(b'{"Endpoints":[{"Address":"query-cell1.timestream.us-west-2.amazonaws.com","CachePeriodInMinutes":1440}]}'))
                captured.append((request.method, request.url, {k: v if isinstance(v, str) else v.decode("latin-1") for k, v in request.headers.items()}, body or b""))
                return AWSResponse(request.url, 500, {}, io.BytesIO(b""))

            client.meta.events.register("before-send", capture)
            for operation in model.operation_names:
                wanted = operation
                om = model.operation_model(operation)
                for full in (False, True):
                    params = Sample(operation, full).value(om.input_shape) if om.input_shape else {}
                    if name == "s3" and "Bucket" in params:
                        params["Bucket"] = "my-bucket"
                    if name == "s3" and "CopySource" in params:
                        params["CopySource"] = "other/key"
                    captured.clear()
                    try:
                        client._make_api_call(operation, params)
                    except Exception as e:
                        error = e
                    if not captured:
                        failed += 1
                        print(name, operation, full, repr(error)[:150], file=sys.stderr)
                        continue
                    method, url, headers, body = captured[-1]
                    scope = re.search("Credential=[^/]*/[0-9]*/[^/]*/([^/]*)/aws4_request", headers.get("Authorization", ""))
                    done += 1
                    print(json.dumps({"sdk": "botocore " + botocore.__version__, "service": scope.group(1) if scope else model.signing_name, "service_id": str(model.service_id), "action": operation,
                                      "method": method, "url": url, "headers": headers, "body": base64.b64encode(body[:4096]).decode()}))
    print(done, "requests,", failed, "could not be made", file=sys.stderr)


main()
