package diff

import (
	"encoding/json"
	"net/url"
	"strings"
)

func jsonDecoder(s string) *json.Decoder {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	return d
}

func xmlCall(service, action, ns, result string) call {
	return call{service: service, action: action, request: "Action=" + action + "&Version=2010-03-31", answer: "<" + action + "Response xmlns=\"" + ns + "\">\n<" + action + "Result>" + result + "</" + action + "Result>\n<ResponseMetadata><RequestId><<uuid>></RequestId></ResponseMetadata></" + action + "Response>\n"}
}

func ec2Call(action, request, inner string) call {
	return call{service: "ec2", action: action, request: "Action=" + action + "&Version=2016-11-15" + request,
		answer: `<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + action + `Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId><<uuid>></requestId>` + inner + "</" + action + "Response>"}
}

func s3Call(action, method, path, query, headers, answer string) call {
	return call{service: "s3", action: action, method: method, host: "bucket.s3.us-east-1.amazonaws.com", path: path, query: query, contentType: "application/xml",
		headers: "x-amz-request-id: <<upper>>\nx-amz-id-2: <<tok>>\nServer: AmazonS3\n" + headers, answer: answer}
}

// script is a workload over many services. Placeholders are the values that
// differ from run to run; %R is the number of the round.
var script = []call{
	// SQS
	{service: "sqs", action: "CreateQueue", request: `{"QueueName":"q-%R"}`, answer: `{"QueueUrl":"<<url sqs>>/<<acct>>/q-%R"}`},
	{service: "sqs", action: "GetQueueAttributes", request: `{"QueueUrl":"<<url sqs>>/<<acct>>/q-%R","AttributeNames":["All"]}`,
		answer: `{"Attributes":{"QueueArn":"arn:aws:sqs:us-east-1:<<acct>>:q-%R","ApproximateNumberOfMessages":"0","CreatedTimestamp":"<<epoch>>","LastModifiedTimestamp":"<<epoch>>","VisibilityTimeout":"30","Policy":"{\"Version\":\"2012-10-17\",\"Id\":\"arn:aws:sqs:us-east-1:<<acct>>:q-%R/SQSDefaultPolicy\"}"}}`},
	{service: "sqs", action: "SendMessage", request: `{"QueueUrl":"<<url sqs>>/<<acct>>/q-%R","MessageBody":"hello %R"}`,
		answer: `{"MD5OfMessageBody":"MD5(hello %R)","MessageId":"<<uuid m%R>>","SequenceNumber":"<<seq20 s%R>>"}`},
	{service: "sqs", action: "ReceiveMessage", request: `{"QueueUrl":"<<url sqs>>/<<acct>>/q-%R","AttributeNames":["All"]}`,
		answer: `{"Messages":[{"MessageId":"<<uuid m%R>>","ReceiptHandle":"<<tok rh%R>>","MD5OfBody":"MD5(hello %R)","Body":"hello %R","Attributes":{"SenderId":"AIDA<<upper u>>","SentTimestamp":"<<epochms>>","ApproximateFirstReceiveTimestamp":"<<epochms>>","ApproximateReceiveCount":"1","SequenceNumber":"<<seq20 s%R>>","AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793"}}]}`},
	{service: "sqs", action: "DeleteMessage", request: `{"QueueUrl":"<<url sqs>>/<<acct>>/q-%R","ReceiptHandle":"<<tok rh%R>>"}`, answer: `{}`},
	{service: "sqs", action: "SendMessageBatch", request: `{"QueueUrl":"<<url sqs>>/<<acct>>/q-%R"}`,
		answer: `{"Successful":[{"Id":"a","MessageId":"<<uuid b1%R>>","MD5OfMessageBody":"MD5(one)"},{"Id":"b","MessageId":"<<uuid b2%R>>","MD5OfMessageBody":"MD5(two)"}],"Failed":[]}`},
	{service: "sqs", action: "GetQueueUrl", status: 400, contentType: "application/x-amz-json-1.0", headers: "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender",
		request: `{"QueueName":"none"}`, answer: `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}`},
	{service: "sqs", action: "ListQueues", request: `{}`, answer: `{"QueueUrls":["<<url sqs>>/<<acct>>/q-%R","<<url sqs>>/<<acct>>/r-%R"]}`},
	// SNS
	xmlCall("sns", "CreateTopic", "http://sns.amazonaws.com/doc/2010-03-31/", "<TopicArn>arn:aws:sns:us-east-1:<<acct>>:t-%R</TopicArn>"),
	xmlCall("sns", "Subscribe", "http://sns.amazonaws.com/doc/2010-03-31/", "<SubscriptionArn>arn:aws:sns:us-east-1:<<acct>>:t-%R:<<uuid sub%R>></SubscriptionArn>"),
	xmlCall("sns", "ListSubscriptionsByTopic", "http://sns.amazonaws.com/doc/2010-03-31/", "<Subscriptions><member><Owner><<acct>></Owner><Protocol>sqs</Protocol><TopicArn>arn:aws:sns:us-east-1:<<acct>>:t-%R</TopicArn><SubscriptionArn>arn:aws:sns:us-east-1:<<acct>>:t-%R:<<uuid sub%R>></SubscriptionArn><Endpoint>arn:aws:sqs:us-east-1:<<acct>>:q-%R</Endpoint></member></Subscriptions><NextToken><<tok>></NextToken>"),
	xmlCall("sns", "Publish", "http://sns.amazonaws.com/doc/2010-03-31/", "<MessageId><<uuid pub%R>></MessageId>"),
	{service: "sqs", action: "ReceiveMessage", request: `{"QueueUrl":"<<url sqs>>/<<acct>>/q-%R"}`,
		answer: `{"Messages":[{"MessageId":"<<uuid>>","ReceiptHandle":"<<tok rh2%R>>","MD5OfBody":"MD5({\"Type\":\"Notification\",\"MessageId\":\"<<uuid pub%R>>\",\"TopicArn\":\"arn:aws:sns:us-east-1:<<acct>>:t-%R\",\"Message\":\"hi\",\"Timestamp\":\"<<isoms 1 t%R>>\",\"SignatureVersion\":\"1\",\"Signature\":\"<<tok sig%R>>\"})","Body":"{\"Type\":\"Notification\",\"MessageId\":\"<<uuid pub%R>>\",\"TopicArn\":\"arn:aws:sns:us-east-1:<<acct>>:t-%R\",\"Message\":\"hi\",\"Timestamp\":\"<<isoms 1 t%R>>\",\"SignatureVersion\":\"1\",\"Signature\":\"<<tok sig%R>>\"}"}]}`},
	{service: "sns", action: "GetTopicAttributes", status: 404, request: "Action=GetTopicAttributes", answer: `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist: arn:aws:sns:us-east-1:<<acct>>:none</Message></Error><RequestId><<uuid>></RequestId></ErrorResponse>`},
	// S3
	s3Call("CreateBucket", "PUT", "/", "", "Location: /bucket", ""),
	s3Call("PutObject", "PUT", "/k%R", "", "ETag: \"ed076287532e86365e841e92bfc50d8c\"\nx-amz-version-id: <<ver v%R>>\nx-amz-server-side-encryption: AES256\nx-amz-checksum-crc32: sOO8/Q==", ""),
	s3Call("HeadObject", "HEAD", "/k%R", "", "ETag: \"ed076287532e86365e841e92bfc50d8c\"\nLast-Modified: <<http 0 k%R>>\nx-amz-version-id: <<ver v%R>>\nx-amz-meta-owner: me\nx-amz-expiration: expiry-date=\"<<http 86400>>\", rule-id=\"r1\"", ""),
	{service: "s3", action: "GetObject", method: "GET", path: "/k%R", contentType: "application/json", headers: "ETag: \"ed076287532e86365e841e92bfc50d8c\"\nLast-Modified: <<http 0 k%R>>\nx-amz-version-id: <<ver v%R>>", answer: `{"created":"2020-01-01T00:00:00Z","id":"1b9a70633-4726"}`},
	s3Call("CreateMultipartUpload", "POST", "/m%R", "uploads", "", `<?xml version="1.0" encoding="UTF-8"?><InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>bucket</Bucket><Key>m%R</Key><UploadId><<tok up%R>></UploadId></InitiateMultipartUploadResult>`),
	s3Call("UploadPart", "PUT", "/m%R", "partNumber=1&uploadId=<<tok up%R>>", "ETag: \"ad076287532e86365e841e92bfc50d8c\"", ""),
	s3Call("ListParts", "GET", "/m%R", "uploadId=<<tok up%R>>", "", `<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>bucket</Bucket><Key>m%R</Key><UploadId><<tok up%R>></UploadId><Initiator><ID>arn:aws:iam::<<acct>>:user/me</ID><DisplayName>me</DisplayName></Initiator><Owner><ID><<hex64 own>></ID><DisplayName><<var disp>></DisplayName></Owner><Part><PartNumber>1</PartNumber><LastModified><<isoms>></LastModified><ETag>"ad076287532e86365e841e92bfc50d8c"</ETag><Size>5242880</Size></Part></ListPartsResult>`),
	s3Call("CompleteMultipartUpload", "POST", "/m%R", "uploadId=<<tok up%R>>", "x-amz-version-id: <<ver w%R>>", `<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Location><<s3url bucket>>/m%R</Location><Bucket>bucket</Bucket><Key>m%R</Key><ETag>"cd076287532e86365e841e92bfc50d8c-2"</ETag></CompleteMultipartUploadResult>`),
	s3Call("ListObjectsV2", "GET", "/", "list-type=2", "", `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix></Prefix><NextContinuationToken><<tok>></NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated><Contents><Key>k%R</Key><LastModified><<isoms>></LastModified><ETag>"ed076287532e86365e841e92bfc50d8c"</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents><Contents><Key>m%R</Key><LastModified><<isoms>></LastModified><ETag>"cd076287532e86365e841e92bfc50d8c-2"</ETag><Size>20</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>`),
	s3Call("ListObjectVersions", "GET", "/", "versions", "", `<ListVersionsResult><Name>bucket</Name><Version><Key>k%R</Key><VersionId><<ver v%R>></VersionId><IsLatest>true</IsLatest><LastModified><<isoms>></LastModified><ETag>"ed076287532e86365e841e92bfc50d8c"</ETag><Size>12</Size><Owner><ID><<hex64 own>></ID></Owner></Version><DeleteMarker><Key>d%R</Key><VersionId><<ver x%R>></VersionId><IsLatest>true</IsLatest><LastModified><<isoms>></LastModified></DeleteMarker></ListVersionsResult>`),
	s3Call("CopyObject", "PUT", "/c%R", "", "x-amz-copy-source-version-id: <<ver v%R>>\nx-amz-version-id: <<ver c%R>>", `<CopyObjectResult><LastModified><<isoms>></LastModified><ETag>"ed076287532e86365e841e92bfc50d8c"</ETag></CopyObjectResult>`),
	s3Call("ListBuckets", "GET", "/", "", "", `<ListAllMyBucketsResult><Owner><ID><<hex64 own>></ID><DisplayName><<var disp>></DisplayName></Owner><Buckets><Bucket><Name>bucket</Name><CreationDate><<isoms>></CreationDate></Bucket></Buckets></ListAllMyBucketsResult>`),
	{service: "s3", action: "GetObject", method: "GET", path: "/none", status: 404, contentType: "application/xml", answer: `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>none</Key><RequestId><<upper>></RequestId><HostId><<tok>></HostId></Error>`},
	// DynamoDB
	{service: "dynamodb", action: "CreateTable", request: `{"TableName":"t-%R"}`, answer: `{"TableDescription":{"AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"}],"TableName":"t-%R","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"TableStatus":"CREATING","CreationDateTime":<<epochf>>,"ProvisionedThroughput":{"NumberOfDecreasesToday":0,"ReadCapacityUnits":1,"WriteCapacityUnits":1},"TableSizeBytes":0,"ItemCount":0,"TableArn":"arn:aws:dynamodb:us-east-1:<<acct>>:table/t-%R","TableId":"<<uuid tab%R>>","LatestStreamLabel":"<<isoms 0 st%R>>","LatestStreamArn":"arn:aws:dynamodb:us-east-1:<<acct>>:table/t-%R/stream/<<isoms 0 st%R>>"}}`},
	{service: "dynamodb", action: "DescribeTable", request: `{"TableName":"t-%R"}`, answer: `{"Table":{"TableName":"t-%R","TableStatus":"ACTIVE","CreationDateTime":<<epochf>>,"TableArn":"arn:aws:dynamodb:us-east-1:<<acct>>:table/t-%R","TableId":"<<uuid tab%R>>","ItemCount":0}}`},
	{service: "dynamodb", action: "PutItem", request: `{"TableName":"t-%R","Item":{"a":{"S":"7a0b1c2d-0000-4000-8000-%R23456789012"}}}`, answer: `{"ConsumedCapacity":{"TableName":"t-%R","CapacityUnits":1.0}}`},
	{service: "dynamodb", action: "GetItem", request: `{"TableName":"t-%R","Key":{"a":{"S":"x"}}}`, answer: `{"Item":{"a":{"S":"x"},"n":{"N":"12"},"upload":{"S":"<<tok up%R>>"},"when":{"S":"2020-01-01T00:00:00Z"},"set":{"SS":["p","q"]}}}`},
	{service: "dynamodb", action: "PutItem", status: 400, request: `{"TableName":"none"}`, answer: `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found: Table: none not found"}`},
	// Secrets Manager
	{service: "secretsmanager", action: "CreateSecret", request: `{"Name":"s-%R","ClientRequestToken":"<<uuid crt%R>>"}`, answer: `{"ARN":"arn:aws:secretsmanager:us-east-1:<<acct>>:secret:s-%R-<<letters6 sec%R>>","Name":"s-%R","VersionId":"<<uuid crt%R>>"}`},
	{service: "secretsmanager", action: "GetSecretValue", request: `{"SecretId":"s-%R"}`, answer: `{"ARN":"arn:aws:secretsmanager:us-east-1:<<acct>>:secret:s-%R-<<letters6 sec%R>>","Name":"s-%R","VersionId":"<<uuid crt%R>>","SecretString":"{\"user\":\"u\",\"id\":\"0b1c2d3e-1111-4000-8000-123456789012\"}","VersionStages":["AWSCURRENT"],"CreatedDate":<<epochf>>}`},
	{service: "secretsmanager", action: "DescribeSecret", request: `{"SecretId":"s-%R"}`, answer: `{"ARN":"arn:aws:secretsmanager:us-east-1:<<acct>>:secret:s-%R-<<letters6 sec%R>>","LastChangedDate":<<epochf>>,"VersionIdsToStages":{"<<uuid crt%R>>":["AWSCURRENT"],"<<uuid old%R>>":["AWSPREVIOUS"]}}`},
	// EC2
	ec2Call("RunInstances", "&ImageId=ami-0abcdef1234567890", `<reservationId><<res r-#%R>></reservationId><ownerId><<acct>></ownerId><groupSet/><instancesSet><item><instanceId><<res i-#%R>></instanceId><imageId>ami-0abcdef1234567890</imageId><instanceState><code>0</code><name>pending</name></instanceState><privateDnsName>ip-<<dash %R>>.ec2.internal</privateDnsName><launchTime><<isoms>></launchTime><privateIpAddress><<ip %R>></privateIpAddress><vpcId><<res vpc-#0>></vpcId><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId><<res vol-#%R>></volumeId><attachTime><<isoms>></attachTime></ebs></item></blockDeviceMapping><clientToken/></item></instancesSet>`),
	ec2Call("DescribeInstances", "&InstanceId.1=<<res i-#%R>>", `<reservationSet><item><reservationId><<res r-#%R>></reservationId><ownerId><<acct>></ownerId><instancesSet><item><instanceId><<res i-#%R>></instanceId><instanceState><code>16</code><name>running</name></instanceState><privateIpAddress><<ip %R>></privateIpAddress><vpcId><<res vpc-#0>></vpcId><tagSet><item><key>Name</key><value>n%R</value></item></tagSet></item></instancesSet></item></reservationSet>`),
	ec2Call("CreateSecurityGroup", "&GroupName=g%R", `<return>true</return><groupId><<res sg-#%R>></groupId>`),
	{service: "ec2", action: "DescribeVolumes", status: 400, request: "Action=DescribeVolumes", answer: `<Response><Errors><Error><Code>InvalidVolume.NotFound</Code><Message>The volume '<<res vol-#%R>>' does not exist.</Message></Error></Errors><RequestID><<uuid>></RequestID></Response>`},
	// STS, IAM
	xmlCall("sts", "GetCallerIdentity", "https://sts.amazonaws.com/doc/2011-06-15/", "<Arn>arn:aws:iam::<<acct>>:user/me</Arn><UserId>AIDA<<upper u>></UserId><Account><<acct>></Account>"),
	xmlCall("sts", "AssumeRole", "https://sts.amazonaws.com/doc/2011-06-15/", "<AssumedRoleUser><AssumedRoleId>AROA<<upper role%R>>:s</AssumedRoleId><Arn>arn:aws:sts::<<acct>>:assumed-role/r/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA<<upper>></AccessKeyId><SecretAccessKey><<tok>></SecretAccessKey><SessionToken><<tok>></SessionToken><Expiration><<iso 3600>></Expiration></Credentials>"),
	xmlCall("iam", "CreateRole", "https://iam.amazonaws.com/doc/2010-05-08/", "<Role><Path>/</Path><RoleName>r%R</RoleName><RoleId>AROA<<upper iam%R>></RoleId><Arn>arn:aws:iam::<<acct>>:role/r%R</Arn><CreateDate><<iso>></CreateDate><AssumeRolePolicyDocument>"+url.QueryEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}`)+"</AssumeRolePolicyDocument></Role>"),
	xmlCall("iam", "ListRoles", "https://iam.amazonaws.com/doc/2010-05-08/", "<IsTruncated>true</IsTruncated><Marker><<tok>></Marker><Roles><member><Path>/</Path><RoleName>r%R</RoleName><RoleId>AROA<<upper iam%R>></RoleId><Arn>arn:aws:iam::<<acct>>:role/r%R</Arn><CreateDate><<iso>></CreateDate></member></Roles>"),
	xmlCall("iam", "CreateAccessKey", "https://iam.amazonaws.com/doc/2010-05-08/", "<AccessKey><UserName>u</UserName><AccessKeyId>AKIA<<upper ak%R>></AccessKeyId><Status>Active</Status><SecretAccessKey><<sec>></SecretAccessKey><CreateDate><<iso>></CreateDate></AccessKey>"),
	// Kinesis
	{service: "kinesis", action: "PutRecord", request: `{"StreamName":"s"}`, answer: `{"ShardId":"shardId-000000000000","SequenceNumber":"<<seq k%R>>"}`},
	{service: "kinesis", action: "GetShardIterator", request: `{"StreamName":"s","StartingSequenceNumber":"<<seq k%R>>"}`, answer: `{"ShardIterator":"<<tok it%R>>"}`},
	{service: "kinesis", action: "GetRecords", request: `{"ShardIterator":"<<tok it%R>>"}`, answer: `{"MillisBehindLatest":<<lag>>,"NextShardIterator":"<<tok>>","Records":[{"ApproximateArrivalTimestamp":<<epochf>>,"Data":"aGVsbG8=","PartitionKey":"p","SequenceNumber":"<<seq k%R>>"}]}`},
	{service: "kinesis", action: "GetRecords", cbor: true, contentType: "application/x-amz-cbor-1.1", answer: `{"MillisBehindLatest":0,"NextShardIterator":"<<tok>>","Records":[{"ApproximateArrivalTimestamp":<<epochms>>,"Data":"hello","PartitionKey":"p","SequenceNumber":"<<seq k%R>>"}]}`},
	{service: "kinesis", action: "DescribeStream", request: `{"StreamName":"s"}`, answer: `{"StreamDescription":{"StreamName":"s","StreamARN":"arn:aws:kinesis:us-east-1:<<acct>>:stream/s","StreamStatus":"ACTIVE","Shards":[{"ShardId":"shardId-000000000000","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"340282366920938463463374607431768211455"},"SequenceNumberRange":{"StartingSequenceNumber":"<<seq st>>"}}],"StreamCreationTimestamp":<<epoch>>}}`},
	// CloudWatch, Logs
	{service: "monitoring", action: "GetMetricData", cbor: true, contentType: "application/cbor", answer: `{"MetricDataResults":[{"Id":"m1","Label":"x","Values":[1.5,2],"StatusCode":"Complete","Messages":[]}],"NextToken":"<<tok>>"}`},
	xmlCall("monitoring", "DescribeAlarms", "http://monitoring.amazonaws.com/doc/2010-08-01/", "<MetricAlarms><member><AlarmName>a%R</AlarmName><AlarmArn>arn:aws:cloudwatch:us-east-1:<<acct>>:alarm:a%R</AlarmArn><StateUpdatedTimestamp><<isoms>></StateUpdatedTimestamp><StateValue>OK</StateValue><Dimensions><member><Name>InstanceId</Name><Value><<res i-#%R>></Value></member></Dimensions><Threshold>1.0</Threshold></member></MetricAlarms>"),
	{service: "logs", action: "PutLogEvents", answer: `{"nextSequenceToken":"<<seq nst%R>>"}`},
	{service: "logs", action: "GetLogEvents", answer: `{"events":[{"timestamp":<<epochms>>,"message":"m","ingestionTime":<<epochms>>}],"nextForwardToken":"f/<<seq>>/s","nextBackwardToken":"b/<<seq>>/s"}`},
	{service: "logs", action: "DescribeLogGroups", answer: `{"logGroups":[{"logGroupName":"/aws/g%R","creationTime":<<epochms>>,"metricFilterCount":0,"arn":"arn:aws:logs:us-east-1:<<acct>>:log-group:/aws/g%R:*","storedBytes":0}]}`},
	// Lambda
	{service: "lambda", action: "CreateFunction", path: "/2015-03-31/functions", status: 201, contentType: "application/json", answer: `{"FunctionName":"f%R","FunctionArn":"arn:aws:lambda:us-east-1:<<acct>>:function:f%R","Runtime":"python3.12","Role":"arn:aws:iam::<<acct>>:role/r","Handler":"h.h","CodeSize":250,"Timeout":3,"MemorySize":128,"LastModified":"<<isoz4>>","CodeSha256":"9s1nL4G5kZC7N7G0Y1wI0xqkz5Yx2w0m6V6l0WqZb2M=","Version":"$LATEST","TracingConfig":{"Mode":"PassThrough"},"RevisionId":"<<uuid rev%R>>","State":"Pending"}`},
	{service: "lambda", action: "GetFunction", method: "GET", path: "/2015-03-31/functions/f%R", contentType: "application/json", answer: `{"Configuration":{"FunctionName":"f%R","RevisionId":"<<uuid rev%R>>","LastModified":"<<isoz4>>","State":"Active"},"Code":{"RepositoryType":"S3","Location":"<<s3url awslambda-us-east-1-tasks>>/snapshots/<<acct>>/f%R-<<uuid loc%R>>?versionId=<<ver loc%R>>&X-Amz-Date=<<basic>>&X-Amz-Signature=<<hex64>>"}}`},
	{service: "lambda", action: "Invoke", path: "/2015-03-31/functions/f%R/invocations", contentType: "application/json", headers: "X-Amz-Executed-Version: $LATEST", answer: `{"ok":true,"at":"<<isoms>>"}`},
	{service: "lambda", action: "GetFunction", method: "GET", status: 404, contentType: "application/json", headers: "x-amzn-ErrorType: ResourceNotFoundException", answer: `{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:<<acct>>:function:none"}`},
	// KMS, SSM, Step Functions, EventBridge
	{service: "kms", action: "CreateKey", answer: `{"KeyMetadata":{"AWSAccountId":"<<acct>>","Arn":"arn:aws:kms:us-east-1:<<acct>>:key/<<uuid key%R>>","CreationDate":<<epochf>>,"Enabled":true,"KeyId":"<<uuid key%R>>","KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT"}}`},
	{service: "kms", action: "Encrypt", request: `{"KeyId":"<<uuid key%R>>"}`, answer: `{"CiphertextBlob":"<<tok ct%R>>","KeyId":"arn:aws:kms:us-east-1:<<acct>>:key/<<uuid key%R>>","EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}`},
	{service: "kms", action: "Decrypt", request: `{"CiphertextBlob":"<<tok ct%R>>"}`, answer: `{"KeyId":"arn:aws:kms:us-east-1:<<acct>>:key/<<uuid key%R>>","Plaintext":"aGVsbG8="}`},
	{service: "ssm", action: "GetParameter", answer: `{"Parameter":{"Name":"p%R","Type":"String","Value":"v","Version":1,"LastModifiedDate":<<epochf>>,"ARN":"arn:aws:ssm:us-east-1:<<acct>>:parameter/p%R","DataType":"text"}}`},
	{service: "states", action: "StartExecution", answer: `{"executionArn":"arn:aws:states:us-east-1:<<acct>>:execution:m:<<uuid ex%R>>","startDate":<<epochf>>}`},
	{service: "states", action: "DescribeExecution", request: `{"executionArn":"arn:aws:states:us-east-1:<<acct>>:execution:m:<<uuid ex%R>>"}`, answer: `{"executionArn":"arn:aws:states:us-east-1:<<acct>>:execution:m:<<uuid ex%R>>","input":"{\"a\":1}","name":"<<uuid ex%R>>","startDate":<<epochf>>,"stateMachineArn":"arn:aws:states:us-east-1:<<acct>>:stateMachine:m","status":"SUCCEEDED","stopDate":<<epochf>>}`},
	{service: "events", action: "PutEvents", answer: `{"FailedEntryCount":0,"Entries":[{"EventId":"<<uuid>>"},{"EventId":"<<uuid>>"}]}`},
	// API Gateway, Cognito, CloudFormation, Route 53, ECS, ELB, RDS
	{service: "apigateway", action: "CreateRestApi", path: "/restapis", status: 201, contentType: "application/json", answer: `{"id":"<<alnum10 api%R>>","name":"n%R","createdDate":<<epoch>>,"apiKeySource":"HEADER","rootResourceId":"<<alnum10 root%R>>"}`},
	{service: "apigateway", action: "GetRestApi", method: "GET", path: "/restapis/<<alnum10 api%R>>", contentType: "application/json", answer: `{"id":"<<alnum10 api%R>>","name":"n%R","createdDate":<<epoch>>}`},
	{service: "cognito-idp", action: "CreateUserPool", answer: `{"UserPool":{"Id":"us-east-1_<<ver9 pool%R>>","Name":"p%R","LastModifiedDate":<<epochf>>,"CreationDate":<<epochf>>,"Arn":"arn:aws:cognito-idp:us-east-1:<<acct>>:userpool/us-east-1_<<ver9 pool%R>>","EstimatedNumberOfUsers":0}}`},
	xmlCall("cloudformation", "CreateStack", "http://cloudformation.amazonaws.com/doc/2010-05-15/", "<StackId>arn:aws:cloudformation:us-east-1:<<acct>>:stack/s%R/<<uuid stack%R>></StackId>"),
	xmlCall("cloudformation", "DescribeStackResources", "http://cloudformation.amazonaws.com/doc/2010-05-15/", "<StackResources><member><StackId>arn:aws:cloudformation:us-east-1:<<acct>>:stack/s%R/<<uuid stack%R>></StackId><LogicalResourceId>Bucket</LogicalResourceId><PhysicalResourceId>s%R-bucket-<<cfn b%R>></PhysicalResourceId><Timestamp><<isoms>></Timestamp><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackResources>"),
	{service: "route53", action: "CreateHostedZone", path: "/2013-04-01/hostedzone", status: 201, headers: "Location: https://route53.amazonaws.com/2013-04-01/hostedzone/Z<<upper hz%R>>", answer: `<CreateHostedZoneResponse><HostedZone><Id>/hostedzone/Z<<upper hz%R>></Id><Name>example.com.</Name><CallerReference>c%R</CallerReference></HostedZone><ChangeInfo><Id>/change/C<<upper ch%R>></Id><Status>PENDING</Status><SubmittedAt><<isoms>></SubmittedAt></ChangeInfo></CreateHostedZoneResponse>`},
	{service: "ecs", action: "RunTask", answer: `{"tasks":[{"taskArn":"arn:aws:ecs:us-east-1:<<acct>>:task/c/<<hex32 task%R>>","lastStatus":"PROVISIONING","createdAt":<<epochf>>,"version":1}],"failures":[]}`},
	{service: "ecs", action: "DescribeTasks", request: `{"tasks":["arn:aws:ecs:us-east-1:<<acct>>:task/c/<<hex32 task%R>>"]}`, answer: `{"tasks":[{"taskArn":"arn:aws:ecs:us-east-1:<<acct>>:task/c/<<hex32 task%R>>","lastStatus":"RUNNING","createdAt":<<epochf>>}],"failures":[]}`},
	xmlCall("elasticloadbalancing", "CreateLoadBalancer", "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", "<LoadBalancers><member><LoadBalancerArn>arn:aws:elasticloadbalancing:us-east-1:<<acct>>:loadbalancer/app/lb%R/<<hex16 lb%R>></LoadBalancerArn><DNSName>lb%R-<<dig lb%R>>.us-east-1.elb.amazonaws.com</DNSName><CreatedTime><<isoms>></CreatedTime><VpcId><<res vpc-#0>></VpcId></member></LoadBalancers>"),
	xmlCall("rds", "CreateDBInstance", "http://rds.amazonaws.com/doc/2014-10-31/", "<DBInstance><DBInstanceIdentifier>d%R</DBInstanceIdentifier><DbiResourceId>db-<<upper26 db%R>></DbiResourceId><DBInstanceArn>arn:aws:rds:us-east-1:<<acct>>:db:d%R</DBInstanceArn><InstanceCreateTime><<isoms>></InstanceCreateTime><Endpoint><Address>d%R.<<alnum12 rds>>.us-east-1.rds.amazonaws.com</Address><Port>3306</Port></Endpoint></DBInstance>"),
	// Names and numbers that services make.
	xmlCall("rds", "DescribeDBSnapshots", "http://rds.amazonaws.com/doc/2014-10-31/", "<DBSnapshots><DBSnapshot><DBSnapshotIdentifier>rds:db1-<<dashes>></DBSnapshotIdentifier><DBSnapshotArn>arn:aws:rds:us-east-1:<<acct>>:snapshot:rds:db1-<<dashes>></DBSnapshotArn><SnapshotCreateTime><<isoms>></SnapshotCreateTime></DBSnapshot></DBSnapshots>"),
	{service: "ecs", action: "DescribeServices", request: `{"services":["web"]}`, answer: `{"services":[{"serviceName":"web","deployments":[{"id":"ecs-svc/<<num64 dep%R>>","status":"PRIMARY"}],"events":[{"id":"<<uuid>>","createdAt":<<epochf>>,"message":"(service web) (deployment ecs-svc/<<num64 dep%R>>) deployment completed."}]}],"failures":[]}`},
	{service: "directconnect", action: "CreateConnection", request: `{"connectionName":"dc-%R"}`, answer: `{"connectionName":"dc-%R","connectionId":"arn:aws:directconnect:us-east-1:<<acct>>:dx-con/dx-dc-%R-<<digits>>"}`},
	{service: "kafka", action: "GetClusterPolicy", method: "GET", path: "/v1/clusters/c-%R/policy", contentType: "application/json", answer: `{"currentVersion":"<<hex8 kafka%R>>","policy":"{\"Version\":\"2012-10-17\"}"}`},
	{service: "mq", action: "CreateBroker", path: "/v1/brokers", request: `{"brokerName":"b-%R"}`, contentType: "application/json", answer: `{"brokerId":"<<hex6 mq%R>>","brokerArn":"arn:aws:mq:us-east-1:<<acct>>:broker:b-%R:<<hex6 mq%R>>"}`},
	{service: "mq", action: "DescribeUser", method: "GET", path: "/v1/brokers/<<hex6 mq%R>>/users/u", contentType: "application/json", status: 404, answer: `{"errorAttribute":"broker-id","message":"Can't find requested broker [<<hex6 mq%R>>]. Make sure your broker exists."}`},
	{service: "ivs", action: "CreateChannel", request: `{"name":"c-%R"}`, path: "/CreateChannel", contentType: "application/json", answer: `{"channel":{"arn":"arn:aws:ivs:us-east-1:<<acct>>:channel/<<ver9 ivs%R>>","name":"c-%R"},"streamKey":{"arn":"arn:aws:ivs:us-east-1:<<acct>>:stream-key/<<ver9 ivsk%R>>","value":"sk_us-east-1_<<b64url ivs%R>>"}}`},
	{service: "apigateway", action: "CreateApi", path: "/v2/apis", request: `{"name":"a-%R"}`, contentType: "application/json", status: 201, answer: `{"apiId":"<<low8 api%R>>","apiEndpoint":"https://<<low8 api%R>>.execute-api.us-east-1.amazonaws.com","createdDate":"<<iso>>"}`},
	{service: "apigateway", action: "UpdateApi", method: "PATCH", path: "/v2/apis/<<low8 api%R>>", request: `{"description":"d"}`, contentType: "application/json", answer: `{"apiId":"<<low8 api%R>>","apiEndpoint":"https://<<low8 api%R>>.execute-api.us-east-1.amazonaws.com","createdDate":"<<iso>>","description":"d"}`},
	{service: "shield", action: "DescribeSubscription", request: `{}`, answer: `{"Subscription":{"StartTime":"<<british>>","EndTime":"<<british 31536000>>","TimeCommitmentInSeconds":31536000}}`},
	{service: "states", action: "DescribeExecution", request: `{"executionArn":"arn:aws:states:us-east-1:<<acct>>:execution:sm:<<uuid gone%R>>0"}`, status: 400, answer: `{"__type":"ExecutionDoesNotExist","message":"Execution Does Not Exist: 'arn:aws:states:us-east-1:<<acct>>:execution:sm:<<uuid gone%R>>0'"}`},
	ec2Call("DescribeKeyPairs", "", `<keySet><item><keyPairId>key-<<hex8 k1%R>></keyPairId><keyName>a-%R</keyName></item><item><keyPairId>key-<<hex8 k2%R>></keyPairId><keyName>b-%R</keyName></item><item><keyPairId>key-<<hex8 k3%R>></keyPairId><keyName>c-%R</keyName></item></keySet>`),
	{service: "organizations", action: "ListHandshakesForOrganization", request: `{}`, answer: `{"Handshakes":[{"Id":"h-<<hex8 h%R>>","Parties":[{"Id":"orga-<<hex8 p1%R>>","Type":"ORGANIZATION"},{"Id":"orga-<<hex8 p2%R>>","Type":"ACCOUNT"}]}]}`},
}
