"""What a notebook imports, found in its source without running it: our own files, and others' modules."""

from __future__ import annotations

import ast
import os
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from workbench import PACKAGE
from workbench.execution.notebook.hashes import file_hash, state_of
from workbench.execution.notebook.kept_imports import KeptImports
from workbench.execution.parameters.syntax import parse


@dataclass(frozen=True)
class Closure:
    """All that a notebook may import, at any depth of our own code, also inside of functions.

    ``first_party`` are the files of our own modules, ``hashes`` those of their content; ``third_party`` the names of all
    others, as they are written, in the order in which they are met. ``direct`` are the names that the notebook's own cells
    import, ``own`` those of ours that are imported with them, ``lazy`` those of ours that only a function imports, ``ahead``
    those of others that are worth loading before a notebook needs them: all but what functions import that are called
    in few runs (:func:`workbench.libraries.seldom.seldom`), and what only modules import that are of no use here. Neither is in
    ``lazy``.
    """

    first_party: tuple[Path, ...]
    hashes: tuple[str, ...]
    third_party: tuple[str, ...]
    own: tuple[str, ...]
    lazy: tuple[str, ...]
    direct: tuple[str, ...]
    ahead: tuple[str, ...]

    @property
    def later(self) -> tuple[str, ...]:
        """What it imports once it runs, if it does."""
        return self.ahead + self.lazy


def closure(
    content: Mapping[str, Any], folder: Path, kept: Path | None = None, unused: Sequence[str] = ()
) -> Closure:
    """Return what a notebook imports.

    Args:
        content: the notebook's JSON.
        folder: where it is; modules beside it are first-party, as is what lies outside of the installed ones.
        kept: a folder for what was found, which is found again there as long as no file of it has changed, and none
            came that would be imported in its place.
        unused: modules of ours that only functions import, and here none will.
    """
    roots = _roots(folder)
    sources = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    past = KeptImports(kept, [*sources, *map(str, roots), *unused]) if kept else None
    if past and (known := past.read()):
        files = tuple(map(_path, known.pop("first_party")))
        return Closure(files, **{name: tuple(modules) for name, modules in known.items()})
    found = _closure(sources, roots, unused)
    if past:
        parts = {**asdict(found), "first_party": [str(path) for path in found.first_party]}
        past.keep(parts, [*found.first_party, *_looked_in(found, roots)])
    return found


_path = lru_cache(maxsize=4096)(Path)


def _looked_in(found: Closure, roots: Iterable[Path]) -> set[Path]:
    """Return the folders in which another file would make a name mean another module."""
    folders = {path.parent for path in found.first_party}
    for name in {*found.third_party, *found.own, *found.lazy}:
        for root in roots:
            folder = root
            for part in ("", *name.split(".")):
                folder = folder / part
                if folder not in folders and not folder.is_dir():
                    break
                folders.add(folder)
    return folders


def _closure(sources: Iterable[str], roots: tuple[Path, ...], unused: Sequence[str]) -> Closure:
    named = [each for source in sources for each in _imports_of(_parse(source), "")]
    modules = _Modules(roots)
    files, others, _ = _follow(named, modules, lambda each: True)
    _, ahead, often = _follow(
        named, modules, lambda each: each.when != "seldom" and each.module not in unused
    )
    _, _, own = _follow(named, modules, lambda each: each.when == "at once")
    return Closure(
        tuple(files),
        tuple(map(file_hash, files)),
        tuple(others),
        tuple(own),
        tuple(name for name in often if name not in own),
        tuple(dict.fromkeys(each.module for each in named)),
        tuple(ahead),
    )


def _follow(
    named: list[_Import], modules: _Modules, counts: Callable[[_Import], bool]
) -> tuple[dict[Path, None], dict[str, None], dict[str, None]]:
    """Return our files, the names of others' modules and those of ours that these imports lead to."""
    files: dict[Path, None] = {}
    others: dict[str, None] = {}
    own: dict[str, None] = {}
    waiting: list[tuple[str, str | None]] = [(each.module, each.name) for each in named]
    seen: set[tuple[str, str | None]] = set()
    while waiting:
        module, name = waiting.pop(0)
        if (module, name) in seen:
            continue
        seen.add((module, name))
        found = modules.find(module)
        if found is None:
            if module.partition(".")[0] not in sys.stdlib_module_names:
                others[module] = None
            continue
        own[module] = None
        for parent in _parents(module, modules):
            files[parent] = None
        files[found] = None
        read = modules.read(module)
        if name:
            if modules.find(f"{module}.{name}"):
                waiting.append((f"{module}.{name}", None))
            elif target := read.lazy.get(name):
                places = (f"{module}.{target}", target)
                waiting += [(place, None) for place in places if modules.find(place)][:1]
        waiting += [(each.module, each.name) for each in read.imports if counts(each)]
    return files, others, own


@lru_cache(maxsize=64)
def _roots(folder: Path) -> tuple[Path, ...]:
    """Return the folders in which first-party modules lie, this package's among them.

    One that holds what pip has put there (``pip install --target``) is no such folder.
    """
    installed = [Path(path).resolve() for path in (*sysconfig.get_paths().values(), *site.getsitepackages())]
    roots = {folder.resolve(): None, PACKAGE.parent: None}
    for text in sys.path:
        path = Path(text or ".").resolve()
        held = any(path == each or each in path.parents for each in installed)
        if path.is_dir() and not held and not any(path.glob("*.dist-info")):
            roots[path] = None
    return tuple(roots)


def _find(module: str, roots: tuple[Path, ...]) -> Path | None:
    for root in roots:
        # Installed, this package lies among all others, which aren't ours.
        if root.name in ("site-packages", "dist-packages") and module.partition(".")[0] != "workbench":
            continue
        # Not by pathlib, which is four times as slow: this is asked of some hundred names.
        place = os.path.join(root, *module.split("."))  # noqa: PTH118
        for candidate in (f"{place}/__init__.py", f"{place}.py"):
            # Any text may stand in a table of names, even one that is too long to be a file's: it is no file.
            if os.path.isfile(candidate):  # noqa: PTH113
                return Path(candidate)
    return None


def _parents(module: str, modules: _Modules) -> Iterator[Path]:
    parts = module.split(".")
    for count in range(1, len(parts)):
        if found := modules.find(".".join(parts[:count])):
            yield found


When = Literal["at once", "often", "seldom"]
_OF_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


@dataclass(frozen=True)
class _Import:
    """A module and perhaps a name from it, imported at once unless it is a function that imports it."""

    module: str
    name: str | None
    when: When


@dataclass(frozen=True)
class _Module:
    imports: tuple[_Import, ...]
    lazy: dict[str, str]


class _Modules:
    """Our modules as they lie in the roots now: each is looked for once."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self._roots = roots
        self._found: dict[str, Path | None] = {}
        self._known: dict[str, _Module] = {}

    def find(self, module: str) -> Path | None:
        """Return the file of a module; None if it isn't ours."""
        if module not in self._found:
            self._found[module] = _find(module, self._roots)
        return self._found[module]

    def read(self, module: str) -> _Module:
        """Return what a module of ours imports."""
        if module not in self._known:
            path = self._found[module]
            assert path is not None  # noqa: S101
            self._known[module] = _read(path, module, *state_of(path))
        return self._known[module]


@lru_cache(maxsize=1024)
def _read(path: Path, module: str, *state: int) -> _Module:
    tree = _parse(path.read_text(encoding="utf-8", errors="replace"))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    lazy = _lazy(tree) if path.name == "__init__.py" else {}
    return _Module(tuple(_imports_of(tree, package)), lazy)


def _parse(source: str) -> ast.Module:
    try:
        return parse(source)
    except (SyntaxError, ValueError):
        # A cell with a magic, or a broken module: what it imports comes to light when it runs.
        lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
        try:
            return parse("\n".join(lines))
        except (SyntaxError, ValueError):
            return ast.Module([], [])


def _imports_of(tree: ast.Module, package: str) -> Iterator[_Import]:
    """Yield what is imported, but what is for type checkers alone."""
    waiting: list[tuple[ast.AST, When]] = [(tree, "at once")]
    while waiting:
        node, when = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += [(each, when) for each in reversed(node.orelse)]
        elif isinstance(node, ast.Import):
            yield from (_Import(alias.name, None, when) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # `from . import x` at the top of a notebook has no package to be relative to.
            yield from (_Import(base, alias.name, when) for alias in node.names if base)
        else:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                marks = {each.id for each in node.decorator_list if isinstance(each, ast.Name)}
                when = "seldom" if when == "seldom" or "seldom" in marks else "often"
            waiting += [(each, when) for each in reversed(_statements(node))]


def _statements(node: ast.AST) -> list[ast.AST]:
    """Return the statements in a statement; there is none in an expression, which most nodes are."""
    parts = [part for name in node._fields if isinstance(part := getattr(node, name, None), list)]
    return [each for part in parts for each in part if isinstance(each, _OF_STATEMENTS)]


def _lazy(tree: ast.Module) -> dict[str, str]:
    """Return the names that a package may load on first use, from its tables of name and module."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                match key, value:
                    case ast.Constant(value=str(name)), ast.Constant(value=str(module)):
                        if all(map(str.isidentifier, module.lstrip(".").split("."))):
                            found[name] = module.lstrip(".")
    return found
