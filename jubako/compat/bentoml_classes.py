"""The private classes of BentoML that classes of the engine stand on. Importing this module imports BentoML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _bentoml_impl.server.app import ServiceAppFactory
from _bentoml_sdk.method import APIMethod
from _bentoml_sdk.models import BentoModel, Model
from bentoml._internal.context import server_context

__all__ = ["APIMethod", "AppFactory", "BentoModel", "PinnedModel", "set_import_module"]


def set_import_module(service: Any, module: str) -> None:
    """Workers import the service by its module's name; BentoML would take the module that calls its decorator."""
    service._caller_module = module


class AppFactory(ServiceAppFactory):
    """Makes the application of one service; the only class through which the engine reaches BentoML's.

    It has no timeout middleware. BentoML's never cancels its timer, which keeps each request's memory for the whole
    timeout (finding 18); the engine has deadlines of its own. Tested with BentoML 1.4.40.
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


class MergingAppFactory(AppFactory):
    """Calls of a batchable API go to ``infer`` instead of BentoML's dispatcher (see ``jubako/runner/merging.py``)."""

    async def batch_infer(self, name: str, input_args: tuple[Any, ...], input_kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        """BentoML's signature: the one argument of the API comes by place or by name."""
        (batch,) = (*input_args, *input_kwargs.values())
        return await self.infer(batch)

    async def infer(self, batch: Any) -> Any:
        raise NotImplementedError


class PinnedModel(Model[str]):
    """What a service declares and a Bento packs: a subclass says which version, when somebody builds.

    BentoML's public ways to declare a model take the newest version, or a tag that is known when the code is written.
    """
