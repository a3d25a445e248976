"""Composes a service from a class body: ``@service`` makes a runner and a typed route for each ``model(...)``.

An own route runs as it is; a route that the class does not have is generated. The result is an ordinary BentoML
service: ``bentoml serve``, ``bentoml build`` and BentoML's client work as usual.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Generic, cast, overload

import bentoml

from jubako import building, compat, home
from jubako.answer import Answer
from jubako.card import PredictionT, RowT
from jubako.collection import Collection
from jubako.compat.bentoml_classes import APIMethod, set_import_module
from jubako.gateway.gateway import Gateway
from jubako.gateway.service import Composition, GatewayService, gateway_of
from jubako.models import AnyModel, Batch, Model
from jubako.process import devices
from jubako.runner.app import RunnerService
from jubako.runner.loader import ModelLoader
from jubako.settings import Settings, configuration_file, read

#: The maximal batch of BentoML's API, in calls of the gateway.
MERGED_CALLS = 2


class ServedModel(Generic[RowT, PredictionT]):
    """``self.churn`` in an own route: predictions through the gateway's queue of the model."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self._gateway = gateway
        self._name = name

    async def predict(self, rows: Sequence[RowT]) -> list[PredictionT]:
        """One prediction for each row, in order, each with its id."""
        predictions: list[PredictionT] = await self._gateway.endpoint(self._name).predict(rows)
        return predictions


class ModelAttribute(Generic[RowT, PredictionT]):
    """The class attribute that ``model(ChurnModel)`` makes."""

    def __init__(self, model: type[Model[RowT, PredictionT]]) -> None:
        self.model = model

    @overload
    def __get__(self, instance: None, owner: type) -> ModelAttribute[RowT, PredictionT]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> ServedModel[RowT, PredictionT]: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else ServedModel(gateway_of(instance), self.model.card.name)


def model(model: type[Model[RowT, PredictionT]]) -> ModelAttribute[RowT, PredictionT]:
    """A model of the service: ``churn = model(ChurnModel)``. The attribute is named as the card is."""
    return ModelAttribute(model)


def service(cls: type) -> GatewayService[Any]:
    """The composed service of a class. Only this must be importable by name: workers find their runners in it."""
    compat.apply()
    models = _models(cls)
    home.serve_from(_root(cls))
    collection = Collection.of(cls.__name__.lower(), models)
    settings = read(configuration_file(), collection)
    composition = Composition(collection, settings, (cls.__doc__ or "").strip())
    routes = {api.route for api in vars(cls).values() if isinstance(api, APIMethod)}
    for one in models:
        name = one.card.name
        if settings.runner(name).placement == "gateway":
            setattr(cls, f"{name}_version", building.VersionInProduction(one.card))
        else:
            setattr(cls, f"{name}_runner", bentoml.depends(_runner(one, settings)))
        if f"/v1/{name}/predict" not in routes:
            setattr(cls, f"predict_{name}", _route(one))
    _add_gateway(cls, composition)
    made = cast(
        "GatewayService[Any]",
        bentoml.service(
            name=collection.name,
            service_class=GatewayService,
            image=building.image(),
            labels=building.Labels(collection),
            **_without_access_log({"workers": settings.gateway.workers}),
        )(cls),
    )
    made.composition = composition
    set_import_module(made, cls.__module__)
    return made


def _models(cls: type) -> list[type[AnyModel]]:
    declared = {name: value.model for name, value in vars(cls).items() if isinstance(value, ModelAttribute)}
    misnamed = [f"{name} = model({one.__name__})" for name, one in declared.items() if one.card.name != name]
    if misnamed:
        raise TypeError(f"{cls.__name__}: an attribute has the name of its model's card, unlike {', '.join(misnamed)}")
    if cls.__name__.lower() in declared:
        raise TypeError(f"{cls.__name__}: the service needs another name than its model {cls.__name__.lower()}")
    if not declared:
        raise TypeError(f"{cls.__name__} has no model: write `name = model(NameModel)` into the class")
    return list(declared.values())


def _root(cls: type) -> Path:
    """The folder that holds the package of the class's module; the working folder for an interactive session."""
    file = getattr(sys.modules[cls.__module__], "__file__", None)
    return Path(file).resolve().parents[cls.__module__.count(".")] if file else Path.cwd()


def _runner(model: type[AnyModel], settings: Settings) -> Any:
    """One BentoML service for one model. Served alone, it is ``bentoml serve bentos.service:Jubako.iris_runner``."""
    card, chosen = model.card, settings.runner(model.card.name)

    class Runner:
        version = building.VersionInProduction(card)

        def __init__(self) -> None:
            self.loader = ModelLoader(model, chosen)
            self.loader.refresh()

        predict = bentoml.api(_predict(model), batchable=True, max_batch_size=MERGED_CALLS * chosen.call_rows(card))

    # BentoML's threads only wait for the model; the model's own threads are those of its engine.
    parameters: dict[str, Any] = {"workers": chosen.workers, "threads": card.batching.at_once}
    if share := _gpu_share(chosen.gpu):
        parameters["resources"] = {"gpu": share}
    made = bentoml.service(name=card.name, service_class=RunnerService, **_without_access_log(parameters))(Runner)
    made.settings = settings
    return made


def _predict(model: type[AnyModel]) -> Callable[..., Any]:
    """The runner's one method. ``Model.in_thread`` decides where the merger calls it."""

    def predict(self: Any, batch: Any) -> Any:
        return self.loader.predict(batch).outputs

    predict.__annotations__ = {"batch": model.array, "return": Batch}
    return predict


def _route(model: type[AnyModel]) -> Any:
    card = model.card

    async def predict(self: Any, inputs: Any) -> Any:
        return await gateway_of(self).answer(card.name, inputs)

    predict.__name__ = predict.__qualname__ = card.name
    predict.__doc__ = card.title
    predict.generated = True  # type: ignore[attr-defined]  # not an own route
    inputs = list[Path] if card.media == "files" else list[card.row]  # type: ignore[name-defined]
    predict.__annotations__ = {"inputs": inputs, "return": Answer[card.prediction]}  # type: ignore[name-defined]
    return bentoml.api(predict, route=f"/v1/{card.name}/predict")


def _add_gateway(cls: type, composition: Composition) -> None:
    """An instance has a gateway before its class's own ``__init__`` runs."""
    own = cast(Callable[..., None], cls.__init__)  # type: ignore[misc]

    @wraps(own)
    def init(self: Any) -> None:
        self.__dict__["_gateway"] = Gateway(composition.collection, composition.settings, composition.description)
        own(self)

    cls.__init__ = init  # type: ignore[misc]


def _without_access_log(parameters: dict[str, Any]) -> dict[str, Any]:
    """BentoML's access log costs more than the models; the gateway has its own."""
    return {**parameters, "logging": {"access": {"enabled": False}}}


def _gpu_share(gpu: float | str) -> float | int:
    """The resource to request from BentoML; none without a GPU: the runner then reports that itself."""
    if gpu == 0 or devices.gpus() == 0:
        return 0
    if gpu == "auto":
        return 0.5  # two nets fit on one GPU; 0.6 + 0.4 would not
    return int(gpu) if float(gpu).is_integer() else float(gpu)
