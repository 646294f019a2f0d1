"""The cells of an executed notebook as HTML: each output for itself, so that none can spoil another.

Text is escaped, HTML cleaned; what can't be shown is replaced by words that say so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from workbench.execution.reports.accessible import is_prose, is_wide
from workbench.execution.reports.sanitize import TooDeep, clean_html, picture_address, shows
from workbench.libraries.slim_imports import import_soup

_PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_COMMANDS = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b(?!\[)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"
)


def render_cells(node: Any, folder: Path) -> str:
    """Return the cells of a notebook node as HTML that fetches nothing and runs nothing.

    Args:
        node: a notebook of format 4, whose metadata may say ``setup``: the last cell to fold away with the header.
        folder: where it lies; pictures that its text names are looked for there.
    """
    # Beautiful Soup comes with what reads Markdown.
    import_soup()
    from workbench.execution.reports.jinja import templates

    language = str((node["metadata"].get("language_info") or {}).get("name") or "python").lower()
    text: str = (
        templates()
        .get_template("cells.html.j2")
        .render(
            nb=node,
            markdown=_island(partial(_markdown, folder=folder)),
            show=_island(partial(_show, folder=folder)),
            highlight=_island(partial(_highlighted, language=language)),
            ansi=_island(_ansi),
            is_prose=is_prose,
            is_wide=is_wide,
        )
    )
    return text


def _island(make: Callable[[Any], str]) -> Callable[[Any], Any]:
    """Return a function of a template that gives HTML, and words in its place when it can't."""
    from markupsafe import Markup, escape

    def made(given: Any) -> Any:
        try:
            return Markup(make(given))  # noqa: S704  it was escaped or cleaned
        except Exception as error:
            # Whatever goes wrong here concerns this piece alone.
            return Markup(
                '<p class="missing">This couldn\'t be shown here ({}); it is in the notebook.</p>'
            ).format(
                escape(str(error) if isinstance(error, TooDeep) else f"{type(error).__name__}: {error}"[:200])
            )

    return made


def _markdown(cell: Any, folder: Path) -> str:
    return clean_html(_from_markdown(cell["source"]), folder=folder, attachments=cell.get("attachments"))


def _from_markdown(source: str) -> str:
    from nbconvert.filters.markdown_mistune import MarkdownWithMath

    return str(MarkdownWithMath(renderer=_renderer()(escape=False)).render(source))


@cache
def _renderer() -> Any:
    from nbconvert.filters.markdown_mistune import IPythonRenderer

    class Renderer(IPythonRenderer):
        """Leaves pictures to those who clean the result."""

        def _embed_image_or_attachment(self, src: str) -> str:
            return src

    return Renderer


def _show(output: Any, folder: Path) -> str:
    """Return an output in the richest form that a page can show."""
    data, facts = output["data"], output.get("metadata") or {}
    hidden = ""
    if html := data.get("text/html"):
        if shows(found := clean_html(html, folder=folder)):
            return found
        hidden = "text/html"
    if "text/markdown" in data:
        return clean_html(_from_markdown(data["text/markdown"]), folder=folder)
    for kind in _PICTURES:
        if kind in data and (address := picture_address(kind, data[kind])):
            return _picture(address, facts.get(kind))
    hidden = next((kind for kind in data if kind.startswith("application/vnd.")), hidden)
    note = (
        f'<p class="missing">An output of type {_ansi(hidden)} is in the notebook; a page can\'t show it.</p>'
        if hidden
        else ""
    )
    for kind in ("text/latex", "text/plain", *(kind for kind in data if kind.startswith("text/"))):
        if kind in data and kind != "text/html":
            return note + _preformatted(data[kind])
    if not hidden and "application/json" in data:
        return _preformatted(json.dumps(data["application/json"], indent=2, ensure_ascii=False))
    return note


def _picture(address: str, facts: Any) -> str:
    from markupsafe import escape

    given = facts if isinstance(facts, dict) else {}
    sizes = "".join(
        f' {name}="{given[name]}"' for name in ("width", "height") if isinstance(given.get(name), int)
    )
    return f'<img alt="{escape(given.get("alt") or "chart")}" src="{escape(address)}"{sizes}>'


def _preformatted(text: str) -> str:
    scrolls = ' tabindex="0"' if is_wide(text) else ""
    return f"<pre{scrolls}>{_ansi(text)}</pre>"


def _ansi(text: str) -> str:
    """Return what a terminal would show, in its colours, without what would steer it."""
    from nbconvert.filters.ansi import ansi2html

    return str(ansi2html(_COMMANDS.sub("", text)))


def _highlighted(source: str, language: str) -> str:
    from pygments import highlight

    return str(highlight(source or " ", *_highlighter(language)))


@cache
def _highlighter(language: str) -> tuple[Any, Any]:
    """Return what reads and what writes a language, made once for all cells."""
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.lexers.special import TextLexer
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        lexer = TextLexer()
    return lexer, HtmlFormatter(cssclass="highlight")
