"""What each role may do, all of it: a grant that is new has to be written here, too."""

from __future__ import annotations

ACTIONS: dict[str, str] = {
    "access/Analyst": """
        kms: Decrypt
        s3: GetObject ListBucket
    """,
    "access/Operator": """
        ecs: DescribeServices DescribeTasks ExecuteCommand ListTasks StopTask UpdateService
        kms: Decrypt GenerateDataKey
        logs: DescribeLogGroups DescribeLogStreams FilterLogEvents GetLogEvents GetQueryResults StartQuery
        s3: GetObject ListBucket
        sqs: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage
        ssm: StartSession
        states: DescribeExecution GetExecutionHistory ListExecutions StartExecution
    """,
    "compute/Execution": """
        ecr: BatchCheckLayerAvailability BatchGetImage GetAuthorizationToken GetDownloadUrlForLayer
        kms: Decrypt
        logs: CreateLogStream PutLogEvents
        secretsmanager: DescribeSecret GetSecretValue
    """,
    "compute/StageRole": """
        cloudwatch: PutMetricData
        glue: BatchCreatePartition CreateDatabase CreateTable GetPartitions GetTable UpdateTable
        kms: Decrypt GenerateDataKey
        s3: AbortMultipartUpload DeleteObject GetObject ListBucket PutObject
        secretsmanager: GetSecretValue
        sns: Publish
        sts: AssumeRole
    """,
    "compute/WorkerRole": """
        cloudwatch: PutMetricData
        ecs: DescribeTaskDefinition DescribeTasks ListTasks RunTask StopTask TagResource
        glue: BatchCreatePartition CreateDatabase CreateTable GetPartitions GetTable UpdateTable
        iam: PassRole
        kms: Decrypt GenerateDataKey
        logs: GetLogEvents
        s3: AbortMultipartUpload DeleteObject GetObject ListBucket PutObject
        secretsmanager: GetSecretValue
        sns: Publish
        sqs: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage
        sts: AssumeRole
    """,
    "events/DeliveryRole": """
        kinesis: DescribeStream GetRecords GetShardIterator ListShards
        kms: Decrypt GenerateDataKey
        logs: PutLogEvents
        s3: AbortMultipartUpload GetBucketLocation GetObject ListBucket ListBucketMultipartUploads PutObject
    """,
    "events/TriggerRole": """
        dynamodb: DeleteItem GetItem PutItem UpdateItem
        kms: Decrypt GenerateDataKey
        logs: CreateLogStream PutLogEvents
        sqs: SendMessage
        xray: PutTelemetryRecords PutTraceSegments
    """,
    "mlflow/Execution": """
        ecr: BatchCheckLayerAvailability BatchGetImage GetAuthorizationToken GetDownloadUrlForLayer
        kms: Decrypt
        logs: CreateLogStream PutLogEvents
        secretsmanager: DescribeSecret GetSecretValue
    """,
    "mlflow/Role": """
        kms: Decrypt GenerateDataKey
        s3: AbortMultipartUpload DeleteObject GetObject ListBucket PutObject
        ssmmessages: CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel
    """,
    "network/VpcAllIAMRole": """
        logs: CreateLogStream DescribeLogStreams PutLogEvents
    """,
    "orchestration/Execution": """
        ecr: BatchCheckLayerAvailability BatchGetImage GetAuthorizationToken GetDownloadUrlForLayer
        kms: Decrypt
        logs: CreateLogStream PutLogEvents
        secretsmanager: DescribeSecret GetSecretValue
    """,
    "orchestration/Role": """
        cloudwatch: PutMetricData
        ecs: DescribeTaskDefinition DescribeTasks ListTasks RunTask StopTask TagResource
        glue: BatchCreatePartition CreateDatabase CreateTable GetPartitions GetTable UpdateTable
        iam: PassRole
        kms: Decrypt GenerateDataKey
        logs: GetLogEvents
        s3: AbortMultipartUpload DeleteObject GetObject ListBucket PutObject
        secretsmanager: GetSecretValue
        sns: Publish
        sqs: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage
        ssmmessages: CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel
        sts: AssumeRole
    """,
    "warehouse/AWS679f53fac002430cb0da5b7982bd2287ServiceRole": """
        redshift-serverless: CreateUsageLimit DeleteUsageLimit UpdateUsageLimit
    """,
    "warehouse/Login": """
        redshift-serverless: GetCredentials GetWorkgroup
    """,
    "warehouse/Role": """
        kms: Decrypt GenerateDataKey
        s3: GetObject ListBucket PutObject
    """,
    "workflow/Role": """
        ecs: DescribeTasks RunTask StopTask
        events: DescribeRule PutRule PutTargets
        iam: PassRole
        kms: Decrypt GenerateDataKey
        logs: CreateLogDelivery DeleteLogDelivery DescribeLogGroups DescribeResourcePolicies GetLogDelivery ListLogDeliveries PutResourcePolicy UpdateLogDelivery
        sns: Publish
        xray: GetSamplingRules GetSamplingTargets PutTelemetryRecords PutTraceSegments
    """,
    "workflow/Starter": """
        kms: Decrypt GenerateDataKey
        sqs: SendMessage
        states: StartExecution
    """,
}


def actions(listed: str) -> set[str]:
    """Return the actions of a list, a line a service."""
    found = set()
    for line in listed.strip().splitlines():
        service, _, names = line.strip().partition(": ")
        found |= {f"{service}:{name}" for name in names.split()}
    return found
