"""JSON lines as rows: an object a line; its keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb

from workbench.etl.ingestion.converting.nested import ELEMENT
from workbench.etl.ingestion.reading.cutter import Layout
from workbench.etl.ingestion.reading.forms import Content
from workbench.etl.ingestion.reading.header import positions
from workbench.etl.ingestion.reading.json_lines.digits import keep_digits
from workbench.etl.ingestion.reading.rows import Rows, Source
from workbench.etl.ingestion.reading.staging import stage_lines
from workbench.etl.ingestion.reading.values import extra, is_blank, literal, pair

_MOST_KEYS = 200
"""Up to so many other keys each is looked for in each line; of more, those that are there are listed line by line."""
_MEMBERS = """from_json(line, '"MAP(VARCHAR, JSON)"')"""
_SHOWN = 20


def open_json(
    connection: duckdb.DuckDBPyConnection, content: Content, scratch: Path, known: Sequence[str], longest: int
) -> Rows:
    """Open JSON lines, or a document whose values are read as such; ``known`` are the names asked for. Values of sources are text, objects in them JSON text."""
    with content.open() as file:
        mark = 3 if file.read(3) == b"\xef\xbb\xbf" else 0
    layout = Layout(None, 1, mark, longest, blanks=content.depth is None)
    stage_lines(connection, content, scratch, layout)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE objects AS
        SELECT n, line, CASE WHEN line IS NULL OR {is_blank("line")} THEN 'line:blank'
                             WHEN NOT json_valid(line) THEN 'line:not_json'
                             WHEN json_type(line) <> 'OBJECT' THEN 'line:not_an_object' END AS reason
        FROM (SELECT n, line FROM numbered UNION ALL SELECT n, record FROM parsed)
        """
    )
    _refuse(connection, "reason IS NOT NULL", "reason")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE shapes AS SELECT DISTINCT json_keys(line) AS keys FROM objects"
    )
    twice = "len({0}) <> len(list_distinct({0}))"
    if connection.execute(f"SELECT 1 FROM shapes WHERE {twice.format('keys')} LIMIT 1").fetchone():
        _refuse(connection, twice.format("json_keys(line)"), "'line:duplicate_key'")
    words = keep_digits(connection, content.dialect)
    used, others, count = _keys(connection, known)
    asked = [key for keys in used.values() for key in keys]
    parts = {key: f"parts[{place}]" for place, key in enumerate(asked, 1)}
    picks = {
        place: f"coalesce({', '.join(parts[key] for key in keys)})"
        for place, keys in enumerate(used.values())
    }
    picked = "".join(f", {words.text(value)} AS c{place}" for place, value in picks.items())
    names = [Source(f"c{place}", "VARCHAR") for place in picks]
    if words.mark is not None:
        picked += "".join(
            f", {words.fields(value)} AS f{place}, {value.replace('parts', 'plain')} AS p{place}"
            for place, value in picks.items()
        )
        names = [Source(f"c{place}", "VARCHAR", number=f"p{place}", fields=f"f{place}") for place in picks]
    # Where a row has a name in two cases, the one is the source, and the other is one more column.
    second = {
        key: f"coalesce({', '.join(parts[better] for better in keys[:place])}) IS NOT NULL"
        for keys in used.values()
        for place, key in enumerate(keys)
        if place
    }
    few = count <= _MOST_KEYS
    rest = _few(second, others) if few else _many(second, asked)
    looked = sorted({*second, *others}) if few else []
    plain = f", json_extract_string(read, {_paths(asked)}) AS plain" if words.mark is not None else ""
    relation = f"""(SELECT n{picked}, {words.json(rest)} AS extra FROM (
        SELECT n, line, json_extract_string(line, {_paths(asked)}) AS parts,
            json_extract(line, {_paths(looked)}) AS more{plain} FROM {words.relation}))"""
    records = "(SELECT n, coalesce(record, line) AS record FROM objects UNION ALL SELECT n, record FROM line_errors)"
    sources = dict(zip(used, names, strict=True))
    shown = tuple(others) if few else (*others[:_SHOWN], f"{count - _SHOWN} more")
    notes = (*content.notes, *_nothing_unnested(connection, content.dialect.unnest))
    return Rows(
        (*asked, *others),
        sources,
        shown,
        relation,
        records,
        form=content.described(),
        notes=notes,
        is_spelled=False,
        record_form="""'{"form": "json"}'""",
    )


def _nothing_unnested(connection: duckdb.DuckDBPyConnection, path: str | None) -> list[str]:
    """Say so where no record has the list that a map names: its name may be misspelt."""
    found = f"SELECT 1 FROM objects WHERE json_extract(line, '/{ELEMENT}') <> 'null' LIMIT 1"
    if path is None or connection.execute(found).fetchone():
        return []
    return [f"no record has a list {path!r}, which the map says to unnest"]


def inner_list(connection: duckdb.DuckDBPyConnection, wanted: Sequence[str]) -> str | None:
    """Return the path of a list in the first record whose elements have any of the wanted names; None if none has."""
    first = connection.execute("SELECT line FROM objects ORDER BY n LIMIT 1").fetchone()
    places = [("", json.loads(first[0]))] if first else []
    for path, value in places:
        for name, inner in value.items():
            here = f"{path}{name}"
            if isinstance(inner, dict) and not path:
                places.append((f"{here}.", inner))
            elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
                named = {key.lower() for key in inner[0]}
                if named.intersection(name.lower() for name in wanted):
                    return here
    return None


def _paths(keys: Sequence[str]) -> str:
    """Return SQL for the list of pointers to keys, whatever is in them."""
    pointers = (literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys)
    return f"CAST([{', '.join(pointers)}] AS VARCHAR[])"


def _few(second: dict[str, str], others: Sequence[str]) -> str:
    """Return SQL for the other keys of a line, each of which is looked for."""
    keys = sorted({*second, *others})
    return extra(
        (key, f"CASE WHEN {second.get(key, 'true')} AND more[{place}] <> 'null' THEN more[{place}] END")
        for place, key in enumerate(keys, 1)
    )


def _many(second: dict[str, str], asked: Sequence[str]) -> str:
    """Return SQL for the other keys of a line, as many as it has."""
    used = ", ".join(literal(key) for key in asked if key not in second)
    cases = "".join(f" WHEN e.key = {literal(key)} THEN {condition}" for key, condition in second.items())
    other = f"NOT list_contains(CAST([{used}] AS VARCHAR[]), e.key)"
    kept = f"CASE{cases} ELSE {other} END" if cases else other
    entries = f"list_filter(map_entries({_MEMBERS}), lambda e: e.value <> 'null' AND {kept})"
    members = f"list_sort(list_transform({entries}, lambda e: {pair('e.key', 'e.value')}))"
    return f"CAST('{{' || nullif(array_to_string({members}, ','), '') || '}}' AS JSON)"


def _refuse(connection: duckdb.DuckDBPyConnection, condition: str, reason: str) -> None:
    connection.execute(
        f"INSERT INTO line_errors SELECT n, coalesce(line, ''), {reason} FROM objects WHERE {condition}"
    )
    connection.execute(f"DELETE FROM objects WHERE {condition}")


def _keys(
    connection: duckdb.DuckDBPyConnection, known: Sequence[str]
) -> tuple[dict[str, list[str]], list[str], int]:
    """Return the keys for each known name, other keys (not more than are extracted), and how many those are."""
    wanted = sorted({name.lower() for name in known})
    connection.execute("CREATE OR REPLACE TEMP TABLE keys AS SELECT DISTINCT unnest(keys) AS key FROM shapes")
    near = connection.execute(
        "SELECT key FROM keys WHERE list_contains(?, lower(key)) ORDER BY key", [wanted]
    ).fetchall()
    candidates = [key for (key,) in near]
    used = {
        name: [candidates[place] for place in theirs] for name, theirs in positions(known, candidates).items()
    }
    taken = sorted({key for keys in used.values() for key in keys})
    others = connection.execute(
        f"SELECT key FROM keys WHERE NOT list_contains(?, key) ORDER BY key LIMIT {_MOST_KEYS}", [taken]
    ).fetchall()
    ((count,),) = connection.execute(
        "SELECT count(*) FROM keys WHERE NOT list_contains(?, key)", [taken]
    ).fetchall()
    return used, [key for (key,) in others], int(count)
