"""Which customer ids are one person: probabilistic record linkage (Fellegi-Sunter) with splink on its own DuckDB.

The model's parameters are fixed, not estimated, so that the same customers always give the same people, however
few they are and in whatever order they come. A missing value speaks neither for nor against a match.
"""

from __future__ import annotations

import logging
import unicodedata
from typing import Any

import networkx as nx
import pandas as pd
import pyarrow as pa

from workbench.etl.members.nicknames import given_name

THRESHOLD = 0.95
"""Match probability from which two customer ids are taken for one person."""

KEYS = ("first", "given", "family", "email", "phone", "street", "postal")
_DUPLICATES_PER_CUSTOMER = 0.05
_MOST_NAMES = 20
_LIKELIEST, _RAREST = 1e-4, 1e-9
_BLOCKS = (
    "l.email = r.email",
    "l.phone = r.phone",
    "l.family = r.family AND l.postal = r.postal",
    "l.street = r.street AND l.postal = r.postal",
    "l.given = r.given AND l.family = r.family AND l.street = r.street",
)


def match_keys(standard: pd.DataFrame) -> pd.DataFrame:
    """Return what is compared of each contact version: customer_id and KEYS, repeats of one id left out.

    Args:
        standard: rows of ``staging.customer_standard``; None where a value is missing.
    """
    keys = pd.DataFrame(
        {
            "customer_id": standard["customer_id"].astype(object),
            "first": _keys(standard["first_name"]),
            "given": _keys(standard["first_name"], given_name),
            "family": _keys(standard["last_name"]),
            "email": _keys(standard["email"], str),
            "phone": _keys(standard["phone"], str),
            "street": _keys(standard["street"]),
            "postal": _keys(standard["postal_code"]),
        },
        dtype=object,
    )
    # A ZIP+4 and its ZIP are one place.
    american = keys["postal"].str.fullmatch(r"\d{9}").fillna(False).astype(bool)
    keys.loc[american, "postal"] = keys.loc[american, "postal"].str[:5]
    _drop_shared(keys)
    return keys.drop_duplicates().sort_values(list(keys.columns), na_position="first", ignore_index=True)


def _drop_shared(keys: pd.DataFrame) -> None:
    """Blank, in place, each e-mail, number and street that goes with more than 20 different names.

    Such a value (a placeholder, a shop's own number) tells nobody from anybody, and comparing all who have it with
    each other would take time that grows with the square of their number.
    """
    name = keys["given"].fillna("") + " " + keys["family"].fillna("")
    name = name.where(keys["given"].notna() | keys["family"].notna(), "id " + keys["customer_id"])
    for column, place in (("email", []), ("phone", []), ("street", ["postal"])):
        by = [keys[part] for part in (column, *place)]
        keys.loc[name.groupby(by, dropna=False).transform("nunique") > _MOST_NAMES, column] = None


def _keys(values: pd.Series, also: Any = None) -> pd.Series:
    table: dict[Any, str | None] = {}
    for value in values.unique():
        if not isinstance(value, str) or also is str:
            table[value] = value if isinstance(value, str) else None
            continue
        plain = unicodedata.normalize("NFKD", value.casefold().replace("ß", "ss"))
        bare = "".join(letter for letter in plain if letter.isalnum())
        table[value] = (also(bare) if also and bare else bare) or None
    return pd.Series([table[value] for value in values], index=values.index, dtype=object)


def link(keys: pd.DataFrame) -> pd.DataFrame:
    """Score pairs of contact versions of different customer ids that share something.

    Args:
        keys: what :func:`match_keys` returns.

    Returns:
        customer_id_l, customer_id_r and match_probability of each pair of ids at or over THRESHOLD, the best of
        their versions.
    """
    people = keys["customer_id"].nunique()
    if people < 2 or keys[["email", "phone", "street"]].isna().all(axis=None):
        return pd.DataFrame({"customer_id_l": [], "customer_id_r": [], "match_probability": []})
    from splink import DuckDBAPI, Linker, SettingsCreator
    from splink.blocking_rule_library import CustomRule

    logging.getLogger("splink").setLevel(logging.ERROR)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=_comparisons(),
        blocking_rules_to_generate_predictions=[
            CustomRule(f"{rule} AND l.customer_id <> r.customer_id") for rule in _BLOCKS
        ],
        probability_two_random_records_match=min(
            _LIKELIEST, max(_RAREST, 2 * _DUPLICATES_PER_CUSTOMER / people)
        ),
        additional_columns_to_retain=["customer_id"],
        retain_matching_columns=False,
    )
    columns = {"unique_id": pa.array(range(len(keys)), pa.int64())}
    columns |= {name: pa.array(keys[name], pa.string(), from_pandas=True) for name in ("customer_id", *KEYS)}
    engine = DuckDBAPI(connection=":memory:")
    linker = Linker(
        engine.register(pa.table(columns)), settings, log_level=logging.ERROR, validate_settings=False
    )
    scored = linker.inference.predict(threshold_match_probability=THRESHOLD, warning_mode="never")
    pairs = scored.as_pandas_dataframe()
    ends = pairs[["customer_id_l", "customer_id_r"]]
    pairs["customer_id_l"], pairs["customer_id_r"] = ends.min(axis=1), ends.max(axis=1)
    best = pairs.groupby(["customer_id_l", "customer_id_r"], as_index=False)["match_probability"].max()
    return best.sort_values(["customer_id_l", "customer_id_r"], ignore_index=True)


def people(customer_ids: list[str], links: pd.DataFrame) -> pa.Table:
    """Return the rows of ``staging.customer_identity``: the connected components of the links."""
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(customer_ids)
    strongest: dict[str, float] = {}
    for left, right, probability in links.itertuples(index=False):
        graph.add_edge(left, right)
        for end in (left, right):
            strongest[end] = max(probability, strongest.get(end, 0.0))
    rows = [
        {
            "customer_id": member,
            "person_id": min(cluster),
            "cluster_size": len(cluster),
            "match_probability": strongest.get(member),
        }
        for cluster in nx.connected_components(graph)
        for member in cluster
    ]
    schema = pa.schema(
        [
            ("customer_id", pa.string()),
            ("person_id", pa.string()),
            ("cluster_size", pa.int32()),
            ("match_probability", pa.float64()),
        ]
    )
    return pa.Table.from_pylist(sorted(rows, key=lambda row: row["customer_id"]), schema=schema)


def _comparisons() -> list[Any]:
    """Return the comparisons; each level with how often it holds for one person (m) and for two people (u).

    u is what names, streets and numbers coincide by in a population of thousands; it doesn't fall further with more
    customers. A given name that differs nearly rules a match out, as families share all the rest.
    """
    similar_given = (
        "damerau_levenshtein(first_l, first_r) <= 1 OR jaro_winkler_similarity(first_l, first_r) >= 0.9 "
        "OR (least(length(first_l), length(first_r)) = 1 AND left(first_l, 1) = left(first_r, 1))"
    )
    similar_family = (
        "damerau_levenshtein(family_l, family_r) <= 1 OR jaro_winkler_similarity(family_l, family_r) >= 0.92"
    )
    return [
        _comparison(
            "given", ("given_l = given_r", 0.75, 6e-3), (similar_given, 0.23, 1e-2), (None, 1e-5, 0.98)
        ),
        _comparison(
            "family", ("family_l = family_r", 0.75, 3e-3), (similar_family, 0.2, 5e-3), (None, 0.05, 0.99)
        ),
        _comparison("email", ("email_l = email_r", 0.4, 2e-5), (None, 0.6, 1.0)),
        _comparison("phone", ("phone_l = phone_r", 0.6, 2e-4), (None, 0.4, 1.0)),
        _comparison(
            "street",
            ("street_l = street_r AND coalesce(postal_l = postal_r, true)", 0.6, 1e-4),
            ("postal_l = postal_r AND levenshtein(street_l, street_r) <= 2", 0.1, 1e-4),
            ("postal_l = postal_r", 0.03, 1e-2),
            (None, 0.27, 0.99),
        ),
    ]


def _comparison(column: str, *levels: tuple[str | None, float, float]) -> Any:
    from splink.comparison_level_library import CustomLevel, ElseLevel, NullLevel
    from splink.comparison_library import CustomComparison

    made: list[Any] = [NullLevel(column)]
    for condition, m, u in levels:
        level = ElseLevel() if condition is None else CustomLevel(condition)
        made.append(level.configure(m_probability=m, u_probability=u))
    return CustomComparison(made, output_column_name=column)
