"""The settings as they hold: what was set, and what follows from it where nothing was."""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path
from urllib.parse import unquote

from pydantic import SecretStr

from workbench import PACKAGE
from workbench.errors import UsageError
from workbench.files import spelled_in_url
from workbench.settings.days import days_by_name
from workbench.settings.declared import Declared

_URLS = ("_URL", "_URI", "_CONN", "_DSN", "_PROXY", "_proxy", "_ENDPOINT")
_OTHERS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
# A reference in braces stands for a secret, and is none.
_USERINFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:]*:(?!\{(?:env|file|aws):[^{}]*\}@)([^\s/?#]*)@")


class Settings(Declared):
    """What holds here.

    Local state lives under ``home``; deleting that folder is a clean start.
    """

    @property
    def earliest_days(self) -> dict[str, dt.date]:
        """First day of a time by dataset; under the empty name that of all others."""
        return days_by_name(self.earliest)

    @property
    def warehouse(self) -> str:
        """URL of the warehouse."""
        return self.warehouse_url or f"duckdb:///{self.home / 'warehouse.duckdb'}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: passwords, those of URLs too, in settings and in the environment."""
        texts = [value for value in self.__dict__.values() if isinstance(value, str)]
        texts += [value for name, value in os.environ.items() if name.endswith(_URLS)]
        # MLflow's clients read their own from the environment, and no setting has it.
        found = [value for name in _OTHERS if (value := os.environ.get(name))]
        found += [
            value.get_secret_value() for value in self.__dict__.values() if isinstance(value, SecretStr)
        ]
        for text in texts:
            for password in _USERINFO.findall(text):
                found += [password, unquote(password)]
        return tuple(dict.fromkeys(filter(None, found)))

    @property
    def landing_place(self) -> str:
        """Where files land, one folder a dataset: an absolute path or ``s3://BUCKET/PREFIX``."""
        return self.landing_uri or str(self.home / "landing")

    @property
    def landing(self) -> Path:
        """The folder where files land.

        Raises:
            UsageError: they land in S3.
        """
        if self.landing_place.startswith("s3://"):
            raise UsageError(
                f"files land in {self.landing_place}, and this needs a folder; WORKBENCH_LANDING_URI names one"
            )
        return Path(self.landing_place)

    @property
    def queue(self) -> str:
        """URL of the queue that the worker takes messages from."""
        return self.queue_url or f"sqlite:///{spelled_in_url(self.home / 'queue.db')}"

    @property
    def runs(self) -> Path:
        """Folder of run records and executed notebooks, one folder a run."""
        return self.home / "runs"

    @property
    def site(self) -> Path:
        """Folder of rendered reports; ``index.html`` is the way in."""
        return self.home / "site"

    def page(self, run_id: str) -> Path:
        """Return the file of a run's page."""
        return self.site / run_id / "index.html"

    @property
    def mlflow_uri(self) -> str:
        """URI of the MLflow tracking server."""
        return self.mlflow_tracking_uri or f"sqlite:///{spelled_in_url(self.home / 'mlflow.db')}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Folder of MLflow artifacts when tracking is local."""
        return self.home / "mlartifacts"

    @property
    def kept_imports(self) -> Path | None:
        """Folder of what notebooks were found to import; None where there is no home yet."""
        return self.home / "cache" / "imports" if self.home.is_dir() else None

    @property
    def root(self) -> Path:
        """The project folder: the one that holds ``pipeline_notebooks/`` and ``dbt/``."""
        return (self.project or PACKAGE.parent).absolute()
