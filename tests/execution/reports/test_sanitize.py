"""HTML of strangers on our pages: nothing of it runs, fetches, sends or covers anything; what is honest stays."""

from __future__ import annotations

import html
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from workbench.execution.records.model import StageRun
from workbench.execution.records.store import new_run
from workbench.execution.reports.pages import stage_page, write_stage
from workbench.execution.reports.sanitize import TooDeep, clean_html
from workbench.settings import Settings

RUN = "window.ran=(window.ran||0)+1"
FAR = "https://far.example/"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f'<script src="{FAR}x.js"></script>',
    f'<img src=x onerror="{RUN}">',
    f"<img src=`x` onerror={RUN}>",
    f'<img/src="x"/onerror={RUN}>',
    f'<IMG SRC=x oNeRrOr="{RUN}">',
    f'<svg onload="{RUN}"></svg>',
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin='{RUN}' attributeName=x dur=1s>",
    f"<svg><a xlink:href='javascript:{RUN}'><text y=20>click</text></a></svg>",
    f"<svg><set attributeName=href to='javascript:{RUN}'/><a><text y=20>click</text></a></svg>",
    f"<svg><use href='{FAR}x.svg#a'/><use xlink:href='data:image/svg+xml,x#a'/><image href='{FAR}x.png'/></svg>",
    f"<svg><foreignObject><iframe srcdoc='<script>parent.{RUN}</script>'></iframe></foreignObject></svg>",
    f"<svg><style>@import url({FAR}x.css);</style><rect fill='url({FAR}x)' style='fill:url({FAR}y)'/></svg>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={RUN}&gt;'>",
    f"<math href='javascript:{RUN}'><mi href='javascript:{RUN}'>click</mi></math>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<textarea><img src=x onerror={RUN}></textarea><title><img src=x onerror={RUN}></title>",
    f"<xmp><img src=x onerror={RUN}></xmp><listing><img src=x onerror={RUN}></listing><plaintext>x",
    f"<template><img src=x onerror={RUN}></template><select><template><img src=x onerror={RUN}></select>",
    f"<a href='javascript:{RUN}'>click</a>",
    f"<a href='java\tscript:{RUN}'>click</a><a href='&#106;avascript:{RUN}'>click</a>",
    f"<a href=' \x01javascript:{RUN}'>click</a><a href='vbscript:{RUN}'>click</a>",
    f"<a href='data:text/html,<script>{RUN}</script>'>click</a>",
    f"<form action='javascript:{RUN}'><button>click</button><input type=image src='{FAR}x.png'></form>",
    f"<form action='{FAR}'><input name=q><input type=submit value=click formaction='{FAR}'></form>",
    f"<button onclick='{RUN}' formaction='javascript:{RUN}'>click</button><isindex action='javascript:{RUN}'>",
    f"<iframe src='javascript:parent.{RUN}'></iframe><iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<object data='javascript:{RUN}'></object><embed src='javascript:{RUN}'><applet code=x></applet>",
    f"<meta http-equiv=refresh content='0;url={FAR}'><base href='{FAR}'><link rel=stylesheet href='{FAR}x.css'>",
    f"<img src='{FAR}x.png' srcset='{FAR}y.png 2x' alt=far><picture><source srcset='{FAR}z.png'></picture>",
    f"<video src='{FAR}x.mp4' poster='{FAR}x.png' onloadstart={RUN}></video><audio src='{FAR}x' onerror={RUN}></audio>",
    f"<table background='{FAR}x.png'><td background='{FAR}y.png'>x</table><body background='{FAR}z.png' onload={RUN}>",
    f"<p style='background:url({FAR}x.png)'>x</p><p style='background:\\75rl({FAR}x.png)'>x</p>",
    f"<p style=\"background:image-set('{FAR}x.png' 1x)\">x</p><p style='--x:url({FAR}x.png);background:var(--x)'>x</p>",
    f"<style>@import '{FAR}x.css'; p {{background:url({FAR}x.png)}} @font-face {{src:url({FAR}f)}}</style><p>x</p>",
    f"<style>p {{x:y}} </sty</style><img src=x onerror={RUN}><style></style>",
    f"<style>a::before {{content:'</style><img src=x onerror={RUN}>'}}</style>",
    "<style>body {display:none} * {visibility:hidden} main {position:fixed}</style><p>x</p>",
    "<div style='position:absolute;top:-5000px;left:-500px;width:9000px;height:9000px;background:red'>cover</div>",
    "<div style='position:fixed;inset:0;z-index:99999;background:red'>cover</div>",
    f"<details open ontoggle={RUN}><summary>x</summary></details><marquee onstart={RUN}>x</marquee>",
    f"<input autofocus onfocus={RUN}><p onmouseover={RUN} onclick={RUN}>click</p><p contenteditable autofocus onfocus={RUN}>",
    f"</section></main></body></html><script>{RUN}</script>",
    f"<!--><img src=x onerror={RUN}>--><![CDATA[<img src=x onerror={RUN}>]]><?x <img src=x onerror={RUN}>?>",
    f"<div data-x='\"><img src=x onerror={RUN}>' title='\"><script>{RUN}</script>'>x</div>",
]  # fmt: skip
MARKDOWN = [
    f"[click](javascript:{RUN}) <javascript:{RUN}> [click](JaVaScRiPt:{RUN})",
    f"[click]: javascript:{RUN}\n\n[click] and ![x](javascript:{RUN}) and ![far]({FAR}m.png)",
    f"```html\" onclick={RUN}\n<script>{RUN}</script>\n```",
    f"```mermaid\n</pre><img src=x onerror={RUN}>\n```",
    f"$<img src=x onerror={RUN}>$ $$</p><script>{RUN}</script>$$",
    f"\\begin{{<img src=x onerror={RUN}>}}x\\end{{<img src=x onerror={RUN}>}}",
    f"![a\" onerror={RUN} x=\"](attachment:no.png) ![b](attachment:bad.png)",
    f"# Heading <img src=x onerror={RUN}>\n\n| <script>{RUN}</script> |\n|--|\n| <svg onload={RUN}> |",
]  # fmt: skip
EVIL_SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"><script>{RUN}</script><image href="{FAR}s.png"/></svg>'


def page_of(settings: Settings, name: str, *cells: nbformat.NotebookNode) -> Path:
    """Render cells; the names of everything are hostile too."""
    run = new_run("<img src=x onerror=1>shop", settings)
    stage = StageRun(
        name=name, source=Path("/nowhere/a.ipynb"), parameters={"<b>": f"<script>{RUN}</script>"}
    )
    run.stages = [stage]
    run.begin()
    stage.begin()
    stage.end("failed", f"ValueError: <img src=x onerror={RUN}>")
    stage.notebook = Path(f"/nowhere/<img src=x onerror={RUN}>.ipynb")
    title = new_markdown_cell(f"# Title <img src=x onerror={RUN}> </title><script>{RUN}</script>")
    write_stage(run, stage, nbformat.v4.new_notebook(cells=[title, *cells]), settings)
    return stage_page(run, stage, settings)


def hostile() -> list[nbformat.NotebookNode]:
    outputs = [new_output("display_data", {"text/html": payload}) for payload in PAYLOADS]
    outputs += [new_output("display_data", {"text/markdown": payload}) for payload in MARKDOWN]
    outputs += [
        new_output("display_data", {"image/svg+xml": EVIL_SVG}),
        new_output("display_data", {"image/png": f'"><img src=x onerror={RUN}>'}),
        new_output("display_data", {"text/plain": f"<script>{RUN}</script>\x1b[31m<b>\x1b]8;;javascript:{RUN}\x07x"}),
        new_output("display_data", {"text/latex": f"<script>{RUN}</script>"}),
        new_output("display_data", {"application/javascript": RUN}),
        new_output("display_data", {f'application/vnd."><img src=x onerror={RUN}>+json': {}}),
        new_output("stream", text=f"<script>{RUN}</script>"),
        new_output("error", ename="<b>", evalue="<b>", traceback=[f"<img src=x onerror={RUN}>"]),
    ]  # fmt: skip
    outputs[-7].metadata["image/png"] = {"alt": f'"><img src=x onerror={RUN}>', "width": "1 onload=x"}
    cells = [new_code_cell(f"x = '<script>{RUN}</script>'", outputs=[each]) for each in outputs]
    for source in MARKDOWN + PAYLOADS:
        cells.append(new_markdown_cell(source))
        cells[-1]["attachments"] = {"bad.png": {"image/svg+xml": EVIL_SVG}, "no": {"text/html": "<script>"}}
    cells[0].metadata["papermill"] = {"status": f'failed" onclick="{RUN}'}
    return cells


ALLOWED = re.compile(r"(?:https?:|mailto:|#|\.\./|[\w%.-]+(?:/|$))", re.IGNORECASE)


def faults(text: str) -> list[str]:
    """Whatever on a page could run or fetch something."""
    found = []
    for element in BeautifulSoup(text, features="html.parser").find_all(True):
        if element.name in {
            "script",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "template",
            "foreignobject",
            "animate",
            "set",
            "image",
        }:
            found.append(element.name)
        for name, value in element.attrs.items():
            value = " ".join(value) if isinstance(value, list) else str(value)
            if name.startswith("on") or name in (
                "srcdoc",
                "srcset",
                "action",
                "formaction",
                "background",
                "poster",
                "ping",
            ):
                found.append(f"{element.name} {name}")
            if name == "href" and element.name != "link" and not ALLOWED.match(value):
                found.append(f"{element.name} href {value}")
            if name == "src" and not value.startswith("data:image/"):
                found.append(f"{element.name} src {value}")
            if re.search(r"url\(\s*['\"]?(?!#)", value) and name not in ("title", "alt", "content", "href"):
                found.append(f"{element.name} {name} {value}")
    found += re.findall(r"<style>[^<]*(?:@import|far\.example)[^<]*", text)
    return found  # fmt: skip


def test_by_its_text_no_payload_is_left_on_a_page(settings: Settings) -> None:
    page = page_of(settings, "sell", *hostile())
    assert faults(page.read_text(encoding="utf-8")) == []


@pytest.mark.browser
def test_in_a_browser_no_payload_runs_or_fetches_even_without_the_second_wall(settings: Settings) -> None:
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("no /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    page_file = page_of(settings, "sell", *hostile())
    text = page_file.read_text(encoding="utf-8")
    open_file = page_file.with_name("open.html")
    open_file.write_text(
        re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text), encoding="utf-8"
    )
    assert "Content-Security-Policy" in text and "Content-Security-Policy" not in open_file.read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=180_000)
        page = browser.new_page()
        page.set_default_timeout(180_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
        page.goto(open_file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        page.evaluate(
            "document.querySelectorAll('main *').forEach(each => { for (const kind of ['click', 'focus', 'mouseover', "
            "'error', 'load', 'toggle']) if (!each.closest('a[href^=http], a[href^=\"..\"], a[href^=index]')) "
            "each.dispatchEvent(new MouseEvent(kind, {bubbles: false, cancelable: true})) })"
        )
        page.wait_for_timeout(300)
        assert page.evaluate("window.ran") is None
        assert page.url.partition("#")[0] == open_file.as_uri()
        assert page.evaluate("getComputedStyle(document.body).display") == "block"
        assert page.evaluate("document.elementFromPoint(40, 20).style.background") == ""
        browser.close()
    assert [url for url in asked if not url.startswith("data:")] == [open_file.as_uri()]


def test_what_honest_libraries_show_stays() -> None:
    frame = (
        '<div><style scoped>.dataframe tbody tr th {vertical-align: top;}</style><table border="1" class="dataframe">'
        '<thead><tr style="text-align: right;"><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td>1</td></tr>'
        "</tbody></table><p>1 rows, 1 columns</p></div>"
    )
    soup = BeautifulSoup(clean_html(frame), features="html.parser")
    assert soup.find("table", class_="dataframe") and "vertical-align: top" in soup.style.get_text()
    styler = (
        '<style type="text/css">#T_1_row0_col0 {background-color: #fff; color: #000}\n#T_1 th:hover, #T_1 td {width: 10%;}'
        '@media print {#T_1 {color: red}}</style><table id="T_1"><tr><td id="T_1_row0_col0" class="data row0">1</td></tr></table>'
    )
    clean = clean_html(styler)
    own = re.search(r'<div class="(own-\w+)"><style>', clean)
    assert own and f".{own[1]} #T_1_row0_col0 {{background-color: #fff; color: #000}}" in clean
    assert f".{own[1]} #T_1 th:hover, .{own[1]} #T_1 td {{width: 10%}}" in clean and "@media print" in clean
    assert 'id="T_1_row0_col0"' in clean and 'class="data row0"' in clean
    for kept in (
        '<svg viewBox="0 0 1 1" width="9"><defs><linearGradient id="g"><stop offset="0"></stop></linearGradient></defs>'
        '<g transform="scale(2)"><path d="M0 0" fill="url(#g)"></path><use xlink:href="#g"></use></g></svg>',
        '<math display="block"><mfrac><mi>x</mi><mn>2</mn></mfrac></math>',
        '<details open=""><summary>more</summary><b>x</b></details>',
        '<img src="data:image/png;base64,AAAA" alt="a > b">'.replace(">", "&gt;", 1).replace("&gt; b", "&gt; b"),
        '<h2 id="here">x</h2><span style="color: red; width: calc(1px + 2em)" data-x="1" aria-label="y">z</span>',
        '<ul><li><input type="checkbox" checked="" disabled="">done</li></ul>',
    ):  # fmt: skip
        assert clean_html(kept) == kept


def test_a_link_to_a_file_beside_the_notebook_becomes_its_text_and_name() -> None:
    rel = 'rel="noopener noreferrer"'
    for kept in ("#here", "https://shop.example/a.ipynb", "mailto:ann@shop.example"):
        assert clean_html(f'<a href="{kept}">x</a>') == f'<a href="{kept}" {rel}>x</a>'
    for link, text in (
        ('<a href="a%20b.ipynb"><b>next</b></a>', "<b>next</b> (a b.ipynb)"),
        ('<a href="/own/a.ipynb" target="_blank">a</a>', "a (/own/a.ipynb)"),
        ('<a href="../a.ipynb">../a.ipynb</a>', "../a.ipynb"),
        ('<a href="a.ipynb#x&quot;&lt;b&gt;">a</a>', "a (a.ipynb#x&quot;&lt;b&gt;)"),
    ):
        assert clean_html(f"{link}, <i>y</i>") == f"{text}, <i>y</i>"


def test_a_picture_is_put_in_from_the_notebook_and_from_beside_it_only(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"picture")
    (tmp_path / "secret.txt").write_bytes(b"text")
    found = clean_html(
        '<img src="a%20b.png"><img src="secret.txt" alt="no"><img src="../a%20b.png" alt="up"><img src="/etc/passwd">'
        '<img src="attachment:c.png"><img src="attachment:none.png"><img src="file:///etc/passwd"><img>',
        folder=tmp_path,
        attachments={"c.png": {"image/png": "QUFB\n"}},
    )
    assert 'src="data:image/png;base64,cGljdHVyZQ=="' in found and 'src="data:image/png;base64,QUFB"' in found
    assert found.count("<img") == 2 and found.count("not here") == 6


def test_html_that_no_browser_could_lay_out_is_refused_at_once() -> None:
    with pytest.raises(TooDeep):
        clean_html("<div>" * 200_000)
    assert len(clean_html("<p>" * 5_000)) > 0


def test_one_output_that_cannot_be_shown_spoils_no_other(settings: Settings) -> None:
    page = page_of(
        settings,
        "sell",
        new_code_cell("1", outputs=[new_output("display_data", {"text/html": "<div>" * 2_000})]),
        new_code_cell("2", outputs=[new_output("display_data", {"text/html": "</div></section><b>open"})]),
        new_code_cell("3", outputs=[new_output("display_data", {"text/html": "<script>plot()</script>", "image/png": "QUFB"})]),
        new_code_cell("4", outputs=[new_output("display_data", {"application/vnd.plotly.v1+json": {}, "text/html": "<script>"})]),
        new_code_cell("5", outputs=[new_output("display_data", {"application/json": {"k": ["<b>"]}})]),
        new_code_cell("6", outputs=[new_output("error", ename="Stop", evalue="enough", traceback=[])]),
    )  # fmt: skip
    text = page.read_text(encoding="utf-8")
    sections = BeautifulSoup(text, features="html.parser").find_all("section")
    shown = [str(section) for section in sections][-6:]
    assert "HTML nested too deeply" in shown[0] and "<b>open</b>" in shown[1]
    assert "base64,QUFB" in shown[2] and "application/vnd.plotly.v1+json is in the notebook" in shown[3]
    assert html.escape('"<b>"', quote=False) in shown[4] and "Stop: enough" in shown[5]
