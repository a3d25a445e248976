"""API keys: hashed at rest, refused unless known."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from jubako.commands.check import keys
from jubako.gateway.keys import Keyring, key_hash, keyring, new_key
from jubako.settings import ApiKeySettings, ConfigurationRefused


def test_a_made_key_opens_and_its_file_does_not_hold_it(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    made = CliRunner().invoke(keys, ["add", "ann", "--file", str(file)])
    key = made.stdout.strip()
    assert made.exit_code == 0
    assert key not in file.read_text()
    assert Keyring(file).opens(f"Bearer {key}".encode())
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("given", [b"", b"Bearer", b"Bearer ", b"Bearer wrong", b"Basic x", b"bearer  "])
def test_nothing_else_opens(tmp_path: Path, given: bytes) -> None:
    file = tmp_path / "keys"
    file.write_text(f"ann: {key_hash(new_key())}\n")
    assert not Keyring(file).opens(given)


def test_several_keys_and_comments_stand_in_one_file(tmp_path: Path) -> None:
    first, second = new_key(), new_key()
    file = tmp_path / "keys"
    file.write_text(f"# people\nann: {key_hash(first)}  # on leave\n\nbob: {key_hash(second)}\n")
    assert all(Keyring(file).opens(f"bearer {key}".encode()) for key in (first, second))


@pytest.mark.parametrize("content", ["", "# none\n", "ann = 1\n", "ann: secret\n"])
def test_a_file_without_a_usable_key_is_refused_at_start(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys"
    file.write_text(content)
    with pytest.raises(ConfigurationRefused):
        Keyring(file)


def test_keys_are_off_unless_asked_for() -> None:
    assert keyring(ApiKeySettings()) is None
