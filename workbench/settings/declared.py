"""What can be set, of which type, and who needs it: the fields of the settings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from workbench.settings.currencies import is_currency
from workbench.settings.days import days_by_name
from workbench.settings.fiscal import CALENDAR_YEAR, canonical
from workbench.settings.intervals import intervals

EARLIEST = dt.date(1900, 1, 1)
"""The first day that a time in a landed row may be of, unless a setting says otherwise."""

_FIRST_OF_ALL = dt.date(1700, 1, 1)


@dataclass(frozen=True)
class Reach:
    """Who needs a setting beside the process that reads it: every field of :class:`Settings` is marked so."""

    notebooks: bool
    """It is handed to the processes of notebooks, which may stand in a folder with another ``.env``."""
    tasks: bool
    """It is handed to tasks on ECS, where whoever may look at a task reads it: never a secret."""


HERE = Reach(notebooks=False, tasks=False)
NOTEBOOK = Reach(notebooks=True, tasks=False)
TASK = Reach(notebooks=True, tasks=True)


class Declared(BaseSettings):
    """What differs between a laptop and the cloud.

    The mark of a field says if it is handed to notebooks (``NOTEBOOK``), to tasks too (``TASK``), or to neither (``HERE``).
    """

    model_config = SettingsConfigDict(
        env_prefix="WORKBENCH_", env_file=".env", extra="ignore", frozen=True, allow_inf_nan=False
    )

    profile: Annotated[Literal["local", "aws"], TASK] = Field(
        default="local", description="aws writes logs and metrics as CloudWatch takes them"
    )
    home: Annotated[Path, NOTEBOOK] = Field(
        default=Path(".workbench"), description="folder of all local state"
    )
    home_shared: Annotated[bool, NOTEBOOK] = Field(
        default=False, description="leave home open to whom it is open; else it is its owner's alone"
    )
    project: Annotated[Path | None, TASK] = Field(
        default=None, description="folder with pipeline_notebooks/, dbt/ and mlflow/; found from the package"
    )
    warehouse_url: Annotated[str, TASK] = Field(
        default="",
        description="duckdb:///FILE or redshift://user@host:port/database; empty means home/warehouse.duckdb",
    )
    redshift_password: Annotated[SecretStr, NOTEBOOK] = Field(
        default=SecretStr(""), description="password for a redshift:// URL that names no secret"
    )
    redshift_s3: Annotated[str, TASK] = Field(
        default="", description="s3://bucket/prefix through which rows come to Redshift and go in bulk"
    )
    redshift_iam_role: Annotated[str, TASK] = Field(
        default="",
        description="role by which Redshift gets at redshift_s3; empty means the cluster's default role",
    )
    landing_uri: Annotated[str, TASK] = Field(
        default="", description="where files land: a folder or s3://BUCKET/PREFIX; empty means home/landing"
    )
    landing_settle: Annotated[float, TASK] = Field(
        default=0.0,
        ge=0,
        description="seconds for which a file in landing must not have changed to be taken in",
    )
    landing_look: Annotated[float, TASK] = Field(
        default=1.0,
        ge=0,
        le=60,
        description="seconds for which a file that was written to landing just now is looked at, to see if it grows",
    )
    longest_line: Annotated[int, TASK] = Field(
        default=1 << 20,
        ge=1 << 10,
        le=64 << 20,
        description="bytes that a line or record of a landed file may have",
    )
    ingest_memory: Annotated[int, NOTEBOOK] = Field(
        default=512,
        ge=128,
        description="megabytes that the engine may use to take in files, before it uses disk",
    )
    spark_from: Annotated[int, TASK] = Field(
        default=0,
        ge=0,
        description="megabytes from which on a landed CSV is judged in parts by Spark; 0 for none",
    )
    spark_part: Annotated[int, TASK] = Field(
        default=64, ge=1, le=1024, description="megabytes that Spark judges at a time in one place"
    )
    spark_program: Annotated[str, NOTEBOOK] = Field(
        default="", description="Python of an environment that has PySpark; empty means this one"
    )
    earliest: Annotated[str, TASK] = Field(
        default=str(EARLIEST),
        description="first day that a time in a landed row may be of; for some datasets alone: "
        "1900-01-01,transactions=2015-01-01",
    )
    queue_url: Annotated[str, HERE] = Field(
        default="", description="sqlite:///FILE or the URL of an SQS queue; empty means home/queue.db"
    )
    mlflow_tracking_uri: Annotated[str, TASK] = Field(
        default="", description="URI of the MLflow server; empty means SQLite in home/mlflow.db"
    )
    reporting_currency: Annotated[str, TASK] = Field(
        default="USD", description="ISO 4217 code that reports convert to"
    )
    fiscal_calendar: Annotated[str, TASK, AfterValidator(canonical)] = Field(
        default=CALENDAR_YEAR, description="fiscal year: months,july or 4-5-4,february,sunday"
    )
    reading_intervals: Annotated[str, TASK, AfterValidator(intervals)] = Field(
        default="", description="seconds between readings: temperature=300,sensor:T-17=60; learnt where empty"
    )
    session_gap: Annotated[int, TASK] = Field(
        default=30, ge=1, le=1440, description="minutes without an event that end a visitor's session"
    )
    return_window: Annotated[int, TASK] = Field(
        default=90,
        ge=1,
        le=3650,
        description="days within which a return that names no receipt is matched to a purchase of its customer",
    )
    lock_timeout: Annotated[float, TASK] = Field(
        default=30.0, ge=0, description="seconds to wait for a busy warehouse file"
    )
    replica: Annotated[bool, NOTEBOOK] = Field(
        default=True,
        description="keep a copy of core and marts beside an embedded warehouse, whose readers wait for nobody",
    )
    lake_uri: Annotated[str, TASK] = Field(
        default="",
        description="s3://BUCKET/PREFIX where ingested rows are kept as Parquet too, with tables in Glue; empty for none",
    )
    runs_uri: Annotated[str, HERE] = Field(
        default="",
        description="s3://BUCKET/PREFIX where runs are kept too; empty keeps them in home/runs alone",
    )
    keep_runs: Annotated[int, NOTEBOOK] = Field(
        default=1000, ge=0, description="runs that `workbench maintain` keeps, the newest; 0 keeps any number"
    )
    keep_days: Annotated[float, NOTEBOOK] = Field(
        default=0,
        ge=0,
        le=36_500,
        description="days for which `workbench maintain` keeps a run; 0 means whatever its age",
    )
    alert_channels: Annotated[str, HERE] = Field(
        default="",
        description="where alerts are sent, with commas between: log:, sns:TOPIC_ARN, "
        "smtp://USER:{env:NAME}@HOST/?from=ADDRESS&to=ADDRESS, https://HOST/PATH; {env:NAME}, {file:PATH} and {aws:ID} "
        "stand for secrets",
    )
    alert_least: Annotated[Literal["info", "warning", "critical"], HERE] = Field(
        default="warning", description="least severity of an alert that is sent"
    )
    alert_limit: Annotated[int, HERE] = Field(
        default=20,
        ge=1,
        description="notifications that a channel gets in an hour at most; what is more is summed up in the last of them",
    )
    docs_url: Annotated[str, HERE] = Field(
        default="",
        description="where docs/ is served, for links to runbooks; empty makes them paths of files",
    )
    ecs_cluster: Annotated[str, HERE] = Field(
        default="", description="cluster on which stages run with --executor ecs"
    )
    ecs_task_definition: Annotated[str, HERE] = Field(
        default="", description="task definition of such stages"
    )
    ecs_container: Annotated[str, HERE] = Field(
        default="main", description="its container that runs the stage"
    )
    ecs_subnets: Annotated[str, HERE] = Field(
        default="", description="subnets of such stages, with commas between them"
    )
    ecs_security_groups: Annotated[str, HERE] = Field(
        default="", description="security groups, with commas between them"
    )
    ecs_spot: Annotated[bool, HERE] = Field(default=False, description="take Spot capacity")
    ecs_public_ip: Annotated[bool, HERE] = Field(default=False, description="give tasks a public address")
    ecs_poll: Annotated[float, HERE] = Field(
        default=2.0, gt=0, description="seconds between two looks at a task"
    )
    fargate_price_cpu: Annotated[Decimal, HERE] = Field(
        default=Decimal("0.04048"), ge=0, description="US dollars for a vCPU an hour on Fargate"
    )
    fargate_price_memory: Annotated[Decimal, HERE] = Field(
        default=Decimal("0.004445"), ge=0, description="US dollars for a GB an hour on Fargate"
    )
    parallel: Annotated[int, HERE] = Field(
        default=0, ge=0, description="stages to run at once; 0 means one a processor"
    )
    strict: Annotated[bool, HERE] = Field(
        default=False,
        description="have a stage fail that touches other tables than its map says, rather than warn",
    )
    full: Annotated[bool, TASK] = Field(
        default=False, description="build the tables of core and marts whole, rather than take in what is new"
    )
    airflow_url: Annotated[str, HERE] = Field(
        default="", description="where Airflow is, for `workbench trigger`: http://HOST:PORT"
    )
    airflow_user: Annotated[str, HERE] = Field(default="admin", description="user of Airflow")
    airflow_password: Annotated[SecretStr, HERE] = Field(
        default=SecretStr(""), description="password of that user"
    )
    airflow_executor: Annotated[Literal["", "local", "ecs"], HERE] = Field(
        default="",
        description="where Airflow has all stages run, local or ecs; empty means as their maps say",
    )
    stage_program: Annotated[str, HERE] = Field(
        default="",
        description="program with which Airflow runs stages beside it; empty means workbench of its own environment",
    )
    reports_url: Annotated[str, HERE] = Field(
        default="",
        description="where the pages of runs, home/site, are served, for links to them; empty makes them paths of files",
    )
    mlflow_runs: Annotated[bool, HERE] = Field(
        default=False, description="make each pipeline run a parent run in MLflow"
    )

    @field_validator("home", "project", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if value == "":
            # A path that is empty would be the folder that one stands in.
            raise ValueError("it is empty; unset it, or name a folder")
        return value

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("landing_uri", mode="after")
    @classmethod
    def _place(cls, value: str) -> str:
        """Return the place with its path made absolute."""
        scheme, there, rest = value.partition("://")
        if not there or scheme == "file":
            path = rest if there else value
            return str(Path(path).expanduser().absolute()) if path else ""
        if scheme != "s3" or not rest.partition("/")[0]:
            raise ValueError(
                f"{value!r} is no place that files can land in: a folder, file:///FOLDER or s3://BUCKET/PREFIX is"
            )
        return value.rstrip("/")

    @field_validator("reporting_currency", mode="after")
    @classmethod
    def _currency(cls, value: str) -> str:
        if is_currency(code := value.strip().upper()):
            return code
        raise ValueError(f"{value!r} is no currency; an ISO 4217 code is wanted, as USD or EUR")

    @field_validator("earliest", mode="after")
    @classmethod
    def _days(cls, value: str) -> str:
        for day in days_by_name(value).values():
            if not _FIRST_OF_ALL <= day <= dt.date.today():
                raise ValueError(f"{day} is no day from {_FIRST_OF_ALL} to today")
        return value

    @classmethod
    def reaches(cls) -> dict[str, Reach]:
        """Return whom each setting is handed to.

        Raises:
            TypeError: a field isn't marked, or is marked twice.
        """
        found = {}
        for name, info in cls.model_fields.items():
            marks = [mark for mark in info.metadata if isinstance(mark, Reach)]
            if len(marks) != 1:
                raise TypeError(
                    f"setting {name} has {len(marks)} marks: one of HERE, NOTEBOOK and TASK is needed"
                )
            found[name] = marks[0]
        return found
