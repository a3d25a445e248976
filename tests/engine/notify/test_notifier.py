"""Notifications reach real receivers, are tried again when these fail, and hold nobody up."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from jubako.cli import group
from jubako.notify import notifier as notifying
from jubako.notify.channels import Channel, ChannelKind, SecretMissing, channels
from jubako.notify.events import Event
from jubako.notify.notifier import Notifier
from jubako.notify.settings import GitHubSettings, MailSettings, NotifySettings, WebhookSettings
from tests.engine.notify.receivers import mail_receiver, web_receiver
from tests.serving import free_port

ROLLED_BACK = Event("rollout", "roll_back", "iris", "iris: rolled back", "More failed.", numbers={"harm": 120.0})
DRIFTED = Event("alarm", "JubakoDrift", "iris", "iris: JubakoDrift (warning)", "petal_width has drifted.")


def web(url: str, **more: str) -> NotifySettings:
    return NotifySettings(webhook=WebhookSettings.model_validate({"url": url, **more}))


def mail(port: int) -> NotifySettings:
    told = MailSettings(
        host="127.0.0.1", port=port, sender="jubako@example.com", to=["ops@example.com"], starttls=False
    )
    return NotifySettings(mail=told)


def send(settings: NotifySettings, *events: Event) -> Counter[tuple[str, str]]:
    """How each ended."""
    counts: Counter[tuple[str, str]] = Counter()
    notifier = Notifier(channels(settings), lambda kind, outcome: counts.update([(kind, outcome)]), first_pause=0.01)
    for event in events:
        notifier.tell(event)
    wait_for(lambda: counts.total() == len(events))
    assert notifier.close(10.0)
    return counts


def wait_for(is_so: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never became so")


def test_a_webhook_gets_the_event_as_json_in_either_shape() -> None:
    with web_receiver() as receiver:
        assert send(web(receiver.url), ROLLED_BACK) == {("webhook", "sent"): 1}
        send(web(receiver.url, shape="slack"), ROLLED_BACK)
    generic, slack = receiver.bodies
    assert generic == ROLLED_BACK.content()
    assert slack == {"text": "*iris: rolled back*\nMore failed."}


def test_a_receiver_that_fails_for_a_while_gets_it_later_and_once() -> None:
    with web_receiver(500, 503, 429) as receiver:
        assert send(web(receiver.url), ROLLED_BACK) == {("webhook", "sent"): 1}
    assert len(receiver.requests) == 4


def test_a_receiver_that_refuses_is_not_asked_again_and_one_that_stays_down_is_given_up() -> None:
    with web_receiver(404) as receiver:
        assert send(web(receiver.url), ROLLED_BACK) == {("webhook", "failed"): 1}
        assert len(receiver.requests) == 1
    assert send(web(f"http://127.0.0.1:{free_port()}/"), ROLLED_BACK) == {("webhook", "failed"): 1}


def test_an_e_mail_has_title_text_and_numbers_and_survives_a_busy_server() -> None:
    with mail_receiver("451 later") as receiver:
        assert send(mail(receiver.port), ROLLED_BACK) == {("mail", "sent"): 1}
    (message,) = receiver.messages
    assert (message["Subject"], message["To"], message["From"]) == (
        "iris: rolled back", "ops@example.com", "jubako@example.com",
    )  # fmt: skip
    assert message.get_content().split() == ["More", "failed.", "harm:", "120"]


def test_a_mail_server_that_refuses_the_sender_is_not_asked_again() -> None:
    with mail_receiver("550 no", "550 no") as receiver:
        assert send(mail(receiver.port), ROLLED_BACK) == {("mail", "failed"): 1}
        assert len(receiver.answers) == 1


def test_github_is_told_of_alarms_only_with_the_token_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_TOKEN", "secret-token")
    with web_receiver() as receiver:
        api = receiver.url.removesuffix("/hook")
        github = GitHubSettings(repository="team/models", token_env="TRAINING_TOKEN", api=api)  # noqa: S106 - a name
        settings = NotifySettings(github=github)
        assert not channels(settings)[0].takes(ROLLED_BACK)
        assert send(settings, DRIFTED) == {("github", "sent"): 1}
    ((path, headers, body),) = receiver.requests
    assert path == "/repos/team/models/dispatches"
    assert headers["Authorization"] == "Bearer secret-token"
    assert body["event_type"] == "drift"
    assert body["client_payload"]["model"] == "iris"


def test_a_secret_that_is_not_set_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    with pytest.raises(SecretMissing, match=r"notify\.webhook\.url_env names HOOK, which is not set"):
        channels(NotifySettings(webhook=WebhookSettings(url_env="HOOK")))


class Stuck:
    """A channel that takes for ever."""

    kind: ChannelKind = "webhook"

    def __init__(self) -> None:
        self.go = threading.Event()

    def takes(self, event: Event) -> bool:
        return True

    def send(self, event: Event) -> None:
        self.go.wait()


def test_telling_never_waits_and_what_finds_a_full_queue_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notifying, "WAITING", 3)
    counts: Counter[tuple[str, str]] = Counter()
    stuck = Stuck()
    found: list[Channel] = [stuck]
    with web_receiver() as receiver:
        found += channels(web(receiver.url))
        notifier = Notifier(found, lambda kind, outcome: counts.update([(kind, outcome)]))
        for _ in range(10):
            notifier.tell(ROLLED_BACK)
            wait_for(lambda: counts["webhook", "sent"] == len(receiver.requests) > 0)
        assert counts["webhook", "dropped"] >= 6
        assert not notifier.close(0.05)
    stuck.go.set()
    assert notifier.close(10.0)


def test_the_command_tries_every_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "configuration.yaml"
    monkeypatch.setenv("JUBAKO_CONFIG", str(file))
    file.write_text("{}")
    assert "names no channel" in CliRunner().invoke(group, ["notify"]).output
    with web_receiver() as receiver:
        file.write_text(
            f"notify: {{webhook: {{url: '{receiver.url}'}}, mail: {{host: 127.0.0.1, port: {free_port()}, "
            "sender: a@example.com, to: [b@example.com], starttls: false}}"
        )
        assert CliRunner().invoke(group, ["notify"]).output == "webhook\nmail\n"
        assert not receiver.requests
        done = CliRunner().invoke(group, ["notify", "--test"])
    assert done.exit_code == 1
    assert "webhook: sent" in done.output
    assert "mail: not sent: 127.0.0.1 did not take it" in done.output
    assert receiver.bodies[0]["kind"] == "test"
