"""MLflow's aliases follow the stage pointer: ``champion`` is in production, ``challenger`` is the candidate."""

from __future__ import annotations

import sys

from jubako.training.tracking import CHALLENGER, CHAMPION, Tracking, TrackingFailed
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused


def mirror(model: str) -> str | None:
    """Best effort: the pointer is the truth, and moves even when MLflow is away. Returns what went wrong, in words."""
    try:
        tracking = Tracking()
        for alias, tag in ((CHAMPION, stages.production(model)), (CHALLENGER, stages.candidate(model))):
            if tag is None:
                tracking.drop_alias(model, alias)
            else:
                evidence = store.read_manifest(tag)
                tracking.set_alias(model, alias, evidence.registered_version, evidence.run_id)
    except (TrackingFailed, VersionRefused) as error:
        return f"MLflow's aliases of {model} do not follow: {error}"
    return None


if __name__ == "__main__":  # for a process that must not import MLflow
    if warning := mirror(sys.argv[1]):
        sys.exit(warning)
