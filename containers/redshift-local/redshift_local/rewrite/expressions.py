"""Rewrites what may stand anywhere in a statement: function calls with a form of their own, types, names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.lexer.tokens import Token, closing, name_value, split, starts, text_of
from redshift_local.quoting import quote

_PARTS = {
    "year", "years", "y", "yr", "yrs", "quarter", "quarters", "qtr", "qtrs", "month", "months", "mon", "mons",
    "week", "weeks", "w", "day", "days", "d", "hour", "hours", "h", "hr", "hrs", "minute", "minutes", "m", "min",
    "mins", "second", "seconds", "s", "sec", "secs", "millisecond", "milliseconds", "ms", "microsecond",
    "microseconds", "us", "dow", "dayofweek", "weekday", "doy", "dayofyear", "yearday", "epoch", "century",
    "decade", "millennium", "timezone",
}  # fmt: skip
# Names that PostgreSQL doesn't know.
_SAME = {"dayofweek": "dow", "weekday": "dow", "dayofyear": "doy", "yearday": "doy", "w": "week"}
_PART_FIRST = {
    "dateadd", "date_add", "datediff", "date_diff", "date_part", "datepart",
}  # fmt: skip
_RENAMED = {
    "nvl": "coalesce", "len": "length", "date_add": "dateadd", "date_diff": "datediff", "datepart": "date_part",
    "textlen": "length", "regexp_replace": "redshift_local.regexp_replace",
    "regexp_substr": "redshift_local.regexp_substr", "regexp_instr": "redshift_local.regexp_instr",
    "regexp_count": "redshift_local.regexp_count", "json_array_length": "redshift_local.json_length",
    "json_extract_array_element_text": "redshift_local.json_element",
}  # fmt: skip
_REFUSED_FUNCTIONS = {
    "json_parse": "SUPER (json_parse)", "json_serialize": "SUPER (json_serialize)", "object": "SUPER (object)",
    "object_transform": "SUPER (object_transform)", "get_array_length": "SUPER (get_array_length)",
    "hll": "HLLSKETCH (hll)",
    "ratio_to_report": "ratio_to_report", "convert": "CONVERT with a type: CAST", "crc32": "crc32",
    "st_point": "GEOMETRY (st_point)", "func_sha1": "func_sha1", "sha1": "sha1", "sha": "sha",
    "farmfingerprint64": "farmfingerprint64", "fnv_hash": "fnv_hash", "checksum": "checksum",
    "ai_generate_text": "ai_generate_text", "object_to_array": "SUPER (object_to_array)",
}  # fmt: skip
REFUSED_TYPES = {
    "super", "hllsketch", "geometry", "geography", "varbyte", "varbinary",
}  # fmt: skip


def rewrite_expression(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens with every construct of Redshift's in PostgreSQL's words; raise SqlError for the rest."""
    done: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        called = at + 1 < len(tokens) and tokens[at + 1].text == "(" and token.kind == "word"
        qualified = bool(done) and done[-1].text == "."
        if called and not qualified and token.word in _CALLS:
            end = closing(tokens, at + 1)
            text, at = _CALLS[token.word](tokens, at, end)
            done.append(Token("text", text, token.before))
            continue
        done.append(_single(tokens, at, called=called, qualified=qualified))
        at += 1
        if (
            token.word == "approximate"
            and at < len(tokens)
            and tokens[at].word in ("count", "percentile_disc")
        ):
            done[-1] = token.with_text("")
    return done


def _single(tokens: Sequence[Token], at: int, *, called: bool, qualified: bool) -> Token:
    token = tokens[at]
    if token.kind == "quoted":
        return token.with_text(quote(name_value(token)))
    if token.kind != "word":
        return token
    if token.text.startswith("#"):
        return token.with_text(quote(token.word))
    if called and not qualified:
        if token.word in _REFUSED_FUNCTIONS:
            raise not_imitated(_REFUSED_FUNCTIONS[token.word])
        name = _RENAMED.get(token.word)
        return token.with_text(name) if name else token
    before = tokens[at - 1] if at else None
    named = qualified or (before is not None and (before.word == "as" or before.text == ")"))
    if token.word in ("sysdate", "getdate") and not called and not named:
        return token.with_text("pg_catalog.sysdate()")
    cast = before is not None and before.text == "::"
    if token.word in REFUSED_TYPES and (cast or _inside_cast(tokens, at)):
        raise not_imitated(f"the type {token.word.upper()}")
    return token


def _inside_cast(tokens: Sequence[Token], at: int) -> bool:
    return at > 0 and tokens[at - 1].word == "as" and at + 1 < len(tokens) and tokens[at + 1].text == ")"


def _arguments(tokens: Sequence[Token], at: int, end: int) -> list[list[Token]]:
    inside = tokens[at + 2 : end]
    return [rewrite_expression(part) for part in split(inside, ",")] if inside else []


def _part_call(tokens: Sequence[Token], at: int, end: int) -> tuple[str, int]:
    """`dateadd(day, 1, x)`: the part of a date becomes a string."""
    name = _RENAMED.get(tokens[at].word, tokens[at].word)
    arguments = _arguments(tokens, at, end)
    first = [token for token in arguments[0] if token.kind != "end"] if arguments else []
    if len(first) == 1 and first[0].kind in ("word", "quoted"):
        part = name_value(first[0])
        if part not in _PARTS:
            raise bad_statement(f'"{part}" is no part of a date for {name}()')
        arguments[0] = [first[0].with_text(f"'{_SAME.get(part, part)}'")]
    return f"{name}({','.join(map(text_of, arguments))})", end + 1


def _decode(tokens: Sequence[Token], at: int, end: int) -> tuple[str, int]:
    """`decode(x, a, 1, b, 2, 3)`: a CASE in which null equals null."""
    arguments = [text_of(part).strip() for part in _arguments(tokens, at, end)]
    if len(arguments) < 3:
        raise bad_statement(
            "decode() takes an expression, pairs of a value and a result, and maybe a default"
        )
    subject, rest = arguments[0], arguments[1:]
    pairs = list(zip(rest[::2], rest[1::2], strict=False))
    cases = " ".join(f"when ({subject}) is not distinct from ({a}) then {b}" for a, b in pairs)
    default = f" else {rest[-1]}" if len(rest) % 2 else ""
    return f"case {cases}{default} end", end + 1


def _json_path(tokens: Sequence[Token], at: int, end: int) -> tuple[str, int]:
    """`json_extract_path_text(value, key, …, null_if_invalid)`: the last may be true or false."""
    arguments = [text_of(part).strip() for part in _arguments(tokens, at, end)]
    if len(arguments) < 2:
        raise bad_statement("json_extract_path_text() takes a value and the names of a path")
    forgiving = arguments.pop().lower() if arguments[-1].lower() in ("true", "false") else "false"
    return f"redshift_local.json_path({arguments[0]}, {forgiving}, {', '.join(arguments[1:])})", end + 1


def _nvl2(tokens: Sequence[Token], at: int, end: int) -> tuple[str, int]:
    arguments = [text_of(part).strip() for part in _arguments(tokens, at, end)]
    if len(arguments) != 3:
        raise bad_statement("nvl2() takes three arguments")
    return f"case when ({arguments[0]}) is not null then {arguments[1]} else {arguments[2]} end", end + 1


def _listagg(tokens: Sequence[Token], at: int, end: int) -> tuple[str, int]:
    """`listagg(x, ',') within group (order by y)`: string_agg with its order inside."""
    inside = list(tokens[at + 2 : end])
    distinct = bool(inside) and inside[0].word == "distinct"
    arguments = [text_of(rewrite_expression(part)).strip() for part in split(inside[distinct:], ",")]
    if not 1 <= len(arguments) <= 2 or not arguments[0]:
        raise bad_statement("listagg() takes an expression and maybe a delimiter")
    order, after = "", end + 1
    if starts(tokens, "within group", after) and after + 2 < len(tokens):
        close = closing(tokens, after + 2)
        order, after = " " + text_of(rewrite_expression(tokens[after + 3 : close])).strip(), close + 1
    if starts(tokens, "over", after):
        raise not_imitated("LISTAGG as a window function", "group in a subquery and join it")
    value = arguments[0] if distinct else f"({arguments[0]})::text"
    delimiter = arguments[1] if len(arguments) == 2 else "''"
    return f"string_agg({'distinct ' if distinct else ''}{value}, {delimiter}{order})", after


def _median(tokens: Sequence[Token], at: int, end: int) -> tuple[str, int]:
    (argument,) = _arguments(tokens, at, end)
    if starts(tokens, "over", end + 1):
        raise not_imitated("MEDIAN as a window function", "group in a subquery and join it")
    return f"percentile_cont(0.5) within group (order by {text_of(argument).strip()})", end + 1


_CALLS: dict[str, Callable[[Sequence[Token], int, int], tuple[str, int]]] = {
    **dict.fromkeys(_PART_FIRST, _part_call),
    "json_extract_path_text": _json_path, "decode": _decode, "nvl2": _nvl2, "listagg": _listagg, "median": _median,
}  # fmt: skip
