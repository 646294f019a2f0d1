"""Typed values of parameters: converted from text, YAML, JSON, and the scalars of numpy and pandas."""

from __future__ import annotations

import ast
import base64
import binascii
import datetime
import decimal
import re
import types
from functools import cache
from pathlib import Path, PurePath
from typing import Any, Literal, Union, get_args, get_origin

from workbench.digits import Written, number
from workbench.documents import RepeatedKey, read_yaml
from workbench.execution.parameters.annotations import Mismatch
from workbench.execution.parameters.numpy_scalars import builtin
from workbench.secrets.secret import Secret
from workbench.times.durations import read_duration

BASE64 = "base64:"
_NULLS = ("", "none", "null")
_TEXTS = (str, Path, bytes)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?")
_QUOTED = re.compile(r'\s*("((?:[^"]|"")*)")\s*(?=,|\Z)')
_CLOCK = re.compile(r"\d{2}:\d{2}.*")


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def convert(kind: Any, value: Any, *, exact: bool = False, folder: Path | None = None) -> Any:
    """Return ``value`` as the type ``kind``.

    Text is read as a person would type it: ``yes``, ``2017-01-31``, ``12:30``, ``90s``, ``1.50``, ``a,"b,c"`` or
    ``[a, b]`` for a list or tuple, ``{a: 1}`` for a dict, ``none`` or nothing for a value that may be None. For
    bytes it is UTF-8, or base64 behind ``base64:``. Scalars and arrays of numpy and pandas are taken as Python's
    own. Relative paths are resolved against ``folder``. With ``exact`` a value must be of the type already.

    Raises:
        Mismatch: it isn't, and can't be read so.
    """
    if not exact:
        value = builtin(value)
    origin = get_origin(kind)
    if kind is Any:
        return _free(_read_yaml(value) if isinstance(value, str) and not exact else value)
    if origin in (Union, types.UnionType):
        return _convert_union(get_args(kind), value, exact, folder)
    if origin is Literal:
        return _choose(get_args(kind), value, exact)
    if origin in (list, tuple, dict, set, frozenset):
        return _convert_many(kind, value, exact, folder)
    if kind is None or kind is type(None):
        if value is None or (not exact and isinstance(value, str) and value.strip().lower() in _NULLS):
            return None
        raise Mismatch(f"{shown(value)} is not None")
    if kind is Secret:
        secret = value if isinstance(value, Secret) else Secret(_only(str, value, exact))
        return secret if exact else _located(secret, folder)
    return _convert_plain(kind, value, exact, folder)


def _located(secret: Secret, folder: Path | None) -> Secret:
    """Return a secret that is the same file's in every working directory."""
    source, _, name = secret.reference.partition(":")
    return Secret(f"file:{(folder or Path.cwd()) / Path(name).expanduser()}") if source == "file" else secret


def _only(kind: type, value: Any, exact: bool) -> Any:
    if exact or not isinstance(value, kind):
        raise Mismatch(f"{type(value).__name__} given")
    return value


def _convert_many(kind: Any, value: Any, exact: bool, folder: Path | None) -> Any:
    origin, kinds = get_origin(kind), get_args(kind)
    typed = isinstance(value, str) and not exact
    if origin is dict:
        items = _read_yaml(value) if typed else value
        if not isinstance(items, dict):
            raise Mismatch(f"{shown(value)} is not written as {{key: value}}")
        found = {}
        for key, item in items.items():
            name = convert(kinds[0], key, exact=exact, folder=folder)
            if name in found:
                raise Mismatch(f"{shown(name)} is given twice")
            found[name] = convert(kinds[1], item, exact=exact, folder=folder)
        return found
    items = _split(value, as_written=kinds[0] is Any) if typed else value
    many = (list, tuple, set, frozenset) if origin in (set, frozenset) else (list, tuple)
    if not isinstance(items, origin if exact else many):
        raise Mismatch(f"{shown(value)} is no {origin.__name__}")
    if origin in (set, frozenset):
        try:
            return origin(convert(kinds[0], item, exact=exact, folder=folder) for item in items)
        except TypeError:
            raise Mismatch(f"{shown(value)} holds what a {origin.__name__} can't") from None
    if origin is list:
        return [convert(kinds[0], item, exact=exact, folder=folder) for item in items]
    if kinds[1:] == (...,):
        kinds = kinds[:1] * len(items)
    if len(kinds) != len(items):
        raise Mismatch(f"{shown(value)} has {len(items)} of {len(kinds)} items")
    return tuple(
        convert(each, item, exact=exact, folder=folder) for each, item in zip(kinds, items, strict=True)
    )


def _free(value: Any) -> Any:
    """Return a value that may be of any type, as long as it can be written down."""
    value = float(value) if isinstance(value, Written) else builtin(value)
    if isinstance(value, dict):
        return {_free(key): _free(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(map(_free, value))
    if value is None or type(value) in _FREE or isinstance(value, PurePath):
        return value
    raise Mismatch(f"a {type(value).__name__} given")


_FREE = (
    bool, int, float, str, bytes, decimal.Decimal, Secret,
    datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
)  # fmt: skip


def shown(value: Any) -> str:
    """Return a value as messages show it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _convert_union(members: tuple[Any, ...], value: Any, exact: bool, folder: Path | None) -> Any:
    if isinstance(value, Written) and float in members:
        value = float(value)
    for member in members:
        if type(value) is member:
            if member is not str or exact:
                return convert(member, value, exact=exact, folder=folder)
            break
    # Text fits any text type, so the others are asked first.
    for member in sorted(members, key=lambda member: (member is not type(None), member in _TEXTS)):
        try:
            return convert(member, value, exact=exact, folder=folder)
        except Mismatch as error:
            reason = str(error)
    raise Mismatch(reason if len(members) == 2 and type(None) in members else f"{shown(value)} given")


def _choose(choices: tuple[Any, ...], value: Any, exact: bool) -> Any:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    if not exact and isinstance(value, str):
        for choice in choices:
            if str(choice) == value.strip():
                return choice
    raise Mismatch(f"{shown(value)} given")


def _convert_plain(kind: Any, value: Any, exact: bool, folder: Path | None) -> Any:
    from pydantic import ValidationError

    if isinstance(value, bool) and kind is not bool:
        raise Mismatch(f"{shown(value)} given")
    if kind is bool and not isinstance(value, (bool, str)):
        raise Mismatch(f"{shown(value)} given")
    if kind in (datetime.date, datetime.datetime):
        # A bare number would be taken for seconds since 1970.
        if isinstance(value, str):
            value = value.strip()
        if not isinstance(value, datetime.date) and not (isinstance(value, str) and _ISO.fullmatch(value)):
            raise Mismatch(f"{shown(value)} is not written as YYYY-MM-DD")
        if kind is datetime.date and isinstance(value, datetime.datetime) and exact:
            raise Mismatch("a datetime given")
    if kind is datetime.time and not (
        isinstance(value, datetime.time) or (isinstance(value, str) and _CLOCK.fullmatch(value.strip()))
    ):
        raise Mismatch(f"{shown(value)} is not written as HH:MM[:SS]")
    if kind is datetime.timedelta and not isinstance(value, datetime.timedelta):
        try:
            value = read_duration(value)
        except ValueError as error:
            raise Mismatch(str(error)) from None
    if kind is bytes and isinstance(value, str) and not exact:
        return _bytes(value)
    if kind is str and not isinstance(value, str):
        raise Mismatch(f"{shown(value)} given; text stands in quotes")
    if kind is Path and not exact:
        if not isinstance(value, (str, PurePath)) or not str(value):
            raise Mismatch(f"{shown(value)} given")
        return (folder or Path.cwd()) / Path(value).expanduser()
    if kind is decimal.Decimal and isinstance(value, float):
        value = value.digits if isinstance(value, Written) else repr(value)
    try:
        result = _adapter(kind).validate_python(value, strict=exact)
    except ValidationError as error:
        raise Mismatch(f"{shown(value)} given ({error.errors()[0]['msg'].lower()})") from None
    if isinstance(result, (datetime.datetime, datetime.time)):
        return _fixed_zone(result)
    # A subclass, of an enumeration say, isn't written as what it is.
    return str.__str__(result) if kind is str else kind(result) if kind in (int, float, bytes) else result


def _bytes(text: str) -> bytes:
    try:
        if text.startswith(BASE64):
            return base64.b64decode(text.removeprefix(BASE64), validate=True)
        return text.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Mismatch(f"{shown(text)} is neither text nor base64") from None


def _fixed_zone(timestamp: Any) -> Any:
    """Return the moment or time with an offset of the standard library, which can be written as source."""
    offset = timestamp.utcoffset()
    return timestamp if offset is None else timestamp.replace(tzinfo=datetime.timezone(offset))


def _read_yaml(text: str) -> Any:
    import yaml

    try:
        return read_yaml(text)
    except RepeatedKey as error:
        raise Mismatch(f"{error.key!r} is given twice") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def _split(text: str, *, as_written: bool) -> Any:
    bare = text.strip()
    if bare.startswith("["):
        return _read_yaml(text)
    if bare.startswith(("{", "(")):
        try:
            tree = ast.parse(bare, mode="eval")
            items = ast.literal_eval(_Digits(bare).visit(tree))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return text
        for node in ast.walk(tree):
            keys = [ast.unparse(key) for key in node.keys if key] if isinstance(node, ast.Dict) else []
            if twice := next((key for key in keys if keys.count(key) > 1), None):
                raise Mismatch(f"{twice} is given twice")
        return items
    return _items(text, as_written=as_written) if bare else []


def _items(text: str, *, as_written: bool) -> list[str]:
    """Return what stands between commas; in quotes, as CSV has them, a comma is one of the text, and ``""`` a quote.

    With ``as_written`` the quotes stay, for what is read as YAML then.
    """
    found, place = list[str](), 0
    while place <= len(text):
        if quoted := _QUOTED.match(text, place):
            found.append(quoted[1] if as_written else quoted[2].replace('""', '"'))
            place = quoted.end() + 1
            continue
        end = text.find(",", place)
        end = len(text) if end < 0 else end
        item = text[place:end].strip()
        if item.startswith('"') and not as_written:
            raise Mismatch(f'{shown(text)} has a quote that isn\'t closed; write it as JSON: ["a", "b,c"]')
        found.append(item)
        place = end + 1
    return found


class _Digits(ast.NodeTransformer):
    """Numbers in an expression of Python, with the digits that it has."""

    def __init__(self, text: str) -> None:
        self.text = text

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, float):
            node.value = number(node.value, ast.get_source_segment(self.text, node) or "")
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        inner = self.visit(node.operand)
        if (
            isinstance(node.op, ast.USub)
            and isinstance(inner, ast.Constant)
            and isinstance(inner.value, Written)
        ):
            inner.value = number(-inner.value, f"-{inner.value.digits}")
            return inner
        return node
