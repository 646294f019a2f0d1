"""Style sheets of strangers: what they say of colours, sizes and places is kept, and holds for their own output.

What fetches (``@import``, ``url()``) goes, as does what leaves its place on the page (``position: fixed``).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

_NESTING = {"media", "supports", "container", "layer"}
_FETCHING = {
    "url",
    "src",
    "image",
    "image-set",
    "-webkit-image-set",
    "cross-fade",
    "expression",
    "element",
    "paint",
}
_NOT_OURS = {"behavior", "-moz-binding", "-webkit-user-modify"}
_ROOTS = {":root", "html", "body", ":host"}


def declarations(text: str) -> str:
    """Return the declarations of a style attribute that may stay."""
    import tinycss2

    return _kept(tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True))


def scoped(sheet: str) -> tuple[str, str]:
    """Return a style sheet whose rules hold inside one element only, and the class which that element needs.

    Both are empty if no rule is left.
    """
    import tinycss2

    name = f"own-{sha256(sheet.encode('utf-8', 'replace')).hexdigest()[:10]}"
    rules = _rules(tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True), f".{name}")
    return (rules, name) if rules else ("", "")


def _rules(nodes: Iterable[Any], scope: str) -> str:
    import tinycss2

    found = []
    for node in nodes:
        if node.type == "qualified-rule":
            selectors = ", ".join(
                _within(scope, text) for text in _parts(node.prelude) if text and "<" not in text
            )
            body = _kept(
                tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
            )
            if selectors and body:
                found.append(f"{selectors} {{{body}}}")
        elif node.type == "at-rule" and node.lower_at_keyword in _NESTING and node.content:
            inner = _rules(
                tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True), scope
            )
            condition = tinycss2.serialize(node.prelude)
            if inner and not _fetches(node.prelude) and "<" not in condition:
                found.append(f"@{node.lower_at_keyword}{condition}{{{inner}}}")
    return "\n".join(found)


def _parts(prelude: list[Any]) -> list[str]:
    """Return the selectors of a list of them."""
    import tinycss2

    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tinycss2.serialize(part).strip() for part in parts]


def _within(scope: str, selector: str) -> str:
    first, _, rest = selector.partition(" ")
    if first.lower() in _ROOTS:
        return f"{scope} {rest}".strip()
    return f"{scope} {selector}"


def _kept(nodes: Iterable[Any]) -> str:
    import tinycss2

    found = []
    for node in nodes:
        if node.type != "declaration" or node.lower_name in _NOT_OURS or _fetches(node.value):
            continue
        value = tinycss2.serialize(node.value).strip()
        if "<" in value or (node.lower_name == "position" and value.lower() in ("fixed", "sticky")):
            continue
        found.append(f"{node.name}: {value}{' !important' if node.important else ''}")
    return "; ".join(found)


def _fetches(tokens: Iterable[Any]) -> bool:
    for token in tokens:
        if token.type in ("url", "error"):
            return True
        if token.type == "function" and (token.lower_name in _FETCHING or _fetches(token.arguments)):
            return True
        if token.type in ("() block", "[] block", "{} block") and _fetches(token.content):
            return True
    return False
