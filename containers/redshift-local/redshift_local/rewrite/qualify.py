"""QUALIFY: the query becomes a subquery with the condition as one more column, which is filtered and left out.

Where the query selects `*`, the rows of its tables go through the subquery whole, and are opened outside.
"""

from __future__ import annotations

from collections.abc import Sequence

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.lexer.tokens import Token, closing, name_value, split, starts, text_of, tokenize
from redshift_local.quoting import quote

_SET_OPERATORS = ("union", "intersect", "except", "minus")
_AFTER_FROM = ("where", "group", "having", "qualify")
# WITH: of WITH NO SCHEMA BINDING.
_END = ("order", "limit", "offset", "with", *_SET_OPERATORS)
_JOINS = ("join", "inner", "left", "right", "full", "cross", "outer", "on")
_ROW, _HOLDS, _SORT = "redshift_local_row", "redshift_local_holds", "redshift_local_sort"


def rewrite_qualify(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens without QUALIFY, at any depth; raise SqlError for a form that isn't imitated."""
    if not any(token.word == "qualify" for token in tokens):
        return list(tokens)
    inside: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.text == "(" and token.kind == "op":
            end = closing(tokens, at)
            inside += [token, *rewrite_qualify(tokens[at + 1 : end]), tokens[end]]
            at = end + 1
        else:
            inside.append(token)
            at += 1
    return _rewrite_level(inside)


def _rewrite_level(tokens: list[Token]) -> list[Token]:
    words = _words(tokens)
    at = next((index for index in range(len(words)) if _is_clause(tokens, words, index)), None)
    if at is None:
        return tokens
    begin = max(index for index in range(at) if words[index] == "select")
    if "from" not in words[begin:at]:
        raise bad_statement("QUALIFY needs a FROM")
    end = next((index for index in range(at, len(words)) if words[index] in _END), len(words))
    tail = next(
        (
            index
            for index in range(end, len(words))
            if words[index] in _SET_OPERATORS or tokens[index].kind == "end"
        ),
        len(words),
    )
    if any(word in _SET_OPERATORS for word in [*words[:begin], *words[end:]]):
        raise not_imitated(
            "QUALIFY beside UNION, INTERSECT or EXCEPT", "put the query in parentheses of its own"
        )
    query = tokenize((tokens[begin].before or " ") + _query(tokens[begin:end], tokens[end:tail]))
    return [*tokens[:begin], *query, *tokens[tail:]]


def _words(tokens: Sequence[Token]) -> list[str]:
    """Return the words that stand outside of parentheses, an empty one for every other token."""
    words, depth = [], 0
    for token in tokens:
        if token.kind == "op":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        words.append(token.word if depth == 0 else "")
    return words


def _is_clause(tokens: Sequence[Token], words: list[str], index: int) -> bool:
    if words[index] != "qualify" or "select" not in words[:index] or index + 1 == len(tokens):
        return False
    named = tokens[index - 1].text in (".", ",") or tokens[index - 1].word == "as"
    return "from" in words[:index] and not named and tokens[index + 1].text not in (",", ".", ")")


def _query(tokens: list[Token], tail: list[Token]) -> str:
    words = _words(tokens)
    source = words.index("from")
    qualify = next(index for index in range(source, len(words)) if _is_clause(tokens, words, index))
    after = next(index for index in range(source, len(words)) if words[index] in _AFTER_FROM)
    first = 1 + (words[1] == "all")
    if words[first] == "distinct":
        raise not_imitated("QUALIFY with SELECT DISTINCT", "put the query in a subquery")
    inner, outer, named = _items(tokens[first:source], tokens[source + 1 : after])
    condition = text_of(_named(tokens[qualify + 1 :], named)).strip()
    sorts, ending = _ending(tail, named, len(outer))
    columns = [*inner, f"({condition}) as {_HOLDS}", *sorts]
    body = text_of(tokens[source:qualify])
    return (
        f"select {', '.join(outer)} from (select {', '.join(columns)}{body}) as redshift_local_qualified "
        f"where {_HOLDS}{ending}"
    )


def _items(tokens: list[Token], source: list[Token]) -> tuple[list[str], list[str], dict[str, list[Token]]]:
    """Return the columns inside, those outside, and the expressions that have a name of their own."""
    inner: list[str] = []
    outer: list[str] = []
    named: dict[str, list[Token]] = {}
    for item in split(tokens, ","):
        item = [token for token in item if token.kind != "end"]
        if item and item[-1].text == "*" and (len(item) == 1 or item[-2].text == "."):
            tables = [text_of(item[:-2]).strip()] if len(item) > 1 else _tables(source)
            for table in tables:
                row = f"{_ROW}_{len(inner)}"
                inner.append(f"{table} as {row}")
                outer.append(f"({row}).*")
            continue
        name, expression, own = _name(item)
        # Where a name is also a column's, it is the column's.
        if own and not any(
            token.kind in ("word", "quoted") and name_value(token) == name for token in expression
        ):
            named[name] = expression
        inner.append(f"{text_of(expression).strip()} as {quote(name)}")
        outer.append(quote(name))
    return inner, outer, named


def _name(item: list[Token]) -> tuple[str, list[Token], bool]:
    """Return the name of an item's column, the expression, and whether the query gives it that name."""
    if len(item) > 2 and item[-2].word == "as":
        return name_value(item[-1]), item[:-2], True
    last = item[-1] if item else None
    if last is not None and last.kind in ("word", "quoted"):
        if len(item) == 1 or item[-2].text == ".":
            return name_value(last), item, False
        if item[-2].text == ")" or item[-2].kind in ("word", "quoted", "number", "string", "param"):
            if last.word == "end":
                return "case", item, False
            return name_value(last), item[:-1], True
    if len(item) > 1 and item[0].word and item[1].text == "(":
        return item[0].word, item, False
    raise not_imitated("QUALIFY beside an expression without a name", "name it: expression AS name")


def _tables(source: list[Token]) -> list[str]:
    """Return the names by which the tables of a FROM are known."""
    if any(word in ("using", "natural") for word in _words(source)):
        raise not_imitated("QUALIFY with * and a join by USING", "name the columns")
    return [_table(factor) for part in split(source, ",") for factor in _joined(part)]


def _joined(tokens: list[Token]) -> list[list[Token]]:
    """Return the tables of a row of joins, without the conditions."""
    factors: list[list[Token]] = [[]]
    condition = False
    for token, word in zip(tokens, _words(tokens), strict=True):
        if word in _JOINS:
            condition = word == "on"
            factors.append([])
        elif not condition and token.kind != "end":
            factors[-1].append(token)
    return [factor for factor in factors if factor]


def _table(factor: list[Token]) -> str:
    """Return the name by which one table is known: its alias, or the last part of its name."""
    last = factor[-1]
    if last.kind not in ("word", "quoted"):
        raise not_imitated("QUALIFY with * from a table without a simple name", "name the columns")
    return quote(name_value(last))


def _named(tokens: list[Token], named: dict[str, list[Token]]) -> list[Token]:
    """Put the expressions in the place of the names that the query gives them."""
    done: list[Token] = []
    for index, token in enumerate(tokens):
        bare = token.kind in ("word", "quoted") and name_value(token) in named
        qualified = (index and tokens[index - 1].text == ".") or (
            index + 1 < len(tokens) and tokens[index + 1].text in (".", "(")
        )
        if bare and not qualified:
            done.append(Token("text", f"({text_of(named[name_value(token)]).strip()})", token.before))
        else:
            done.append(token)
    return done


def _ending(tail: list[Token], named: dict[str, list[Token]], count: int) -> tuple[list[str], str]:
    """Return the columns to sort by, for the subquery, and ORDER BY and LIMIT for what is around it."""
    if not starts(tail, "order by"):
        return [], text_of(tail)
    words = _words(tail)
    stop = next((index for index, word in enumerate(words) if word in ("limit", "offset", "with")), len(tail))
    columns: list[str] = []
    keys: list[str] = []
    for part in split(tail[2:stop], ","):
        part = [token for token in part if token.kind != "end"]
        direction = next(
            (i for i, token in enumerate(part) if token.word in ("asc", "desc", "nulls")), len(part)
        )
        if direction == 1 and part[0].kind == "number":
            keys.append(text_of(part).strip())
            continue
        name = f"{_SORT}_{len(columns)}"
        columns.append(f"{text_of(_named(part[:direction], named)).strip()} as {name}")
        keys.append(f"{name} {text_of(part[direction:]).strip()}".strip())
    return columns, f" order by {', '.join(keys)}{text_of(tail[stop:])}"
