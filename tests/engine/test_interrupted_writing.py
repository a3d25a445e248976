"""Whatever stops a writer, the store lists only whole versions: asked at every line that it runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from jubako import home
from jubako.versions import store
from tests.five import CARDS
from tests.homes import Home
from tests.versions import write_again

pytestmark = pytest.mark.slow

#: Runs in a process of its own, which forks a writer for each point at which it may end. ``STOP`` says how.
DRIVER = """
import json, os, resource, signal, sys
from tests.versions import write_again
from jubako import durable, home
from jubako.versions import store
from tests.five import CARDS

WATCHED = ("jubako/versions/writing.py", "jubako/durable.py", "bentoml/_internal/models/model.py", "shutil.py")

def kill_at_line(number):
    left = number
    def trace(frame, event, argument):
        nonlocal left
        if not frame.f_code.co_filename.endswith(WATCHED):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

def no_file_longer_than(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

stop = {"kill": kill_at_line, "disk": no_file_longer_than}[sys.argv[1]]
write_again("whole")
ended = []
for number in json.loads(sys.argv[2]):
    child = os.fork()
    if child == 0:
        try:
            stop(number)
            write_again(f"v{number}")
            os._exit(0)
        except BaseException as error:
            os._exit(2 if isinstance(error, OSError) else 3)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = store.versions("iris")
    for version in found:
        store.check(f"iris:{version}", CARDS["iris"])
    ended.append((number, code, f"v{number}" in found))
print(json.dumps(ended))
"""


def interrupted(place: Home, how: str, points: list[int]) -> list[tuple[int, int, bool]]:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, how, json.dumps(points)],
        env={**place.environment, "TMPDIR": str(place.root)},  # BentoML's own drafts stay where a kill leaves them
        check=True,
        capture_output=True,
        text=True,
        timeout=250,
    )
    return [tuple(found) for found in json.loads(done.stdout.splitlines()[-1])]


def listed() -> set[str]:
    """By BentoML itself: one folder without its yaml would make it fail for all."""
    import bentoml

    return {found.tag.version for found in bentoml.models.list("iris")}


def test_a_writer_killed_at_any_line_leaves_a_whole_version_or_none(iris_home: Home) -> None:
    (first,) = store.versions("iris")
    ended = interrupted(iris_home, "kill", [*range(1, 1200, 9), 1_000_000])
    assert ended[-1] == (1_000_000, 0, True), "without a kill it is written"
    killed = [(number, there) for number, code, there in ended if code == -9]
    assert len(killed) > 20, "the kills must hit the writing"
    assert {there for _, there in killed} == {False, True}, "before the one step that shows it, and after"
    assert all(code in (0, -9) for _, code, _ in ended)
    assert listed() == {first, "whole"} | {f"v{number}" for number, _, there in ended if there}


def test_a_disk_that_is_full_at_any_byte_leaves_a_whole_version_or_none(iris_home: Home) -> None:
    sizes = [*range(1, 4000, 331), *range(4000, 400_000, 23_000), 10_000_000]
    ended = interrupted(iris_home, "disk", sizes)
    assert ended[-1] == (10_000_000, 0, True), "with room enough it is written"
    assert {(code, there) for _, code, there in ended[:-1]} <= {(2, False), (0, True)}
    assert sum(code == 2 for _, code, _ in ended) > 10
    assert "whole" in listed()


def test_what_a_killed_writer_left_is_swept_by_the_next(iris_home: Home) -> None:
    incoming = home.beside_the_store() / "incoming"
    interrupted(iris_home, "kill", [600, 700, 800])
    write_again("next")
    assert list(incoming.iterdir()) == []


def test_a_name_that_is_taken_is_refused_and_the_first_stays(iris_home: Home) -> None:
    write_again("twice")
    with pytest.raises(Exception, match="twice"):
        write_again("twice")
    store.check("iris:twice", CARDS["iris"])
    assert list((home.beside_the_store() / "incoming").iterdir()) == []
