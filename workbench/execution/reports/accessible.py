"""What makes a page's body usable by everyone: by keyboard, by ear, on a telephone, in the dark."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

WIDE = 40
"""Characters of preformatted text that a telephone shows side by side."""

_NUMERIC = re.compile(r"[-+]?[\d,.\s]*\d[\d,.]*(e[-+]?\d+)?\s*%?|nan|none|<na>|nat|inf|", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d(-\d\d)?\b.{0,9}\Z")
# Columns are parted by more than a space, or by lines; progress bars stand on one line.
_ALIGNED = re.compile(r"\S  +\S|[\t\r|+─-╿▀-▟]")
_HEADING = re.compile(r"h[1-6]")
_COLOURED = re.compile(r"(?:^|[;{\s-])(?:color|background(?:-color)?)\s*:", re.IGNORECASE)
_NO_DESCRIPTION = {
    "",
    "chart",
    "image",
    "img",
    "picture",
    "png",
    "no description has been provided for this image",
}


def accessible(body: str) -> str:
    """Return a page's body (HTML that has been cleaned) with what people need who can't see or point.

    Tables and long lines scroll in a frame that the keyboard reaches; an empty heading of a table is no heading;
    headings follow each other without a gap, below the page's own; pictures without a description get one from
    where they stand; text columns stand on the left; text of either direction is laid out by its own.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(body, features="html.parser")
    _mend_elements(soup)
    _order_headings(soup)
    _describe_pictures(soup)
    for table in soup.find_all("table"):
        _mend_table(table)
        _align(table)
    for table in soup.find_all("table"):
        if table.find_parent("table") is None:
            _let_scroll(soup, table)
    for text in soup.find_all("pre"):
        if is_wide(text.get_text()):
            text["tabindex"] = "0"
    outputs: list[Any] = soup.find_all("div", class_="output")
    for output in outputs:
        if _has_own_colours(output):
            output["class"] = [*output["class"], "paper"]
    return str(soup)


def is_wide(text: str) -> bool:
    """Return whether a line of preformatted text may have to be scrolled to."""
    return any(len(line) > WIDE or sum(map(_columns, line)) > WIDE for line in text.splitlines())


def is_prose(text: str) -> bool:
    """Return whether printed lines may be wrapped, since nothing in them is set in columns."""
    return not _ALIGNED.search(text)


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _mend_elements(soup: Any) -> None:
    """Take away what only seems to help, and make plain what isn't built as it must be to be read aloud."""
    for element in soup.find_all(True):
        for name in [name for name in element.attrs if name == "role" or name.startswith("aria-")]:
            del element[name]
        if element.get("tabindex") not in (None, "0", "-1"):
            del element["tabindex"]
    for text in soup.find_all("pre"):
        # A terminal's colours of any value were chosen for another ground; those with a name have one of ours.
        for span in text.find_all("span", style=True):
            del span["style"]
    for moving in soup.find_all(["marquee", "blink"]):
        moving.name = "span"
    for link in soup.find_all("a"):
        if not link.get_text().strip() and not link.find("img"):
            link.unwrap()
    for field in soup.find_all(["input", "select", "textarea", "button"]):
        if not field.get_text().strip():
            field["aria-label"] = str(
                field.get("title") or field.get("placeholder") or field.get("name") or "field"
            )
    for parts, inside in ((("dt", "dd"), ("dl",)), (("li",), ("ul", "ol", "menu"))):
        for group in soup.find_all(list(inside)):
            names = [child.name for child in group.find_all(recursive=False)]
            if not names or names[0] != parts[0] or set(names) - {*parts, "template"}:
                group.name = "div"
        for part in soup.find_all(list(parts)):
            if part.parent.name not in inside:
                part.name = "div"


def _order_headings(soup: Any) -> None:
    """Give headings the levels 2 to 6 without a gap; one that says nothing is none."""
    headings = []
    for heading in soup.find_all(_HEADING):
        if _said(heading) or heading.find("img"):
            headings.append(heading)
        else:
            heading.name = "div"
    down = 1 if any(heading.name == "h1" for heading in headings) else 0
    last = 1
    for heading in headings:
        last = min(int(heading.name[1]) + down, last + 1, 6)
        heading.name = f"h{last}"


def _describe_pictures(soup: Any) -> None:
    """Describe pictures that aren't, by what their cell shows and the heading above."""
    heading, number = "", 0
    for element in soup.find_all(["h2", "h3", "h4", "h5", "h6", "img"]):
        if element.name != "img":
            heading, number = _said(element), 0
            continue
        number += 1
        description = element.get("alt")
        if description is not None and str(description).strip().lower() not in _NO_DESCRIPTION:
            continue
        of_markdown = element.find_parent(class_="markdown") is not None
        what = "Picture" if of_markdown else "Chart"
        place = f" {number} under “{heading}”" if heading else f" {number} on this page"
        element["alt"] = f"{what}{place}, without a description"


def _said(heading: Any) -> str:
    return " ".join(heading.get_text().replace("¶", " ").split())[:120]


def _mend_table(table: Any) -> None:
    """Make the empty headings of a table plain cells, and say of what the others are headings."""
    for head in table.find_all("th"):
        if not head.get_text().strip() and not head.find("img"):
            head.name = "td"
            head.attrs.pop("scope", None)
        elif not head.get("scope"):
            head["scope"] = "col" if head.find_parent("thead") else "row"
    for cell in table.find_all(["td", "th"]):
        if _DAY.match(cell.get_text().strip()):
            cell["class"] = [*cell.get("class", []), "day"]
        elif any(unicodedata.bidirectional(character) in ("R", "AL") for character in cell.get_text()):
            cell["dir"] = "auto"


def _let_scroll(soup: Any, table: Any) -> None:
    above = table.find_previous(_HEADING)
    caption = table.find("caption")
    name = _said(caption) if caption else _said(above) if above else ""
    frame = soup.new_tag("div", attrs={"class": "scroll", "role": "group", "tabindex": "0"})
    frame["aria-label"] = f"Table: {name}" if name else "Table"
    table.wrap(frame)


def _has_own_colours(output: Any) -> bool:
    """Return whether an output brings colours of its own, which were chosen for white paper."""
    if output.find(["font", "mark"]) or output.find(bgcolor=True):
        return True
    if any(_COLOURED.search(str(element["style"])) for element in output.find_all(style=True)):
        return True
    return any(_COLOURED.search(sheet.get_text()) for sheet in output.find_all("style"))


def _align(table: Any) -> None:
    """Set the text columns of a data frame to the left; numbers stay on the right."""
    if "dataframe" not in table.get("class", []):
        return
    rows, heads = list(_rows(table, "tbody")), list(_rows(table, "thead"))
    width = len(rows[0]) if rows else 0
    if any(len(row) != width for row in rows):
        return
    for column in range(1, width):
        if all(_NUMERIC.fullmatch(row[column].get_text().strip()) for row in rows):
            continue
        for row in [*rows, *heads]:
            if len(row) == width:
                row[column]["class"] = [*row[column].get("class", []), "text"]


def _rows(table: Any, part: str) -> Iterator[list[Any]]:
    """Yield the cells of each row in a part of a table."""
    for group in table.find_all(part):
        for row in group.find_all("tr"):
            yield row.find_all(["th", "td"])
