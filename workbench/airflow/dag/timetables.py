"""Timetables that Airflow lacks: days when somebody asks for them, and a clock none of whose times is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.timetables.base import DagRunInfo
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable

if TYPE_CHECKING:
    from airflow.timetables.base import DataInterval, TimeRestriction


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


class EachTime(CronTriggerTimetable):
    """Runs at each time of a clock, those included at which no scheduler ran; it needs no start date."""

    def __init__(self, cron: str, timezone: str = "UTC") -> None:
        super().__init__(cron, timezone=timezone)
        self._name = timezone

    def serialize(self) -> dict[str, Any]:
        """Return what makes it anew."""
        return {"cron": self._expression, "timezone": self._name}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> EachTime:
        """Return the timetable that was serialized."""
        return cls(data["cron"], data["timezone"])

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the time after the last run's; before the first run, the next one from now on."""
        last = last_automated_data_interval
        following = self._calc_first_run() if last is None else self._get_next(last.end)
        return DagRunInfo.exact(following)
