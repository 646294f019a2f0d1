"""Linking customers: against the truth, whatever their order, and without clusters that chains make."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest

from workbench.demo.generated import generate
from workbench.demo.journey.customers import COLUMNS, row
from workbench.etl.linkage.clusters import group
from workbench.etl.linkage.keys import match_keys, table_of
from workbench.etl.linkage.link import Linkage, link
from workbench.etl.linkage.model import Model
from workbench.etl.members.standardize import CONTACT, IDENTIFYING, standardize

NAMES = ["Ann", "Bea", "Cleo", "Dora", "Edda", "Fay", "Gina", "Hanna", "Ida", "June", "Kay", "Lea"]


def linked(entries: pd.DataFrame, **decided: list[tuple[str, str]]) -> Linkage:
    whole = entries.reindex(columns=["customer_id", *CONTACT, *IDENTIFYING]).astype(object)
    return link(table_of(match_keys(standardize(whole))), **decided)


@pytest.fixture(scope="module")
def generated() -> tuple[pd.DataFrame, dict[str, str], Linkage]:
    log = generate.invent_customers(replace(generate.make_plan(1000, 5, 0.01), customers=3_000))
    entries = pd.DataFrame([row(entry) for entry in log.entries], columns=list(COLUMNS), dtype=object)
    return entries, dict(log.truth), linked(entries)


def test_generated_duplicates_are_found_and_nobody_else(
    generated: tuple[pd.DataFrame, dict[str, str], Linkage],
) -> None:
    _, truth, found = generated
    true = sum(n * (n - 1) // 2 for n in Counter(truth.values()).values())
    said = [(a, b) for members in found.people for a in members for b in members if a < b]
    right = sum(truth[a] == truth[b] for a, b in said)
    assert true > 100
    assert right / len(said) >= 0.99
    assert right / true >= 0.95


def test_order_and_a_model_s_text_change_nothing(
    generated: tuple[pd.DataFrame, dict[str, str], Linkage],
) -> None:
    entries, _, found = generated
    again = linked(entries.sample(frac=1, random_state=1))
    assert again.people == found.people
    pd.testing.assert_frame_equal(again.links, found.links)
    assert Model.from_json(found.model.to_json()).to_json() == found.model.to_json() == again.model.to_json()


def sparse(people: int, rng: random.Random) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return people known by name, birth date and postal code alone, two to five entries each, with gaps and slips."""
    rows, truth = [], {}
    for person in range(people):
        first = "".join(rng.choices("abcdeilmnorst", k=2)).capitalize() + rng.choice(NAMES).lower()
        last = "".join(rng.choices("abcdeghilmnoprstu", k=rng.randrange(5, 9))).capitalize()
        born = f"19{rng.randrange(30, 99)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        code = f"{rng.randrange(10_000, 99_999)}"
        for copy in range(rng.randrange(2, 6)):
            entry = {
                "customer_id": f"{person:04}-{copy}",
                "first_name": first,
                "last_name": last,
                "birth_date": born,
                "postal_code": code,
            }
            if rng.random() < 0.3:
                entry[rng.choice(["birth_date", "postal_code"])] = None
            if rng.random() < 0.3:
                name = rng.choice(["first_name", "last_name"])
                entry[name] = entry[name][:2] + entry[name][3:]
            rows.append(entry)
            truth[entry["customer_id"]] = str(person)
    return pd.DataFrame(rows), truth


def test_names_birth_dates_and_places_are_enough_and_no_cluster_grows_out_of_a_chain() -> None:
    entries, truth = sparse(300, random.Random(7))
    found = linked(entries)
    true = sum(n * (n - 1) // 2 for n in Counter(truth.values()).values())
    said = [(a, b) for members in found.people for a in members for b in members if a < b]
    right = sum(truth[a] == truth[b] for a, b in said)
    assert right / len(said) >= 0.99
    assert 2 * right / (true + len(said)) >= 0.9
    assert max(map(len, found.people)) <= 5


def test_an_equal_e_mail_outweighs_another_given_name_where_entries_show_that_it_does() -> None:
    entries, _ = sparse(200, random.Random(3))
    entries["email"] = [f"x{name.split('-')[0]}@example.com" for name in entries["customer_id"]]
    rows = entries.index[entries["customer_id"].str.endswith("-1")][:80]
    entries.loc[rows, "first_name"] = "Zzyzx"
    people = {member: members for members in linked(entries).people for member in members}
    joined = sum(
        f"{name.split('-')[0]}-0" in people.get(name, []) for name in entries.loc[rows, "customer_id"]
    )
    assert joined >= 0.9 * len(rows)


@pytest.mark.parametrize(
    "shared",
    [
        {"email": "info@example.com"},
        {"phone": "(212) 555-0142"},
        {"birth_date": "1970-01-01"},
        {"national_id": "123456789"},
    ],
)
def test_what_hundreds_share_makes_no_cluster(shared: dict[str, str]) -> None:
    rng = random.Random(2)
    rows = [
        {
            "customer_id": f"{n:03}",
            "first_name": rng.choice(NAMES),
            "last_name": f"Fam{n % 97}",
            "country": "US",
            **shared,
        }
        for n in range(300)
    ]
    assert max(map(len, linked(pd.DataFrame(rows)).people), default=1) <= 3


def test_groups_resemble_each_other_on_the_whole() -> None:
    chain = {
        ("a", "b"): 0.999,
        ("b", "c"): 0.999,
        ("c", "d"): 0.999,
        ("a", "c"): 1e-9,
        ("b", "d"): 1e-9,
        ("a", "d"): 1e-9,
    }
    assert sorted(map(len, group(list("abcd"), chain))) == [2, 2]
    close = dict.fromkeys(chain, 0.99) | {("a", "d"): 0.01}
    assert group(list("abcd"), close) == [list("abcd")]
    assert group(list("abcd"), close, different=[("a", "d")]) != [list("abcd")]
    assert ["a", "d"] in [
        sorted({"a", "d"} & set(one)) for one in group(list("abcd"), chain, same=[("a", "d")])
    ]
