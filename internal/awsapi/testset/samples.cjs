// Sample values for parameters, shared by the two JavaScript serialisers.
"use strict";
const plain = ["example", "a-b_c.d", "x y", "a/b", "50%", "ä+ü", "arn:aws:iam::123456789012:role/x"];
const fixed = { AccountId: "123456789012", accountId: "123456789012", Bucket: "my-bucket", CopySource: "other/key" };

// text makes a string for a member: plain ones for minimal requests, else odd ones.
exports.text = function (name, full, seed) {
  if (fixed[name]) return fixed[name];
  if (!full) return "example";
  let h = 0;
  for (const c of seed + name) h = (h * 31 + c.charCodeAt(0)) >>> 0;
  return plain[h % plain.length];
};
