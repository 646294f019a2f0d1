"""What is wrong with the places that products name in the hierarchy of department, category and subcategory.

A node of ``core.product_hierarchy`` is known by its path, so none can lie below itself there, and one without its parent
has no place in it. Which products that concerns, and where the names contradict each other, is found here.
"""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from workbench.warehouse import Warehouse

FAULTS = {
    "orphan": "names a level without the one above it, so it has no place in the hierarchy",
    "own_parent": "is named as a level above it",
    "circle": "lies above and below the same name",
    "spelling": "is written in several ways, each a node of its own",
    "two_places": "lies below several parents, a node below each",
}
"""What may be wrong, the worst first, and what it means."""

LEVELS = ("department", "category", "subcategory")
COLUMNS = ("fault", "level", "name", "paths", "products")


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
    for row in places.to_dict("records"):
        names = [None if pd.isna(row[level]) else str(row[level]) for level in LEVELS]
        count = int(row["products"])
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


def folded(name: str) -> str:
    """Return a name without what people don't see: case, and blanks around it or more than one between words."""
    return " ".join(name.split()).casefold()
