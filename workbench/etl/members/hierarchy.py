"""What is wrong with the places that products name in the hierarchy of department, category and subcategory.

A node of ``core.product_hierarchy`` is known by its path, so none can lie below itself there, and one without its parent
has no place in it. Which products that concerns, and where the names contradict each other, is found here.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from functools import lru_cache

import pandas as pd

from workbench.etl.incremental import hash_of, set_watermark
from workbench.governance.quality import CheckResult, record_checks
from workbench.settings import get_settings
from workbench.warehouse import Warehouse
from workbench.warehouse.access import infrastructure

FAULTS = {
    "orphan": "names a level without the one above it, so it has no place in the hierarchy",
    "own_parent": "is named as a level above it",
    "circle": "lies above and below the same name",
    "spelling": "is written in several ways, each a node of its own",
    "two_places": "lies below several parents, a node below each",
}
"""What may be wrong, the worst first, and what it means."""

TOLD = ("orphan", "circle")
"""Those that people hear of: what has no place, and what can't all be meant. Of the others, many a feed has its reasons."""

LEVELS = ("department", "category", "subcategory")
COLUMNS = ("fault", "level", "name", "paths", "products")
_STEP = "hierarchy checks"
_EXAMPLES = 5


def faults(warehouse: Warehouse) -> pd.DataFrame:
    """Return what is wrong with the places of current products; columns as of :func:`find`."""
    return find(
        warehouse.frame(
            f"""
            SELECT {", ".join(LEVELS)}, count(*) AS products FROM core.dim_product
            WHERE is_current AND NOT is_inferred GROUP BY {", ".join(LEVELS)} ORDER BY {", ".join(LEVELS)}
            """
        )
    )


def check_hierarchy(warehouse: Warehouse, run_id: str | None = None) -> pd.DataFrame | None:
    """Record whether each current product has its place; return what :func:`misplaced` does.

    Where no product has changed since the last time, nothing is looked at, and None returned. ``hierarchy_orphan`` and
    ``hierarchy_circle`` are checks in ``ops.quality_results``, with an alert as long as they find something, and another
    each time that the products concerned get another digit.

    Args:
        warehouse: with ``core.dim_product`` as it was built.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.
    """
    code = hash_of([sys.modules[__name__]])
    with infrastructure():
        (last,) = warehouse.rows(
            """
            SELECT (
                SELECT max(built_at) FROM ops.builds
                WHERE table_name = 'core.dim_product' AND rows_inserted + rows_updated + rows_removed > 0
            ) AS changed, (SELECT max(seen_until) FROM ops.watermarks WHERE model = ? AND fingerprint = ?) AS seen
            """,
            [_STEP, code],
        )
    if last["changed"] == last["seen"] and not get_settings().full:
        return None
    found = faults(warehouse)
    record_checks(warehouse, [_check(fault, found[found["fault"] == fault]) for fault in TOLD], run_id)
    with infrastructure():
        warehouse.run(lambda session: set_watermark(session, _STEP, last["changed"], code), repeatable=True)
    return _in_words(found)


def _check(fault: str, found: pd.DataFrame) -> CheckResult:
    name = f"hierarchy_{fault}"
    if found.empty:
        return CheckResult(name, "core.product_hierarchy", "pass", 0)
    examples = "; ".join(" and ".join(paths[:2]) for paths in found["paths"].head(_EXAMPLES))
    more = ", ..." if len(found) > _EXAMPLES else ""
    message = f"products below {examples}{more}: each {FAULTS[fault]}. workbench products hierarchy lists all"
    products = int(found["products"].sum())
    return CheckResult(name, "core.product_hierarchy", "warn", products, message, tells_growth=True)


def misplaced(warehouse: Warehouse) -> pd.DataFrame:
    """Return the faults that people hear of, the worst first, in words: ``what, level, where, products, why``."""
    return _in_words(faults(warehouse))


def _in_words(found: pd.DataFrame) -> pd.DataFrame:
    found = found[found["fault"].isin(TOLD)]
    return pd.DataFrame(
        {
            "what": found["fault"],
            "level": found["level"],
            "where": ["; ".join(paths[:3]) for paths in found["paths"]],
            "products": found["products"],
            "why": found["fault"].map(FAULTS),
        }
    ).reset_index(drop=True)


def find(places: pd.DataFrame) -> pd.DataFrame:
    """Return the faults of a hierarchy, the worst first, a row each: ``fault, level, name, paths, products``.

    Names that differ in case or blanks alone are one name. ``paths`` lists the places it stands in, as they landed.

    Args:
        places: a row for each department, category and subcategory that occur together, and how many ``products`` they
            are of; a missing level is None or NaN.
    """
    seen: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    parents: dict[tuple[str, str], dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    spelt: dict[tuple[str, tuple[str, ...]], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    over: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    named = places[list(LEVELS)].astype(object).where(places[list(LEVELS)].notna(), None)
    for *names, count in zip(*(named[level] for level in LEVELS), map(int, places["products"]), strict=True):
        for depth, (level, name) in enumerate(zip(LEVELS, names, strict=True)):
            if name is None:
                continue
            above = names[:depth]
            path = " > ".join("?" if each is None else each for each in (*above, name))
            if None in above:
                seen["orphan", level, folded(name)][path] += count
                continue
            ways = tuple(folded(each) for each in above if each is not None)
            spelt[level, (*ways, folded(name))][path] += count
            if not ways:
                continue
            if folded(name) in ways:
                seen["own_parent", level, folded(name)][path] += count
                continue
            found = parents[level, folded(name)]["/".join(ways)]
            found[path] = found.get(path, 0) + count
            for parent in ways:
                over[parent, folded(name)][path] += count
    for (level, key), paths in spelt.items():
        if len({path.rsplit(" > ", 1)[-1] for path in paths}) > 1:
            seen["spelling", level, key[-1]].update(paths)
    for (upper, lower), paths in over.items():
        if upper < lower and (lower, upper) in over:
            seen["circle", "", f"{upper} and {lower}"].update({**paths, **over[lower, upper]})
    for (level, name), below in parents.items():
        if level == "category" and len(below) > 1:
            seen["two_places", level, name].update(
                {path: count for paths in below.values() for path, count in paths.items()}
            )
    order = list(FAULTS)
    rows = [
        (fault, level, name, tuple(sorted(paths)), sum(paths.values()))
        for (fault, level, name), paths in seen.items()
    ]
    rows.sort(key=lambda row: (order.index(row[0]), -row[4], row[1], row[2]))
    return pd.DataFrame(rows, columns=list(COLUMNS))


@lru_cache(maxsize=65_536)
def folded(name: str) -> str:
    """Return a name without what people don't see: case, and blanks around it or more than one between words."""
    return " ".join(name.split()).casefold()
