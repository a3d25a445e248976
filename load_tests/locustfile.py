"""Read by Locust, from ``python -m jubako.load`` as from ``locust -f load_tests/locustfile.py``."""

from __future__ import annotations

import sys
from pathlib import Path

# Locust puts only the file's own folder on the path; the project is the folder above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jubako import collection
from jubako.load import locusts

globals().update(locusts.register(collection.here()))
