"""The warehouse: Redshift Serverless, or a cluster of RA3 where the environment says so."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_redshift as redshift
from aws_cdk import aws_redshiftserverless as serverless
from aws_cdk import custom_resources as custom
from constructs import Construct

from infra.environment import Environment
from infra.stacks.network import WAREHOUSE, Network
from infra.stacks.part import Part

_ADMIN = "workbench_admin"
USER = "workbench"
_SERVICES = {
    "serverless": ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com"),
    "provisioned": ("redshift.amazonaws.com",),
}
_LOGS = ("connectionlog", "userlog", "useractivitylog")
_LIMITS = {"enable_user_activity_logging": "true", "require_ssl": "true"}


class Warehouse(Part):
    """The warehouse, the role by which it gets at its staging place, and the one that all who run stages take to log in.

    The user of a database with temporary credentials is named after the role that asked for them: were it each task's own,
    none could write to the tables that another made.
    """

    def __init__(
        self, scope: Construct, *, environment: Environment, key: kms.IKey, network: Network
    ) -> None:
        super().__init__(scope, environment=environment, description="The warehouse")
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.CompositePrincipal(*map(iam.ServicePrincipal, _SERVICES[environment.warehouse])),
            description="COPY and UNLOAD",
        )
        self.login = iam.Role(
            self,
            "Login",
            role_name=environment.family("warehouse"),
            # A role's trust names no role that isn't there yet, but how those of this environment are called.
            assumed_by=iam.AccountPrincipal(self.account).with_conditions(
                {"ArnLike": {"aws:PrincipalArn": self._role_arn(f"{environment.prefix}-*")}}
            ),
            description="The one user of the database that stages are",
        )
        self.name = environment.prefix
        # Of the CDK's own function, which sets limits.
        self._limits = self.log_group("Limits", key=key)
        if environment.warehouse == "serverless":
            self._serverless(key, network)
        else:
            self._cluster(key, network)

    @property
    def url(self) -> str:
        """The warehouse as the program's settings name it: with temporary credentials of its login role."""
        form = f"{self.settings.database}?region={self.region}&role={self.login_arn}"
        if self.settings.warehouse == "serverless":
            return f"redshift+iam://{self.name}/{form}&serverless=on"
        return f"redshift+iam://{USER}@{self.name}/{form}"

    @property
    def login_arn(self) -> str:
        """The login role, as others name it."""
        return self._role_arn(self.settings.family("warehouse"))

    def _role_arn(self, name: str) -> str:
        return self.format_arn(service="iam", region="", resource="role", resource_name=name)

    def _serverless(self, key: kms.IKey, network: Network) -> None:
        namespace = serverless.CfnNamespace(
            self,
            "Namespace",
            namespace_name=self.name,
            db_name=self.settings.database,
            admin_username=_ADMIN,
            manage_admin_password=True,
            admin_password_secret_kms_key_id=key.key_id,
            kms_key_id=key.key_id,
            iam_roles=[self.role.role_arn],
            default_iam_role_arn=self.role.role_arn,
            log_exports=list(_LOGS),
            **({"final_snapshot_name": f"{self.name}-final", "final_snapshot_retention_period": 30} if self.settings.retain else {}),
        )  # fmt: skip
        namespace.apply_removal_policy(self.removal)
        self._audit(namespace, self.name, key)
        workgroup = serverless.CfnWorkgroup(
            self,
            "Workgroup",
            workgroup_name=self.name,
            namespace_name=self.name,
            base_capacity=self.settings.base_capacity,
            max_capacity=self.settings.max_capacity,
            enhanced_vpc_routing=True,
            publicly_accessible=False,
            port=WAREHOUSE,
            subnet_ids=network.subnets,
            security_group_ids=[network.warehouse.security_group_id],
            config_parameters=[
                serverless.CfnWorkgroup.ConfigParameterProperty(parameter_key=name, parameter_value=value)
                for name, value in _LIMITS.items()
            ],
        )
        workgroup.add_resource_dependency(namespace)
        self.arn = workgroup.attr_workgroup_workgroup_arn
        self._made = [workgroup]
        self._limit(
            "redshift-serverless", "UsageLimit", "usageLimit.usageLimitId",
            resourceArn=self.arn, usageType="serverless-compute", amount=self.settings.rpu_hours, breachAction="deactivate",
        )  # fmt: skip

    def _audit(self, made: cdk.CfnResource, place: str, key: kms.IKey) -> None:
        """Make the groups of its audit logs before it does, which would keep them for ever and unencrypted."""
        for name in _LOGS:
            group = self.log_group(name.title(), key=key, path=f"/aws/redshift/{place}/{name}")
            made.node.add_dependency(group)

    def _limit(self, service: str, name: str, identifier: str, **limit: object) -> None:
        """Set what a month may take: CloudFormation has no resource for it."""
        this = {identifier.rpartition(".")[2]: custom.PhysicalResourceIdReference()}
        serverless = service == "redshift-serverless"
        change, period = ("UpdateUsageLimit", "period") if serverless else ("ModifyUsageLimit", "Period")

        def call(action: str, parameters: dict[str, object]) -> custom.AwsSdkCall:
            return custom.AwsSdkCall(
                service=service,
                action=action,
                parameters=parameters,
                physical_resource_id=custom.PhysicalResourceId.from_response(identifier),
            )

        # There can't be a second one of a kind, so another amount is a change of the one that is there.
        changed = {name: value for name, value in limit.items() if name.lower() in ("amount", "breachaction")}
        made = custom.AwsCustomResource(
            self,
            name,
            on_create=call("CreateUsageLimit", {**limit, period: "monthly"}),
            on_update=call(change, {**this, **changed}),
            on_delete=custom.AwsSdkCall(service=service, action="DeleteUsageLimit", parameters=this),
            install_latest_aws_sdk=False,
            log_group=self._limits,
            policy=custom.AwsCustomResourcePolicy.from_statements(
                [
                    iam.PolicyStatement(
                        actions=[
                            f"{service}:{action}"
                            for action in ("CreateUsageLimit", change, "DeleteUsageLimit")
                        ],
                        resources=[self.format_arn(service=service, resource="*")],
                    )
                ]
            ),
        )
        made.node.add_dependency(*self._made)

    def _cluster(self, key: kms.IKey, network: Network) -> None:
        subnets = redshift.CfnClusterSubnetGroup(
            self, "Subnets", description="Where the warehouse is", subnet_ids=network.subnets
        )
        parameters = redshift.CfnClusterParameterGroup(
            self,
            "Parameters",
            description="TLS only, and what users do is logged",
            parameter_group_family="redshift-2.0",
            parameters=[
                redshift.CfnClusterParameterGroup.ParameterProperty(
                    parameter_name=name, parameter_value=value
                )
                for name, value in _LIMITS.items()
            ],
        )
        cluster = redshift.CfnCluster(
            self,
            "Cluster",
            cluster_identifier=self.name,
            cluster_type="multi-node",
            node_type=self.settings.node_type,
            number_of_nodes=self.settings.nodes,
            db_name=self.settings.database,
            master_username=_ADMIN,
            manage_master_password=True,
            master_password_secret_kms_key_id=key.key_id,
            encrypted=True,
            kms_key_id=key.key_id,
            port=WAREHOUSE,
            publicly_accessible=False,
            enhanced_vpc_routing=True,
            cluster_subnet_group_name=subnets.ref,
            cluster_parameter_group_name=parameters.ref,
            vpc_security_group_ids=[network.warehouse.security_group_id],
            iam_roles=[self.role.role_arn],
            automated_snapshot_retention_period=self.settings.backup_days,
            logging_properties=redshift.CfnCluster.LoggingPropertiesProperty(
                log_destination_type="cloudwatch", log_exports=list(_LOGS)
            ),
        )
        cluster.apply_removal_policy(
            cdk.RemovalPolicy.SNAPSHOT if self.settings.retain else cdk.RemovalPolicy.DESTROY
        )
        self._audit(cluster, f"cluster/{self.name}", key)
        self._made = [cluster]
        for feature, kind, amount in (("spectrum", "data-scanned", 10), ("concurrency-scaling", "time", 600)):
            self._limit(
                "redshift", f"Limit-{feature}", "UsageLimitId",
                ClusterIdentifier=cluster.ref, FeatureType=feature, LimitType=kind, Amount=amount, BreachAction="disable",
            )  # fmt: skip
        self.arn = self.format_arn(
            service="redshift", resource="dbuser", resource_name=f"{self.name}/{USER}", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )  # fmt: skip
