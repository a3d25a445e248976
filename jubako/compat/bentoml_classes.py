"""The private classes of BentoML that classes of the engine stand on. Importing this module imports BentoML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _bentoml_impl.server.app import ServiceAppFactory
from bentoml._internal.context import server_context

__all__ = ["AppFactory"]


class AppFactory(ServiceAppFactory):
    """Makes the application of one service; the only class through which the engine reaches BentoML's.

    It has no timeout middleware. BentoML's never cancels its timer, which keeps each request's memory for the whole
    timeout (finding 18); the engine has deadlines of its own. Tested with BentoML 1.4.39.
    """

    def __init__(self, service: Any, is_main: bool) -> None:
        super().__init__(service, is_main=is_main)
        self.timeout = None

    @property
    def instance(self) -> Any:
        """The object of the service's class; there is none before the application has started."""
        return self._service_instance

    def batch_size_observer(self, method: str) -> Callable[[int], None]:
        """Of BentoML's metric ``adaptive_batch_size``, with the labels that its dashboards expect."""
        sizes = self.adaptive_batch_size_hist.labels(
            runner_name=self.service.name,
            worker_index=server_context.worker_index,
            method_name=method,
            service_version=server_context.bento_version,
            service_name=server_context.bento_name,
        )
        observe: Callable[[int], None] = sizes.observe
        return observe
