"""``make dashboards``: write every dashboard as Grafana reads it."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import drift, one_model, overview, runtime

BOARDS = {"overview": overview, "model": one_model, "drift": drift, "runtime": runtime}
FOLDER = Path(__file__).resolve().parent / "dashboards"


def rendered(name: str) -> str:
    return JSONEncoder(sort_keys=True, indent=1).encode(BOARDS[name].dashboard().build()) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(rendered(name))


if __name__ == "__main__":
    main()
