"""What differs between development, staging and production, and the names that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.settings import Settings

Name = Literal["dev", "staging", "prod"]


class Environment(BaseModel):
    """An environment: one account, or one region of it, has one of a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    orchestrator: Literal["worker", "airflow"] = Field(
        description="who takes messages and keeps the schedules"
    )
    image_tag: str = Field(pattern=r"^[\w][\w.-]{0,127}$", description="tag of the images, the same for all")
    zones: int = Field(ge=3, le=3, description="availability zones; Redshift Serverless asks for three")
    nat_gateways: int = Field(ge=1, le=3)
    warehouse: Literal["serverless", "provisioned"] = "serverless"
    base_capacity: int = Field(default=8, ge=4, le=512, description="RPU that a query begins with")
    max_capacity: int = Field(default=16, ge=4, le=512, description="RPU that the workgroup may grow to")
    rpu_hours: int = Field(gt=0, description="RPU-hours a month, after which queries are refused")
    node_type: str = "ra3.large"
    nodes: int = Field(default=2, ge=2, le=128)
    database_class: str = Field(description="of the metadata databases: t4g.micro")
    multi_az: bool = False
    most_workers: int = Field(ge=1)
    backlog: int = Field(default=200, ge=1, description="messages a worker, above which one more is started")
    spot: bool = Field(description="stages that a worker or Airflow starts take Spot capacity")
    retain: bool = Field(description="landing, lake, runs, warehouse and databases outlive their stacks")
    log_days: Literal[30, 90, 365]
    backup_days: int = Field(ge=1, le=35)
    budget: int = Field(gt=0, description="US dollars a month")
    alerts_a_day: int = Field(
        default=50, ge=1, description="alerts of anomalies in a day, above which somebody looks"
    )
    mail: str = Field(default="", description="address that alarms are sent to")

    @property
    def prefix(self) -> str:
        """The beginning of all names: ``workbench-dev``."""
        return f"workbench-{self.name}"

    @property
    def domain(self) -> str:
        """Private domain of the services inside the network."""
        return f"{self.prefix}.internal"

    @property
    def database(self) -> str:
        """Name of the warehouse's database."""
        return "workbench"

    def family(self, part: str) -> str:
        """Return the family of a part's task definitions."""
        return f"{self.prefix}-{part}"

    def log_group(self, part: str) -> str:
        """Return the log group of a part."""
        return f"/workbench/{self.name}/{part}"


SIZES: Mapping[str, Mapping[str, Any]] = {
    "dev": {
        "orchestrator": "worker", "zones": 3, "nat_gateways": 1, "base_capacity": 4, "max_capacity": 8,
        "rpu_hours": 120, "database_class": "t4g.micro", "most_workers": 2, "spot": True, "retain": False,
        "log_days": 30, "backup_days": 1, "budget": 400,
    },
    "staging": {
        "orchestrator": "airflow", "zones": 3, "nat_gateways": 1, "base_capacity": 8, "max_capacity": 32,
        "rpu_hours": 600, "database_class": "t4g.small", "most_workers": 4, "spot": True, "retain": False,
        "log_days": 90, "backup_days": 7, "budget": 1200,
    },
    "prod": {
        "orchestrator": "airflow", "zones": 3, "nat_gateways": 3, "base_capacity": 16, "max_capacity": 128,
        "rpu_hours": 4000, "database_class": "t4g.medium", "multi_az": True, "most_workers": 8, "spot": False,
        "retain": True, "log_days": 365, "backup_days": 30, "budget": 4000,
    },
}  # fmt: skip


def environment(name: str, image_tag: str, changes: Mapping[str, Any] | None = None) -> Environment:
    """Return an environment as it is declared here, with what a context changes of it.

    Raises:
        ValueError: there is no such environment, or a change isn't one.
    """
    if name not in SIZES:
        raise ValueError(f"no environment {name!r}; there are {', '.join(get_args(Name))}: -c env=dev")
    try:
        return Environment(name=name, image_tag=image_tag, **{**SIZES[name], **(changes or {})})
    except ValidationError as problem:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problem.errors())
        raise ValueError(f"the environment {name} can't be as the context says: {wrong}") from None


def variables(**values: object) -> dict[str, str]:
    """Return settings as the variables that the program reads.

    Raises:
        ValueError: the program has no such setting.
    """
    if unknown := set(values) - set(Settings.model_fields):
        raise ValueError(f"no setting of the program: {', '.join(sorted(unknown))}")
    return {
        f"WORKBENCH_{name.upper()}": str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }
