"""Customers linked to people, and what that was done by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb
import pandas as pd
import pyarrow as pa

from workbench.etl.linkage import candidates, clusters
from workbench.etl.linkage.clusters import Pair
from workbench.etl.linkage.model import Model, estimate
from workbench.etl.linkage.workspace import LIMITS, Workspace

THRESHOLD = 0.9
"""Probability from which two customer ids are linked."""
UNCERTAIN = 0.25
"""Probability from which a pair that isn't linked is worth a look by people."""


@dataclass(frozen=True)
class Linkage:
    """What linking customers gave.

    ``links`` has customer_id_l, customer_id_r and match_probability of all pairs from UNCERTAIN on; ``people`` lists the customer
    ids of each person who has several; ``rules`` says how many pairs each rule made and left out. ``frequencies`` and ``limits`` are
    what the workspace had of names and of values that are nobody's.
    """

    model: Model
    links: pd.DataFrame
    people: list[list[str]]
    rules: pd.DataFrame
    frequencies: pa.Table
    limits: pa.Table
    compared: int


def shared(keys: pa.Table) -> pa.Table:
    """Return the values that go with too many names to tell anybody from anybody."""
    with duckdb.connect() as local:
        local.register("keys", keys)
        return local.sql(f"{candidates.shared_values('keys')} ORDER BY ALL").to_arrow_table().cast(LIMITS)


def link(
    keys: pa.Table,
    same: Iterable[Pair] = (),
    different: Iterable[Pair] = (),
    kept: tuple[Model, pa.Table] | None = None,
) -> Linkage:
    """Link customers by a model that is estimated from them, or by one that was kept.

    Args:
        keys: key_id, customer_id and KEYS of each entry.
        same, different: pairs of customer ids, in order, on which people decided.
        kept: a model, and the frequencies that it goes with.
    """
    limits = shared(keys)
    with Workspace(keys, kept[1] if kept else None, limits) as workspace:
        rules = workspace.candidates(kept[0].largest if kept else None)
        compared = workspace.compare()
        if kept:
            model = kept[0]
        else:
            workspace.among_strangers(estimate(workspace.seen()))
            largest = dict(zip(rules["rule"], rules["largest_block"].map(int), strict=True))
            model = replace(estimate(workspace.seen()), largest=largest, filled=workspace.filled())
        known, links = workspace.frequencies, workspace.scored(model, UNCERTAIN)
        found = clusters.people(
            links[links["match_probability"] >= THRESHOLD],
            lambda groups: workspace.within(groups, model),
            same,
            different,
        )
    return Linkage(model, links, found, rules, known, limits, compared)


def identities(known_since: Mapping[str, datetime], links: pd.DataFrame, people: list[list[str]]) -> pa.Table:
    """Return the rows of ``staging.customer_identity``.

    A person's id is the customer id that landed first (of several at once, the first in order of text), so that whoever comes
    later changes nobody's.

    Args:
        known_since: each customer id, and when its first entry landed.
        links: customer_id_l, customer_id_r and match_probability of pairs.
        people: the customer ids of each person who has several.
    """
    person = {member: members for members in people for member in members}
    strongest: dict[str, float] = {}
    columns = (links[name].tolist() for name in ("customer_id_l", "customer_id_r", "match_probability"))
    for left, right, probability in zip(*columns, strict=True):
        if left in person and person[left] is person.get(right):
            for end in (left, right):
                strongest[end] = max(probability, strongest.get(end, 0.0))
    rows = []
    for name in sorted(known_since):
        members = person.get(name, [name])
        rows.append(
            (name, min(members, key=lambda one: (known_since[one], one)), len(members), strongest.get(name))
        )
    kinds = {
        "customer_id": pa.string(), "person_id": pa.string(), "cluster_size": pa.int32(), "match_probability": pa.float64(),
    }  # fmt: skip
    return pa.table(
        {name: pa.array([row[n] for row in rows], kind) for n, (name, kind) in enumerate(kinds.items())}
    )


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, str, str | None, str]]:
    """Return which customer ids became another person's: kind, customer_id, person_before (None for a new id), person_now."""
    groups: dict[str, set[str]] = {}
    for name, person in now.items():
        groups.setdefault(person, set()).add(before.get(name, ""))
    left: dict[str, set[str]] = {}
    for name, person in before.items():
        if name in now:
            left.setdefault(person, set()).add(now[name])
    found: list[tuple[str, str, str | None, str]] = []
    for name, person in sorted(now.items()):
        was = before.get(name)
        others = groups[person] - {"", was}
        if was is None and others:
            found.append(("joined", name, None, person))
        elif was is not None and was != person:
            kind = "merged" if others else "split" if len(left[was]) > 1 else "renamed"
            found.append((kind, name, was, person))
    return found
