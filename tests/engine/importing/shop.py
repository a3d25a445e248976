"""A process of its own: logs tiny models with MLflow's own flavors, imports them into a new repository, asks each.

``python shop.py ROOT`` writes ``ROOT/found.json``; the environment says where MLflow and the store are.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")

SERVICE = '''"""A shop."""

from __future__ import annotations

from jubako import model, service


@service
class Shop:
    """Models of a shop."""
'''


def main(root: Path) -> None:
    for folder in ("bentos", "training"):
        (root / folder).mkdir()
        (root / folder / "__init__.py").touch()
    (root / "bentos" / "service.py").write_text(SERVICE)
    (root / "bentofile.yaml").write_text('service: "bentos.service:Shop"\n')
    runs = log_models(root)
    rows = ["--data", str(root / "wine.csv"), "--truth", "cultivar"]
    found = {
        "pipeline": bring("models:/pipeline/1", "pipeline", *rows, "--gate", "accuracy>=0.9", "--units", "alcohol=%"),
        "booster": bring("models:/booster@champion", "booster", "--data", str(root / "houses.csv"), "--truth", "price"),
        "xbinary": bring(f"runs:/{runs['xbinary']}/xbinary", "xbinary", *rows[:2], "--truth", "is_second"),
        "three": bring("models:/three/1", "three"),
        "light": bring("models:/light/1", "light", *rows),
        "codes": bring("models:/codes/1", "codes"),
        "net": bring(str(root / "net"), "net"),
        "pickled": bring("models:/pickled/1", "pickled"),
        "allowed": bring("models:/pickled/1", "allowed", "--allow-pyfunc"),
        "unsigned": bring("models:/unsigned/1", "unsigned"),
        "nobody": bring("models:/pipeline@nobody", "nobody"),
        "again": bring("models:/pipeline/1", "pipeline"),
        "undecided": bring("models:/pipeline/1", "undecided", yes=False),
        "own": bring("models:/pipeline@champion", "own"),
    }
    answered = {name: ask(root, name) for name, told in found.items() if told["code"] == 0}
    (root / "found.json").write_text(json.dumps({"told": found, "answered": answered}))


def wine() -> tuple[pd.DataFrame, Any]:
    from sklearn.datasets import load_wine

    loaded = load_wine(as_frame=True)
    table = loaded.data.assign(region=np.where(loaded.data.alcohol > 13, "north", "south"))
    table["magnesium"] = table["magnesium"].astype(int)
    return table, loaded.target


def log_models(root: Path) -> dict[str, str]:
    """Run ids by name. Each is registered under its name."""
    import lightgbm
    import mlflow
    import torch
    import xgboost
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from jubako.training.tracking import Tracking

    client = Tracking().client
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("shop", artifact_location=(root / "logged").as_uri()))
    runs: dict[str, str] = {}

    def log(flavor: Any, model: Any, name: str, **more: Any) -> None:
        with mlflow.start_run() as run:
            mlflow.log_metric("training_accuracy_score", 0.97)
            flavor.log_model(model, name=name, registered_model_name=name, pip_requirements=[], **more)
        runs[name] = run.info.run_id

    table, kinds = wine()
    numbers = [name for name in table if name != "region"]
    names = np.array(["barolo", "grignolino", "barbera"])[kinds]
    table.assign(cultivar=names, is_second=kinds == 1).to_csv(root / "wine.csv", index=False)
    steps = ColumnTransformer([("n", StandardScaler(), numbers), ("c", OneHotEncoder(), ["region"])])
    pipeline = Pipeline([("columns", steps), ("model", LogisticRegression(max_iter=500))]).fit(table, names)
    log(mlflow.sklearn, pipeline, "pipeline", input_example=table[:30], skops_trusted_types=["numpy.dtype"])
    log(mlflow.sklearn, LogisticRegression().fit(table[numbers].to_numpy(), kinds), "unsigned", signature=False)

    random = np.random.default_rng(0)
    houses = pd.DataFrame(random.normal(size=(200, 4)), columns=pd.Index(["rooms", "age", "class", "income (k)"]))
    houses.loc[::7, "age"] = np.nan
    price = 3 * houses["rooms"] + houses["income (k)"] ** 2
    houses.assign(price=price).to_csv(root / "houses.csv", index=False)
    log(mlflow.xgboost, xgboost.XGBRegressor(n_estimators=40, max_depth=4).fit(houses, price), "booster",
        input_example=houses[:30])  # fmt: skip
    client.set_registered_model_alias("booster", "champion", "1")
    small = {"n_estimators": 8, "max_depth": 3}
    log(mlflow.xgboost, xgboost.XGBClassifier(**small).fit(table[numbers], kinds == 1), "xbinary",
        input_example=table[numbers][:30])  # fmt: skip
    log(mlflow.xgboost, xgboost.XGBClassifier(**small).fit(table[numbers], kinds), "three",
        input_example=table[numbers][:30])  # fmt: skip

    quiet = {"n_estimators": 8, "min_child_samples": 5, "verbosity": -1}
    log(mlflow.lightgbm, lightgbm.LGBMClassifier(**quiet).fit(table[numbers], names), "light",
        input_example=table[numbers][:30])  # fmt: skip
    coded = table.assign(region=pd.Categorical(table["region"]))[["hue", "region"]]
    data = lightgbm.Dataset(coded, (table["region"] == "north").astype(int))
    params = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 5, "min_data_per_group": 1}
    log(mlflow.lightgbm, lightgbm.train(params, data, 8), "codes", input_example=coded[:30])

    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 3))
    sample = random.normal(size=(20, 4)).astype(np.float32)
    mlflow.pytorch.save_model(net, str(root / "net"), input_example=sample, pip_requirements=[])

    class Sums(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: pd.DataFrame) -> Any:
            return model_input.sum(axis=1)

    log(mlflow.pyfunc, None, "pickled", python_model=Sums(), input_example=houses[["rooms", "class"]][:30])
    return runs


def bring(source: str, name: str, *words: str, yes: bool = True) -> dict[str, Any]:
    from click.testing import CliRunner

    from jubako.cli import group

    done = CliRunner().invoke(group, ["import", source, "--name", name, *words, *(["--yes"] if yes else [])])
    error = "" if done.exception is None or isinstance(done.exception, SystemExit) else repr(done.exception)
    return {"code": done.exit_code, "said": done.output, "error": error}


def ask(root: Path, name: str) -> dict[str, Any]:
    """The version in production, opened by both engines; both must answer the golden rows, or opening fails."""
    from jubako.collection import Collection
    from jubako.models import Runtime
    from jubako.versions import stages, store

    model = Collection.found(root).models[name]
    tag = stages.production(name) or ""
    served = store.open_version(tag, model)
    native = store.open_version(tag, model, Runtime(engine="native"))
    rows = served.golden_rows
    outputs = served.model.predict(model.encode(rows))
    return {
        "tag": tag,
        "engine": served.model.engine,
        "native": native.model.engine,
        "files": sorted(path.name for path in served_folder(tag).iterdir()),
        "rows": len(rows),
        "row": rows[0].model_dump(),
        "answer": model.card.prediction.model_validate({"id": f"{tag}:1", **model.decode(outputs)[0]}).model_dump(),
        "reference": sorted(store.read_reference(tag)),
        "gate": served.manifest.gate.model_dump(),
        "parity": served.manifest.parity,
    }


def served_folder(tag: str) -> Path:
    from jubako import home

    return home.model_store() / tag.replace(":", "/")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
