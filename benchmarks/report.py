"""``python -m benchmarks.report RUN.json``: ``docs/benchmarks.md``, its plots and README's numbers, from that run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import pages, readme
from benchmarks.places import ROOT
from benchmarks.plots import draw
from benchmarks.results import Run
from benchmarks.summary import Summary

DOCS = ROOT / "docs"
#: Plots and the run itself stand beside the page, in a folder of its name.
FOLDER = "benchmarks"


def write(run: Run, docs: Path) -> Path:
    summary = Summary(run)
    draw(summary, docs / FOLDER)
    page = docs / "benchmarks.md"
    page.write_text(pages.page(summary, FOLDER))
    return page


def main(given: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("run", type=Path, help="the JSON file of a whole run")
    parser.add_argument("--docs", type=Path, default=DOCS)
    options = parser.parse_args(given)
    run = Run.read(options.run)
    if run.quick:
        parser.error("a quick run is for the guard; the page is made from a whole one (`make bench`)")
    page = write(run, options.docs)
    kept = options.docs / FOLDER / "run.json"
    run.write(kept)
    introduction = options.docs.parent / "README.md"
    if introduction.exists():
        introduction.write_text(readme.put(introduction.read_text(), Summary(run)))
    print(f"wrote {page.name}, its plots, {FOLDER}/{kept.name} and the numbers of {introduction.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
