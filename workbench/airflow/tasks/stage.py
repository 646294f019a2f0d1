"""A stage of a pipeline as a task of Airflow: the command line of a laptop, here or on ECS."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from workbench.airflow.tasks.links import MlflowLink, ReportLink
from workbench.airflow.tasks.values import stage_values
from workbench.errors import WorkbenchError
from workbench.execution.pipeline.pipeline import Pipeline, load_pipeline
from workbench.execution.pipeline.stage import LOCAL, Source, destination
from workbench.settings import Settings, get_settings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from workbench.airflow.tasks.process import Ended

_ATTEMPT, _DEATHS = "attempt", "deaths"
_PARTS = ("counts", "tables", "metrics", "values")


class StageOperator(BaseOperator):
    """Runs one stage through the same runner as everywhere, and shows its record.

    The values that it runs with are those of the DAG's parameters that a person or a message chose; all others are as
    its map and its notebook say. A stage that has nothing new to do is skipped, as in ``workbench run``: then its
    tables' assets aren't updated either. What fails in the notebook fails the task for good, as the stage's own retries
    were used up inside; a stage that never got to run, or whose process died, is started again.

    Args:
        pipeline: a pipeline of the project.
        stage: one of its stages.
        over_value: the value of the list that the stage goes over, for this instance.
        by_day: whether the run's data interval says which day a partitioned stage works on.
    """

    template_fields = ("over_value",)
    operator_extra_links = (ReportLink(), MlflowLink())
    ui_color = "#e8f1f2"

    def __init__(
        self, *, pipeline: str, stage: str, over_value: Any = None, by_day: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline, self.stage, self.over_value, self.by_day = pipeline, stage, over_value, by_day
        self.run_id = ""
        self.links: dict[str, str] = {}
        # A DAG is copied, and an event can't be.
        self._stop: threading.Event | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the stage to its end; return what its record tells in short."""
        self._stop = threading.Event()
        try:
            settings = get_settings()
            pipeline = load_pipeline(self.pipeline, settings)
            values = stage_values(context, pipeline, self.stage, self.over_value, by_day=self.by_day)
            ended = self._run(context, settings, pipeline, values)
        except WorkbenchError as problem:
            if problem.exit_status == 2:
                raise AirflowFailException(str(problem)) from None
            raise AirflowException(str(problem)) from None
        return self._conclude(context, pipeline, ended)

    def on_kill(self) -> None:
        """End the process, or the task on ECS."""
        if self._stop is not None:
            self._stop.set()

    def _run(
        self, context: Context, settings: Settings, pipeline: Pipeline, values: Mapping[str, Any]
    ) -> Ended:
        stage, stop = pipeline.stages[self.stage], self._stop or threading.Event()
        if destination(stage, settings.airflow_executor or None) == LOCAL:
            from workbench.airflow.tasks.process import run_here

            number, run_id = self._attempt(context, resumable=False)
            return run_here(settings, pipeline.name, self.stage, values, run_id, self.log.info, stop)
        from workbench.airflow.tasks.remote import run_on_ecs, token_of

        number, run_id = self._attempt(context, resumable=True)
        token = token_of(context["ti"], number)
        return run_on_ecs(settings, pipeline, self.stage, values, run_id, token, self.log.info, stop)

    def _attempt(self, context: Context, *, resumable: bool) -> tuple[int, str]:
        """Return the number of this attempt and the id of its run.

        They are those of the attempt before if its worker vanished and its task on ECS may still be there.
        """
        from workbench.execution.records.store import fresh_id

        store = context["task_state_store"]
        before: Any = store.get(_ATTEMPT) or {"number": 0, "concluded": True}
        if resumable and not before["concluded"]:
            self.run_id = before["run_id"]
            self.log.info("going on with the task of run %s, whose worker vanished", self.run_id)
            return before["number"], self.run_id
        self.run_id = fresh_id()
        attempt = {"number": before["number"] + 1, "run_id": self.run_id, "concluded": False}
        store.set(_ATTEMPT, attempt)
        return attempt["number"], self.run_id

    def _conclude(self, context: Context, pipeline: Pipeline, ended: Ended) -> dict[str, Any]:
        """Hand on what the stage recorded, or raise what says how it failed."""
        settings, record = get_settings(), ended.record
        self.links = ended.links(settings)
        for name, link in self.links.items():
            self.log.info("%s: %s", name, link)
        if not ended.ok or record is None or not record.stages:
            self._note_concluded(context)
            raise self._failure(context, pipeline, ended)
        stage = record.stages[0]
        for part in _PARTS:
            for name, value in stage.handed_over(part).items():
                context["ti"].xcom_push(key=f"{part}.{name}", value=value)
        skipped = stage.state == "skipped" and not _was_done_in(context, stage.unchanged_since or "")
        if skipped or not _cleared_on_success():
            self._note_concluded(context)
        if skipped:
            raise AirflowSkipException(stage.why)
        return {
            "run_id": ended.run_id,
            "counts": stage.counts,
            "tables": stage.tables,
            "metrics": stage.metrics,
            "report": self.links.get("report"),
        }

    def _note_concluded(self, context: Context) -> None:
        store = context["task_state_store"]
        store.set(_ATTEMPT, {**store.get(_ATTEMPT), "concluded": True})

    def _failure(self, context: Context, pipeline: Pipeline, ended: Ended) -> AirflowException:
        """Return what says how the stage failed, and with that whether it is started again."""
        record = ended.record
        # One that was stopped was so with its worker; where a person did it, Airflow starts nothing again anyway.
        if record is None or not record.stages or record.stages[0].state not in ("failed", "skipped"):
            return (AirflowFailException if ended.usage_error else AirflowException)(ended.error)
        stage = record.stages[0]
        error = record.error or stage.error or ended.error
        if stage.reason == "died":
            store = context["task_state_store"]
            deaths = int(store.get(_DEATHS) or 0) + 1
            store.set(_DEATHS, deaths)
            if deaths <= pipeline.stages[self.stage].restarts:
                return AirflowException(error)
        return AirflowFailException(error)


def _was_done_in(context: Context, run: str) -> bool:
    """Return whether a run that a stage is unchanged since began after the DAG's run did.

    It is then the work of an attempt before, whose worker or scheduler vanished with the news of it.
    """
    from workbench.execution.records.store import begun_at

    began = context["dag_run"].start_date
    return began is not None and bool(run) and begun_at(run) >= began.replace(microsecond=0)


class RecordedList(BaseOperator):
    """Returns a list that an earlier stage recorded: Airflow goes over what a task returns, and over nothing else.

    Args:
        source: the stage, the part of its record and the name in there.
    """

    def __init__(self, *, source: Source, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Context) -> list[Any]:
        """Return the list."""
        source = self.source
        found = context["ti"].xcom_pull(task_ids=source.stage, key=f"{source.part}.{source.name}")
        if not isinstance(found, list):
            raise AirflowFailException(f"{source} is no list that {source.stage} recorded")
        return found


def _cleared_on_success() -> bool:
    """Return whether Airflow forgets a task's state as it notes its success, both at once."""
    from airflow.sdk import conf

    return bool(conf.getboolean("state_store", "clear_on_success"))
