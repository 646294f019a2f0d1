"""Documents in YAML that people write."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

import yaml

from workbench.digits import number

# The one in C takes a fifth of the time; not every build of PyYAML has it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RepeatedKey(yaml.YAMLError):
    """A key is there twice in one mapping; YAML's own readers would let the last one win."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(f"{key} is there twice, line {line}")
        self.key = key


class _Plain(yaml.SafeLoader):
    """YAML's own loader, but for numbers, and for keys that are there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGED:
                value = self.construct_object(key)
                if value in seen:
                    raise RepeatedKey(str(key.value), key.start_mark.line + 1)
                seen.add(value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


_FLOAT, _MERGED = "tag:yaml.org,2002:float", "tag:yaml.org,2002:merge"
_WORDS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:bool")


class _UniqueKeys(_Loader):
    """A loader that takes no key twice; YAML's own would let the last one win.

    A key that is a word of YAML, as null or on, is a name like others.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise RepeatedKey(str(key.value), key.start_mark.line + 1)
            seen.add(key.value)
            if key.tag in _WORDS and key.value:
                key.tag = "tag:yaml.org,2002:str"
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def _number(loader: Any, node: yaml.ScalarNode) -> float:
    return number(loader.construct_yaml_float(node), str(node.value))


class _DatesAsText(_Loader):
    """A loader that takes days and times as texts: others are asked for them in these very words."""


def _date(loader: Any, node: yaml.ScalarNode) -> str:
    written = str(node.value)
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return str(loader.construct_yaml_timestamp(node).isoformat())
    return written


_DatesAsText.add_constructor("tag:yaml.org,2002:timestamp", _date)
_Plain.add_constructor(_FLOAT, _number)
_UniqueKeys.add_constructor(_FLOAT, _number)


def read_yaml(text: str) -> Any:
    """Return what a text in YAML says; numbers keep their digits.

    Raises:
        RepeatedKey: a key is there twice.
        yaml.YAMLError: it is no YAML.
    """
    return yaml.load(text, Loader=_Plain)  # noqa: S506  a SafeLoader


def read_with_texts(text: str) -> Any:
    """Return what a text in YAML says; a day or a time is the text in ISO's form that it is written as.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: a day or a time is none.
    """
    return yaml.load(text, Loader=_DatesAsText)  # noqa: S506  a SafeLoader


def listed(value: Any) -> Any:
    """Return a text in a list, where several are wanted and one is written without brackets; others as they are."""
    return [value] if isinstance(value, str) else value


def no_flag(cls: Any, value: Any, about: Any) -> Any:
    """Check, as a validator of all fields of a model, that none says yes or no where a number is wanted: to Python they are 1 and 0.

    Raises:
        ValueError: it does.
    """
    if isinstance(value, bool):
        kinds = _kinds(cls.model_fields[about.field_name].annotation)
        if kinds & {int, float, Decimal} and not kinds & {bool, Any}:
            wanted, hint = (
                ("a text or a number", "; a text stands in quotes") if str in kinds else ("a number", "")
            )
            raise ValueError(f"it must be {wanted}, not {str(value).lower()}{hint}")
    return value


def _kinds(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    return set().union(*map(_kinds, inner)) if inner else {annotation}


def read_document(text: str) -> Any:
    """Return what a text says.

    Raises:
        yaml.YAMLError: it is no YAML, or has a key twice.
    """
    try:
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError:
        # The one in Python says more of what it expected.
        return yaml.safe_load(text)
