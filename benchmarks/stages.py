"""The notebooks that the bench of the execution engine runs, and the same code as scripts."""

from __future__ import annotations

from pathlib import Path

import nbformat
import yaml

HEADER = "# Do the work of {name}\n\nIt is here to be measured.\n\n**Reads** {reads}\n\n**Writes** {writes}\n\n**Fails when** told to."

STAGES: dict[str, list[str]] = {
    "extract": [
        "import numpy as np\nimport pandas as pd",
        "rng = np.random.default_rng(7)\nn = 120_000",
        "days = pd.Timestamp('2024-01-01') + pd.to_timedelta(rng.integers(0, 365, n), unit='D')\n"
        "sales = pd.DataFrame({'day': days, 'store': rng.integers(1, 60, n), 'item': rng.integers(1, 900, n),\n"
        "                      'quantity': rng.poisson(2, n) + 1, 'price': rng.gamma(2, 8, n).round(2)})",
        "sales.to_csv(folder + '/sales.csv', index=False)\nprint(len(sales), 'lines')",
        "sales.head()",
    ],
    "clean": [
        "import pandas as pd",
        "sales = pd.read_csv(folder + '/sales.csv', parse_dates=['day'])",
        "sales = sales.drop_duplicates()\nsales['amount'] = sales.quantity * sales.price",
        "kept = sales[sales.amount < sales.amount.quantile(0.999)]\nkept.describe()",
        "kept.to_parquet(folder + '/clean.parquet')\nprint(len(sales) - len(kept), 'lines set aside')",
    ],
    "load": [
        "import duckdb",
        "path = folder + '/clean.parquet'\nc = duckdb.connect()",
        "c.execute('CREATE TABLE sales AS SELECT * FROM read_parquet(?)', [path])\n"
        "c.execute('SELECT count(*) FROM sales').fetchone()",
        "daily = c.execute('''SELECT day, store, sum(amount) AS amount, count(DISTINCT item) AS items,\n"
        "    avg(price) AS price FROM sales GROUP BY ALL ORDER BY ALL''').df()",
        "daily.to_parquet(folder + '/daily.parquet')\ndaily.tail()",
    ],
    "marts": [
        "import duckdb",
        "c = duckdb.connect()\npath = folder + '/daily.parquet'",
        "monthly = c.execute('''SELECT *, rank() OVER (PARTITION BY month ORDER BY amount DESC) AS place\n"
        "    FROM (SELECT date_trunc('month', day) AS month, store, sum(amount) AS amount\n"
        "          FROM read_parquet(?) GROUP BY ALL) ORDER BY ALL''', [path]).df()",
        "monthly.to_parquet(folder + '/monthly.parquet')\nmonthly.head(12)",
    ],
    "features": [
        "import numpy as np\nimport pandas as pd",
        "daily = pd.read_parquet(folder + '/daily.parquet').sort_values(['store', 'day'])",
        "by = daily.groupby('store').amount\n"
        "for lag in (1, 7, 14, 28):\n    daily[f'lag_{lag}'] = by.shift(lag)\n"
        "for width in (7, 28):\n    daily[f'mean_{width}'] = by.transform(lambda s: s.rolling(width).mean().shift())",
        "daily['weekday'] = daily.day.dt.weekday\nready = daily.dropna()",
        "ready.to_parquet(folder + '/features.parquet')\nprint(ready.shape)\nready.corr(numeric_only=True).round(2)",
    ],
    "train": [
        "import pandas as pd\nfrom sklearn.ensemble import RandomForestRegressor\n"
        "from sklearn.model_selection import train_test_split",
        "ready = pd.read_parquet(folder + '/features.parquet')",
        "x = ready.drop(columns=['day', 'amount'])\n"
        "parts = train_test_split(x, ready.amount, random_state=1)",
        "model = RandomForestRegressor(12, max_depth=9, random_state=1).fit(parts[0], parts[2])",
        "score = model.score(parts[1], parts[3])\nprint(f'R2 {score:.3f}')",
        "pd.Series(model.feature_importances_, index=x.columns).to_csv(folder + '/importance.csv')",
    ],
    "track": [
        "import mlflow\nimport pandas as pd",
        "mlflow.set_tracking_uri('sqlite:///' + folder + '/mlflow.db')\nmlflow.set_experiment('bench')",
        "importance = pd.read_csv(folder + '/importance.csv', index_col=0).iloc[:, 0]",
        "with mlflow.start_run() as run:\n    mlflow.log_params({'trees': 12})\n"
        "    mlflow.log_metrics({name: float(value) for name, value in importance.items()})",
        "print(len(importance), 'metrics')",
    ],
    "report": [
        "import matplotlib.pyplot as plt\nimport pandas as pd",
        "monthly = pd.read_parquet(folder + '/monthly.parquet')\ndaily = pd.read_parquet(folder + '/daily.parquet')",
        "figure, axes = plt.subplots(figsize=(9, 4))\nfor store in range(1, 7):\n"
        "    daily[daily.store == store].plot(x='day', y='amount', ax=axes, label=str(store))\n"
        "figure.savefig(folder + '/daily.png')\nplt.show()",
        "figure, axes = plt.subplots(figsize=(9, 4))\n"
        "monthly.pivot(index='month', columns='store', values='amount').sum(axis=1).plot.bar(ax=axes)\n"
        "figure.savefig(folder + '/monthly.png')\nplt.show()",
        "monthly[monthly.place == 1]",
    ],
}

LIGHT: dict[str, list[str]] = {
    f"light_{number}": [
        "import duckdb\nimport matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n"
        "from sklearn.ensemble import RandomForestRegressor",
        f"rng = np.random.default_rng({number})\n"
        "frame = pd.DataFrame({'store': rng.integers(1, 60, 200_000), 'price': rng.gamma(2, 8, 200_000)})",
        "by_store = duckdb.sql('SELECT store, avg(price) AS price FROM frame GROUP BY ALL ORDER BY ALL').df()\n"
        "by_store.head()",
        "x = rng.normal(size=(20_000, 4))\n"
        "model = RandomForestRegressor(20, max_depth=8, random_state=1).fit(x, x @ [1, 2, 3, 4])",
        "by_store.plot(x='store', y='price')\nplt.show()",
    ]
    for number in range(8)
}
"""Eight that each import all and do a little."""


def write_stages(folder: Path, work: Path, stages: dict[str, list[str]]) -> None:
    """Write notebooks with their map, and each as a script, into ``folder``; they work in ``work``."""
    previous = "landing"
    described: dict[str, dict[str, object]] = {}
    whole = []
    for name, cells in stages.items():
        write_notebook(
            folder / f"{name}.ipynb", cells, f"folder: str = {str(work)!r}  # where files lie", previous
        )
        described[name] = {"notebook": f"{name}.ipynb", "reads": [previous], "writes": [f"bench:{name}"]}
        previous = f"bench:{name}"
        source = "\n".join([f"folder = {str(work)!r}", *cells]) + "\n"
        # Without a screen a script's show() draws nothing, while a notebook keeps the picture.
        source = source.replace(
            "plt.show()", "plt.savefig(folder + '/shown.png', bbox_inches='tight')\nplt.close()"
        )
        (folder / f"{name}.py").write_text(source)
        whole.append(f"exec(compile({source!r}, {name!r}, 'exec'), {{'__name__': {name!r}}})")
    (folder / "all.py").write_text("\n".join(whole) + "\n")
    write_map(folder, described)


def write_map(folder: Path, stages: dict[str, dict[str, object]]) -> None:
    """Write the map of a pipeline."""
    content = {"name": folder.name, "description": "To be measured.", "stages": stages}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def write_notebook(path: Path, cells: list[str], parameters: str = "", reads: str = "landing") -> None:
    """Write one notebook."""
    header = HEADER.format(name=path.stem, reads=f"`{reads}`", writes=f"`bench:{path.stem}`")
    body = [nbformat.v4.new_markdown_cell(header)]
    if parameters:
        tagged = nbformat.v4.new_code_cell(parameters)
        tagged.metadata["tags"] = ["parameters"]
        body.append(tagged)
    body += [nbformat.v4.new_code_cell(source) for source in cells]
    specification = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=body, metadata={"kernelspec": specification}), path)
