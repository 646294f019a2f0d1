"""What comes in: objects of landing become messages, and events of a stream become objects of landing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.environment import Environment
from infra.function import HANDLER, pack
from infra.stacks.part import Part
from infra.stacks.queue import LANDED, Queue
from infra.stacks.storage import Storage
from workbench.schema import DATASETS

POWERTOOLS = "/aws/service/powertools/python/x86_64/python3.13/latest"
LANDING, STREAMED = "landing/", "events"


class Events(Part):
    """The function between S3 and the queue, and the stream of events with its way into landing."""

    def __init__(self, scope: Construct, *, environment: Environment, storage: Storage, queue: Queue) -> None:
        super().__init__(
            scope, environment=environment, description="From landing to the queue; a stream into landing"
        )
        self._key = self.known(storage.key)
        self._storage, self._queue = storage, queue
        self.seen = dynamodb.Table(
            self,
            "Seen",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key,
            time_to_live_attribute="expiration",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._trigger()
        self._stream()

    def _trigger(self) -> None:
        name = self.settings.family("trigger")
        self.trigger_role = iam.Role(
            self, "TriggerRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), description="From landing to the queue"
        )  # fmt: skip
        layer = ssm.StringParameter.value_for_string_parameter(self, POWERTOOLS)
        with tempfile.TemporaryDirectory() as folder:
            self.trigger = functions.Function(
                self,
                "Trigger",
                function_name=name,
                description="Sends what landed to the queue",
                runtime=functions.Runtime.PYTHON_3_13,
                architecture=functions.Architecture.X86_64,
                handler=HANDLER,
                code=functions.Code.from_asset(str(pack(Path(folder)))),
                layers=[functions.LayerVersion.from_layer_version_arn(self, "Powertools", layer)],
                role=self.trigger_role.without_policy_updates(),
                memory_size=256,
                timeout=cdk.Duration.seconds(30),
                tracing=functions.Tracing.ACTIVE,
                environment={
                    "WORKBENCH_QUEUE_URL": self._queue.queue.queue_url,
                    "WORKBENCH_IDEMPOTENCY_TABLE": self.seen.table_name,
                },
                environment_encryption=self._key,
                log_group=self.log_group("Trigger", key=self._key, path=f"/aws/lambda/{name}"),
                on_failure=destinations.SqsDestination(self._queue.undelivered),
                retry_attempts=2,
            )
        rule = events.Rule(
            self,
            "Landed",
            rule_name=self.settings.family(LANDED),
            description="An object is in landing",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [self._storage.landing.bucket_name]},
                    "object": {"key": [{"prefix": LANDING}]},
                },
            ),
        )
        # A day long, which is as long as EventBridge goes; what it then gives up isn't lost. By its ARN, for the queue's own policy
        # is of the stack below.
        given_up = sqs.Queue.from_queue_arn(self, "GivenUp", self._queue.undelivered.queue_arn)
        rule.add_target(targets.LambdaFunction(self.trigger, dead_letter_queue=given_up))

    def _stream(self) -> None:
        if STREAMED not in DATASETS:
            raise ValueError(f"events of the stream land as the dataset {STREAMED}, and there is none")
        self.stream = kinesis.Stream(
            self,
            "Stream",
            stream_name=self.settings.family("events"),
            stream_mode=kinesis.StreamMode.ON_DEMAND,
            encryption=kinesis.StreamEncryption.KMS,
            encryption_key=self._key,
            retention_period=cdk.Duration.hours(48),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        account = {"StringEquals": {"aws:SourceAccount": self.account}}
        self.delivery_role = iam.Role(
            self, "DeliveryRole", assumed_by=iam.ServicePrincipal("firehose.amazonaws.com", conditions=account), description="From the stream to landing"
        )  # fmt: skip
        self.delivery_log = self.log_group("Delivery", key=self._key)
        lines = logs.LogStream(self, "DeliveryLines", log_group=self.delivery_log, log_stream_name="s3")
        stream = firehose.CfnDeliveryStream
        day = "!{timestamp:yyyy/MM/dd}/"
        self.delivery = stream(
            self,
            "Delivery",
            delivery_stream_name=self.settings.family("events"),
            delivery_stream_type="KinesisStreamAsSource",
            kinesis_stream_source_configuration=stream.KinesisStreamSourceConfigurationProperty(
                kinesis_stream_arn=self.stream.stream_arn, role_arn=self.delivery_role.role_arn
            ),
            extended_s3_destination_configuration=stream.ExtendedS3DestinationConfigurationProperty(
                bucket_arn=self._storage.landing.bucket_arn,
                role_arn=self.delivery_role.role_arn,
                prefix=f"{LANDING}{STREAMED}/{day}",
                # Beside landing: what couldn't be delivered isn't data.
                error_output_prefix=f"undelivered/{STREAMED}/!{{firehose:error-output-type}}/{day}",
                file_extension=".jsonl",
                compression_format="UNCOMPRESSED",
                buffering_hints=stream.BufferingHintsProperty(interval_in_seconds=60, size_in_m_bs=64),
                encryption_configuration=stream.EncryptionConfigurationProperty(
                    kms_encryption_config=stream.KMSEncryptionConfigProperty(awskms_key_arn=self._key.key_arn)
                ),
                cloud_watch_logging_options=stream.CloudWatchLoggingOptionsProperty(
                    enabled=True,
                    log_group_name=self.delivery_log.log_group_name,
                    log_stream_name=lines.log_stream_name,
                ),
                processing_configuration=stream.ProcessingConfigurationProperty(
                    enabled=True,
                    processors=[
                        # Records come without an end of line, and a file is lines of JSON.
                        stream.ProcessorProperty(
                            type="AppendDelimiterToRecord",
                            parameters=[
                                stream.ProcessorParameterProperty(
                                    parameter_name="Delimiter", parameter_value="\\n"
                                )
                            ],
                        )
                    ],
                ),
            ),
        )
        # It isn't made before its role may read the stream.
        self.delivery.node.add_dependency(self.delivery_role)
