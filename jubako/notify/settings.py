"""Where people are told: the section ``notify:`` of ``configuration.yaml``. Off until a channel is named.

Secrets are never in the file: it names environment variables that hold them.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Address = Annotated[str, Field(pattern=r"^https?://\S+$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""
Mailbox = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WebhookSettings(_Strict):
    """A POST with JSON."""

    url: Address | None = None
    url_env: Variable | None = None
    """The variable that holds the address, where the address itself is a secret, as Slack's is."""
    shape: Literal["generic", "slack"] = "generic"
    """``slack``: ``{"text": ...}``, which Slack, Mattermost and others take."""

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("a webhook needs either url or url_env")
        return self


class MailSettings(_Strict):
    """One e-mail for each event, by SMTP."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Mailbox
    to: Annotated[list[Mailbox], Field(min_length=1)]
    starttls: bool = True
    user: str | None = None
    password_env: Variable | None = None

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.user is None) != (self.password_env is None):
            raise ValueError("user and password_env belong together")
        if self.user is not None and not self.starttls:
            raise ValueError("starttls: false would send the password in the clear")
        return self


class GitHubSettings(_Strict):
    """A ``repository_dispatch`` when drift or lost quality begins: it starts the workflow that trains."""

    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    token_env: Variable = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
    event_type: Annotated[str, Field(min_length=1, max_length=100)] = "drift"
    api: Address = "https://api.github.com"


class NotifySettings(_Strict):
    webhook: WebhookSettings | None = None
    mail: MailSettings | None = None
    github: GitHubSettings | None = None

    @property
    def on(self) -> bool:
        return (self.webhook or self.mail or self.github) is not None
