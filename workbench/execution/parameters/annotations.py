"""Types and defaults of parameters, read from the syntax of their declarations; nothing is run."""

from __future__ import annotations

import ast
import datetime
import decimal
from pathlib import Path
from typing import Any, Literal, Union, get_origin

from workbench.secrets.secret import Secret


class Mismatch(Exception):
    """A value isn't of the type wanted, or syntax names no type or value of ours; the text says why."""


_TYPES: dict[str, Any] = {
    "int": int, "float": float, "bool": bool, "str": str, "bytes": bytes,
    "date": datetime.date, "datetime": datetime.datetime, "time": datetime.time,
    "timedelta": datetime.timedelta, "Decimal": decimal.Decimal, "Path": Path, "Secret": Secret,
    "None": None, "Any": Any, "object": Any,
    "list": list[Any], "tuple": tuple[Any, ...], "dict": dict[Any, Any], "set": set[Any],
    "frozenset": frozenset[Any], "List": list[Any], "Tuple": tuple[Any, ...], "Dict": dict[Any, Any],
    "Set": set[Any], "FrozenSet": frozenset[Any], "Sequence": list[Any], "Iterable": list[Any],
    "Collection": list[Any], "Mapping": dict[Any, Any], "Text": str,
}  # fmt: skip
_CALLS = ("date", "datetime", "time", "timedelta", "Decimal", "Path", "Secret", "float")
_NUMBERS = {"nan": float("nan"), "inf": float("inf"), "utc": datetime.UTC, "UTC": datetime.UTC}


def read_type(node: ast.expr) -> Any:
    """Return the type an annotation names.

    That is a plain type, ``Literal``, ``list[X]``, ``tuple[X, Y]``, ``tuple[X, ...]``, ``set[X]``, ``dict[X, Y]``,
    any of them ``| None``, or one of them inside ``Annotated``, whose further arguments count for nothing. A bare
    ``list``, ``tuple``, ``set`` or ``dict`` may hold anything; ``Any`` and ``object`` are anything.

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
            found = _generic(name, inner.elts if isinstance(inner, ast.Tuple) else [inner])
            if found is not None:
                return found
    raise Mismatch(
        f"{ast.unparse(node)} is no type a parameter can have; those are int, float, bool, str, bytes, date, "
        "datetime, time, timedelta, Decimal, Path, Secret, Literal[...], list, tuple, set, dict (also of types: "
        "list[int]), Any, and any of them | None"
    )


def _generic(name: str, inner: list[ast.expr]) -> Any:
    match name.lower(), inner:
        case "optional", [item]:
            return Union[read_type(item), None]  # noqa: UP007
        case "union", items:
            return Union[tuple(map(read_type, items))]  # noqa: UP007
        case "annotated", [item, _, *_]:
            return read_type(item)
        case "literal", items:
            return Literal[tuple(map(read_default, items))]
        case "list" | "sequence" | "iterable" | "collection", [item]:
            return list[read_type(item)]  # type: ignore[misc]
        case "tuple", [item, ast.Constant(value=end)] if end is ...:
            return tuple[read_type(item), ...]  # type: ignore[misc]
        case "set", [item]:
            return set[read_type(item)]  # type: ignore[misc]
        case "frozenset", [item]:
            return frozenset[read_type(item)]  # type: ignore[misc]
        case "tuple", items:
            return tuple.__class_getitem__(tuple(map(read_type, items)))
        case "dict" | "mapping", [key, item] if get_origin(read_type(key)) not in (list, dict, set):
            return dict[read_type(key), read_type(item)]  # type: ignore[misc]
    return None


def read_default(node: ast.expr) -> Any:
    """Return the value of an expression: a literal, or a date, time, Decimal, Path, Secret... of literals.

    Raises:
        Mismatch: only running it would tell.
    """
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords) if (
            name in _CALLS
        ):
            named = {word.arg: read_default(word.value) for word in keywords if word.arg}
            try:
                return _TYPES[name](*map(read_default, args), **named)
            except (TypeError, ValueError, OverflowError, decimal.InvalidOperation):
                raise Mismatch(f"{ast.unparse(node)} is no value") from None
        case ast.Attribute(attr=name) if name in _NUMBERS:
            return _NUMBERS[name]
        case ast.Call(
            func=ast.Name(id="list" | "tuple" | "dict" | "set" | "frozenset" as name), args=[], keywords=[]
        ):
            return _EMPTY[name]()
        case ast.Call(
            func=ast.Name(id="frozenset"), args=[ast.Set() | ast.List() | ast.Tuple() as items], keywords=[]
        ):
            return _gathered(frozenset, items.elts, node)
        case ast.Set(elts=items):
            return _gathered(set, items, node)
        case ast.List(elts=items):
            return [read_default(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(read_default(item) for item in items)
        case ast.Dict(keys=keys, values=items):
            named = {}
            for key, item in zip(keys, items, strict=True):
                if key is None:
                    raise Mismatch(f"{ast.unparse(node)} is no literal")
                try:
                    named[read_default(key)] = read_default(item)
                except TypeError:
                    raise Mismatch(f"{ast.unparse(key)} is no key") from None
            return named
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        raise Mismatch(f"{ast.unparse(node)} is no literal") from None


_EMPTY: dict[str, Any] = {"list": list, "tuple": tuple, "dict": dict, "set": set, "frozenset": frozenset}


def _gathered(kind: Any, items: list[ast.expr], node: ast.expr) -> Any:
    try:
        return kind(map(read_default, items))
    except TypeError:
        raise Mismatch(f"{ast.unparse(node)} is no value") from None


def type_of(value: Any) -> tuple[Any, str]:
    """Return the type of a default that was written without one, and its name; anything goes for None."""
    for name, kind in _TYPES.items():
        if kind is not None and type(value) is kind:
            return kind, name
    many: dict[type, tuple[Any, str]] = {
        list: (list[Any], "list"),
        tuple: (tuple[Any, ...], "tuple"),
        dict: (dict[Any, Any], "dict"),
        set: (set[Any], "set"),
        frozenset: (frozenset[Any], "frozenset"),
    }
    return many.get(type(value), (Any, "any"))
