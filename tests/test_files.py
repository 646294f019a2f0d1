"""Files written whole: the old one or the new one is there, and nothing else, whatever happens."""

from __future__ import annotations

import csv
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.files import copy, csv_writer, write_text, write_whole
from workbench.private import share


@pytest.fixture(params=["unnamed", "named"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, on a system with files without a name and on one without."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return tmp_path


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Some usual umask."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def names(folder: Path) -> list[str]:
    """Return the names of all that lies there, hidden or not."""
    return sorted(os.listdir(folder))  # noqa: PTH208


def test_a_file_takes_anothers_place_with_the_access_that_the_umask_leaves(folder: Path, umask: int) -> None:
    for name, write in (("text", write_text), ("whole", lambda path, text: write_whole(path, lambda to: to.write_text(text)))):  # fmt: skip
        path = folder / name
        path.write_text("old, and longer")
        write(path, "nęw")
        assert path.read_text(encoding="utf-8") == "nęw"
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    write_text(folder / "secret", "x", mode=0o600)
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600 & ~umask
    assert names(folder) == ["secret", "text", "whole"]


def test_a_writer_that_fails_changes_nothing(folder: Path) -> None:
    path = folder / "file"
    path.write_text("old")

    def fail(to: Path) -> None:
        to.write_text("half")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_whole(path, fail)
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    with pytest.raises(IsADirectoryError):
        write_text(folder, "text")
    assert (names(folder), path.read_text()) == (["file"], "old")


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    write_text(tmp_path / "a/b/file", "text", durable=True)
    assert (tmp_path / "a/b/file").read_text() == "text"
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700


def test_two_that_write_the_same_file_leave_one_of_them(folder: Path) -> None:
    path, both_write = folder / "file", threading.Barrier(2, timeout=120)

    def write(text: str) -> None:
        write_whole(path, lambda to: (to.write_text(text), both_write.wait()))

    writers = [threading.Thread(target=write, args=(letter * 100_000,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_text() in ("a" * 100_000, "b" * 100_000)
    assert names(folder) == ["file"]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name")
def test_a_writer_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom workbench.files import write_whole\n"
        "def write(to):\n    to.write_text('half' * 10_000)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(Path(sys.argv[1]), write)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "file"], timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (names(tmp_path), (tmp_path / "file").read_text()) == (["file"], "old")


def test_a_copy_has_the_same_content_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    share(False)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3_000_000))
    target.write_bytes(b"x" * 4_000_000)
    copy(source, target)
    assert target.read_bytes() == source.read_bytes()
    target.unlink()
    copy(source, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with pytest.raises(FileNotFoundError):
        copy(tmp_path / "none", target)


def test_csv_has_no_line_end_outside_of_quotes_but_its_own(tmp_path: Path) -> None:
    rows = [["a\rb", "c\nd", "e\r\nf"], ["plain", "", "\r"]]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv_writer(file).writerows(rows)
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == rows
    assert (tmp_path / "a.csv").read_bytes().endswith(b'\nplain,,"\r"\n')
