"""Who is who: what links customer ids to people, what people decided of that, how it changed, and what is known of each person."""

from __future__ import annotations

from workbench.schema.model import Table, bigint, double, integer, text, timestamp

_DETAILS = ("full_name", "email", "phone", "address")
_PLACES = ", ".join(
    f"row_number() OVER (PARTITION BY person_id ORDER BY CASE WHEN {name}_standard IS NULL THEN 1 ELSE 0 END, "
    f"valid_from DESC, customer_id) AS {name}_place"
    for name in _DETAILS
)
_GOLDEN = ", ".join(
    f"max(CASE WHEN {name}_place = 1 THEN {name}_standard END) AS {name}, "
    f"max(CASE WHEN {name}_place = 1 AND {name}_standard IS NOT NULL THEN customer_id END) AS {name}_from"
    for name in _DETAILS
)
_PEOPLE = f"""
SELECT person_id, count(DISTINCT customer_id) AS customer_ids, {_GOLDEN}, max(valid_from) AS updated_at
FROM (
    SELECT person_id, customer_id, valid_from, {", ".join(f"{name}_standard" for name in _DETAILS)}, {_PLACES}
    FROM core.dim_customer
    WHERE NOT is_inferred
) AS versions
GROUP BY person_id
"""

IDENTITY = (
    Table(
        "staging", "customer_keys", "what is compared of each customer: the different standard forms of its entries, folded",
        (
            bigint("key_id", "hash of the row", nullable=False),
            text("customer_id", "natural key", size=64, nullable=False),
            text("first_name", "given name, letters and digits alone"),
            text("given", "the same in its full form: bill is william"),
            text("family", "family name"),
            text("email", "e-mail"),
            text("phone", "E.164", size=32),
            text("street", "street"),
            text("postal", "postal code; of a ZIP+4 the ZIP", size=32),
            text("city", "city"),
            text("born", "day of birth, YYYYMMDD", size=8),
            text("nid", "national id", size=64),
        ),
        key=("key_id",), dist="customer_id", sort=("customer_id",),
        why="looked up by customer, and scanned column by column for what new customers have in common with others",
    ),
    Table(
        "staging", "linkage_frequencies", "how rare values are among strangers, as they were when weights were estimated",
        (
            text("column_name", "the key; full is given and family name", size=64, nullable=False),
            text("value", "the value; empty for all that two entries or fewer have", nullable=False),
            integer("rarity", "r: about one entry of 2 to the power of r has it", nullable=False),
        ),
        key=("column_name", "value"), dist="all", sort=("value",), why="looked up by value: a copy on each node",
    ),
    Table(
        "staging", "linkage_limits", "values that go with too many names to tell anybody from anybody",
        (
            text("column_name", "the key", size=64, nullable=False),
            text("value", "the value; of a street with its postal code", size=512, nullable=False),
        ),
        key=("column_name", "value"), dist="all", sort=("value",), why="few, joined to customers: a copy on each node",
    ),
    Table(
        "ops", "linkage_estimates", "each time that the weights of the linkage were estimated: the newest are those in use",
        (
            bigint("version", "1 for the first, counted up", nullable=False),
            timestamp("estimated_at", "when, UTC", nullable=False),
            text("run_id", "run that did it", size=64),
            text("reason", "why they were estimated then", size=256, nullable=False),
            bigint("entries", "entries of customers that they were estimated from", nullable=False),
            bigint("customers", "customer ids of these", nullable=False),
            text("model", "the weights, as JSON", size=65535, nullable=False),
        ),
        key=("version",), dist="all", sort=("version",), only_added_to=True, why="a row an estimate: a copy on each node",
    ),
    Table(
        "staging", "customer_pairs", "pairs of customer ids that may be one person, as they were compared",
        (
            text("customer_id_l", "the one, in order of text", size=64, nullable=False),
            text("customer_id_r", "the other", size=64, nullable=False),
            double("match_probability", "that they are one person; .9 and more is a link", nullable=False),
        ),
        key=("customer_id_l", "customer_id_r"), dist="even", sort=("match_probability",),
        why="a few for each duplicate; the uncertain ones are read by probability",
    ),
    Table(
        "staging", "linkage_rules", "how many pairs each rule let be compared, and how many it left out",
        (
            text("rule", "what both must have in common", size=64, nullable=False),
            bigint("largest_block", "entries with one value up to which they are compared", nullable=False),
            bigint("pairs", "pairs that were compared by it", nullable=False),
            bigint("pairs_left_out", "pairs of larger blocks", nullable=False),
        ),
        key=("rule",), dist="all", sort=("rule",), why="a row a rule: a copy on each node",
    ),
    Table(
        "staging", "linkage_weights", "how often each level of likeness holds, as it was estimated from the customers",
        (
            text("comparison", "the detail that is compared", size=64, nullable=False),
            text("level", "how alike it is", size=32, nullable=False),
            double("one_person", "how often for two entries of one person", nullable=False),
            double("household", "how often for two people of one household", nullable=False),
            double("chance", "how often for strangers", nullable=False),
            double("evidence", "for one person rather than strangers, in bits", nullable=False),
        ),
        key=("comparison", "level"), dist="all", sort=("comparison",), why="a row a level: a copy on each node",
    ),
    Table(
        "ops", "identity_decisions", "what people decided of two customer ids: of several on one pair the newest counts",
        (
            text("customer_id_l", "the one, in order of text", size=64, nullable=False),
            text("customer_id_r", "the other", size=64, nullable=False),
            text("verdict", "same, different, or undone: as if nothing had been decided", size=16, nullable=False),
            text("note", "why, in the words of who decided", size=2048),
            text("decided_by", "who", size=128, nullable=False),
            timestamp("decided_at", "when, UTC", nullable=False),
        ),
        key=("customer_id_l", "customer_id_r", "decided_at"), dist="all", sort=("decided_at",), only_added_to=True,
        why="small, and read whole whenever people are worked out: a copy on each node",
    ),
    Table(
        "ops", "identity_changes", "customer ids that became another person's: nobody is merged or split in silence",
        (
            timestamp("changed_at", "when, UTC", nullable=False),
            text("run_id", "run that found it", size=64),
            text("kind", "joined (a new id, to a person known before), merged, split or renamed", size=16, nullable=False),
            text("customer_id", "the customer id", size=64, nullable=False),
            text("person_before", "whose it was; empty for a new id", size=64),
            text("person_now", "whose it is", size=64, nullable=False),
        ),
        key=("customer_id", "changed_at"), dist="even", sort=("changed_at",), only_added_to=True,
        why="only ever appended to and scanned by time: spread evenly",
    ),
    Table(
        "core", "dim_person", "the golden record: what is known of each person, from all customer ids",
        (
            text("person_id", "the person: the customer id that landed first", size=64, nullable=False),
            bigint("customer_ids", "customer ids of the person in the change log", nullable=False),
            text("full_name", "name in standard form, of the newest entry with one", size=520),
            text("full_name_from", "customer id whose entry the name is of", size=64),
            text("email", "e-mail in standard form, of the newest entry with one that is one"),
            text("email_from", "customer id whose entry the e-mail is of", size=64),
            text("phone", "E.164, of the newest entry with one that is one", size=32),
            text("phone_from", "customer id whose entry the telephone number is of", size=64),
            text("address", "address in standard form, one line, of the newest entry with one", size=1024),
            text("address_from", "customer id whose entry the address is of", size=64),
            timestamp("updated_at", "when the newest version began, UTC", nullable=False),
        ),
        key=("person_id",), view=_PEOPLE,
        rows_of="(SELECT DISTINCT person_id FROM core.dim_customer WHERE NOT is_inferred) AS people",
        why="a view: a person is as new as the customers it is made of",
    ),
)  # fmt: skip
