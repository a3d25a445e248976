"""The service with one mechanism switched off, as the environment variable ``ABLATE`` says.

``ABLATE=standby bentoml serve benchmarks.studies.ablated_service:Jubako``. An ablation replaces objects of the engine
in this process, after the service is imported; the product has no such switches. An object that does not exist any
more is an error. ``FAULT`` makes a model bad, as in ``tests.chaos.faults``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from bentos.service import Jubako
from tests.chaos import faults

__all__ = ["Jubako"]


def replace(target: str, substitute: Any) -> None:
    """Put ``substitute`` in place of ``module:name`` or ``module:Class.method``, wherever the engine imported it."""
    module_name, _, path = target.partition(":")
    module = import_module(module_name)
    owner, _, attribute = path.rpartition(".")
    if owner:
        cls = getattr(module, owner)
        getattr(cls, attribute)
        setattr(cls, attribute, substitute)
        return
    original = getattr(module, path)
    for name, loaded in list(sys.modules.items()):
        if name.partition(".")[0] in ("jubako", "bentos"):
            for key, value in list(vars(loaded).items()):
                if value is original:
                    setattr(loaded, key, substitute)


def _nothing(*_: object, **__: object) -> None:
    pass


async def _never(*_: object, **__: object) -> None:
    pass


def _unchecked(check: Any, batch: Any) -> Any:
    return check.model.predict(batch)


def _serve_without_standby() -> None:
    """What a worker needs without the fork: it must not hold the sockets of other services."""
    if "--fd" in sys.argv:
        from jubako.process import prefork

        prefork._close_foreign_listeners(int(sys.argv[sys.argv.index("--fd") + 1]))  # noqa: SLF001


async def _decode_on_the_loop(pool: Any, files: Sequence[bytes], *_: object) -> list[Any]:
    return [pool._decode(file) for file in files]  # noqa: SLF001


#: Ablation -> what it replaces and by what.
ABLATIONS: dict[str, dict[str, Any]] = {
    "output-check": {
        "jubako.runner.output_checks:RepeatCheck.predict": _unchecked,
        "jubako.runner.output_checks:KnownRowCheck.predict": _unchecked,
    },
    "packet-filter": {"jubako.gateway.draining:refuse_connections": _nothing},
    "give-back": {"jubako.process.memory:trim_when_idle": _never},
    "standby": {"jubako.process.prefork:fork_and_watch": _serve_without_standby},
    "decode-threads": {"jubako.gateway.decoding:DecodePool.__call__": _decode_on_the_loop},
    "metrics": {
        f"jubako.metrics.gateway:CallCounts.{name}": _nothing for name in ("answered", "request", "batch", "fault")
    },
}


def ablate(name: str) -> None:
    for target, substitute in ABLATIONS[name].items():
        replace(target, substitute)


faults.install()
for chosen in filter(None, [os.environ.get("ABLATE")]):
    ablate(chosen)
