#!/usr/bin/env bash
# Uses S3 through a client that does not know AWS_ENDPOINT_URL, told in its own way where to go, and prints what it saw:
#   s3-others.sh rclone|restic|s3cmd|curl DIRECTORY
# The directory is empty; the endpoint still comes in AWS_ENDPOINT_URL.
set -euo pipefail
client=$1
cd "$2"
export HOME=$PWD LC_ALL=C.UTF-8
bucket=$client-bucket
endpoint=$AWS_ENDPOINT_URL
host=${endpoint#*://}

step() { printf '%s: ' "$1"; }
sum() { sha256sum | cut -c1-16; }

head -c 20971520 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null >big
mkdir -p 'tree/sub dir'
printf hello >tree/five
: >tree/empty
printf c >'tree/sub dir/c+d=é&%25'
cp big tree/big

use_rclone() {
	export RCLONE_CONFIG_E2E_TYPE=s3 RCLONE_CONFIG_E2E_PROVIDER=Other RCLONE_CONFIG_E2E_ENV_AUTH=true RCLONE_CONFIG_E2E_ENDPOINT=$endpoint RCLONE_CONFIG_E2E_REGION=us-east-1
	local quiet=(--config /dev/null --retries 1 --low-level-retries 1 --s3-chunk-size 5M --s3-upload-cutoff 10M)
	step copy && rclone "${quiet[@]}" copy tree "e2e:$bucket" && echo copied
	step ls && rclone "${quiet[@]}" lsf -R --format ps "e2e:$bucket" | sort
	step check && rclone "${quiet[@]}" check --download tree "e2e:$bucket" 2>&1 | grep -o '[0-9]* differences found'
	step cat && rclone "${quiet[@]}" cat "e2e:$bucket/big" | sum
	step copyto && rclone "${quiet[@]}" copyto "e2e:$bucket/five" "e2e:$bucket/five again" && rclone "${quiet[@]}" cat "e2e:$bucket/five again" && echo
	step purge && rclone "${quiet[@]}" purge "e2e:$bucket" && echo purged
}

use_s3cmd() {
	local login=(--config /dev/null --access_key "$AWS_ACCESS_KEY_ID" --secret_key "$AWS_SECRET_ACCESS_KEY" --region us-east-1
		--host "$host" --host-bucket "$host" --no-ssl --no-progress --multipart-chunk-size-mb 5)
	s3() { s3cmd "${login[@]}" "$@" 2>&1 | sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5}/DATE/; s/ in [0-9.]+ seconds.*//; s/ +/ /g'; }
	step mb && s3 mb "s3://$bucket"
	step put && s3 put --recursive tree/ "s3://$bucket/" | grep -c upload:
	step ls && s3 ls --recursive "s3://$bucket"
	step get && s3 get "s3://$bucket/big" back >/dev/null && sum <back
	step info && s3 info "s3://$bucket/five" | grep -E 'File size|MIME|MD5'
	step cp && s3 cp "s3://$bucket/five" "s3://$bucket/five again"
	step rb && s3 rb --recursive --force "s3://$bucket" | sort
}

use_restic() {
	export RESTIC_PASSWORD=e2e RESTIC_REPOSITORY=s3:$endpoint/$bucket RESTIC_CACHE_DIR=$PWD/cache
	step init && restic init >/dev/null && echo created
	step backup && restic backup --json tree | jq -c 'select(.message_type == "summary") | {files_new, total_bytes_processed}'
	step check && restic check --read-data 2>&1 | tail -1
	step restore && restic restore latest --target back >/dev/null && (cd back && find . -name big -exec sha256sum {} + | cut -c1-16)
	step forget && restic forget --prune --keep-last 1 | grep -c keep
}

use_curl() {
	s3() { # curl itself sends no hash of the body
		curl -sS --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
	}
	status() { s3 -o /dev/null -w '%{http_code}\n' "$@"; }
	step create && status -X PUT "$endpoint/$bucket"
	step put && status -T big "$endpoint/$bucket/dir/big"
	step get && s3 "$endpoint/$bucket/dir/big" | sum
	step head && status -I "$endpoint/$bucket/dir/big"
	step list && s3 "$endpoint/$bucket?list-type=2" | grep -o '<Key>[^<]*</Key>'
	step delete && status -X DELETE "$endpoint/$bucket/dir/big"
	step remove && status -X DELETE "$endpoint/$bucket"
}

"use_$client"
