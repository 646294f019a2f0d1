"""The same ETL in pandas and in polars, beside the one by hand in SQL: processor and wall seconds, as JSON.

    python benchmarks/frames.py --lines 1M

Each reads the generated files, keeps the lines that keep the contract, works out the dimensions' versions, the facts with
their keys and converted amounts, and sales by day, week and month, products and customers; and writes all of it as Parquet.
People aren't linked. Each runs in a process of its own; the sums over facts and marts must be the same. Polars comes with
`pip install polars`, and is left out where it isn't there.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "yardstick"))

OURS = "USD"
CURRENCIES = [OURS, "EUR", "GBP", "CAD"]
TEXTS = ("transaction_id", "customer_id", "product_id", "store_id", "currency", "channel")


def in_pandas(data: Path, out: Path) -> dict[str, Any]:
    """Do it in pandas, with Arrow behind its texts."""
    import pandas as pd

    def read(name: str, **options: Any) -> pd.DataFrame:
        (path,) = (data / name).glob("*.csv")
        return pd.read_csv(
            path,
            dtype="string[pyarrow]",
            encoding_errors="replace",
            on_bad_lines="skip",
            low_memory=False,
            **options,
        )

    raw = read("transactions", quoting=csv.QUOTE_NONE)
    raw["transaction_timestamp"] = pd.to_datetime(
        raw["transaction_timestamp"], format="%Y-%m-%d %H:%M:%S", errors="coerce"
    )
    for name in ("line_number", "quantity", "unit_price", "discount_amount"):
        raw[name] = pd.to_numeric(raw[name], errors="coerce").astype("float64")
    required = [
        "transaction_id",
        "line_number",
        "transaction_timestamp",
        "product_id",
        "store_id",
        "quantity",
        "unit_price",
    ]
    good = raw[required].notna().all(axis=1) & (raw["quantity"] != 0) & (raw["unit_price"] >= 0)
    good &= raw["currency"].isin(CURRENCIES) & raw["channel"].isin(["store", "online"])
    lines = raw[good].drop_duplicates(["transaction_id", "line_number"], keep="last")
    for name, key in (("customer", "customer_id"), ("product", "product_id"), ("store", "store_id")):
        log = (
            read(f"{name}s")
            .sort_values([key, "updated_at"])
            .drop_duplicates([key, "updated_at"], keep="last")
        )
        said = log.drop(columns="updated_at")
        log = log[(said != said.shift()).fillna(True).any(axis=1)]
        log["valid_from"] = pd.to_datetime(log["updated_at"])
        log[f"{name}_key"] = range(len(log))
        first = ~log.duplicated(key)
        log["since"] = log["valid_from"].where(~first, pd.Timestamp("1700-01-01"))
        log.to_parquet(out / f"dim_{name}.parquet")
        versions = log[[key, "since", f"{name}_key"]].sort_values("since")
        with_key = lines[lines[key].notna()].sort_values("transaction_timestamp")
        found = pd.merge_asof(with_key, versions, left_on="transaction_timestamp", right_on="since", by=key)
        lines = pd.concat([found.drop(columns="since"), lines[lines[key].isna()]])
        if name == "product":
            departments = log.set_index(f"{name}_key")["department"]
    rates = read("exchange_rates")
    rates["day"] = pd.to_datetime(rates["rate_date"])
    rates["quote"] = rates["units_per_eur"].astype("float64")
    euro = rates[["day"]].drop_duplicates().assign(currency="EUR", quote=1.0)
    quotes = pd.concat([rates[["day", "currency", "quote"]], euro]).merge(
        rates.loc[rates["currency"] == OURS, ["day", "quote"]], on="day", suffixes=("", "_ours")
    )
    lines["day"] = lines["transaction_timestamp"].dt.normalize()
    lines = pd.merge_asof(
        lines.sort_values("day"),
        quotes.sort_values("day"),
        on="day",
        by="currency",
        tolerance=pd.Timedelta(days=7),
    )
    lines["gross"] = (lines["quantity"] * lines["unit_price"]).round(4)
    lines["net"] = lines["gross"] - lines["discount_amount"].fillna(0)
    lines["amount"] = (
        (lines["net"] * lines["quote_ours"] / lines["quote"])
        .round(4)
        .where(lines["currency"] != OURS, lines["net"])
    )
    lines["date_key"] = lines["day"].dt.year * 10000 + lines["day"].dt.month * 100 + lines["day"].dt.day
    lines["time_key"] = (
        lines["transaction_timestamp"].dt.hour * 100 + lines["transaction_timestamp"].dt.minute
    )
    lines["department"] = lines["product_key"].map(departments)
    lines["is_return"] = lines["quantity"] < 0
    lines.to_parquet(out / "facts.parquet")
    measures: dict[str, Any] = {
        "transactions": ("transaction_id", "nunique"), "lines": ("transaction_id", "size"), "returns": ("is_return", "sum"),
        "customers": ("customer_id", "nunique"), "quantity": ("quantity", "sum"), "amount": ("amount", "sum"),
    }  # fmt: skip
    figures: dict[str, Any] = {"facts": len(lines), "amount": float(lines["amount"].sum())}
    for period in ("D", "W", "M"):
        start = lines["day"] if period == "D" else lines["day"].dt.to_period(period).dt.start_time
        sales = lines.groupby([start.rename("period"), "department"]).agg(**measures)
        sales.to_parquet(out / f"sales_{period}.parquet")
        figures[period] = [len(sales), int(sales["transactions"].sum()), int(sales["customers"].sum())]
    for key in ("product_id", "customer_id"):
        lines.groupby(key).agg(**measures, first=("day", "min"), last=("day", "max")).to_parquet(
            out / f"{key}.parquet"
        )
    return figures


def in_polars(data: Path, out: Path) -> dict[str, Any]:
    """Do it in polars, lazily where it can be."""
    import polars as pl

    def read(name: str) -> pl.LazyFrame:
        (path,) = (data / name).glob("*.csv")
        return pl.scan_csv(path, infer_schema=False)

    (sales,) = (data / "transactions").glob("*.csv")
    names = sales.open(errors="replace").readline().strip().split(",")
    # A column more than there are tells which lines have too many.
    raw = pl.scan_csv(
        sales, has_header=False, skip_rows=1, schema=dict.fromkeys([*names, "more"], pl.String), encoding="utf8-lossy",
        quote_char=None, missing_columns="insert",
    )  # fmt: skip
    numbers = {
        "line_number": pl.Int64,
        "quantity": pl.Float64,
        "unit_price": pl.Float64,
        "discount_amount": pl.Float64,
    }
    lines = (
        raw.filter(pl.col("more").is_null())
        .drop("more")
        .with_columns(
            pl.col("transaction_timestamp").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
            *(pl.col(name).cast(kind, strict=False) for name, kind in numbers.items()),
        )
        .filter(
            pl.all_horizontal(
                pl.col(
                    "transaction_id", "line_number", "transaction_timestamp", "product_id", "store_id"
                ).is_not_null()
            ),
            pl.col("quantity") != 0,
            pl.col("unit_price") >= 0,
            pl.col("currency").is_in(CURRENCIES),
            pl.col("channel").is_in(["store", "online"]),
        )
        .unique(["transaction_id", "line_number"], keep="last")
        .collect()
        .sort("transaction_timestamp")
    )
    for name, key in (("customer", "customer_id"), ("product", "product_id"), ("store", "store_id")):
        log = (
            read(f"{name}s")
            .collect()
            .sort(key, "updated_at")
            .unique([key, "updated_at"], keep="last", maintain_order=True)
        )
        said = pl.struct(pl.exclude("updated_at"))
        log = (
            log.filter(said.ne_missing(said.shift()))
            .with_columns(valid_from=pl.col("updated_at").str.to_datetime())
            .with_row_index(f"{name}_key")
            .with_columns(
                since=pl.when(pl.col(key).is_first_distinct())
                .then(pl.datetime(1700, 1, 1))
                .otherwise("valid_from")
            )
        )
        log.write_parquet(out / f"dim_{name}.parquet")
        lines = lines.join_asof(
            log.select(key, "since", f"{name}_key").sort("since"), left_on="transaction_timestamp", right_on="since", by=key,
            check_sortedness=False,
        ).drop("since")  # fmt: skip
        if name == "product":
            departments = log.select("product_key", "department")
    rates = read("exchange_rates").select(
        day=pl.col("rate_date").str.to_date(), currency="currency", quote=pl.col("units_per_eur").cast(pl.Float64)
    ).collect()  # fmt: skip
    euro = rates.select("day").unique().with_columns(currency=pl.lit("EUR"), quote=1.0)
    quotes = (
        pl.concat([rates, euro])
        .join(rates.filter(currency=OURS).select("day", quote_ours="quote"), on="day")
        .sort("day")
    )
    lines = (
        lines.with_columns(day=pl.col("transaction_timestamp").dt.date())
        .join_asof(quotes, on="day", by="currency", tolerance="7d", check_sortedness=False)
        .join(departments, on="product_key", how="left")
        .with_columns(
            gross=(pl.col("quantity") * pl.col("unit_price")).round(4), is_return=pl.col("quantity") < 0
        )
        .with_columns(net=pl.col("gross") - pl.col("discount_amount").fill_null(0))
        .with_columns(
            amount=pl.when(pl.col("currency") == OURS)
            .then("net")
            .otherwise((pl.col("net") * pl.col("quote_ours") / pl.col("quote")).round(4)),
            date_key=pl.col("day").dt.strftime("%Y%m%d").cast(pl.Int32),
            time_key=pl.col("transaction_timestamp").dt.hour().cast(pl.Int32) * 100
            + pl.col("transaction_timestamp").dt.minute(),
        )
    )
    lines.write_parquet(out / "facts.parquet")
    measures = {
        "transactions": pl.col("transaction_id").n_unique(), "lines": pl.len(), "returns": pl.col("is_return").sum(),
        "customers": pl.col("customer_id").drop_nulls().n_unique(), "quantity": pl.col("quantity").sum(),
        "amount": pl.col("amount").sum(),
    }  # fmt: skip
    figures: dict[str, Any] = {"facts": len(lines), "amount": float(lines["amount"].sum())}
    for period, every in (("D", "1d"), ("W", "1w"), ("M", "1mo")):
        sales = lines.group_by(period=pl.col("day").dt.truncate(every), department="department").agg(
            **measures
        )
        sales.write_parquet(out / f"sales_{period}.parquet")
        figures[period] = [len(sales), int(sales["transactions"].sum()), int(sales["customers"].sum())]
    for key in ("product_id", "customer_id"):
        lines.group_by(key).agg(
            **measures, first=pl.col("day").min(), last=pl.col("day").max()
        ).write_parquet(out / f"{key}.parquet")
    return figures


def main() -> None:
    """Measure each in a process of its own, print JSON."""
    from measure import run

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--lines", type=lambda text: int(float(text.upper().replace("M", "e6"))), default=1_000_000
    )
    parser.add_argument(
        "--data", type=Path, help="a folder that `workbench generate` filled before, or to keep"
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        library, out = options.worker.split(":", 1)
        print(json.dumps({"pandas": in_pandas, "polars": in_polars}[library](options.data, Path(out))))
        return
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        data = options.data or Path(folder) / "data"
        if not (data / "truth.json").exists():
            program = Path(sys.executable).with_name("workbench")
            run([program, "generate", "--rows", str(options.lines), "--out", data], {})
        hand = run(
            [
                sys.executable,
                Path(__file__).parent / "yardstick/by_hand.py",
                data,
                Path(folder) / "hand.duckdb",
            ],
            {},
        )
        without_people = hand.cpu - json.loads(hand.output)["people"]
        figures: dict[str, Any] = {"lines": options.lines, "sql_cpu_seconds": round(without_people, 2)}
        said = {}
        for library in ("pandas", "polars"):
            if importlib.util.find_spec(library) is None:
                figures[library] = f"not measured: pip install {library}"
                continue
            out = Path(folder) / library
            out.mkdir()
            cost = run([sys.executable, __file__, "--data", data, "--worker", f"{library}:{out}"], {})
            said[library] = json.loads(cost.output.splitlines()[-1])
            figures |= cost.figures(library)
            figures[f"{library}_cpu_ratio_to_sql"] = round(cost.cpu / without_people, 2)
    print(json.dumps(figures, indent=2))
    if len(said) == 2:
        amounts = [each.pop("amount") for each in said.values()]
        assert said["pandas"] == said["polars"], said
        assert abs(amounts[0] - amounts[1]) < 1e-6 * abs(amounts[0]), amounts


if __name__ == "__main__":
    main()
