"""What Airflow loads of Workbench: the timetable of backfills, and the pages of runs, served to who is logged in."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from workbench.airflow import REPORTS
from workbench.airflow.dag.timetables import EachTime, EveryDay


class _Pages:
    """The application that serves the pages; it is made when the first is asked for, as every task loads plugins."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from workbench.airflow.pages import make_app

            self._app = make_app()
        await self._app(scope, receive, send)


class WorkbenchPlugin(AirflowPlugin):
    """The plugin of Workbench."""

    name = "workbench"
    timetables = [EveryDay, EachTime]
    fastapi_apps = [{"app": _Pages(), "url_prefix": REPORTS, "name": "Workbench"}]
