"""Load on the whole service, with checked answers and objectives that a run must meet: ``make load``."""

import os

# Importing Locust patches the interpreter for gevent: tests and this package's command must not get that. Locust's own
# processes import it before they read our file, so this does not reach them.
os.environ.setdefault("LOCUST_SKIP_MONKEY_PATCH", "1")
