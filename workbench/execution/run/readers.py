"""Let readers have what a run wrote, beside its last stages where these only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from workbench.errors import WorkbenchError
from workbench.execution.pipeline.graph import expand
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.records.model import Run, StageRun
from workbench.schema import PUBLISHED
from workbench.settings import Settings
from workbench.warehouse import connect
from workbench.warehouse.access import infrastructure

_DONE = ("succeeded", "skipped")


class Readers:
    """Publishes what one run wrote.

    Args:
        run: its record.
        pipeline: its map; None for a notebook by itself.
        settings: of the run.
        publish: called once readers may have it, in place of letting them.
    """

    def __init__(
        self, run: Run, pipeline: Pipeline | None, settings: Settings, publish: Callable[[], object] | None
    ) -> None:
        self._run, self._pipeline, self._settings, self._instead = run, pipeline, settings, publish
        self._thread = ThreadPoolExecutor(1)
        self._has_begun = False

    def look(self) -> None:
        """Begin where core and marts are as this run leaves them, and what is left to do writes no table."""
        if not self._has_begun and self._instead is None and not self._run.is_part and self._only_reads():
            self._has_begun = True
            self._thread.submit(self._publish)

    def finish(self) -> Iterator[str]:
        """Let readers have all of it, if it is whole; yield what went wrong."""
        self._thread.shutdown(wait=True)
        if self._run.is_part or not self._is_whole():
            return
        try:
            # Nothing is left to do if what began early went well, unless somebody else wrote meanwhile.
            (self._instead or self._publish)()
        except WorkbenchError as error:
            yield str(error)

    @infrastructure()
    def _publish(self) -> object:
        return connect(self._settings.warehouse).publish()

    def _is_whole(self) -> bool:
        """Whether all that it was to write of core and marts is there: readers don't get the facts without the marts."""
        if self._pipeline is None:
            return self._run.state == "succeeded"
        return not any(
            name.partition(".")[0] in PUBLISHED
            for stage in self._unfinished()
            for name in self._writes(stage)
        )

    def _only_reads(self) -> bool:
        """Whether stages are left, and none of them writes a table."""
        left = self._unfinished() if self._pipeline else []
        return bool(left) and not any("." in name for stage in left for name in self._writes(stage))

    def _unfinished(self) -> list[StageRun]:
        return [stage for stage in self._run.stages if stage.state not in _DONE]

    def _writes(self, stage: StageRun) -> tuple[str, ...]:
        stages = self._pipeline.stages if self._pipeline else {}
        return tuple(expand(stages[stage.stage or stage.name].writes))
