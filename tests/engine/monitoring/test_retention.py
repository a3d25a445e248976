"""Minutes become hours without a row lost or doubled, and disk use is bounded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from jubako import durable
from jubako.monitoring.archive.profile_files import DAY, REFERENCE, ProfileArchive, ProfileMoved
from jubako.monitoring.archive.retention import GRACE, HOUR, clean_up, merge_hours, prune_profiles
from jubako.monitoring.record.profiles import Profile
from jubako.settings import MonitoringSettings
from tests.engine.monitoring.made import START, VERSION, columns, profile, rows_on_disk
from tests.five import CARDS

LATER = START + HOUR + GRACE
IRIS = CARDS["iris"]


def write(folder: Path, start: float, rows: int = 10, mark: str = "aa-0", seconds: int = 60) -> Path:
    file = ProfileArchive(folder / "profiles").file("iris", VERSION, start, seconds, mark)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(profile(columns(rows, seed=int(start)), start=start).dump())
    return file


@pytest.fixture
def hour(tmp_path: Path) -> list[Path]:
    """Ten minutes of two processes."""
    return [write(tmp_path, START + 60 * minute, mark=mark) for minute in range(10) for mark in ("aa-0", "bb-0")]


def whole(folder: Path) -> Profile:
    archive = ProfileArchive(folder / "profiles")
    merged = archive.merged(archive.recent("iris", VERSION, 0.0))
    assert merged
    return merged


def test_an_hour_that_is_over_becomes_one_file_with_the_same_rows(tmp_path: Path, hour: list[Path]) -> None:
    before = whole(tmp_path).summary(IRIS)["species"]
    merge_hours(ProfileArchive(tmp_path / "profiles"), "iris", VERSION, LATER)
    (file,) = tmp_path.rglob("*.bin")
    assert file.name.startswith("20261121T040000Z-3600s-")
    assert whole(tmp_path).summary(IRIS)["species"] == before
    assert rows_on_disk(tmp_path) == 200


def test_an_hour_that_may_still_be_written_is_left_alone(tmp_path: Path, hour: list[Path]) -> None:
    merge_hours(ProfileArchive(tmp_path / "profiles"), "iris", VERSION, LATER - 1)
    assert len(list(tmp_path.rglob("*.bin"))) == len(hour)


@pytest.mark.parametrize("deleted", [0, 1, 7, 19])
def test_a_kill_between_writing_the_hour_and_deleting_its_minutes_counts_no_row_twice(
    tmp_path: Path, hour: list[Path], deleted: int
) -> None:
    saved = tmp_path / "saved"
    shutil.copytree(hour[0].parent, saved)
    merge_hours(ProfileArchive(tmp_path / "profiles"), "iris", VERSION, LATER)
    for file in hour[deleted:]:
        shutil.copy(saved / file.name, file)
    shutil.rmtree(saved)
    assert rows_on_disk(tmp_path) == 200
    merge_hours(ProfileArchive(tmp_path / "profiles"), "iris", VERSION, LATER)
    assert len(list(tmp_path.rglob("*.bin"))) == 1
    assert rows_on_disk(tmp_path) == 200


def test_a_minute_that_comes_late_is_merged_into_its_hour(tmp_path: Path, hour: list[Path]) -> None:
    archive = ProfileArchive(tmp_path / "profiles")
    merge_hours(archive, "iris", VERSION, LATER)
    write(tmp_path, START + 1_800, rows=7, mark="cc-0")
    assert rows_on_disk(tmp_path) == 207
    merge_hours(archive, "iris", VERSION, LATER)
    assert len(list(tmp_path.rglob("*.bin"))) == 1
    assert rows_on_disk(tmp_path) == 207


def test_a_damaged_file_is_skipped_and_the_others_are_read(
    tmp_path: Path, hour: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    hour[3].write_bytes(b"WHY1 and then nothing")
    merge_hours(ProfileArchive(tmp_path / "profiles"), "iris", VERSION, LATER)
    assert rows_on_disk(tmp_path) == 190
    assert len(list(tmp_path.rglob("*.bin"))) == 20, "an hour with a damaged minute stays as it is"
    assert hour[3].name in caplog.text


def test_a_reader_lists_again_when_files_were_merged_meanwhile(tmp_path: Path, hour: list[Path]) -> None:
    archive = ProfileArchive(tmp_path / "profiles")
    seen = archive.recent("iris", VERSION, 0.0)
    merge_hours(ProfileArchive(tmp_path / "profiles"), "iris", VERSION, LATER)
    with pytest.raises(ProfileMoved):
        archive.merged(seen)


def test_what_is_too_old_is_deleted_and_then_the_folder_of_its_version(tmp_path: Path, hour: list[Path]) -> None:
    archive = ProfileArchive(tmp_path / "profiles")
    (hour[0].parent / REFERENCE).write_bytes(b"")
    prune_profiles(archive, START + 5 * 60, budget=1e12)
    assert len(list(tmp_path.rglob("*.bin"))) == 13  # windows that end at or after the edge, and the reference
    prune_profiles(archive, START + DAY, budget=1e12)
    assert not list((tmp_path / "profiles" / "iris").iterdir())


def test_when_there_is_too_much_the_oldest_goes(tmp_path: Path, hour: list[Path]) -> None:
    size = hour[0].stat().st_size
    prune_profiles(ProfileArchive(tmp_path / "profiles"), 0.0, budget=size * 4.5)
    assert sorted(tmp_path.rglob("*.bin")) == sorted(hour[-4:])


def test_the_drafts_of_killed_writers_are_swept_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    file = write(tmp_path, START)
    old, new = file.with_name(".a.bin.0001"), file.with_name(".a.bin.0002")
    for draft, age in ((old, 2 * HOUR), (new, 1)):
        draft.touch()
        os.utime(draft, (START - age, START - age))
    clean_up(tmp_path, ProfileArchive(tmp_path / "profiles"), MonitoringSettings(), START)
    assert not old.exists()
    assert new.exists()


def test_only_one_process_cleans_up_at_a_time(tmp_path: Path, hour: list[Path]) -> None:
    with durable.alone(tmp_path / "keeping.lock") as held:
        assert held is not None
        clean_up(tmp_path, ProfileArchive(tmp_path / "profiles"), MonitoringSettings(), LATER)
        assert len(list(tmp_path.rglob("*.bin"))) == len(hour)
    clean_up(tmp_path, ProfileArchive(tmp_path / "profiles"), MonitoringSettings(), LATER)
    assert len(list(tmp_path.rglob("*.bin"))) == 1


def test_a_clean_up_that_fails_is_logged_and_raises_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "monitoring"
    place.write_text("not a folder")
    clean_up(place, ProfileArchive(place / "profiles"), MonitoringSettings(), START)
    assert "could not clean up" in caplog.text


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "a\n"])
def test_a_version_never_names_another_place_on_the_disk(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        ProfileArchive(tmp_path).place("iris", name)
