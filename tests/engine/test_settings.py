"""The configuration says only what something obeys."""

from __future__ import annotations

from pathlib import Path

import pytest

from jubako.settings import ConfigurationRefused, Settings, configuration_file, settings_for
from jubako.settings import read as read_for
from tests.five import COLLECTION
from tests.reading import ROOT


def read(file: Path) -> Settings:
    return read_for(file, COLLECTION)


def write(folder: Path, text: str) -> Path:
    file = folder / "configuration.yaml"
    file.write_text(text)
    return file


def test_the_project_s_own_configuration_is_accepted() -> None:
    assert read(ROOT / "configuration.yaml").gateway.workers == 1


@pytest.mark.parametrize("text", ["", "{}", "services: {}"], ids=["empty", "no keys", "no services"])
def test_what_is_not_said_has_its_default(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path, text)).model_dump() == settings_for(COLLECTION)().model_dump()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("services: {iris: {worker: 2}}", "services.iris.worker: nothing reads this key"),
        ("services: {roses: {workers: 2}}", "services.roses: nothing reads this key"),
        ("version: 1", "version: nothing reads this key"),
        ("services: {iris: {batching: {enabled: true}}}", "services.iris.batching: nothing reads this key"),
        ("services: {iris: {workers: two}}", "services.iris.workers"),
        ("services: {iris: {workers: 0}}", "services.iris.workers"),
        ("services: {iris: {workers: true}}", "services.iris.workers"),
        ("services: {image: {gpu: 1, engine: onnx}}", "engine: onnx runs on the CPU"),
        ("services: {image: {gpu: 1.5}}", "neither a share of one GPU"),
        ("services: {image: {gpu: 0.5}, sentiment: {gpu: 1}}", "mix either shares"),
        ("services: {iris: {max_tokens: 100}}", "does not read text"),
        ("services: {iris: {queue_rows: 10}}", "could never be admitted"),
        ("services: {jubako: {api_keys: {enabled: true}}}", "api_keys.file"),
        ("services: {jubako: {api_keys: {rows_a_minute: 5}}}", "need api_keys.enabled"),
        ("monitoring: {window_seconds: 0}", "monitoring.window_seconds"),
        ("monitoring: {raw_rows: true}", "monitoring.raw_rows: nothing reads this key"),
        ("{monitoring: {prediction_log: false}, services: {iris: {raw_rows: 1.0}}}", "iris.raw_rows"),
        ("loop: {models: [iris]}", "set services.iris.raw_rows"),
        ("{loop: {models: [iris]}, services: {iris: {raw_rows: 0.05}}}", "set services.iris.raw_rows"),
        ("loop: {models: [roses]}", "there is no model roses"),
        ("loop: {data: {iris: labels.csv}}", "data.iris: nothing reads this key"),
        ("loop: {rollout: {steps: [5, 60, 100]}}", "at most 50"),
        ("tracing: {endpoint: collector}", "tracing.endpoint"),
        ("tracing: {sample_rate: 0}", "tracing.sample_rate"),
        ("notify: {webhok: {}}", "notify.webhok: nothing reads this key"),
        ("notify: {webhook: {shape: slack}}", "needs either url or url_env"),
        ("notify: {mail: {host: m, sender: a@b.c, to: [d@e.f], user: x}}", "user and password_env belong together"),
        ("notify: {github: {repository: models}}", "notify.github.repository"),
        ("- a list", "must hold a mapping"),
        ("services: {", "is not YAML"),
    ],
)
def test_what_nothing_would_obey_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationRefused, match=r"configuration\.yaml") as refusal:
        read(write(tmp_path, text))
    assert complaint in str(refusal.value)


def test_every_complaint_is_listed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused) as refusal:
        read(write(tmp_path, "services: {iris: {a: 1, b: 2}, churn: {workers: -1}}"))
    assert str(refusal.value).count("\n") == 3


def test_a_named_file_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JUBAKO_CONFIG", str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigurationRefused, match="does not exist"):
        configuration_file()
