"""Where data lies: landing, the lake, runs with their reports, what is on its way to Redshift, and images."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.environment import Environment
from infra.stacks.part import Part

# Of stages whose map asks for another than the usual one, python-processor.
OF_STAGES = ("spark-processor",)
IMAGES = ("python-processor", *OF_STAGES, "airflow", "mlflow")
# Services of AWS that encrypt what they keep or send for us; each only for this account.
_SERVICES = ("cloudwatch", "events", "sns", "budgets", "delivery.logs")


class Storage(Part):
    """The key, the buckets and the repositories of images."""

    def __init__(self, scope: Construct, *, environment: Environment) -> None:
        super().__init__(
            scope, environment=environment, description="Landing, lake, runs, staging; images; their key"
        )
        self.key = kms.Key(
            self, "Key", enable_key_rotation=True, alias=environment.prefix, removal_policy=self.removal,
            description="Data, messages and logs",
        )  # fmt: skip
        self._admit_services()
        self.logs = s3.Bucket(
            self, "AccessLogs", encryption=s3.BucketEncryption.S3_MANAGED, lifecycle_rules=[_expire(environment.log_days)],
            **self._closed(),
        )  # fmt: skip
        # Landing is the source of truth: whatever else is lost is made from it again.
        self.landing = self._bucket("Landing", versioned=True, rules=[_archive(), _forget_versions()])
        self.landing_notices()
        self.lake = self._bucket("Lake", versioned=True, rules=[_forget_versions()])
        self.runs = self._bucket("Runs", versioned=True, rules=[_forget_versions(), _expire(400)])
        self.staging = self._bucket("Staging", rules=[_expire(1)])
        self.images = {name: self._repository(name) for name in IMAGES}

    def landing_notices(self) -> None:
        """Have landing tell EventBridge of each object."""
        bucket = self.landing.node.default_child
        assert isinstance(bucket, s3.CfnBucket)
        bucket.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
        )

    def image(self, name: str) -> str:
        """Return the address of an image."""
        return f"{self.images[name].repository_uri}:{self.settings.image_tag}"

    def _closed(self) -> dict[str, object]:
        return {
            "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
            "enforce_ssl": True,
            "minimum_tls_version": 1.2,
            "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            "removal_policy": self.removal,
        }

    def _bucket(self, name: str, *, rules: list[s3.LifecycleRule], versioned: bool = False) -> s3.Bucket:
        return s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            versioned=versioned,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix=f"{name.lower()}/",
            lifecycle_rules=[
                *rules,
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(7)),
            ],
            **self._closed(),
        )

    def _repository(self, name: str) -> ecr.Repository:
        return ecr.Repository(
            self,
            f"Image-{name}",
            repository_name=f"{self.settings.prefix}/{name}",
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            encryption=ecr.RepositoryEncryption.AES_256,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=20)],
            removal_policy=self.removal,
            empty_on_delete=not self.settings.retain,
        )

    def _admit_services(self) -> None:
        here = {"StringEquals": {"aws:SourceAccount": self.account}}
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"{name}.amazonaws.com") for name in _SERVICES],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions=here,
            )
        )
        groups = f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:*"
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )  # fmt: skip


def _expire(days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(expiration=cdk.Duration.days(days))


def _archive() -> s3.LifecycleRule:
    return s3.LifecycleRule(
        transitions=[
            s3.Transition(
                storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=cdk.Duration.days(30)
            )
        ]
    )


def _forget_versions() -> s3.LifecycleRule:
    return s3.LifecycleRule(noncurrent_version_expiration=cdk.Duration.days(90))
