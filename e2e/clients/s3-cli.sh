#!/usr/bin/env bash
# Uses S3 through the AWS CLI, its high-level commands and its low-level ones, and prints what it saw.
# The endpoint comes from AWS_ENDPOINT_URL, credentials from the environment; the only argument is an empty directory.
set -euo pipefail
cd "$1"
bucket=cli-bucket
export AWS_PAGER='' LC_ALL=C

aws() { # releases before 2.13 do not know AWS_ENDPOINT_URL; in forward mode the variable is empty
	/usr/bin/aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} "$@"
}
step() { printf '%s: ' "$1"; }
# What differs between two runs by nature: dates and progress.
steady() { sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(\+00:00)?/DATE/g; s/Completed [^\r]*\r//g'; }
sum() { sha256sum | cut -c1-16; }

head -c 20971520 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null >big
printf hello >five
: >empty
mkdir -p tree/sub && printf a >'tree/a b' && printf c >'tree/sub/c+d=é'

step mb && aws s3 mb "s3://$bucket"
step put && aws s3api put-object --bucket $bucket --key five --body five --metadata name=five --content-type text/x-five | jq -Sc .
step empty && aws s3 cp --no-progress empty "s3://$bucket/empty" | steady
step stdin && printf 'from a pipe' | aws s3 cp - "s3://$bucket/pipe" && echo copied
step big && aws s3 cp --no-progress big "s3://$bucket/big" | steady
step head && aws s3api head-object --bucket $bucket --key big | jq -Sc 'del(.LastModified)'
step get && aws s3 cp "s3://$bucket/big" - | sum
step range && aws s3api get-object --bucket $bucket --key big --range bytes=1000-1999 part | jq -Sc 'del(.LastModified)' && sum <part
step copy && aws s3 cp --no-progress "s3://$bucket/big" "s3://$bucket/copied big" | steady
step copied && aws s3 cp "s3://$bucket/copied big" - | sum
step sync && aws s3 sync --no-progress tree "s3://$bucket/tree" | sort
step ls && aws s3 ls --recursive "s3://$bucket" | steady
step list && aws s3api list-objects-v2 --bucket $bucket --page-size 2 --prefix tree/ | jq -Sc '[.Contents[] | {Key, Size, ETag}]'
step missing && { aws s3api get-object --bucket $bucket --key missing none 2>&1 || echo "status $?"; } | tr '\n' ' ' && echo
step presign && url=$(aws s3 presign "s3://$bucket/five" --expires-in 600) && curl -sS ${AWS_CA_BUNDLE:+--cacert "$AWS_CA_BUNDLE"} "$url" && echo
step rm && aws s3 rm "s3://$bucket/five"
step rb && aws s3 rb --force "s3://$bucket" | sort
