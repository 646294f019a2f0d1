"""The network: private subnets in three zones, a way out, none in, and who may talk to whom inside."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_servicediscovery as discovery
from constructs import Construct

from infra.environment import Environment
from infra.stacks.part import Part

WAREHOUSE, DATABASE, AIRFLOW, MLFLOW = 5439, 5432, 8080, 5000
LINES = (8793, 8794)


class Network(Part):
    """The network and its security groups."""

    def __init__(self, scope: Construct, *, environment: Environment, key: kms.IKey) -> None:
        super().__init__(scope, environment=environment, description="Subnets, the way out, security groups")
        flows = self.log_group("Flows", key=key)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=[cdk.Fn.select(zone, cdk.Fn.get_azs()) for zone in range(environment.zones)],
            nat_gateways=environment.nat_gateways,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False),
                ec2.SubnetConfiguration(name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
            ],
            # What goes to S3 and DynamoDB costs nothing this way.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDB": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
            flow_logs={"All": ec2.FlowLogOptions(destination=ec2.FlowLogDestination.to_cloud_watch_logs(flows))},
        )  # fmt: skip
        self.subnets = self.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS).subnet_ids
        self.tasks = self._group("Tasks", "Stages, the worker and Airflow", outbound=True)
        # Its way to S3 is the network's, too.
        self.warehouse = self._group("Warehouse", "The warehouse", outbound=True)
        self.databases = self._group("Databases", "Metadata of Airflow and MLflow")
        self.mlflow = self._group("Mlflow", "The server of MLflow", outbound=True)
        self.tasks.add_ingress_rule(self.tasks, ec2.Port.tcp(AIRFLOW), "Components of Airflow to its server")
        # Of the scheduler, where tasks run, and of the triggerer.
        for port in LINES:
            self.tasks.add_ingress_rule(self.tasks, ec2.Port.tcp(port), "Airflow to the lines of its tasks")
        self.warehouse.add_ingress_rule(self.tasks, ec2.Port.tcp(WAREHOUSE), "Stages to the warehouse")
        self.mlflow.add_ingress_rule(self.tasks, ec2.Port.tcp(MLFLOW), "Stages to MLflow")
        for client in (self.tasks, self.mlflow):
            self.databases.add_ingress_rule(client, ec2.Port.tcp(DATABASE), "Servers to their databases")
        self.names = discovery.PrivateDnsNamespace(self, "Names", name=environment.domain, vpc=self.vpc)

    def _group(self, name: str, description: str, *, outbound: bool = False) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self.vpc, description=description, allow_all_outbound=outbound
        )
