"""People from links: customers that are held together by more than a chain of resemblances.

A component of links is taken apart by average linkage: starting from single customers, the two groups that are most likely one
person on the average of all their pairs are joined, as long as that average says so. One wrong link between two people, each
of many entries, doesn't make them one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import networkx as nx
import numpy as np
import pandas as pd

_SURE = 10.0
"""Evidence in bits beyond which more isn't counted."""
_LEAST = -3.0
"""The average evidence in bits down to which two groups are joined; links below certainty are part of it."""
_LARGEST = 300
"""A component larger than this is first parted by its surest links alone."""

Pair = tuple[str, str]


def components(links: pd.DataFrame, same: Iterable[Pair] = ()) -> list[list[str]]:
    """Return the components of links, each in order and of at most some hundreds, unless people said they are one."""
    found: list[list[str]] = []
    sides = zip(links["customer_id_l"], links["customer_id_r"], links["match_probability"], strict=True)
    edges = [*sides, *((left, right, 2.0) for left, right in same)]
    waiting = [(edges, 0.9)]
    while waiting:
        at_hand, least = waiting.pop()
        graph: nx.Graph = nx.Graph()
        graph.add_weighted_edges_from(at_hand)
        for members in nx.connected_components(graph):
            if len(members) <= _LARGEST or least > 1:
                found.append(sorted(members))
                continue
            surer = 1 - (1 - least) / 10
            surer = 1.5 if surer > 0.9999999 else surer
            inside = [edge for edge in graph.subgraph(members).edges(data="weight") if edge[2] >= surer]
            waiting.append((inside, surer))
    return sorted(found)


def group(
    members: list[str],
    probability: Mapping[Pair, float],
    same: Iterable[Pair] = (),
    different: Iterable[Pair] = (),
) -> list[list[str]]:
    """Part the members of one component into people.

    Args:
        members: customer ids, in order.
        probability: of pairs (in order) that they are one person.
        same: pairs that people said are one.
        different: pairs that people said are not; they are never joined, nor is whatever they are joined with.
    """
    at = {name: number for number, name in enumerate(members)}
    size = len(members)
    total = np.full((size, size), -_SURE)
    for (left, right), value in probability.items():
        likely = min(max(value, 1e-12), 1 - 1e-12)
        bits = float(np.clip(np.log2(likely / (1 - likely)), -_SURE, _SURE))
        total[at[left], at[right]] = total[at[right], at[left]] = bits
    for left, right in different:
        total[at[left], at[right]] = total[at[right], at[left]] = -np.inf
    np.fill_diagonal(total, -np.inf)
    groups = {number: [number] for number in range(size)}
    count = np.ones(size)

    def join(one: int, other: int) -> None:
        total[one] += total[other]
        total[:, one] = total[one]
        total[one, one] = -np.inf
        total[other] = total[:, other] = -np.inf
        count[one] += count[other]
        groups[one] += groups.pop(other)

    home = list(range(size))
    for left, right in sorted(same):
        one, other = sorted((home[at[left]], home[at[right]]))
        if one != other:
            join(one, other)
            home = [one if place == other else place for place in home]
    while len(groups) > 1:
        average = total / np.outer(count, count)
        one, other = sorted(divmod(int(average.argmax()), size))
        if average[one, other] < _LEAST:
            break
        join(one, other)
    return sorted(sorted(members[number] for number in numbers) for numbers in groups.values())


def people(
    links: pd.DataFrame,
    compared: Callable[[pd.DataFrame], pd.DataFrame],
    same: Iterable[Pair] = (),
    different: Iterable[Pair] = (),
) -> list[list[str]]:
    """Return the people of more than one customer id, each a list of them in order.

    Args:
        links: customer_id_l, customer_id_r and match_probability of links that hold.
        compared: given customer_id and number of groups, compares all pairs in each: customer_id_l, customer_id_r, number and
            match_probability.
        same, different: what people decided, pairs in order.
    """
    found = components(links, same)
    where = {name: number for number, members in enumerate(found) for name in members}
    held: dict[int, list[Pair]] = defaultdict(list)
    apart: dict[int, list[Pair]] = defaultdict(list)
    for chosen, pairs in ((held, same), (apart, different)):
        for left, right in pairs:
            if (number := where.get(left)) is not None and number == where.get(right):
                chosen[number].append((left, right))
    asked = [n for n, members in enumerate(found) if len(members) > 2 or n in apart]
    rows = [(name, number) for number in asked for name in found[number]]
    scores: dict[int, dict[Pair, float]] = defaultdict(dict)
    if rows:
        weighed = compared(pd.DataFrame(rows, columns=["customer_id", "number"]))
        columns = (
            weighed[name].tolist()
            for name in ("number", "customer_id_l", "customer_id_r", "match_probability")
        )
        for where_to, left, right, value in zip(*columns, strict=True):
            scores[where_to][left, right] = value
    parted: list[list[str]] = []
    for number, members in enumerate(found):
        if number in asked:
            parted += group(members, scores[number], held[number], apart[number])
        else:
            parted.append(members)
    return [members for members in parted if len(members) > 1]
