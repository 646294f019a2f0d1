"""Landing: a copy appears whole, under its dataset, once for each content."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.settings import Settings
from workbench.sources.files import land, landed


def put(path: Path, content: str = "a,b\n1,2\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_the_dataset_is_told_by_the_folder_or_by_name(tmp_path: Path, settings: Settings) -> None:
    (told,) = land(str(put(tmp_path / "stores/a.csv")))
    (named,) = land(str(put(tmp_path / "x/a.csv", "c\n")), "products")
    assert (told.dataset, named.dataset) == ("stores", "products")
    assert [file.path.parent for file in (told, named)] == [
        settings.landing / "stores",
        settings.landing / "products",
    ]
    assert told.path.read_text() == "a,b\n1,2\n"


def test_a_folder_lands_its_data_files_only(tmp_path: Path) -> None:
    for name in ("stores/a.csv", "events/b.jsonl", "stores/notes.md", "stores/.hidden.csv"):
        put(tmp_path / name, name)
    assert sorted(file.dataset for file in land(str(tmp_path))) == ["events", "stores"]
    assert len(land(str(tmp_path / "*/*.csv"))) == 1


def test_the_same_content_lands_once_and_is_the_same_batch(tmp_path: Path) -> None:
    first, again = (land(str(put(tmp_path / "stores/a.csv")))[0] for _ in range(2))
    assert (first.is_new, again.is_new, first.batch_id) == (True, False, again.batch_id)
    (elsewhere,) = land(str(put(tmp_path / "stores/b.csv")))
    (otherwise,) = land(str(put(tmp_path / "stores/a.csv")), "products")
    assert elsewhere.batch_id == first.batch_id != otherwise.batch_id


def test_landing_is_read_in_the_order_of_landing(tmp_path: Path) -> None:
    for name in ("z", "a", "m"):
        land(str(put(tmp_path / f"stores/{name}.csv", name)))
    assert [file.path.name[0] for file in landed()] == ["z", "a", "m"]


def test_a_file_in_the_wrong_place_of_landing_is_named(settings: Settings) -> None:
    put(settings.landing / "stray.csv")
    with pytest.raises(UsageError, match=r"stray\.csv"):
        list(landed())
    (settings.landing / "stray.csv").unlink()
    put(settings.landing / "store/a.csv")
    with pytest.raises(UsageError, match="did you mean 'stores'"):
        list(landed())
