"""HTML and CSS of strangers, cleaned: what can run, fetch, send or cover anything is not on the list, and goes.

An output's HTML is written by whatever library, and by whoever wrote the text it shows. The pages' Content
Security Policy is the second wall, this is the first.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


def _names(text: str) -> set[str]:
    return set(text.split())


_TEXT = _names(
    "a abbr address article aside b bdi bdo blockquote br caption center cite code col colgroup data dd del"
    " details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img input ins kbd label"
    " legend li main mark menu meter nav ol p picture pre progress q rp rt ruby s samp section small span strike"
    " strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
)
_SVG = _names(
    "svg g path rect circle ellipse line polyline polygon text tspan textPath defs symbol use marker pattern mask"
    " clipPath linearGradient radialGradient stop title desc"
)
_MATH = _names(
    "math mi mn mo ms mtext mspace mrow mfrac msqrt mroot mstyle mpadded mphantom menclose msub msup msubsup munder"
    " mover munderover mmultiscripts mprescripts mtable mtr mtd semantics annotation merror"
)
_WITH_CONTENT = {
    "script", "style", "iframe", "object", "embed", "template", "noscript", "noembed", "noframes", "textarea",
    "select", "head", "audio", "video", "foreignObject", "annotation-xml",
}  # fmt: skip
_ON_ALL = _names(
    "align alt bgcolor border cellpadding cellspacing class color colspan datetime dir face headers height"
    " hidden id lang low high max min optimum name nowrap open reversed role rowspan scope size span start style"
    " summary tabindex title type valign value width checked disabled"
)
_ON_SVG = _names(
    "viewBox preserveAspectRatio xmlns version x y x1 x2 y1 y2 cx cy r rx ry fx fy dx dy d points transform fill"
    " fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset"
    " stroke-linecap stroke-linejoin stroke-miterlimit opacity font-size font-family font-weight font-style"
    " text-anchor dominant-baseline alignment-baseline letter-spacing gradientUnits gradientTransform"
    " spreadMethod offset stop-color stop-opacity clip-path clip-rule clipPathUnits mask maskUnits marker-start"
    " marker-mid marker-end markerWidth markerHeight markerUnits orient refX refY patternUnits"
    " patternTransform vector-effect visibility display pathLength lengthAdjust textLength rotate"
)
_ON_MATH = _names(
    "display mathvariant mathsize mathcolor mathbackground stretchy fence separator form lspace rspace accent"
    " accentunder displaystyle scriptlevel linethickness columnalign rowalign columnspacing rowspacing encoding"
    " notation depth voffset movablelimits largeop symmetric minsize maxsize xmlns"
)
_PREFIXES = {"aria-", "data-"}
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif|bmp|svg\+xml)[;,]", re.IGNORECASE)
_IMG = re.compile(r'<img((?: [^\s"=<>]+="[^"]*")*)>')
_LINK = re.compile(r'<a((?: [^\s"=<>]+="[^"]*")*)>(.*?)</a>', re.DOTALL)
_LEADS = re.compile(r"\s*(?:https?:|mailto:|//|#)", re.IGNORECASE)
_INPUT = re.compile(r'<input(?: [^\s"=<>]+="[^"]*")*>')
_ATTRIBUTE = re.compile(r' ([^\s"=<>]+)="([^"]*)"')
_REMOTE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.IGNORECASE | re.DOTALL)
_SHOWS = re.compile(r"<(?:img|svg|hr|input|progress|meter|math)\b|[^\s<>](?![^<]*>)")
_TAG = re.compile(r"<(/?)([a-z][^\s/>]*)", re.IGNORECASE)
# They have no content, or end where the next one begins.
_FLAT = _names(
    "area base br col embed hr img input link meta source track wbr p li dt dd td th tr tbody thead tfoot option"
)
LARGEST = 20 << 20
"""Bytes of a picture, or characters of HTML, that are put into a page."""
DEEPEST = 1_000


class TooDeep(ValueError):
    """HTML that no browser would lay out as it is meant; the text says why."""


def clean_html(html: str, *, folder: Path | None = None, attachments: Mapping[str, Any] | None = None) -> str:
    """Return HTML of a notebook that runs nothing and fetches nothing, whole in itself.

    Pictures that lie in ``folder`` or among a cell's ``attachments`` are put in; one from elsewhere becomes a link
    to it. A link to a file beside the notebook becomes text that names the file. Style sheets hold for the result alone.

    Raises:
        TooDeep: it is too large, or its elements are nested too deeply.
    """
    import nh3

    _refuse_excess(html)

    from workbench.execution.reports.styles import scoped

    style, name = scoped("\n".join(_STYLE.findall(html))) if "<style" in html.lower() else ("", "")
    clean = nh3.clean(
        html,
        tags=_TEXT | _SVG | _MATH,
        clean_content_tags=_WITH_CONTENT,
        attributes={
            "*": _ON_ALL,
            "a": {"href", "target"},
            "img": {"src"},
            **dict.fromkeys(_SVG - {"title"}, _ON_SVG),
            **dict.fromkeys(_MATH, _ON_MATH),
            "use": _ON_SVG | {"href", "xlink:href"},
        },
        generic_attribute_prefixes=_PREFIXES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "data", "attachment"},
        link_rel="noopener noreferrer",
    )
    if "<input" in clean:
        clean = _INPUT.sub(lambda found: found[0] if ' type="' in found[0] else "", clean)
    if "<a " in clean:
        clean = _LINK.sub(_link, clean)
    if "<img" in clean:
        clean = _IMG.sub(lambda found: _picture(found, folder, attachments or {}), clean)
    return f'<div class="{name}"><style>{style}</style>{clean}</div>' if style else clean


def _refuse_excess(html: str) -> None:
    if len(html) > LARGEST:
        raise TooDeep(f"HTML of {len(html):,} characters")
    if html.count("<") > DEEPEST:
        depth = 0
        for closing, name in _TAG.findall(html):
            if name.lower() not in _FLAT:
                depth = max(0, depth - 1) if closing else depth + 1
                if depth > DEEPEST:
                    raise TooDeep("HTML nested too deeply")


def shows(html: str) -> bool:
    """Return whether cleaned HTML has anything to look at."""
    return bool(_SHOWS.search(html))


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return what an attribute may say; None takes it away."""
    if name == "style":
        return plain_style(value) or None
    if name == "href" or name.endswith(":href"):
        if tag == "a":
            return None if value.strip().lower().startswith(("data:", "attachment:")) else value
        return value if value.startswith("#") else None
    if name == "src":
        return None if value.strip().lower().startswith("data:") and not _PICTURE.match(value) else value
    if name == "target":
        return "_blank" if value == "_blank" else None
    if name == "type" and tag == "input":
        return value if value.lower() in ("checkbox", "radio", "range") else None
    if name not in ("title", "alt", "class", "id") and "url(" in value.lower():
        return value if _own_reference(value) else None
    return value


def _own_reference(value: str) -> bool:
    """Return whether all that a value points to is of the same fragment, as gradients of a drawing are."""
    return len(re.findall(r"url\(\s*[\"']?#", value)) == value.lower().count("url(")


@lru_cache(maxsize=4096)
def plain_style(text: str) -> str:
    """Return declarations of a style attribute without those that fetch or cover something."""
    from workbench.execution.reports.styles import declarations

    return declarations(text)


def _link(found: re.Match[str]) -> str:
    """Return a link if it leads somewhere from a page, else its text with the name of the file that it led to.

    The page isn't where the notebook is, and goes to readers who haven't got that.
    """
    address = next((unescape(value) for name, value in _ATTRIBUTE.findall(found[1]) if name == "href"), None)
    if address is None or _LEADS.match(address):
        return found[0]
    name, text = unquote(address.strip()), found[2]
    return text if not name or name in unescape(text) else f"{text} ({escape(name)})"


def _picture(found: re.Match[str], folder: Path | None, attachments: Mapping[str, Any]) -> str:
    """Return a picture as a page can show it, or a link, or what it was called."""
    attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(found[1])}
    source = attributes.get("src", "")
    if _PICTURE.match(source):
        return found[0]
    if source.lower().startswith("attachment:"):
        embedded = _attachment(unquote(source[11:]), attachments)
    elif _REMOTE.match(source):
        text = attributes.get("alt") or source
        return f'<a href="{escape(source)}" rel="noopener noreferrer">{escape(text)}</a>'
    else:
        embedded = _file(source, folder)
    if embedded:
        others = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if name != "src")
        return f'<img src="{escape(embedded)}"{others}>'
    return f'<em class="missing">{escape(attributes.get("alt") or source or "picture")} (a picture that is not here)</em>'


def _attachment(name: str, attachments: Mapping[str, Any]) -> str | None:
    bundle = attachments.get(name) or {}
    for kind in sorted(bundle, key=lambda kind: (kind != "image/svg+xml", kind != "image/png", kind)):
        if address := picture_address(kind, bundle[kind]):
            return address
    return None


def picture_address(kind: str, data: Any) -> str | None:
    """Return the ``data:`` address of a picture as a notebook holds it; None if it is no picture."""
    text = "".join(data) if isinstance(data, list) else data
    if not isinstance(text, str) or not _PICTURE.match(f"data:{kind};"):
        return None
    if kind == "image/svg+xml" and "<" in text:
        text = base64.b64encode(text.encode("utf-8", "replace")).decode()
    return f"data:{kind};base64,{''.join(text.split())}"


def _file(source: str, folder: Path | None) -> str | None:
    """Return the address of a picture that lies in a folder, or below it."""
    kind = mimetypes.guess_type(urlsplit(source).path)[0] or ""
    if folder is None or not source or not _PICTURE.match(f"data:{kind};"):
        return None
    try:
        path = (folder / unquote(urlsplit(source).path)).resolve()
        if not path.is_relative_to(folder.resolve()) or path.stat().st_size > LARGEST:
            return None
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    except (OSError, ValueError):
        return None
