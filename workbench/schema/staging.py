"""What stages hand to the star schema: identities, standard forms, assigned categories."""

from __future__ import annotations

from workbench.schema.model import Table, bigint, date, double, integer, text, timestamp, total

STAGING = (
    Table(
        "staging", "customer_standard", "contact details of each change-log entry in standard form; raw keeps the original",
        (
            text("customer_id", "natural key", size=64, nullable=False),
            timestamp("updated_at", "time of the entry", nullable=False),
            text("first_name", "given name, standard form"),
            text("last_name", "family name, standard form"),
            text("email", "e-mail, lower case; empty where it is no address"),
            text("phone", "E.164; empty where it is no number", size=32),
            text("street", "street, standard abbreviations"),
            text("city", "city"),
            text("state", "state or region"),
            text("postal_code", "postal code", size=32),
            text("country", "ISO 3166 two-letter code where known", size=64),
        ),
        key=("customer_id", "updated_at"), dist="customer_id", sort=("customer_id",),
        why="beside the change log of customers, with which it is joined entry by entry",
    ),
    Table(
        "staging", "customer_identity", "which customer ids are one person",
        (
            text("customer_id", "natural key", size=64, nullable=False),
            text("person_id", "the smallest customer_id of the cluster", size=64, nullable=False),
            integer("cluster_size", "customer ids of this person", nullable=False),
            double("match_probability", "of the strongest link that holds it in the cluster; empty if alone"),
        ),
        key=("customer_id",), dist="customer_id", sort=("customer_id",),
        why="beside the change log of customers, with which it is joined by customer",
    ),
    Table(
        "staging", "product_category", "the category of each product, landed or assigned",
        (
            text("product_id", "natural key", size=64, nullable=False),
            text("department", "top of the hierarchy"),
            text("category", "second level"),
            text("subcategory", "third level"),
            text("category_source", "feed, predicted or none", size=16, nullable=False),
            double("category_confidence", "0 to 1; 1 for the feed"),
        ),
        key=("product_id",), dist="product_id", sort=("product_id",),
        why="beside the change log of products, with which it is joined by product",
    ),
    Table(
        "staging", "customer_totals", "what each person bought over all time",
        (
            text("person_id", "the person", size=64, nullable=False),
            bigint("customer_ids", "customer ids of the person that bought", nullable=False),
            date("last_purchase", "day of the last purchase; empty for one who only brought back"),
            bigint("frequency", "receipts with something bought", nullable=False),
            total("monetary_reporting", "net sales in the reporting currency", nullable=False),
        ),
        key=("person_id",), dist="person_id", sort=("person_id",),
        why="read whole for the segments, and written by person: spread by person",
    ),
    Table(
        "staging", "product_totals", "what was sold of each product over all time",
        (
            text("product_id", "the product", size=64, nullable=False),
            bigint("lines", "receipt lines", nullable=False),
            bigint("return_lines", "lines with a negative quantity", nullable=False),
            bigint("customers", "known customers", nullable=False),
            total("quantity", "units, returns taken off", nullable=False),
            total("net_amount_reporting", "net sales in the reporting currency", nullable=False),
            date("first_sold", "day of the first line", nullable=False),
            date("last_sold", "day of the last line", nullable=False),
            timestamp("first_sale", "time of the first line that is no return"),
            timestamp("last_sale", "time of the last line that is no return"),
        ),
        key=("product_id",), dist="all", sort=("product_id",),
        why="a row a product, joined to the products: a copy on each node",
    ),
    Table(
        "staging", "touched", "what models must work out anew at their next build, since what they read has changed",
        (
            text("model", "the model that must", size=64, nullable=False),
            text("kind", "what a member is: a customer, a product, a day, ...", size=64, nullable=False),
            text("member", "which one", size=128, nullable=False),
        ),
        dist="even", sort=("model", "kind"),
        why="small, read by model, and emptied by each build: spread evenly",
    ),
)  # fmt: skip
