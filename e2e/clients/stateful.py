#!/usr/bin/python3
"""Uses one service through boto3 as an application would that depends on what the service made: ids, handles,
tokens, states. It prints nothing, and fails when the service does not behave.

    stateful.py dynamodb|kinesis|sqs URL
"""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def dynamodb(db):
    names = ["orders", "customers"]
    for name in names:
        db.create_table(
            TableName=name,
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "n", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        )
    for name in names:
        db.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
    assert sorted(db.list_tables()["TableNames"]) == sorted(names)

    for n in range(25):
        db.put_item(
            TableName="orders",
            Item={
                "id": {"S": f"customer {n % 3}"},
                "n": {"N": str(n)},
                "blob": {"B": bytes(range(n))} if n else {"NULL": True},
                "tags": {"SS": [f"t{n}", "ü", "z"]},
                "nested": {"M": {"list": {"L": [{"N": "9007199254740993"}, {"BOOL": True}]}}},
            },
        )
    batch = [{"PutRequest": {"Item": {"id": {"S": "batch"}, "n": {"N": str(n)}}}} for n in range(25)]
    db.batch_write_item(RequestItems={"customers": batch})
    got = db.batch_get_item(RequestItems={"orders": {"Keys": [{"id": {"S": "customer 1"}, "n": {"N": str(n)}} for n in (1, 4, 7)]}})
    assert len(got["Responses"]["orders"]) == 3

    count, start = 0, {}
    while True:  # pages by LastEvaluatedKey
        page = db.query(
            TableName="orders",
            Limit=3,
            KeyConditionExpression="id = :id",
            ExpressionAttributeValues={":id": {"S": "customer 0"}},
            **start,
        )
        count += page["Count"]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert count == 9, count
    assert sum(p["Count"] for p in db.get_paginator("scan").paginate(TableName="orders", PaginationConfig={"PageSize": 7})) == 25

    new = db.update_item(
        TableName="orders",
        Key={"id": {"S": "customer 0"}, "n": {"N": "0"}},
        UpdateExpression="SET price = :p ADD visits :one",
        ExpressionAttributeValues={":p": {"N": "1.50"}, ":one": {"N": "1"}},
        ReturnValues="ALL_NEW",
    )
    assert new["Attributes"]["visits"]["N"] == "1"
    expect(
        "ConditionalCheckFailedException",
        lambda: db.put_item(TableName="orders", Item={"id": {"S": "customer 0"}, "n": {"N": "0"}}, ConditionExpression="attribute_not_exists(id)"),
    )
    expect("ResourceNotFoundException", lambda: db.get_item(TableName="nowhere", Key={"id": {"S": "x"}}))
    expect("ValidationException", lambda: db.get_item(TableName="orders", Key={"id": {"N": "1"}}))
    db.delete_item(TableName="orders", Key={"id": {"S": "customer 0"}, "n": {"N": "0"}}, ReturnValues="ALL_OLD")
    for name in names:
        db.delete_table(TableName=name)
    for name in names:
        db.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})


def kinesis(k):
    k.create_stream(StreamName="events", ShardCount=3)
    k.get_waiter("stream_exists").wait(StreamName="events", WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
    stream = k.describe_stream(StreamName="events")["StreamDescription"]
    put = [k.put_record(StreamName="events", Data=f"event {n}".encode(), PartitionKey=f"key {n}") for n in range(12)]
    k.put_records(StreamName="events", Records=[{"Data": bytes([n, 255]), "PartitionKey": str(n)} for n in range(20)])
    # From a sequence number that the service made, by an iterator that it made, to the next iterator.
    first = put[0]
    at = k.get_shard_iterator(
        StreamName="events", ShardId=first["ShardId"], ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=first["SequenceNumber"]
    )["ShardIterator"]
    assert k.get_records(ShardIterator=at)["Records"][0]["Data"] == b"event 0"
    total = 0
    for shard in stream["Shards"]:
        it = k.get_shard_iterator(StreamName="events", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        for _ in range(3):
            page = k.get_records(ShardIterator=it, Limit=5)
            total += len(page["Records"])
            it = page["NextShardIterator"]
    assert total == 32, total
    k.add_tags_to_stream(StreamName="events", Tags={"stage": "e2e"})
    assert k.list_tags_for_stream(StreamName="events")["Tags"] == [{"Key": "stage", "Value": "e2e"}]
    expect("ResourceNotFoundException", lambda: k.describe_stream(StreamName="nothing"))
    k.delete_stream(StreamName="events")
    k.get_waiter("stream_not_exists").wait(StreamName="events", WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})


def sqs(q):
    url = q.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    other = q.create_queue(QueueName="others")["QueueUrl"]
    assert q.get_queue_url(QueueName="jobs")["QueueUrl"] == url
    assert len(q.list_queues()["QueueUrls"]) == 2
    assert q.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"] == "30"

    sent = q.send_message(QueueUrl=url, MessageBody='{"job": "<first> & ü"}', MessageAttributes={"kind": {"DataType": "String", "StringValue": "first"}})
    q.send_message_batch(QueueUrl=url, Entries=[{"Id": f"e{n}", "MessageBody": f"batch {n}"} for n in range(5)])
    seen, received = 0, {}
    while seen < 6:
        messages = q.receive_message(QueueUrl=url, MaxNumberOfMessages=2, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"]
        for m in messages:
            seen += 1
            received[m["MessageId"]] = m["Body"]
            q.change_message_visibility(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"], VisibilityTimeout=60)
            q.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    assert received[sent["MessageId"]] == '{"job": "<first> & ü"}'
    assert "Messages" not in q.receive_message(QueueUrl=url)

    q.send_message(QueueUrl=other, MessageBody="kept")
    q.purge_queue(QueueUrl=other)
    q.tag_queue(QueueUrl=other, Tags={"stage": "e2e"})
    assert q.list_queue_tags(QueueUrl=other)["Tags"] == {"stage": "e2e"}
    expect("AWS.SimpleQueueService.NonExistentQueue", lambda: q.get_queue_url(QueueName="nowhere"))
    for each in (url, other):
        q.delete_queue(QueueUrl=each)


def expect(code, call):
    try:
        call()
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e
    else:
        raise AssertionError(f"no {code}")


if __name__ == "__main__":
    service, endpoint = sys.argv[1:]
    config = Config(retries={"max_attempts": 1}, parameter_validation=False)
    globals()[service](boto3.client(service, endpoint_url=endpoint, config=config))
