"""The three ways to tell: each sends one event, or raises ``Undelivered``. No message of an error has a secret."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from typing import Any, Literal, Protocol

from jubako.notify.events import Event
from jubako.notify.settings import GitHubSettings, MailSettings, NotifySettings, WebhookSettings

ChannelKind = Literal["webhook", "mail", "github"]
SECONDS = 10.0
"""How long the other side may take."""


class Undelivered(Exception):
    """``again``: whether another attempt may succeed."""

    def __init__(self, why: str, *, again: bool) -> None:
        self.again = again
        super().__init__(why)


class SecretMissing(ValueError):
    """An environment variable that the settings name is not set."""


class Channel(Protocol):
    kind: ChannelKind

    def takes(self, event: Event) -> bool: ...

    def send(self, event: Event) -> None:
        """Raises ``Undelivered``."""
        ...


def channels(settings: NotifySettings) -> list[Channel]:
    """Raises ``SecretMissing``."""
    return list(_channels(settings))


def _channels(settings: NotifySettings) -> Iterator[Channel]:
    if settings.webhook is not None:
        yield Webhook(settings.webhook)
    if settings.mail is not None:
        yield Mail(settings.mail)
    if settings.github is not None:
        yield GitHub(settings.github)


class Webhook:
    kind: ChannelKind = "webhook"

    def __init__(self, settings: WebhookSettings) -> None:
        self._url = settings.url or _secret("webhook.url_env", settings.url_env)
        self._shape = settings.shape

    def takes(self, event: Event) -> bool:  # noqa: ARG002 - every event
        return True

    def send(self, event: Event) -> None:
        slack = {"text": f"*{event.title}*\n{event.text}"}
        _post(self._url, slack if self._shape == "slack" else event.content())


class GitHub:
    kind: ChannelKind = "github"

    def __init__(self, settings: GitHubSettings) -> None:
        self._settings = settings
        self._token = _secret("github.token_env", settings.token_env)

    def takes(self, event: Event) -> bool:
        """What a new training may answer."""
        return event.kind in ("alarm", "test")

    def send(self, event: Event) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/vnd.github+json"}
        body = {
            "event_type": "test" if event.kind == "test" else self._settings.event_type,
            "client_payload": {"model": event.model, "name": event.name, "text": event.text},
        }
        _post(f"{self._settings.api.rstrip('/')}/repos/{self._settings.repository}/dispatches", body, headers)


class Mail:
    kind: ChannelKind = "mail"

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._password = _secret("mail.password_env", settings.password_env) if settings.password_env else None

    def takes(self, event: Event) -> bool:  # noqa: ARG002 - every event
        return True

    def send(self, event: Event) -> None:
        settings = self._settings
        message = EmailMessage()
        message["From"], message["To"] = settings.sender, ", ".join(settings.to)
        message["Subject"] = " ".join(event.title.split())
        numbers = "\n".join(f"{name}: {value:.4g}" for name, value in event.numbers.items())
        message.set_content(f"{event.text}\n\n{numbers}\n" if numbers else f"{event.text}\n")
        try:
            with smtplib.SMTP(settings.host, settings.port, timeout=SECONDS) as server:
                if settings.starttls:
                    server.starttls()
                if settings.user is not None and self._password is not None:
                    server.login(settings.user, self._password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise Undelivered(f"every recipient was refused ({codes[0]})", again=all(c < 500 for c in codes)) from None
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"the server answered {error.smtp_code}", again=error.smtp_code < 500) from None
        except (OSError, smtplib.SMTPException) as error:
            raise Undelivered(f"{settings.host} did not take it: {type(error).__name__}", again=True) from None


def _post(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
    import httpx

    try:
        answer = httpx.post(url, json=body, headers=headers, timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Undelivered(f"no answer: {type(error).__name__}", again=not isinstance(error, httpx.InvalidURL)) from None
    if answer.status_code >= 300:
        again = answer.status_code >= 500 or answer.status_code in (408, 429)
        raise Undelivered(f"it answered {answer.status_code}", again=again)


def _secret(key: str, variable: str | None) -> str:
    value = os.environ.get(variable or "")
    if not value:
        raise SecretMissing(f"notify.{key} names {variable}, which is not set in the environment")
    return value
