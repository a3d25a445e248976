"""Every private name of other libraries that the engine uses, behind functions; one file a library.

Settings come before subclasses, and subclasses before patches. The table in ``docs/why.md`` lists each name and why.
"""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version

log = logging.getLogger("jubako.compat")

#: The distributions whose private names are used, and the versions with which that was tested. circus is ``kantoku``.
TESTED = {
    "bentoml": ("1.4.39", "1.4.40"),
    "kantoku": ("0.18.3",),
    "prometheus-client": ("0.26.0",),
    "tornado": ("6.6.1",),
    "uvicorn": ("0.54.0",),
    "whylogs": ("1.6.4",),
}

_applied = False


def apply() -> None:
    """Patch this process, once: to be called where a service is composed."""
    global _applied  # noqa: PLW0603 - patches are global by nature
    if not _applied:
        _applied = True
        from jubako.compat import bentoml, circus

        circus.patch_supervisor()
        bentoml.use_own_metrics_folder()


def check_versions() -> list[str]:
    """Names the versions that were not tested, and warns of them."""
    installed = {name: _installed(name) for name in TESTED}
    untested = [f"{name} {found}" for name, found in installed.items() if found not in (None, *TESTED[name])]
    if untested:
        log.warning("not tested with %s; jubako relies on private names of these", ", ".join(untested))
    return untested


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
