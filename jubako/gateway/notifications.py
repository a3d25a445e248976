"""The gateway's part in telling people: the watcher, its notifier and their metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jubako.metrics.notifications import NotificationMetrics
from jubako.monitoring.report.report import Alarm
from jubako.notify.channels import SecretMissing, channels
from jubako.notify.notifier import Notifier
from jubako.notify.settings import NotifySettings
from jubako.notify.watcher import NotificationWatcher
from jubako.settings import ConfigurationRefused

SENDS_WITHIN = 2.0


class Notifications:
    def __init__(
        self, settings: NotifySettings, models: Sequence[str], alarms: Callable[[str], Sequence[Alarm]] | None
    ) -> None:
        try:
            found = channels(settings)
        except SecretMissing as error:
            raise ConfigurationRefused(str(error)) from error
        metrics = NotificationMetrics([channel.kind for channel in found])
        self._notifier = Notifier(found, metrics.count)
        self._watcher = NotificationWatcher(models, self._notifier, alarms)
        self.look = self._watcher.look

    def close(self) -> None:
        self._watcher.close()
        self._notifier.close(SENDS_WITHIN)
