"""Glue's catalogue of the lake, from the declarations of the tables."""

from __future__ import annotations

from aws_cdk import aws_glue as glue
from constructs import Construct

from infra.environment import Environment
from infra.stacks.part import Part
from workbench.lake.glue import LAKE, table_input

PREFIX = "workbench_"


class Catalogue(Part):
    """The lake's databases and tables; ingestion adds the partitions, and tables of a later version."""

    def __init__(self, scope: Construct, *, environment: Environment, lake: str) -> None:
        super().__init__(scope, environment=environment, description="The lake's tables")
        databases = {
            schema: glue.CfnDatabase(
                self,
                f"Database-{schema}",
                catalog_id=self.account,
                database_input=glue.CfnDatabase.DatabaseInputProperty(name=f"{PREFIX}{schema}"),
            )
            for schema in sorted({table.schema for table in LAKE})
        }
        for table in LAKE:
            made = glue.CfnTable(
                self,
                f"Table-{table.schema}-{table.name}",
                catalog_id=self.account,
                database_name=f"{PREFIX}{table.schema}",
                table_input=_camel(table_input(table, lake)),
            )
            made.add_resource_dependency(databases[table.schema])
        self.databases = [f"{PREFIX}{schema}" for schema in databases]


def _camel(value: object) -> object:
    """Return Glue's own words as CDK's, which begin small; the names of parameters are nobody's words."""
    if isinstance(value, dict):
        return {
            key[0].lower() + key[1:]: content if key == "Parameters" else _camel(content)
            for key, content in value.items()
        }
    if isinstance(value, list):
        return [_camel(each) for each in value]
    return value
