"""A timetable of days that are gone over only when somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.timetables.interval import CronDataIntervalTimetable

if TYPE_CHECKING:
    from airflow.timetables.base import DagRunInfo


class EveryDay(CronDataIntervalTimetable):
    """Every day of a time zone is an interval, for ``airflow backfill create``; none begins a run by itself."""

    def __init__(self, timezone: str = "UTC") -> None:
        super().__init__("0 0 * * *", timezone)
        self._name = timezone
        self.description = "Days, when asked for"

    @property
    def summary(self) -> str:
        """What a list of DAGs shows."""
        return "days, when asked for"

    def serialize(self) -> dict[str, Any]:
        """Return what makes it anew."""
        return {"timezone": self._name}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> EveryDay:
        """Return the timetable that was serialized."""
        return cls(data["timezone"])

    def next_dagrun_info(self, **arguments: Any) -> DagRunInfo | None:
        """Return the next day of a backfill, which asks for all there are; the scheduler doesn't, and gets none."""
        return super().next_dagrun_info(**arguments) if arguments["restriction"].catchup else None
