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


def reflection(engine: sqlalchemy.Engine) -> str:
    """Ask the dialect for the columns of a table and return the error."""
    try:
        sqlalchemy.inspect(engine).get_columns("alchemy")
    except Exception as problem:
        return str(problem)
    return ""


if __name__ == "__main__":
    given = json.load(sys.stdin)
    ca = given.pop("ca")
    name, driver = sys.argv[1].split("/")
    options = {"sslmode": "verify-full", "sslrootcert": ca} if driver == "psycopg2" else {}
    given["username"] = given.pop("user")
    engine = sqlalchemy.create_engine(URL.create(f"redshift+{driver}", **given), connect_args=options)
    print(json.dumps({"work": work, "reflection": reflection}[name](engine)))
    engine.dispose()
