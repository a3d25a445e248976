"""The servers and how each is started, with the settings that ``benchmarks.studies.tune`` found best here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.places import ROOT, Place
from benchmarks.wires import BinaryTensors, OpenInference, Records, Rows, Wire

#: All computing uses one thread in every server: only the serving is compared.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Server:
    name: str
    title: str
    note: str
    """How it is set up, in a sentence for the report."""
    wire: Wire
    command: tuple[str, ...]
    """Program and arguments, with ``{port}``, ``{model}``, ``{scratch}`` and the settings as placeholders."""
    environment: str | None = None
    """Its requirements file; None: this project's own environment."""
    packages: tuple[str, ...] = ()
    """The packages whose versions the report names."""
    env: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    """Tuned settings; the server reads them as ``BENCH_<NAME>``."""
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The values that tuning tries for each setting."""
    batching: bool = True
    documented: bool = False
    """Set up as its documentation's first pages do, with the framework's own engine: only for the iris forest."""
    prepares: str | None = None
    """``mlmodel`` for a server that needs the folder that MLflow serves."""

    def filled(self, word: str, place: Place) -> str:
        """A word of its command or environment, with its place and its settings filled in."""
        return word.format(**place.words(), **self.settings)

    def environment_variables(self, place: Place) -> dict[str, str]:
        fixed = {
            "BENCH_MODEL": place.model,
            "BENCH_FILES": str(place.files),
            "BENCH_ENGINE": "native" if self.documented else "auto",
            "BENCH_PORT": str(place.port),
            "BENCH_SCRATCH": str(place.scratch),
            "PYTHONPATH": str(ROOT),
        }
        tuned = {f"BENCH_{name.upper()}": value for name, value in self.settings.items()}
        given = {name: self.filled(value, place) for name, value in self.env.items()}
        return {**ONE_THREAD, **fixed, **tuned, **given}


def _bentoml(name: str, title: str, note: str, **more: str) -> Server:
    return Server(
        name,
        title,
        note,
        Rows(),
        ("bentoml", "serve", "benchmarks.peers.bentoml_server:Gateway", "--port", "{port}"),
        environment="bentoml",
        packages=("bentoml", "onnxruntime"),
        env={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{scratch}/bentoml"},
        settings=more,
    )


JUBAKO = Server(
    "jubako",
    "Jubako",
    "as shipped: five models, metrics and profiling on, one worker each",
    Rows("/v1/{model}/predict"),
    ("bentoml", "serve", ".", "--port", "{port}"),
    packages=("jubako", "bentoml", "onnxruntime"),
    env={"BENTOML_DO_NOT_TRACK": "True", "JUBAKO_HOME": "{scratch}/jubako"},
)

FASTAPI = Server(
    "fastapi",
    "FastAPI",
    "the model in its one process and nothing else; `async def`, orjson, uvloop",
    Rows(),
    ("uvicorn", "benchmarks.peers.fastapi_server:app", "--port", "{port}", "--no-access-log", "--log-level", "error"),
    environment="fastapi",
    packages=("fastapi", "uvicorn", "onnxruntime"),
    batching=False,
)
MLSERVER = Server(
    "mlserver",
    "MLServer",
    "custom runtime, adaptive batching, one tensor a request, categories encoded by the caller",
    OpenInference(),
    ("mlserver", "start", "{scratch}"),
    environment="mlserver",
    packages=("mlserver", "onnxruntime"),
    env={
        "MLSERVER_MODEL_NAME": "{model}",
        "MLSERVER_MODEL_IMPLEMENTATION": "benchmarks.peers.mlserver_runtime.Runtime",
        "MLSERVER_MODEL_MAX_BATCH_SIZE": "{batch}",
        "MLSERVER_MODEL_MAX_BATCH_TIME": "{wait}",
        "MLSERVER_PARALLEL_WORKERS": "{workers}",
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{second}",
        "MLSERVER_METRICS_PORT": "{third}",
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_DEBUG": "false",
    },
    settings={"batch": "64", "wait": "0.002", "workers": "0"},
    candidates={"batch": ("16", "64", "256"), "wait": ("0.0005", "0.002", "0.01"), "workers": ("0", "1")},
)
LITSERVE = Server(
    "litserve",
    "LitServe",
    "batching, one worker",
    Rows(forms=False),
    ("python", "-m", "benchmarks.peers.litserve_server"),
    environment="litserve",
    packages=("litserve", "onnxruntime"),
    settings={"batch": "64", "wait": "0.002", "fast_queue": "1", "api_servers": "1"},
    candidates={
        "batch": ("16", "64", "256"),
        "wait": ("0.0005", "0.002", "0.01"),
        "fast_queue": ("0", "1"),
        "api_servers": ("1", "2"),
    },
)
RAY = Server(
    "ray",
    "Ray Serve",
    "one replica, `@serve.batch`",
    Rows(),
    ("python", "-m", "benchmarks.peers.ray_server"),
    environment="ray",
    packages=("ray", "onnxruntime"),
    env={"RAY_SERVE_THROUGHPUT_OPTIMIZED": "{optimized}", "RAY_SERVE_ENABLE_HA_PROXY": "{ha_proxy}"},
    settings={"batch": "64", "wait": "0.002", "ongoing": "1000", "optimized": "1", "ha_proxy": "0"},
    candidates={
        "batch": ("16", "64", "256"),
        "wait": ("0.0005", "0.002", "0.01"),
        "optimized": ("0", "1"),
        "ha_proxy": ("0", "1"),
    },
)
MOSEC = Server(
    "mosec",
    "mosec",
    "HTTP in Rust, batching, the model in a Python worker",
    Rows("/inference", forms=False),
    ("python", "-m", "benchmarks.peers.mosec_server"),
    environment="mosec",
    packages=("mosec", "onnxruntime"),
    env={
        "MOSEC_ADDRESS": "127.0.0.1",
        "MOSEC_PORT": "{port}",
        "MOSEC_PATH": "{scratch}/mosec",
        "MOSEC_CAPACITY": "65536",
        "MOSEC_TIMEOUT": "60000",
        "MOSEC_LOG_LEVEL": "error",
    },
    settings={"batch": "64", "wait": "1", "workers": "1"},
    candidates={
        "batch": ("16", "32", "64", "256"),
        "wait": ("1", "2", "10"),
        "workers": ("1", "2"),
    },
)
TRITON = Server(
    "triton",
    "NVIDIA Triton",
    "Python backend, dynamic batching, one binary tensor a request, categories encoded and answers named by the caller",
    BinaryTensors(),
    ("python", "-m", "benchmarks.peers.triton_server"),
    environment="triton",
    packages=("nvidia-pytriton", "onnxruntime"),
    settings={"batch": "1024", "wait": "0", "http_threads": "8", "workers": "1"},
    candidates={
        "batch": ("64", "256", "1024"),
        "wait": ("0", "0.0005", "0.002"),
        "http_threads": ("2", "8"),
        "workers": ("1", "2"),
    },
)
MLFLOW = Server(
    "mlflow",
    "mlflow models serve",
    "the model as training registered it",
    Records(),
    (
        "mlflow",
        "models",
        "serve",
        "-m",
        "{scratch}/mlmodel",
        "--env-manager",
        "local",
        "-p",
        "{port}",
        "-w",
        "{workers}",
    ),
    environment="mlflow",
    packages=("mlflow", "onnxruntime"),
    settings={"workers": "1"},
    candidates={"workers": ("1", "2")},
    batching=False,
    prepares="mlmodel",
)
PEERS = (
    _bentoml("bentoml", "plain BentoML", "as documented: gateway, `bentoml.depends`, batchable runner"),
    _bentoml(
        "bentoml-tuned",
        "plain BentoML, tuned",
        "the same with every setting that it offers against lost requests and overhead",
        tuned="1",
    ),
    MLSERVER,
    LITSERVE,
    RAY,
    MOSEC,
    TRITON,
    FASTAPI,
    MLFLOW,
)


def _documented(server: Server, note: str, **changes: Any) -> Server:
    named = replace(server, name=f"{server.name}-documented", title=f"{server.title}, first pages", note=note)
    return replace(named, documented=True, candidates={}, **changes)


#: Set up like the first example of the documentation, with scikit-learn's own forest.
DOCUMENTED = (
    _documented(PEERS[0], "scikit-learn in the batchable runner"),
    _documented(MLSERVER, "no batching, one inference worker", settings={"batch": "0", "wait": "0", "workers": "1"}),
    _documented(
        LITSERVE,
        "no batching",
        settings={"batch": "1", "wait": "0", "fast_queue": "0", "api_servers": "1"},
        batching=False,
    ),
    _documented(
        RAY,
        "no batching",
        settings={"batch": "1", "wait": "0", "ongoing": "100", "optimized": "0", "ha_proxy": "0"},
        batching=False,
    ),
    _documented(
        MOSEC, "batches of four requests, ten milliseconds' wait", settings={"batch": "4", "wait": "10", "workers": "1"}
    ),
    _documented(
        FASTAPI,
        "`def`, a dictionary as the answer",
        command=("uvicorn", "benchmarks.peers.fastapi_documented:app", "--port", "{port}"),
    ),
    _documented(MLFLOW, "scikit-learn's forest"),
)

SERVERS: dict[str, Server] = {server.name: server for server in (JUBAKO, *PEERS, *DOCUMENTED)}
