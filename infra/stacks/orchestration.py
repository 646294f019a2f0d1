"""Airflow 3: its server, scheduler, DAG processor and triggerer as services, its database made by a task of one run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.environment import Environment, variables
from infra.stacks.compute import Compute
from infra.stacks.network import AIRFLOW, Network
from infra.stacks.part import Part
from infra.stacks.storage import Storage
from infra.stacks.tasks import STATE, Task, define, login, metadata, role, secret, serve
from workbench.airflow.standalone import COMPONENTS
from workbench.airflow.standalone import __name__ as STANDALONE

USER = "admin"
# The simple auth manager reads passwords from a file; the secret is in nobody's command line.
_LOGIN = (
    'mkdir -p "$AIRFLOW_HOME" && umask 077 && python -c '
    '\'import json, os; json.dump({os.environ["AIRFLOW_USER"]: os.environ["AIRFLOW_PASSWORD"]}, open(os.environ['
    '"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"], "w"))\' && exec '
)
# Seconds until a component that found no database begins anew.
_PATIENCE = 3600
_SIZES = {"scheduler": (2048, 4096), "dag-processor": (512, 2048), "triggerer": (512, 2048)}


def _started(arguments: Sequence[str], first: str = "exec ") -> list[str]:
    """Return the command of a component that waits for its database.

    The services are there before the task that makes it can run; a component that finds none ends at once, and services
    whose tasks end aren't taken for deployed.
    """
    waiting = f"airflow db check-migrations --migration-wait-timeout {_PATIENCE} && "
    return ["sh", "-c", f"{waiting}{first}{shlex.join(['airflow', *arguments])}"]


class Orchestration(Part):
    """Airflow, known inside the network as ``airflow.workbench-prod.internal``."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        network: Network,
        storage: Storage,
        compute: Compute,
    ) -> None:
        super().__init__(scope, environment=environment, description="Airflow and its database")
        self._key = self.known(storage.key)
        self.database = metadata(self, "Airflow", network=network, key=self._key)
        self.jwt, self.session, self.password = (
            secret(self, f"airflow-{name}", key=self._key) for name in ("jwt", "session", "password")
        )
        self.execution_role = role(self, "Execution", "ECS itself, for Airflow")
        self.role = role(self, "Role", "Airflow's components, which start stages")
        self._storage, self._network, self._compute = storage, network, compute
        server = ["api-server", "--host", "0.0.0.0", "--port", str(AIRFLOW), "--workers", "1"]  # noqa: S104  a container's
        self.services = {
            "api-server": self._service("api-server", _started(server, _LOGIN), (1024, 2048), dns="airflow")
        }
        for name, (component, *_) in COMPONENTS.items():
            self.services[name] = self._service(name, _started([component]), _SIZES[name])
        self.migration = self._define(
            "migration", ["python", "-c", f"from {STANDALONE} import prepare; prepare()"], (512, 2048)
        )

    def _service(
        self, name: str, command: list[str], size: tuple[int, int], dns: str = ""
    ) -> ecs.FargateService:
        definition = self._define(name, command, size)
        service = serve(
            self, f"Airflow-{name}", definition, cluster=self._compute.cluster, network=self._network,
            group=self._network.tasks, one=name == "scheduler", dns=dns,
        )  # fmt: skip
        cfn = service.node.default_child
        assert isinstance(cfn, cdk.CfnResource)
        # People reach its pages through the task, with AWS's own login.
        cfn.add_property_override("EnableExecuteCommand", name == "api-server")
        return service

    def _define(self, name: str, command: list[str], size: tuple[int, int]) -> ecs.FargateTaskDefinition:
        secrets = {
            **login(self.database),
            **self._compute.mlflow_user,
            "AIRFLOW__API_AUTH__JWT_SECRET": ecs.Secret.from_secrets_manager(self.jwt),
            "AIRFLOW__API__SECRET_KEY": ecs.Secret.from_secrets_manager(self.session),
        }
        if name == "api-server":
            secrets["AIRFLOW_PASSWORD"] = ecs.Secret.from_secrets_manager(self.password)
        task = Task(
            self._storage.image("airflow"), command, self._environment(), secrets, *size, read_only=False,
            port=AIRFLOW if name == "api-server" else None,
        )  # fmt: skip
        return define(
            self, f"Airflow-{name}", task, key=self._key, task_role=self.role, execution_role=self.execution_role
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        server = f"http://airflow.{self.settings.domain}:{AIRFLOW}"
        options: dict[str, dict[str, object]] = {
            "core": {
                "executor": "LocalExecutor",
                "parallelism": 16,
                "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
                "simple_auth_manager_users": f"{USER}:admin",
                "simple_auth_manager_passwords_file": f"{STATE}/airflow/passwords.json",
                "execution_api_server_url": f"{server}/execution/",
                "load_examples": False,
                # Nobody is there to unpause what takes the messages and keeps the schedules.
                "dags_are_paused_at_creation": False,
                # The server asks the scheduler for the lines of tasks, which lie on its disk, and no name leads there.
                "hostname_callable": "airflow.utils.net.get_host_ip_address",
            },
            # Without a host libpq and asyncpg take host, user and password from their own variables.
            "database": {"sql_alchemy_conn": "postgresql+psycopg2:///airflow", "sql_alchemy_conn_async": "postgresql+asyncpg:///airflow"},
            "api": {"base_url": server},
            "state_store": {"clear_on_success": True},
            "usage_data_collection": {"enabled": False},
        }  # fmt: skip
        airflow = {
            f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
            for section, values in options.items()
            for name, value in values.items()
        }
        stages = variables(airflow_executor="ecs", airflow_url=server, home=STATE)
        return {
            **self._compute.starting,
            **airflow,
            **stages,
            "AIRFLOW_HOME": f"{STATE}/airflow",
            "AIRFLOW_USER": USER,
        }
