# Uses S3 through Net::Amazon::S3 and prints what it saw. The endpoint comes in AWS_ENDPOINT_URL.
use strict;
use warnings;
use utf8;
use open qw(:std :utf8);
use Net::Amazon::S3;
use Net::Amazon::S3::Vendor::Generic;

my ($host) = $ENV{AWS_ENDPOINT_URL} =~ m{^http://(.*)};
my $s3 = Net::Amazon::S3->new({
    aws_access_key_id     => $ENV{AWS_ACCESS_KEY_ID},
    aws_secret_access_key => $ENV{AWS_SECRET_ACCESS_KEY},
    retry                 => 0,
    vendor                => Net::Amazon::S3::Vendor::Generic->new(
        host                 => $host,
        use_https            => 0,
        use_virtual_host     => 0,
        authorization_method => 'Net::Amazon::S3::Signature::V4',
        default_region       => 'us-east-1',
    ),
});
my $bucket = $s3->add_bucket({ bucket => 'perl-bucket' }) or die $s3->err;
my @keys = ('a.txt', 'with space +&=', "\x{fc}/\x{65e5}", 'x/y/z');
for my $key (@keys) {
    $bucket->add_key($key, "a body", { content_type => 'text/plain', 'x-amz-meta-n' => '1' }) or die $s3->err;
    my $got = $bucket->get_key($key) or die $s3->err;
    print "get $key: $got->{content_type} $got->{content_length} $got->{'x-amz-meta-n'}\n";
}
$bucket->add_key('empty', '') or die $s3->err;
print 'none: ', defined $bucket->get_key('none') ? 'found' : 'not found', "\n";
print 'list: ', join(' ', sort map { $_->{key} } @{ $bucket->list_all->{keys} }), "\n";
$bucket->copy_key('copy', '/perl-bucket/a.txt') or die $s3->err;
$bucket->delete_key($_) or die $s3->err for @keys, 'empty', 'copy';
$bucket->delete_bucket or die $s3->err;
print "removed\n";
