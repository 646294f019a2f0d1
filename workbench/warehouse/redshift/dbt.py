"""How dbt gets at a Redshift."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.warehouse.dbt import Target, environment
from workbench.warehouse.redshift.address import Address


@contextmanager
def reached(address: Address) -> Iterator[Target]:
    """Let dbt, called in this process, log in there as long as the context is open."""
    arguments = address.arguments()
    variables = {
        "WORKBENCH_REDSHIFT_METHOD": "iam" if address.iam else "database",
        "WORKBENCH_REDSHIFT_HOST": arguments.get("host", ""),
        "WORKBENCH_REDSHIFT_PORT": str(address.port),
        "WORKBENCH_REDSHIFT_USER": arguments.get("user") or arguments.get("db_user") or "",
        "WORKBENCH_REDSHIFT_PASSWORD": arguments.get("password", ""),
        "WORKBENCH_REDSHIFT_DATABASE": address.database,
        "WORKBENCH_REDSHIFT_CLUSTER": arguments.get("cluster_identifier", ""),
        "WORKBENCH_REDSHIFT_WORKGROUP": arguments.get("serverless_work_group", ""),
        "WORKBENCH_REDSHIFT_SERVERLESS": str(address.serverless),
        "WORKBENCH_REDSHIFT_REGION": address.region,
        "WORKBENCH_REDSHIFT_SSLMODE": "verify-ca" if address.tls else "disable",
    }
    if address.role:
        names = {
            "access_key_id": "AWS_ACCESS_KEY_ID",
            "secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "session_token": "AWS_SESSION_TOKEN",
        }
        variables |= {names[key]: value for key, value in address.keys().items()}
    if address.ca:
        variables["SSL_CERT_FILE"] = str(address.ca)
    with environment(variables):
        yield Target("redshift", "target-redshift")
