"""API keys: hashed at rest, refused unless known, read again when their file changes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from jubako.batching import RateLimited
from jubako.commands.keys import keys
from jubako.gateway.keys import Keyring, key_hash, keyring, new_key
from jubako.settings import ApiKeySettings, ConfigurationRefused, KeyLimits


def bearer(key: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {key}".encode()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def add(*arguments: str) -> str:
    made = CliRunner().invoke(keys, ["add", *arguments])
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


def test_a_made_key_is_known_by_its_name_and_its_file_does_not_hold_it(file: Path) -> None:
    key = add("ann", "--file", str(file))
    assert key not in file.read_text()
    assert Keyring(file).key_of(bearer(key)).name == "ann"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "none"),
        ({b"authorization": b""}, "none"),
        ({b"authorization": b"Bearer"}, "none"),
        ({b"authorization": b"bearer  "}, "none"),
        ({b"authorization": b"Basic x"}, "none"),
        ({b"x-api-key": b" "}, "none"),
        ({b"authorization": b"Bearer wrong"}, "unknown"),
        ({b"x-api-key": b"wrong"}, "unknown"),
        ({b"x-api-key": bytes([0xFF, 0x00])}, "unknown"),
    ],
)
def test_nothing_else_is_a_known_key(file: Path, headers: dict[bytes, bytes], name: str) -> None:
    file.write_text(f"ann: {key_hash(new_key())}\n")
    found = Keyring(file).key_of(headers)
    assert (found.known, found.name) == (False, name)


def test_a_key_is_taken_from_either_header_and_x_api_key_counts_before_another_services_authorization(
    file: Path,
) -> None:
    ann, bob = new_key(), new_key()
    file.write_text(f"# people\nann: {key_hash(ann)}  # on leave\n\nbob: {key_hash(bob)}\n")
    known = Keyring(file)
    assert known.key_of({b"authorization": f"bearer {ann}".encode()}).name == "ann"
    assert known.key_of({b"x-api-key": bob.encode()}).name == "bob"
    assert known.key_of({b"x-api-key": bob.encode(), b"authorization": b"Basic x"}).name == "bob"


HASH, OTHER = key_hash("a"), key_hash("b")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "holds no key"),
        ("# none\n", "holds no key"),
        ("ann = 1\n", "line 1: expected"),
        ("ann: secret\n", "line 1: expected"),
        (f"ann: {HASH} rows_a_minute=many\n", "rows_a_minute: Input should be a valid integer"),
        (f"ann: {HASH} queue_share=1.5\n", "queue_share: Input should be less than or equal to 1"),
        (f"ann: {HASH} rows_an_hour=5\n", "rows_an_hour: Extra inputs"),
        (f"none: {HASH}\n", "without a known key"),
        (f"ann: {HASH}\nbob: {HASH}\n", "the same key twice"),
        (f"ann: {HASH} queue_share=0.5\nann: {OTHER}\n", "the lines of ann have different limits"),
        ("ann: \udcff".encode("utf-8", "surrogateescape"), "not UTF-8"),
    ],
)
def test_a_file_that_means_nothing_is_refused_at_start(file: Path, content: str | bytes, why: str) -> None:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationRefused, match=why):
        Keyring(file)


def test_a_keys_own_limits_stand_in_its_line_and_the_settings_are_for_the_others(file: Path) -> None:
    own = add("own", "--file", str(file), "--rows-a-minute", "5", "--queue-share", "0.25")
    other = add("other", "--file", str(file))
    known = Keyring(file, KeyLimits(rows_a_minute=7))
    assert known.key_of(bearer(own)).queue_share == 0.25
    assert known.key_of(bearer(other)).queue_share is None
    for key, rows in ((own, 5), (other, 7)):
        known.key_of(bearer(key)).check(rows)
        with pytest.raises(RateLimited):
            known.key_of(bearer(key)).check(rows + 1)


def test_a_second_key_of_a_name_shares_its_limits(file: Path) -> None:
    first = add("ann", "--file", str(file), "--rows-a-minute", "1000000")
    second = add("ann", "--file", str(file))
    known = Keyring(file)
    assert known.key_of(bearer(first)) is known.key_of(bearer(second))


@pytest.mark.parametrize("name", ["none", "two words", "a:b", ""])
def test_a_name_that_the_file_could_not_hold_is_not_added(file: Path, name: str) -> None:
    file.write_text(f"ann: {HASH}")
    made = CliRunner().invoke(keys, ["add", name, "--file", str(file)])
    assert made.exit_code == 1
    assert "Nothing was added" in made.output
    assert file.read_text() == f"ann: {HASH}"


def test_a_key_is_added_to_a_file_without_an_end_of_line(file: Path) -> None:
    file.write_text(f"ann: {HASH}")
    key = add("bob", "--file", str(file))
    assert Keyring(file).key_of(bearer(key)).name == "bob"


def test_several_gateway_processes_keep_a_quota_together(file: Path) -> None:
    file.write_text(f"ann: {HASH} rows_a_minute=100\n")
    key = Keyring(file, workers=4).key_of(bearer("a"))
    key.check(25)
    with pytest.raises(RateLimited):
        key.check(26)


def look(known: Keyring) -> None:
    """A changed file is read at the second look: it may still be written at the first."""
    known.refresh()
    known.refresh()


def change(file: Path, content: str) -> None:
    file.write_text(content)
    stamp = file.stat().st_mtime_ns + 1_000_000  # the clock of a file system may be coarse
    os.utime(file, ns=(stamp, stamp))


def test_a_changed_file_is_read_again_and_a_key_that_stayed_keeps_what_it_used(file: Path) -> None:
    file.write_text(f"ann: {HASH} rows_a_minute=10\nbob: {OTHER}\n")
    known = Keyring(file)
    known.key_of(bearer("a")).take(10)
    change(file, f"cleo: {key_hash('c')}\nann: {HASH} rows_a_minute=10 queue_share=0.5\n")
    look(known)
    assert [known.key_of(bearer(key)).name for key in "abc"] == ["ann", "unknown", "cleo"]
    assert known.key_of(bearer("a")).queue_share == 0.5
    with pytest.raises(RateLimited):
        known.key_of(bearer("a")).check(5)


def test_a_changed_limit_holds_at_once(file: Path) -> None:
    file.write_text(f"ann: {HASH} rows_a_minute=10\n")
    known = Keyring(file)
    known.key_of(bearer("a")).take(10)
    change(file, f"ann: {HASH} rows_a_minute=100\n")
    look(known)
    known.key_of(bearer("a")).check(100)


def test_a_file_that_is_still_written_is_not_read(file: Path) -> None:
    file.write_text(f"ann: {HASH}\nbob: {OTHER}\n")
    known = Keyring(file)
    change(file, f"ann: {HASH}\n")
    known.refresh()
    change(file, f"ann: {HASH}\nbob: {OTHER}\ncleo: {key_hash('c')}\n")
    known.refresh()
    assert known.key_of(bearer("b")).known
    known.refresh()
    assert known.key_of(bearer("c")).known


@pytest.mark.parametrize("broken", ["", "ann: secret\n", None])
def test_a_broken_new_file_keeps_the_old_keys_and_is_logged_once(
    file: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(f"ann: {HASH}\n")
    known = Keyring(file)
    if broken is None:
        file.unlink()
    else:
        change(file, broken)
    with caplog.at_level(logging.ERROR, "jubako.keys"):
        for _ in range(4):
            known.refresh()
    assert known.key_of(bearer("a")).name == "ann"
    (line,) = caplog.messages
    assert line.startswith("the changed key file is refused")
    change(file, f"bob: {OTHER}\n")
    look(known)
    assert [known.key_of(bearer(key)).known for key in "ab"] == [False, True]


def test_keys_are_off_unless_asked_for() -> None:
    assert keyring(ApiKeySettings()) is None
