"""The tables in which pulls from declared sources are accounted for."""

from __future__ import annotations

from workbench.schema.model import Table, bigint, double, json, text, timestamp

PULLS = (
    Table(
        "ops", "pulls", "what was pulled from declared sources: one row a file that landed of one, and a row a pull that landed none",
        (
            text("pull_id", "identity of the row", size=32, nullable=False),
            text("source", "name of the source in sources.yaml", size=128, nullable=False),
            text("dataset", "dataset of its rows", size=64),
            text("run_id", "run that pulled; empty where a person did", size=64),
            text("puller", "machine and home that pulled", size=512),
            timestamp("started_at", "when the pull began, UTC", nullable=False),
            timestamp("ended_at", "when this was noted, UTC; of one source, later rows have later times", nullable=False),
            text("status", "landed, unfinished (landed, and the pull goes on), nothing_new, failed, lost (what landed was gone before it "
                 "was taken in, or was refused whole) or rewound (the cursor went back for that)", size=16, nullable=False),
            text("cursor_before", "cursor from which it was read", size=512),
            text("cursor_after", "cursor from which the next pull reads", size=512),
            json("resume", "where the answer goes on, of an unfinished pull"),
            bigint("rows_said", "rows that the source said it has there, asked afterwards; empty where it can't be asked"),
            bigint("rows_read", "rows that were read"),
            bigint("rows_repeated", "of those, rows that had landed before as they are"),
            bigint("rows_landed", "of those, rows in the file that landed"),
            text("batch_id", "batch of the file that landed", size=64),
            text("landed_as", "its place below landing", size=1024),
            text("message", "why it failed, or what was noticed", size=2048),
            text("version", "hash of what was declared of the source", size=64),
            text("cursor_column", "column whose values the cursors are; empty where there is no cursor, or it wasn't kept yet", size=512),
        ),
        key=("pull_id",), dist="all", sort=("ended_at",),
        why="small, and asked for the newest of a source: a copy on each node",
    ),
    Table(
        "ops", "pulled_rows", "rows of declared sources that landed and are read again, by hash: those that are as they were aren't landed twice",
        (
            text("source", "name of the source in sources.yaml", size=128, nullable=False),
            text("pull_id", "row of ops.pulls whose file they are in", size=32, nullable=False),
            bigint("key_hash", "hash of the row's key; of the row itself where none is declared", nullable=False),
            bigint("row_hash", "hash of the row", nullable=False),
            double("place", "its cursor, as seconds since 1970 or a number; empty where it has none"),
            timestamp("landed_at", "when that was noted, UTC", nullable=False),
        ),
        dist="even", sort=("source", "place"),
        why="as many rows as sources have in the windows that are read again, or whole where they have no cursor: spread evenly",
    ),
)  # fmt: skip
