"""Load on the whole service, with answers that are checked and objectives that can be missed: `make load`."""

import os

# Whoever imports Locust has the whole interpreter patched for gevent, tests and this package's own command included.
# Locust's processes are not touched by this: they have imported it before they read our file.
os.environ.setdefault("LOCUST_SKIP_MONKEY_PATCH", "1")
