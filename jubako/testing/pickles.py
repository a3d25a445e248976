"""No file of any model is unpickled, with any engine: a pickle can run whatever its writer liked."""

from __future__ import annotations

import subprocess
import sys

from jubako import home
from jubako.card import AnyCard
from jubako.testing.fixtures import Small

#: In an interpreter of its own, because an audit hook stays for ever. Frameworks are imported before it listens: what
#: they unpickle of their own is theirs, and comes from the installation.
PROGRAM = """
import sys
from pathlib import Path
from jubako import collection
from jubako.models import Runtime

model, folder = collection.here().models[sys.argv[1]], Path(sys.argv[2])
for engine in ("native", "auto"):
    model.load(folder, Runtime(engine=engine))
seen = []
sys.addaudithook(lambda event, what: seen.append((event, what)) if event.startswith("pickle.") else None)
for engine in ("native", "auto"):
    model.load(folder, Runtime(engine=engine))
assert not seen, seen
import pickle
pickle.loads(pickle.dumps(Runtime))
assert seen, "the hook would have seen it"
"""


def test_loading_the_model_with_any_engine_unpickles_nothing(card: AnyCard, small: Small) -> None:
    found = subprocess.run(  # noqa: S603 - this interpreter, the program above
        [sys.executable, "-c", PROGRAM, card.name, str(small.folder)],
        cwd=home.repository(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert found.returncode == 0, found.stderr
