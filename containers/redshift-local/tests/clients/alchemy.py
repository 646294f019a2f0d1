"""What SQLAlchemy is asked to do; run in the clients' environment, with the server's address on standard input."""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas
import sqlalchemy
from sqlalchemy.engine import URL


def work(engine: sqlalchemy.Engine) -> list[Any]:
    """Make a table with a design, fill it, change it within transactions, and read it back."""
    metadata = sqlalchemy.MetaData()
    table = sqlalchemy.Table(
        "alchemy", metadata,
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True, autoincrement=False),
        sqlalchemy.Column("name", sqlalchemy.String(10)),
        redshift_diststyle="KEY", redshift_distkey="id", redshift_sortkey=["id"],
    )  # fmt: skip
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": 1, "name": "a"}, {"id": 2, "name": None}])
    try:
        with engine.begin() as connection:
            connection.execute(table.delete())
            connection.execute(sqlalchemy.text("select nothing"))
    except sqlalchemy.exc.DBAPIError as problem:
        refused = "nothing" in str(problem)
    with engine.begin() as connection:
        connection.execute(table.update().where(table.c.id == 1).values(name="A"))
        rows = [list(row) for row in connection.execute(sqlalchemy.select(table).order_by(table.c.id))]
        design = connection.execute(
            sqlalchemy.text("select diststyle, sortkey1 from svv_table_info where \"table\" = 'alchemy'")
        ).all()
    frame = pandas.read_sql("select count(*) as n from alchemy", engine)
    has = [sqlalchemy.inspect(engine).has_table(name) for name in ("alchemy", "nothing")]
    return [rows, refused, [list(row) for row in design], frame.values.tolist(), has]


def reflection(engine: sqlalchemy.Engine) -> list[Any]:
    """Look at what is there as a BI tool does: names, columns with their design, a table by name."""
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE IF EXISTS seen CASCADE",
            "CREATE TABLE seen (id bigint NOT NULL ENCODE az64, name varchar(8) ENCODE zstd, paid decimal(8,2)) "
            "DISTKEY (id) SORTKEY (id)",
            "CREATE VIEW seeing AS SELECT id, name FROM seen",
            "INSERT INTO seen VALUES (1, 'a', 1.5)",
        ):
            connection.execute(sqlalchemy.text(statement))
    inspector = sqlalchemy.inspect(engine)
    columns = [
        [column["name"], str(column["type"]), column["nullable"]] for column in inspector.get_columns("seen")
    ]
    frame = pandas.read_sql_table("seen", engine)
    return [
        "seen" in inspector.get_table_names(),
        "seeing" in inspector.get_view_names(),
        columns,
        [[str(value) for value in row] for row in frame.to_numpy().tolist()],
    ]


if __name__ == "__main__":
    given = json.load(sys.stdin)
    ca = given.pop("ca")
    name, driver = sys.argv[1].split("/")
    options = {"sslmode": "verify-full", "sslrootcert": ca} if driver == "psycopg2" else {}
    given["username"] = given.pop("user")
    engine = sqlalchemy.create_engine(URL.create(f"redshift+{driver}", **given), connect_args=options)
    print(json.dumps({"work": work, "reflection": reflection}[name](engine)))
    engine.dispose()
