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
    """Return the application: ``/RUN/PAGE.html``, and ``/index.html`` with all runs."""
    app = FastAPI(title="Workbench", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/{run_id}/{page}", response_class=HTMLResponse)
    def page(run_id: str, page: str, _: Annotated[Any, Depends(get_user)]) -> HTMLResponse:
        if not _RUN.fullmatch(run_id) or not _PAGE.fullmatch(page):
            raise HTTPException(404, "no such page")
        return answer(f"{run_id}/{page}")

    @app.get("/index.html", response_class=HTMLResponse)
    def index(_: Annotated[Any, Depends(get_user)]) -> HTMLResponse:
        return answer("index.html")

    def answer(page: str) -> HTMLResponse:
        content = find_page(get_settings(), page)
        if content is None:
            raise HTTPException(404, "no such page: its run may be past the days for which runs are kept")
        return HTMLResponse(content, headers=_HEADERS)

    return app


def find_page(settings: Settings, page: str) -> bytes | None:
    """Return a page by its path in the site, from here or from where runs are kept too; None if it is nowhere."""
    path = Path(settings.site) / page
    if path.is_file():
        return path.read_bytes()
    if not settings.runs_uri:
        return None
    from workbench.aws.shared_runs import SharedRuns

    return SharedRuns(settings.runs_uri).read(f"site/{page}")
