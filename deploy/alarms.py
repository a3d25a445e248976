"""``make alarms``: writes the alarms of ``deploy/prometheus/rules`` as a manifest for the Prometheus operator."""

from __future__ import annotations

from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
RULES = HERE / "prometheus" / "rules"
MANIFEST = HERE / "kubernetes" / "operator" / "prometheusrule.yaml"
HEAD = "# Written by `make alarms` from deploy/prometheus/rules, where the reasons stand; do not edit.\n"


class _Readable(yaml.SafeDumper):
    """Keeps multi-line expressions."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


def rendered() -> str:
    groups = [group for file in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(file.read_text())["groups"]]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "jubako", "labels": {"app.kubernetes.io/name": "jubako"}},
        "spec": {"groups": groups},
    }
    return HEAD + yaml.dump(manifest, Dumper=_Readable, sort_keys=False, width=1_000)


if __name__ == "__main__":
    MANIFEST.write_text(rendered())
