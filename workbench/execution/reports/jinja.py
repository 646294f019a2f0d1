"""The templates of pages, and how they write figures."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


@cache
def templates() -> Environment:
    """Return the templates of all pages; what is put into them is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": _duration, "number": _number, "money": _money}
    environment.globals["style"] = as_markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    return environment


def as_markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  our own style sheet, or a body that has been cleaned


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _money(value: float) -> str:
    return f"${value:,.6f}".rstrip("0").rstrip(".")
