"""What stages hand to the star schema: identities, standard forms, assigned categories."""

from __future__ import annotations

from workbench.schema.model import Table, double, integer, text, timestamp

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
)  # fmt: skip
