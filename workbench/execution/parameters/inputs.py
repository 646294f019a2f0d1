"""Values of parameters as callers give them: on a command line, in a file, as JSON, in the environment."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.digits import number
from workbench.documents import RepeatedKey, read_yaml
from workbench.errors import UsageError

PREFIX = "WORKBENCH_PARAM_"
STDIN = "-"


def collect(
    texts: Sequence[str] = (),
    file: str | None = None,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return values by name from all the places where they are given.

    ``texts`` (``NAME=VALUE``) come before ``text`` (a JSON object), that before ``file`` (YAML or JSON; ``-`` is
    the standard input), and that before the variables of ``environment`` (that of the process if None).

    Raises:
        UsageError: something can't be read, or a name is given twice in one place.
    """
    return (
        from_environment(os.environ if environment is None else environment)
        | (from_file(file) if file is not None else {})
        | (from_json(text) if text is not None else {})
        | from_texts(texts)
    )


def from_texts(texts: Sequence[str]) -> dict[str, Any]:
    """Return the names and values of ``NAME=VALUE`` texts.

    Raises:
        UsageError: a text isn't of that form, or a name comes twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"a parameter is given as NAME=VALUE, not {name!r}")
        if name in found:
            raise UsageError(f"parameter {name!r} is given twice")
        found[name] = value
    return found


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of ``WORKBENCH_PARAM_NAME`` variables.

    A name all in capitals stands for the one in small letters; any other is taken as it is.

    Raises:
        UsageError: two variables stand for one name.
    """
    found: dict[str, Any] = {}
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or not name:
            continue
        name = name.lower() if name.isupper() else name
        if name in found:
            raise UsageError(f"parameter {name!r} is given twice in the environment, the last as {variable}")
        found[name] = environment[variable]
    return found


def from_json(text: str, where: str = "--parameters-json") -> dict[str, Any]:
    """Return the values of a JSON object.

    Raises:
        UsageError: it is none, or a name comes twice; the text itself isn't repeated.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _refuse_twice([name for name, _ in pairs], where)
        return dict(pairs)

    try:
        content = json.loads(
            text, object_pairs_hook=unique, parse_float=lambda each: number(float(each), each)
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{where} is no JSON: {error}") from None
    return _named(content, where)


def from_file(name: str) -> dict[str, Any]:
    """Return the values of a file, YAML or JSON; ``-`` is the standard input.

    Raises:
        UsageError: it can't be read, holds no names and values, or a name comes twice.
    """
    where = "the standard input" if name == STDIN else name
    try:
        if name == STDIN:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        else:
            text = Path(name).expanduser().read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"no parameters file {name}") from None
    except OSError as error:
        raise UsageError(f"can't read the parameters file {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{where} is no UTF-8 text") from None
    if name.lower().endswith(".json"):
        return from_json(text, where)
    return _from_yaml(text, where)


def _from_yaml(text: str, where: str) -> dict[str, Any]:
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if isinstance(node, yaml.MappingNode):
            _refuse_twice([str(key.value) for key, _ in node.value], where)
        content = read_yaml(text)
    except RepeatedKey as error:
        raise UsageError(f"{where}: {error}; leave one") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{where}{place} is no YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no YAML: {' '.join(str(error).split())}") from None
    return _named({} if content is None else content, where)


def _refuse_twice(names: Sequence[str], where: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise UsageError(f"parameter {name!r} is given twice in {where}")


def _named(content: Any, where: str) -> dict[str, Any]:
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UsageError(f"{where} holds no parameters; write a name and a value each, as `limit: 5`")
    return content
