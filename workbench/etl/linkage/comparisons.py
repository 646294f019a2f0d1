"""What is compared of two customers, and how alike it can be: each comparison has levels, from the same to different.

A level has two probabilities: ``m`` says how often it holds for two entries of one person, ``u`` for two entries drawn at
random. Those here are what is assumed before any customer was seen; :mod:`workbench.etl.linkage.fit` estimates them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """How alike two values are, as a condition in DuckDB's SQL over ``l`` and ``r``; the last of a comparison has none.

    ``rarity`` is how rare the value is that both have, of a record ``l``: a rare one in common says more than a frequent one.
    """

    name: str
    condition: str
    m: float
    u: float
    household: float = 0.0
    rarity: str = ""


@dataclass(frozen=True)
class Comparison:
    """One detail of two customers that is compared.

    ``column`` must be filled on both sides, else the detail speaks neither for nor against. ``shared_at_home`` says that people of one
    household share it: then each level's ``household`` is how often it holds for two of them; else they agree in it by chance,
    as strangers do.
    """

    name: str
    column: str
    levels: tuple[Level, ...]
    shared_at_home: bool = False


def _slip(column: str) -> str:
    """Return the condition that two values differ by one slip of the hand: a sign more, less, other, or two turned round.

    Whatever the slip, one half of the shorter value is as it is in the other; that is fast to see.
    """
    left, right = f"l.{column}", f"r.{column}"
    half = f"(least(length({left}), length({right})) - 1) // 2"
    return (
        f"abs(length({left}) - length({right})) <= 1 AND (left({left}, {half}) = left({right}, {half}) OR "
        f"right({left}, {half}) = right({right}, {half})) AND damerau_levenshtein({left}, {right}) <= 1"
    )


def _close(column: str, similarity: float) -> str:
    """Return the condition that two values differ by a slip of the hand or sound much alike."""
    left, right = f"l.{column}", f"r.{column}"
    return (
        f"(least(length({left}), length({right})) > 2 AND {_slip(column)}"
        f" OR jaro_winkler_similarity({left}, {right}) >= {similarity})"
    )


_INITIAL = (
    "least(length(l.first_name), length(r.first_name)) = 1 AND left(l.first_name, 1) = left(r.first_name, 1)"
)

# Namesakes have addresses made of their name and another number: only a slip that leaves the digits alone is one, and the
# same name with another provider says something only where the name isn't the person's.
_EMAIL_CLOSE = (
    "abs(length(l.email) - length(r.email)) <= 1 AND l.digits = r.digits AND damerau_levenshtein(l.email, r.email) <= 1"
    " OR l.local = r.local AND length(l.local) > 4 AND NOT contains(l.local, coalesce(l.family, l.given, '@'))"
)

# One name that is the other's counts once, with the given name; the family name says whether the second is crossed, too.
_CROSSED_RARITY = "CASE WHEN l.given = r.family THEN least(l.given_rarity, r.family_rarity) ELSE least(l.family_rarity, r.given_rarity) END"
_CROSSED_BOTH = (
    "l.family = r.given AND jaro_winkler_similarity(l.given, r.family) >= 0.85"
    " OR l.given = r.family AND jaro_winkler_similarity(l.family, r.given) >= 0.85"
)

# Names go together: of those who are called Grace, more are called Kelly than of all.
_FAMILY_RARITY = "CASE WHEN l.given = r.given THEN l.full_rarity ELSE l.family_rarity END"

COMPARISONS = (
    Comparison(
        "given", "given",
        (
            Level("same", "l.given = r.given", 0.80, 6e-3, rarity="l.given_rarity"),
            Level("close", f"{_close('first_name', 0.9)} OR {_INITIAL}", 0.15, 8e-3),
            Level("crossed", "l.given = r.family OR l.family = r.given", 0.01, 1e-3, rarity=_CROSSED_RARITY),
            Level("similar", "jaro_winkler_similarity(l.first_name, r.first_name) >= 0.78", 0.01, 3e-2),
            Level("other", "", 0.01, 0.95),
        ),
    ),
    Comparison(
        "family", "family",
        (
            Level("same", "l.family = r.family", 0.80, 3e-3, 0.94, _FAMILY_RARITY),
            Level("close", _close("family", 0.92), 0.13, 5e-3, 0.03),
            Level("crossed", _CROSSED_BOTH, 0.01, 1e-3, 0.001),
            Level("similar", "jaro_winkler_similarity(l.family, r.family) >= 0.8", 0.01, 2e-2, 0.004),
            Level("other", "", 0.04, 0.97, 0.02),
        ),
        shared_at_home=True,
    ),
    Comparison(
        "email", "email",
        (
            Level("same", "l.email = r.email", 0.55, 1e-6, 0.05),
            Level("close", _EMAIL_CLOSE, 0.05, 1e-5, 0.01),
            Level("other", "", 0.4, 1.0, 0.94),
        ),
        shared_at_home=True,
    ),
    Comparison(
        "phone", "phone",
        (
            Level("same", "l.phone = r.phone", 0.6, 1e-6, 0.3),
            Level("close", _slip("phone"), 0.03, 1e-5, 0.01),
            Level("other", "", 0.37, 1.0, 0.69),
        ),
        shared_at_home=True,
    ),
    Comparison(
        "street", "street",
        (
            Level("same", "l.street = r.street", 0.6, 2e-5, 0.9),
            Level("number", "l.way = r.way AND length(l.way) > 3", 0.03, 1e-3, 0.02),
            Level("close", "abs(length(l.street) - length(r.street)) <= 2 AND levenshtein(l.street, r.street) <= 2 OR jaro_winkler_similarity(l.street, r.street) >= 0.93", 0.15, 2e-3, 0.06),
            Level("other", "", 0.25, 0.99, 0.04),
        ),
        shared_at_home=True,
    ),
    Comparison(
        "place", "place",
        (
            Level("same", "l.postal = r.postal", 0.8, 3e-2, 0.95, "l.postal_rarity"),
            Level("city", "l.city = r.city", 0.07, 1e-2, 0.02, "l.city_rarity"),
            Level("close", f"length(l.postal) > 3 AND {_slip('postal')} OR length(l.city) > 4 AND {_slip('city')}", 0.03, 1e-2, 0.01),
            Level("area", "left(l.postal, 3) = left(r.postal, 3)", 0.02, 1e-2, 0.01),
            Level("other", "", 0.08, 0.94, 0.01),
        ),
        shared_at_home=True,
    ),
    Comparison(
        "birth_date", "born",
        (
            Level("same", "l.born = r.born", 0.85, 5e-5, rarity="l.born_rarity"),
            Level("close", _slip("born"), 0.08, 1e-3),
            Level("year", "left(l.born, 4) = left(r.born, 4) AND '0101' IN (right(l.born, 4), right(r.born, 4))", 0.01, 1e-3),
            Level("near", "left(l.born, 4) = left(r.born, 4) AND (substr(l.born, 5, 2) = substr(r.born, 5, 2) OR right(l.born, 2) = right(r.born, 2)) OR substr(l.born, 5, 4) = substr(r.born, 5, 4)", 0.03, 5e-3),
            Level("other", "", 0.04, 0.99),
        ),
    ),
    Comparison(
        "national_id", "nid",
        (
            Level("same", "l.nid = r.nid", 0.9, 1e-7),
            Level("close", _slip("nid"), 0.07, 1e-4),
            Level("other", "", 0.03, 1.0),
        ),
    ),
)  # fmt: skip
"""In the order in which they are digits of a pattern."""
