"""A user's notebook that shows some of everything, and one that fails."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

MARKDOWN = (
    "# Everything I tried\n\nWith [a link](https://example.com) in a sentence, `code` and $x^2$.",
    "#### A heading too deep\n\n| a | |\n|---|---|\n| مرحبا بالعالم | 2 |\n\n"
    f"![](data:image/png;base64,{PIXEL})\n\n```python\nprint('{'long ' * 40}')\n```",
    "# A second title\n\n###\n\n1. one\n   - two\n\n> said\n\n<h5>deeper</h5>",
)
CODE = {
    "imports": "import sys\n\nimport matplotlib.pyplot as plt\nimport pandas as pd\nfrom IPython.display import HTML, SVG, IFrame, "
    "Javascript, JSON, Latex, Markdown, display",
    "wide frame": "wide = pd.DataFrame({f'a rather long name {i}': [i, -i * 1e9] for i in range(30)})\nwide",
    "frame of groups": "wide.T.assign(kind=['one', 'two'] * 15).groupby('kind').agg(['mean', 'max'])",
    "style with colours": "wide.iloc[:, :4].style.background_gradient()",
    "coloured frame": "display(HTML('<p style=\"background:#ffffcc\">on yellow <b>paper</b></p>'))",
    "plot": "plt.plot([1, 3, 2])\nplt.title('Mine')\nplt.show()",
    "drawing": "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"50\" height=\"9\"><title>A bar</title>"
    "<rect width=\"40\" height=\"9\"/></svg>')",
    "long lines": "print('word ' * 100)\nprint('\\u65e5' * 60)\nprint('short', file=sys.stderr)",
    "colours of a terminal": "print(*(f'\\x1b[{n}mcolour {n}\\x1b[0m' for n in [*range(30, 38), *range(90, 98)]))\n"
    "print('\\x1b[38;5;226myellow\\x1b[0m \\x1b[48;5;17mblue ground\\x1b[0m \\x1b[38;2;250;250;250mwhite\\x1b[0m')",
    "html": "display(HTML('<h1>Head</h1><h6>Foot</h6><img src=\"data:image/png;base64,"
    + PIXEL
    + "\"><table><tr><th></th><th>b</th></tr><tr><th>x</th><td>1</td></tr></table>"
    "<input><a href=\"#x\"></a><ul><li>one</li></ul><div id=\"x\">x</div><div id=\"x\">y</div>"
    "<p tabindex=\"5\" role=\"nonsense\">p</p><marquee>m</marquee><dl><dd>loose</dd></dl>'))",
    "others": "display(Markdown('### In *markdown*'), Latex('$$x$$'), JSON({'a': 1}), IFrame('https://example.com', 9, 9),"
    " Javascript('1'))",
    "names": "pd.DataFrame({'name': ['\\u0645\\u062d\\u0645\\u062f', 'x' * 300, '\\U0001f600', '$1 <b>', '']})",
}  # fmt: skip


def write_gallery(path: Path) -> Path:
    """Write the notebook that shows everything."""
    cells = [new_markdown_cell(MARKDOWN[0])]
    for place, source in enumerate(CODE.values()):
        cells.append(new_code_cell(source))
        if place in (3, 6):
            cells.append(new_markdown_cell(MARKDOWN[1 + (place == 6)]))
    return _write(path, cells)


def write_failing(path: Path) -> Path:
    """Write the notebook that fails amid its cells, with a long message."""
    fails = "rows = [1]\nraise ValueError('a value that is far too long: ' + 'x' * 200 + ' <b>' + str(rows))"
    return _write(
        path, [new_markdown_cell("# Fail"), *map(new_code_cell, ("print('before')", fails, "print('after')"))]
    )


def _write(path: Path, cells: list[nbformat.NotebookNode]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path
