"""Landing: a copy appears whole, under its dataset, once for each content."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.settings import Settings, get_settings
from workbench.sources.files import NotLanded, land
from workbench.sources.landing import FolderLanding, Unavailable, data_files, open_landing
from workbench.sources.landing.base import Warn


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
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "stores").symlink_to(tmp_path / "stores")
    assert len(land(str(tmp_path / "linked"))) == len(land(str(tmp_path / "linked/*/*.csv"))) == 1


def test_the_same_content_lands_once_and_is_the_same_batch(tmp_path: Path) -> None:
    first, again = (land(str(put(tmp_path / "stores/a.csv")))[0] for _ in range(2))
    assert (first.is_new, again.is_new, first.batch_id) == (True, False, again.batch_id)
    (elsewhere,) = land(str(put(tmp_path / "stores/b.csv")))
    (otherwise,) = land(str(put(tmp_path / "stores/a.csv")), "products")
    assert elsewhere.batch_id == first.batch_id != otherwise.batch_id


def test_a_file_that_is_written_while_landing_is_listed_is_new_and_not_of_a_clock_ahead(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(settings.landing / "stores/a.csv")

    def slowly(folder: Path, warn: Warn) -> Iterator[Path]:
        for found in data_files(folder, warn):
            time.sleep(0.05)
            put(found)
            yield found

    with monkeypatch.context() as patch:
        patch.setattr("workbench.sources.landing.folder.data_files", slowly)
        assert list(FolderLanding(settings.landing, settle=60).files()) == []
    os.utime(path, (time.time() + 3600,) * 2)
    assert [file.key for file in FolderLanding(settings.landing, settle=60).files()] == ["stores/a.csv"]


@pytest.mark.parametrize(
    ("name", "lands_as"),
    [
        (os.fsdecode(b"caf\xe9.b.csv"), "caf_-BATCH.b.csv"),
        ("\u00e9" * 123 + ".csv.gz", "\u00e9" * 113 + "-BATCH.csv.gz"),
        ("1." + "x" * 250, "1." + "x" * 231 + "-BATCH"),
    ],
)
def test_whatever_a_file_is_called_it_is_taken_in_under_a_name_that_fits(
    name: str, lands_as: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text("store_id\n")
    mapped = tmp_path / "any.map.yaml"
    mapped.write_text("dataset: stores\ndelimiter: tab\n")
    (landed,) = land(str(path), map_file=mapped)
    (found,) = open_landing().files()
    assert found.name == lands_as.replace("BATCH", landed.batch_id[:12])


def test_landing_is_read_in_the_order_of_landing(tmp_path: Path) -> None:
    for name in ("z", "a", "m"):
        land(str(put(tmp_path / f"stores/{name}.csv", name)))
    assert [file.name[0] for file in open_landing().files()] == ["z", "a", "m"]


def test_what_lies_in_no_datasets_folder_is_told_and_stops_nothing(settings: Settings) -> None:
    landing = settings.landing
    for name in (
        "stray.csv",
        "store/a.csv",
        "misc/x/y.csv",
        "stores/good.csv",
        "_tmp/a.csv",
        "stores/a.csv/in.csv",
    ):
        put(landing / name, name)
    (landing / "nothing").mkdir()
    told: list[str] = []
    assert [file.key for file in open_landing().files(told.append)] == [
        "stores/good.csv", "stores/a.csv/in.csv",
    ]  # fmt: skip
    assert len(told) == 3
    assert "misc is no dataset's folder, so its files (1) are left alone; the datasets are" in told[0]
    assert "store is no dataset's folder, so its files (1) are left alone; did you mean 'stores'?" in told[1]
    assert "stray.csv lies in no dataset's folder" in told[2]


def test_links_stand_for_what_they_lead_to(settings: Settings, tmp_path: Path) -> None:
    stores = put(settings.landing / "stores/a.csv").parent
    put(tmp_path / "elsewhere/b.csv", "b")
    (stores / "folder").symlink_to(tmp_path / "elsewhere")
    (stores / "file.csv").symlink_to(put(tmp_path / "c.csv", "c"))
    (stores / "round").symlink_to(settings.landing)
    (stores / "nowhere.csv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(stores / "pipe.csv")
    told: list[str] = []
    assert sorted(file.name for file in open_landing().files(told.append)) == ["a.csv", "b.csv", "file.csv"]
    (about,) = told
    assert f"nowhere.csv leads nowhere: it is a link to {tmp_path / 'nowhere'}" in about


def test_a_name_that_is_no_text_is_told(settings: Settings) -> None:
    put(settings.landing / "stores/a.csv")
    (settings.landing / os.fsdecode(b"stores/caf\xe9.csv")).write_text("x")
    told: list[str] = []
    assert [file.name for file in open_landing().files(told.append)] == ["a.csv"]
    assert "caf\\xe9.csv has bytes in its name that are no UTF-8; rename it" in told[0]


def test_a_file_that_is_gone_when_its_turn_comes_is_told(settings: Settings) -> None:
    for name in "ab":
        put(settings.landing / f"stores/{name}.csv", name)
    landing = open_landing()
    first, second = landing.files()
    assert (first.name, second.name) == ("a.csv", "b.csv")
    (settings.landing / "stores/b.csv").unlink()
    with (
        pytest.raises(Unavailable, match=r"b\.csv can't be read for now: No such file"),
        landing.fetch(second),
    ):
        pass


def test_a_map_that_is_wrong_goes_with_its_file_and_mended_makes_another_batch(settings: Settings) -> None:
    beside = put(settings.landing / "stores/a.csv").with_name("a.csv.map.yaml")
    seen = set()
    for text, why in [
        ("[", "line 1: no YAML"), ("dataset: 2024-13-45", "month must be in"), ("a: " + "[" * 5000, "recursion"),
        ("dataset: products\ncolumns: {product_id: a, updated_at: b}", "for products, and lies in the folder of stores"),
        ("dataset: stores\ncolumns: {store_id: a, updated_at: b}", None),
    ]:  # fmt: skip
        beside.write_text(text)
        landing = open_landing()
        (listed,) = landing.files()
        with landing.fetch(listed) as file:
            assert why in file.refusal if why and file.refusal else file.refusal is None
            seen.add(file.batch_id)
    assert len(seen) == 5


def test_a_map_beside_a_file_goes_with_it(tmp_path: Path) -> None:
    path = put(tmp_path / "stores/a.csv", "number,since\nS1,2026-01-01\n")
    beside = put(
        tmp_path / "stores/a.csv.map.yaml", "dataset: stores\ncolumns: {store_id: number, updated_at: since}"
    )
    (file,) = land(str(path))
    assert file.map and set(file.map.columns) == {"store_id", "updated_at"}
    assert file.path.with_name(file.path.name + ".map.yaml").is_file()
    (another,) = land(
        str(path), map_file=put(tmp_path / "other.yaml", beside.read_text().replace("since", "number"))
    )
    assert another.batch_id != file.batch_id, "a map that is named goes before the one beside"
    elsewhere = put(tmp_path / "misc/b.csv", "number,since\nS2,2026-01-01\n")
    put(tmp_path / "misc/b.csv.map.yaml", beside.read_text())
    assert [file.dataset for file in land(str(elsewhere))] == ["stores"], "where nothing else tells it"
    beside.write_text("dataset: products\ncolumns: {product_id: number, updated_at: since}")
    with pytest.raises(
        NotLanded, match=r"a\.csv\.map\.yaml: it is for products, and the file is one of stores"
    ):
        land(str(path))


@pytest.mark.parametrize("name", [".a.csv", "_a.csv", "a.csv.part", "a.csv.map.yaml"])
def test_a_file_that_landing_would_leave_alone_is_not_put_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="rename it"):
        land(str(put(tmp_path / "stores" / name)))


@pytest.mark.parametrize("place", ["gs://bucket/landing", "https://host/landing", "s3://", "s3:///landing"])
def test_a_place_that_nothing_can_land_in_is_refused(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_LANDING_URI", place)
    with pytest.raises(
        UsageError, match=r"WORKBENCH_LANDING_URI: .*a folder, file:///FOLDER or s3://BUCKET/PREFIX"
    ):
        get_settings()


def test_a_folder_is_the_same_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("in", f"file://{tmp_path}/in", f"{tmp_path}/in"):
        monkeypatch.setenv("WORKBENCH_LANDING_URI", place)
        assert get_settings().landing == tmp_path / "in"
        assert get_settings().landing_place == str(tmp_path / "in")
