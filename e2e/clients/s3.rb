# Uses S3 through the AWS SDK for Ruby and prints what it saw. The endpoint comes in AWS_ENDPOINT_URL, which the SDK
# itself reads since release 3.171 of its core.
require 'aws-sdk-s3'
require 'digest'
require 'net/http'
require 'stringio'

s3 = Aws::S3::Client.new(endpoint: ENV.fetch('AWS_ENDPOINT_URL'), force_path_style: true, retry_limit: 0)
bucket = 'ruby-bucket'
sum = ->(s) { Digest::SHA256.hexdigest(s)[0, 16] }
refused = lambda do |step, &call|
  call.call
  puts "#{step}: not refused"
rescue Aws::S3::Errors::ServiceError => e
  puts "#{step}: #{e.code}"
end

s3.create_bucket(bucket: bucket)
s3.put_bucket_versioning(bucket: bucket, versioning_configuration: { status: 'Enabled' })
keys = ['plain.txt', 'with space +plus&=?', 'ünï/日本語/😀', '%41%2Fpct', "tilde~'\"<>"]
keys.each do |key|
  2.times { |n| s3.put_object(bucket: bucket, key: key, body: "body #{n} of #{key}", metadata: { 'n' => n.to_s }) }
  r = s3.get_object(bucket: bucket, key: key)
  puts "get #{key}: #{r.body.read.force_encoding('UTF-8')} #{r.metadata}"
  url = URI(Aws::S3::Presigner.new(client: s3).presigned_url(:get_object, bucket: bucket, key: key))
  puts "presigned: #{Net::HTTP.get(url).force_encoding('UTF-8')}"
end
s3.put_object(bucket: bucket, key: 'empty', body: '')
big = Random.new(7).bytes(6 * 1024 * 1024)
id = s3.create_multipart_upload(bucket: bucket, key: 'big').upload_id
parts = [big, 'tail'].each_with_index.map do |body, n|
  { part_number: n + 1, etag: s3.upload_part(bucket: bucket, key: 'big', upload_id: id, part_number: n + 1, body: StringIO.new(body)).etag }
end
s3.complete_multipart_upload(bucket: bucket, key: 'big', upload_id: id, multipart_upload: { parts: parts })
puts "big: #{sum.call(s3.get_object(bucket: bucket, key: 'big').body.read.b) == sum.call(big + 'tail'.b)}"
etag = s3.head_object(bucket: bucket, key: 'plain.txt').etag
refused.call('if none match') { s3.get_object(bucket: bucket, key: 'plain.txt', if_none_match: etag) }
refused.call('if match') { s3.get_object(bucket: bucket, key: 'plain.txt', if_match: '"other"') }
refused.call('no key') { s3.get_object(bucket: bucket, key: 'none') }
refused.call('no bucket') { s3.list_objects_v2(bucket: 'no-such-bucket') }
s3.copy_object(bucket: bucket, key: 'copy', copy_source: "#{bucket}/plain.txt")
pages = s3.list_objects_v2(bucket: bucket, max_keys: 3).map { |page| page.contents.map(&:key) }
puts "pages: #{pages}"
versions = s3.list_object_versions(bucket: bucket).versions
deleted = s3.delete_objects(bucket: bucket, delete: { objects: versions.map { |v| { key: v.key, version_id: v.version_id } } }).deleted
puts "deleted: #{deleted.size} of #{versions.size}"
