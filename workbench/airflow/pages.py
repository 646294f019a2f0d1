"""The pages of runs, served by Airflow's own server to who is logged in there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse

from workbench.settings import Settings, get_settings

_RUN, _PAGE = re.compile(r"[\w-]+"), re.compile(r"[\w.\[\]-]+\.html")
# Pages show what notebooks left; whatever a page holds, it gets at nothing of Airflow's.
_HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts allow-popups; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_app() -> FastAPI:
    """Return the application: ``/RUN/PAGE.html``."""
    app = FastAPI(title="Workbench", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/{run_id}/{page}", response_class=HTMLResponse)
    def page(run_id: str, page: str, _: Annotated[Any, Depends(get_user)]) -> HTMLResponse:
        if not _RUN.fullmatch(run_id) or not _PAGE.fullmatch(page):
            raise HTTPException(404, "no such page")
        content = find_page(get_settings(), run_id, page)
        if content is None:
            raise HTTPException(404, "no such page: its run may be past the days for which runs are kept")
        return HTMLResponse(content, headers=_HEADERS)

    return app


def find_page(settings: Settings, run_id: str, page: str) -> bytes | None:
    """Return a page of a run, from here or from where runs are kept too; None if it is nowhere."""
    path = Path(settings.site) / run_id / page
    if path.is_file():
        return path.read_bytes()
    if not settings.runs_uri:
        return None
    from workbench.aws.shared_runs import SharedRuns

    return SharedRuns(settings.runs_uri).read(f"site/{run_id}/{page}")
