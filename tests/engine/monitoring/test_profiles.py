"""whylogs' own files come out, with what whylogs itself would have counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jubako.compat.whylogs import whylogs
from jubako.monitoring.record.profiles import CategorySummary, NumberSummary, Profile
from tests.engine.monitoring.made import columns, profile
from tests.five import CARDS
from tests.reading import ROOT

IRIS = CARDS["iris"]


def read_plainly(file: Path) -> Any:
    whylogs()  # its one alias for NumPy 2 comes before
    import whylogs as why

    return why.read(file).view()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "profile.bin"
    place.write_bytes(profile(columns(3_000)).dump())
    return place


def test_whylogs_itself_opens_a_profile_and_finds_every_column(file: Path) -> None:
    view = read_plainly(file)
    table = view.to_pandas()
    assert set(table.index) == {signal.name for signal in (*IRIS.signals, *IRIS.answer_signals)}
    assert (table["counts/n"] == 3_000).all()


def test_the_numbers_are_those_that_whylogs_counts_from_a_table(file: Path) -> None:
    ours = read_plainly(file).to_pandas()
    import pandas
    import whylogs as why

    given = columns(3_000)
    theirs = why.log(pandas.DataFrame(given)).view().to_pandas()
    for name in ("sepal_length", "confidence"):
        for fact in ("distribution/n", "distribution/mean", "distribution/stddev", "distribution/max", "counts/null"):
            assert ours.loc[name, fact] == pytest.approx(theirs.loc[name, fact], rel=1e-9), (name, fact)
        assert ours.loc[name, "distribution/median"] == pytest.approx(theirs.loc[name, "distribution/median"], rel=0.02)
    ours_seen = {item.value: item.est for item in ours.loc["species", "frequent_items/frequent_strings"]}
    theirs_seen = {item.value: item.est for item in theirs.loc["species", "frequent_items/frequent_strings"]}
    assert ours_seen == theirs_seen


def test_it_merges_with_a_profile_that_whylogs_made_itself(file: Path) -> None:
    view = read_plainly(file)
    import pandas
    import whylogs as why

    merged = view.merge(why.log(pandas.DataFrame(columns(1_000, seed=1))).view())
    assert merged.get_column("sepal_length").get_metric("distribution").n == 4_000


def test_merging_fifty_parts_gives_what_one_profile_would_have() -> None:
    parts = [columns(100, seed=seed) for seed in range(50)]
    merged = Profile.merged([Profile.read(profile(part).dump()) for part in parts]).summary(IRIS)
    values = np.concatenate([np.asarray(part["petal_width"]) for part in parts])
    found = merged["petal_width"]
    assert isinstance(found, NumberSummary)
    assert (found.rows, found.count) == (5_000, 5_000)
    assert found.mean == pytest.approx(values.mean(), rel=1e-9)
    assert found.deviation == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert found.quantiles[500] == pytest.approx(np.median(values), rel=0.02)


def test_what_is_not_finite_is_counted_apart_and_does_not_spoil_the_mean() -> None:
    given = columns(100)
    given["sepal_length"] = np.array([np.inf, -np.inf, np.nan, *[5.0] * 97])
    found = Profile.read(profile(given).dump()).summary(IRIS)["sepal_length"]
    assert isinstance(found, NumberSummary)
    assert (found.rows, found.missing, found.invalid, found.count, found.mean) == (100, 1, 2, 97, 5.0)


def test_missing_and_unknown_categories_are_counted_apart() -> None:
    given = columns(5)
    given["species"] = ["setosa", None, "rose", "rose", "setosa"]
    found = Profile.read(profile(given).dump()).summary(IRIS)["species"]
    assert found == CategorySummary(rows=5, missing=1, invalid=2, counts={"setosa": 2, "rose": 2})


def test_a_column_without_a_single_value_says_so_instead_of_breaking() -> None:
    given = columns(3)
    given["sepal_width"] = np.full(3, np.nan)
    found = Profile.read(profile(given).dump()).summary(IRIS)["sepal_width"]
    assert isinstance(found, NumberSummary)
    assert (found.rows, found.missing, found.count) == (3, 3, 0)


@pytest.mark.slow
def test_whylogs_tells_nobody_and_needs_no_temporary_folder(tmp_path: Path) -> None:
    """Asked of a process that has no place for temporary files, and in which every connection fails."""
    program = (
        "import socket, tempfile\n"
        "def refuse(*_, **__): raise OSError('no place, no network')\n"
        "socket.socket.connect = refuse; tempfile.TemporaryFile = refuse; tempfile.mkstemp = refuse\n"
        "from tests.engine.monitoring.made import columns, profile\n"
        "from jubako.monitoring.record import profiles\n"
        "assert len(profile(columns(10)).dump()) > 1_000\n"
        "from whylogs.api import usage_stats\n"
        "assert usage_stats._TELEMETRY_DISABLED and not usage_stats._TRACKED_EVENTS\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}  # without WHYLOGS_NO_ANALYTICS: the module sets it
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)
