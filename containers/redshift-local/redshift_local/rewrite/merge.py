"""MERGE in Redshift's form, which is narrower than PostgreSQL's, and has REMOVE DUPLICATES besides."""

from __future__ import annotations

from collections.abc import Sequence

from redshift_local.errors import bad_statement
from redshift_local.lexer.reader import Reader
from redshift_local.lexer.tokens import Token, text_of
from redshift_local.quoting import quote
from redshift_local.rewrite.expressions import rewrite_expression


def merge(tokens: Sequence[Token]) -> str:
    """Return the statement in PostgreSQL's words; raise SqlError for a form that Redshift wouldn't take."""
    reader = Reader(tokens)
    reader.need("merge into")
    target = ".".join(map(quote, reader.qualified_name()))
    if not reader.at_any("using"):
        raise bad_statement("MERGE takes no other name for its target: MERGE INTO target USING source ON …")
    reader.need("using")
    source = text_of(rewrite_expression(reader.until("on")))
    reader.need("on")
    condition = text_of(rewrite_expression(reader.until("when", "remove")))
    if reader.take("remove duplicates"):
        reader.end()
        # Matching rows go, and all of the source's come: both parts of the statement see the tables as they were.
        return (
            f"with removed as (delete from {target} using{source} where{condition}) "
            f"insert into {target} select * from{source}"
        )
    reader.need("when matched then")
    matched = text_of(rewrite_expression(reader.until("when")))
    if not matched.lower().lstrip().startswith(("update", "delete")):
        raise bad_statement("MERGE: WHEN MATCHED THEN takes UPDATE SET … or DELETE")
    reader.need("when not matched then")
    inserted = text_of(rewrite_expression(reader.rest()))
    if not inserted.lower().lstrip().startswith("insert"):
        raise bad_statement("MERGE: WHEN NOT MATCHED THEN takes INSERT … VALUES (…)")
    return (
        f"merge into {target} using{source} on{condition} when matched then{matched} "
        f"when not matched then{inserted}"
    )
