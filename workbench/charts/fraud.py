"""The charts of fraud detection: how precise it is, and how much there is to look at."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import PercentFormatter

from workbench.charts.anomalies import CRITICAL, INK
from workbench.charts.style import QUIET, Chart, new_figure, plot_style, short_name


def plot_precision(curve: pd.DataFrame) -> Chart:
    """Draw ``precision`` by ``recall``, both 0 to 1."""
    with plot_style():
        figure = new_figure(5.2, 3.0)
        axes = figure.subplots()
        axes.set_title("Precision by recall in the replay")
        if curve.empty:
            axes.text(0, 0.5, "Nothing was replayed.", color=QUIET)
            axes.set_axis_off()
        else:
            axes.plot(curve["recall"], curve["precision"], color=INK, label="precision")
            axes.set_xlabel("share of frauds that is found")
            axes.set_ylabel("share of what is named that is fraud")
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.02)
    return figure


def plot_alerts_a_day(scored: pd.DataFrame, *, budget: int) -> Chart:
    """Draw how many receipts of each day are to look at, below the budget: rows of ``marts.fraud_scores``."""
    with plot_style():
        figure = new_figure(7.2, 2.6)
        axes = figure.subplots()
        axes.set_title("Receipts to look at")
        if scored.empty:
            axes.text(0, 0.5, "Nothing new was scored.", color=QUIET)
            axes.set_axis_off()
        else:
            day = pd.to_datetime(scored["transaction_timestamp"]).dt.floor("D")
            found = scored["is_alert"].astype(bool).groupby(day).sum()
            axes.bar(found.index.to_numpy(), found.to_numpy(), width=0.8, color=INK, label="to look at")
            axes.axhline(budget, color=CRITICAL, linewidth=1, label="budget a day")
            axes.set_ylabel("receipts")
            # Above the bars, which may fill the whole of the axes.
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
            figure.autofmt_xdate()
    return figure


def plot_shares(shares: pd.DataFrame) -> Chart:
    """Draw what speaks for and against fraud in a few receipts, one panel each.

    Args:
        shares: ``transaction_id, what, share``, the strongest of each receipt first; shares of a probability.
    """
    receipts = list(dict.fromkeys(shares["transaction_id"]))
    with plot_style():
        figure = new_figure(7.2, 0.6 + 1.7 * len(receipts) if receipts else 1.2)
        panels = figure.subplots(max(len(receipts), 1), 1, squeeze=False, sharex=True)[:, 0]
        if not receipts:
            panels[0].set_title("What speaks for fraud")
            panels[0].text(0, 0.5, "Nothing is to be looked at.", color=QUIET)
            panels[0].set_axis_off()
            return figure
        for axes, receipt in zip(panels, receipts, strict=True):
            rows = shares[shares["transaction_id"] == receipt][::-1]
            value = rows["share"].astype(float)
            axes.set_title(f"Receipt {short_name(str(receipt))}", fontsize=9)
            axes.barh(range(len(rows)), value, color=[CRITICAL if each > 0 else INK for each in value])
            axes.set_yticks(range(len(rows)), list(rows["what"]), fontsize=7)
            axes.axvline(0, color=QUIET, linewidth=0.8)
            axes.grid(axis="y", visible=False)
        panels[-1].xaxis.set_major_formatter(PercentFormatter(1.0))
        panels[-1].set_xlabel("adds to the chance of fraud, before it is calibrated")
        figure.alt = "What speaks for fraud. " + " ".join(
            f"{receipt}: "
            + "; ".join(
                f"{what} {share:+.0%}" for what, share in zip(rows["what"], rows["share"], strict=True)
            )
            + "."
            for receipt, rows in shares.groupby("transaction_id", sort=False)
        )
    return figure
