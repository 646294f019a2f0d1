"""Typed values of parameters: read from syntax, converted from text, YAML or JSON."""

from __future__ import annotations

import ast
import datetime
import decimal
import re
import types
from functools import cache
from pathlib import Path, PurePath
from typing import Any, Literal, Union, get_args, get_origin

from workbench.execution.secret import Secret


class Mismatch(Exception):
    """A value isn't of the type wanted, or syntax names no type or value of ours; the text says why."""


_TYPES: dict[str, Any] = {
    "int": int, "float": float, "bool": bool, "str": str,
    "date": datetime.date, "datetime": datetime.datetime, "Decimal": decimal.Decimal,
    "Path": Path, "Secret": Secret, "None": None,
}  # fmt: skip
_NULLS = ("", "none", "null")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?")


def read_type(node: ast.expr) -> Any:
    """Return the type an annotation names: a plain type, ``Literal``, ``list[X]``, ``X | None``.

    Raises:
        Mismatch: it is none that a parameter can have.
    """
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str() as text):
            try:
                return read_type(ast.parse(text, mode="eval").body)
            except SyntaxError:
                raise Mismatch(f"{text!r} is no type") from None
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _TYPES:
            return _TYPES[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[read_type(left), read_type(right)]  # noqa: UP007  built at run time
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            if name == "Optional":
                return Union[read_type(inner), None]  # noqa: UP007
            if name in ("list", "List"):
                return list[read_type(inner)]  # type: ignore[misc]
            if name == "Literal":
                choices = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return Literal[tuple(read_default(choice) for choice in choices)]
    raise Mismatch(
        f"{ast.unparse(node)} is no type a parameter can have; those are int, float, bool, str, date, "
        "datetime, Decimal, Path, Secret, Literal[...], list[...], and any of them | None"
    )


def read_default(node: ast.expr) -> Any:
    """Return the value of an expression: a literal, or a date, datetime, Decimal, Path or Secret of literals.

    Raises:
        Mismatch: only running it would tell.
    """
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords) if (
            name in ("date", "datetime", "Decimal", "Path", "Secret")
        ):
            named = {word.arg: read_default(word.value) for word in keywords if word.arg}
            try:
                return _TYPES[name](*map(read_default, args), **named)
            except (TypeError, ValueError, decimal.InvalidOperation):
                raise Mismatch(f"{ast.unparse(node)} is no value") from None
        case ast.Attribute(attr="utc" | "UTC"):
            return datetime.UTC
        case ast.List(elts=items):
            return [read_default(item) for item in items]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        raise Mismatch(f"{ast.unparse(node)} is no literal") from None


def type_of(value: Any) -> tuple[Any, str]:
    """Return the type of a default that was written without one, and its name; anything goes for None."""
    for name, kind in _TYPES.items():
        if kind is not None and type(value) is kind:
            return kind, name
    return Any, "any"


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def convert(kind: Any, value: Any, *, exact: bool = False, folder: Path | None = None) -> Any:
    """Return ``value`` as the type ``kind``.

    Text is read as a person would type it: ``yes``, ``2017-01-31``, ``1.50``, ``a,b`` or ``[a, b]`` for a
    list, ``none`` or nothing for a value that may be None. Relative paths are resolved against ``folder``.
    With ``exact`` a value must be of the type already.

    Raises:
        Mismatch: it isn't, and can't be read so.
    """
    origin = get_origin(kind)
    if kind is Any:
        return _read_yaml(value) if isinstance(value, str) and not exact else value
    if origin in (Union, types.UnionType):
        return _convert_union(get_args(kind), value, exact, folder)
    if origin is Literal:
        return _choose(get_args(kind), value, exact)
    if origin is list:
        items = _split(value) if isinstance(value, str) and not exact else value
        if not isinstance(items, (list, tuple)):
            raise Mismatch(f"{value!r} is no list")
        return [convert(get_args(kind)[0], item, exact=exact, folder=folder) for item in items]
    if kind is None or kind is type(None):
        if value is None or (not exact and isinstance(value, str) and value.strip().lower() in _NULLS):
            return None
        raise Mismatch(f"{value!r} is not None")
    if kind is Secret:
        return value if isinstance(value, Secret) else Secret(_only(str, value, exact))
    return _convert_plain(kind, value, exact, folder)


def _only(kind: type, value: Any, exact: bool) -> Any:
    if exact or not isinstance(value, kind):
        raise Mismatch(f"{type(value).__name__} given")
    return value


def _convert_union(members: tuple[Any, ...], value: Any, exact: bool, folder: Path | None) -> Any:
    for member in members:
        if type(value) is member:
            if member is not str or exact:
                return convert(member, value, exact=exact, folder=folder)
            break
    # Text fits any text type, so the others are asked first.
    for member in sorted(members, key=lambda member: (member is not type(None), member in (str, Path))):
        try:
            return convert(member, value, exact=exact, folder=folder)
        except Mismatch as error:
            reason = str(error)
    raise Mismatch(reason if len(members) == 2 and type(None) in members else f"{value!r} given")


def _choose(choices: tuple[Any, ...], value: Any, exact: bool) -> Any:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    if not exact and isinstance(value, str):
        for choice in choices:
            if str(choice) == value.strip():
                return choice
    raise Mismatch(f"{value!r} given")


def _convert_plain(kind: Any, value: Any, exact: bool, folder: Path | None) -> Any:
    from pydantic import ValidationError

    if isinstance(value, bool) and kind is not bool:
        raise Mismatch(f"{value!r} given")
    if kind is bool and not isinstance(value, (bool, str)):
        raise Mismatch(f"{value!r} given")
    if kind in (datetime.date, datetime.datetime):
        # A bare number would be taken for seconds since 1970.
        if isinstance(value, str):
            value = value.strip()
        if not isinstance(value, datetime.date) and not (isinstance(value, str) and _ISO.fullmatch(value)):
            raise Mismatch(f"{value!r} is not written as YYYY-MM-DD")
        if kind is datetime.date and isinstance(value, datetime.datetime) and exact:
            raise Mismatch("a datetime given")
    if kind is str and not isinstance(value, str):
        raise Mismatch(f"{value!r} given")
    if kind is Path and not exact:
        if not isinstance(value, (str, PurePath)) or not str(value):
            raise Mismatch(f"{value!r} given")
        return (folder or Path.cwd()) / Path(value).expanduser()
    if kind is decimal.Decimal and isinstance(value, float):
        value = repr(value)
    try:
        result = _adapter(kind).validate_python(value, strict=exact)
    except ValidationError as error:
        raise Mismatch(f"{value!r} given ({error.errors()[0]['msg'].lower()})") from None
    return _fixed_zone(result) if isinstance(result, datetime.datetime) else result


def _fixed_zone(moment: datetime.datetime) -> datetime.datetime:
    """Return the moment with an offset of the standard library, which can be written as source."""
    offset = moment.utcoffset()
    return moment if offset is None else moment.replace(tzinfo=datetime.timezone(offset))


def _read_yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _split(text: str) -> Any:
    if text.strip().startswith("["):
        return _read_yaml(text)
    return [item.strip() for item in text.split(",")] if text.strip() else []
