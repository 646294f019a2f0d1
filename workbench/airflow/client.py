"""Airflow's REST API, as far as starting a run and following it needs it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from workbench.errors import UsageError, WorkFailed
from workbench.settings import Settings

_TIMEOUT = 30
_NO_ANSWER = "Airflow at {url} doesn't answer: {reason}; start it with: workbench up airflow"


@dataclass(frozen=True)
class TaskState:
    """How far a task of a run is; ``index`` is that of a mapped one, else -1."""

    task: str
    index: int
    state: str
    attempts: int

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.task if self.index < 0 else f"{self.task}[{self.index}]"


class _Conflict(UsageError):
    """There is one of that identity."""


class AirflowClient:
    """Speaks to one Airflow, as the user of the settings.

    Raises:
        UsageError: the settings don't say where it is, or it refuses the user.
        WorkFailed: it doesn't answer.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.airflow_url:
            raise UsageError(
                "WORKBENCH_AIRFLOW_URL says where Airflow is; `workbench up airflow` starts one and keeps its address in "
                f"{settings.home / 'services.env'}"
            )
        if urlsplit(settings.airflow_url).scheme not in ("http", "https"):
            raise UsageError(
                f"WORKBENCH_AIRFLOW_URL is http://HOST:PORT or https://HOST, not {settings.airflow_url!r}"
            )
        self.url = settings.airflow_url.rstrip("/")
        self._token, self._user = "", settings.airflow_user
        self._password = settings.airflow_password
        self._log_in()

    def _log_in(self) -> None:
        self._token = ""
        user = {"username": self._user, "password": self._password.get_secret_value()}
        self._token = str(self._call("POST", "/auth/token", user)["access_token"])

    def dag(self, dag_id: str) -> dict[str, Any]:
        """Return what Airflow tells of a DAG, its parameters with their schemas among it.

        Raises:
            UsageError: there is none.
        """
        return self._call("GET", f"/api/v2/dags/{quote(dag_id, safe='')}/details")

    def unpause(self, dag_id: str) -> None:
        """Let the runs of a DAG begin."""
        self._call(
            "PATCH", f"/api/v2/dags/{quote(dag_id, safe='')}?update_mask=is_paused", {"is_paused": False}
        )

    def trigger(self, dag_id: str, conf: Mapping[str, Any], run_id: str | None = None) -> str:
        """Ask for a run with values of parameters; return its id.

        Raises:
            UsageError: a value is refused, or there is a run of that id.
        """
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf)}
        if run_id:
            body["dag_run_id"] = run_id
        path = f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns"
        try:
            return str(self._call("POST", path, body)["dag_run_id"])
        except _Conflict:
            raise UsageError(
                f"there is a run {run_id} of {dag_id} already: {self.page(dag_id, run_id or '')}"
            ) from None

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return how far a run is: queued, running, success or failed."""
        return str(self._call("GET", self._run(dag_id, run_id))["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return how far each task of a run is."""
        found = self._call("GET", f"{self._run(dag_id, run_id)}/taskInstances?limit=1000")["task_instances"]
        return [
            TaskState(each["task_id"], each["map_index"], each["state"] or "waiting", each["try_number"] or 0)
            for each in found
        ]

    def log(self, dag_id: str, run_id: str, task: TaskState) -> list[str]:
        """Return the lines of a task's last attempt."""
        path = f"{self._run(dag_id, run_id)}/taskInstances/{quote(task.task, safe='')}/logs/{max(1, task.attempts)}"
        answer = self._call("GET", f"{path}?map_index={task.index}&full_content=true")
        return [line for each in answer["content"] for line in _lines(each)]

    def page(self, dag_id: str, run_id: str) -> str:
        """Return the page of a run."""
        return f"{self.url}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"

    def _run(self, dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, again: bool = False
    ) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310  the scheme is checked
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            reason = _reason(error)
            if error.code == 409:
                raise _Conflict(f"Airflow: {reason}") from None
            if error.code == 401 and self._token and not again:
                # It holds for a day; a run may take longer.
                self._log_in()
                return self._call(method, path, body, again=True)
            if error.code in (400, 401, 403, 404, 422):
                raise UsageError(f"Airflow: {reason}") from None
            raise WorkFailed(f"Airflow: status {error.code}: {reason}") from None
        except (OSError, ValueError) as error:
            reason = str(getattr(error, "reason", error))
            raise WorkFailed(_NO_ANSWER.format(url=self.url, reason=reason)) from None


def _lines(entry: Any) -> list[str]:
    """Return an entry of a log as text, an error with what it says."""
    if not isinstance(entry, dict):
        return [str(entry)]
    errors = [f"{each.get('exc_type')}: {each.get('exc_value')}" for each in entry.get("error_detail") or ()]
    event = str(entry.get("event", ""))
    return [*([] if event.startswith("::") else [event]), *errors]


def _reason(error: urllib.error.HTTPError) -> str:
    """Return in a line why a call was refused."""
    try:
        detail = json.load(error)["detail"]
    except (OSError, ValueError, KeyError, TypeError):
        return str(error.reason)
    if isinstance(detail, list):
        detail = "; ".join(
            str(each.get("msg", each)) if isinstance(each, dict) else str(each) for each in detail
        )
    elif isinstance(detail, dict):
        detail = detail.get("message") or detail.get("reason") or detail
    return " ".join(str(detail).split())
