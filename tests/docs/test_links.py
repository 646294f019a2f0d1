"""Every document can be found, and no link leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "README.md"
DOCUMENTS = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "pipeline_notebooks" / "README.md",
    ROOT / "samples" / "README.md", ROOT / "containers" / "redshift-local" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]  # fmt: skip


def links(page: Path) -> list[tuple[Path, str]]:
    """Return the relative links of a page: the file each leads to, and the heading in it."""
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    parts = [target.partition("#") for target in found if not re.match(r"[a-z]+:", target)]
    return [((page.parent / file).resolve() if file else page, heading) for file, _, heading in parts]


def headings(page: Path) -> set[str]:
    """Return the names by which links reach the headings of a page."""
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_index_leads_to_every_document() -> None:
    reached = {file for file, _ in links(INDEX)}
    assert [page for page in (ROOT / "docs").rglob("*.md") if page not in reached | {INDEX}] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_broken(page: Path) -> None:
    for file, heading in links(page):
        assert file.exists(), f"{page.relative_to(ROOT)} links to {file}, which isn't there"
        assert not heading or heading in headings(file), f"{file.relative_to(ROOT)} has no heading #{heading}"


def test_decisions_are_numbered_without_gaps() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text(encoding="utf-8").startswith(f"# {int(page.name[:4])}. ")
