"""Which programs the stack has on this machine, and with which settings."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml

from deploy.stack.program import Program
from jubako import home

DEPLOY = Path(__file__).resolve().parents[1]
#: Debian installs servers outside a user's PATH.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
LEFT_OUT = {
    "nginx": "one replica serves, without a load balancer (Debian, Ubuntu: apt-get install nginx-light)",
    "prometheus": "nothing collects metrics (Debian, Ubuntu: apt-get install prometheus)",
    "alertmanager": "nobody is told of alarms (Debian, Ubuntu: apt-get install prometheus-alertmanager)",
    "grafana": "its dashboards are in deploy/grafana, and in the stack of deploy/compose",
    "jupyter": "it is in the stack of deploy/compose",
}


@dataclass(frozen=True)
class Ports:
    service: int = 3000
    mlflow: int = 5000
    prometheus: int = 9090
    alertmanager: int = 9093

    def replicas(self, has_balancer: bool) -> tuple[int, ...]:
        return (self.service + 1, self.service + 2) if has_balancer else (self.service,)


@dataclass(frozen=True)
class StackPlan:
    programs: list[Program]
    left_out: dict[str, str]


def plan(ports: Ports, folder: Path) -> StackPlan:
    """The programs, in the order in which they start."""
    nginx, prometheus, alertmanager = (
        shutil.which(name, path=PATH) for name in ("nginx", "prometheus", "prometheus-alertmanager")
    )
    replicas = ports.replicas(has_balancer=nginx is not None)
    programs = [_replica(number, port) for number, port in enumerate(replicas, 1)]
    programs.append(_mlflow(ports.mlflow))
    if prometheus:
        told = [f"127.0.0.1:{ports.alertmanager}"] if alertmanager else []
        programs.append(_prometheus(prometheus, ports.prometheus, replicas, told, folder / "prometheus"))
        if alertmanager:
            programs.append(_alertmanager(alertmanager, ports.alertmanager, folder / "alertmanager"))
    if nginx:
        programs.append(load_balancer(nginx, ports.service, replicas, folder / "nginx"))
    there = {program.name for program in programs}
    return StackPlan(programs, {name: why for name, why in LEFT_OUT.items() if name not in there})


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _replica(number: int, port: int) -> Program:
    return Program(
        name=f"replica-{number}",
        about="the composed service",
        command=(_program("bentoml"), "serve", str(home.repository()), "--host", "127.0.0.1", "--port", str(port)),
        address=f"http://127.0.0.1:{port}",
        health=f"http://127.0.0.1:{port}/readyz",
    )


def _mlflow(port: int) -> Program:
    store = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.jubako_home() / 'mlflow.db'}"
    command = (_program("mlflow"), "server", "--backend-store-uri", store, "--host", "127.0.0.1", "--port", str(port))
    return Program(
        name="mlflow",
        about="runs, metrics and the registry",
        command=(*command, "--workers", "1"),
        address=f"http://127.0.0.1:{port}",
        health=f"http://127.0.0.1:{port}/health",
        # The page needs no jobs, and their runner does not always end on SIGTERM.
        environment={"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )


def _prometheus(program: str, port: int, replicas: tuple[int, ...], told: list[str], folder: Path) -> Program:
    """The files of ``deploy/prometheus`` with this machine's targets beside them."""
    shutil.copytree(DEPLOY / "prometheus", folder, dirs_exist_ok=True)
    about_itself = (folder / "prometheus.yml").read_text().replace("localhost:9090", f"127.0.0.1:{port}")
    (folder / "prometheus.yml").write_text(about_itself)
    targets = [{"targets": [f"127.0.0.1:{replica}" for replica in replicas]}]
    (folder / "targets.yml").write_text(yaml.safe_dump(targets))
    (folder / "alertmanagers.yml").write_text(yaml.safe_dump([{"targets": told}]))
    return Program(
        name="prometheus",
        about="metrics and alarms",
        command=(
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ),
        address=f"http://127.0.0.1:{port}",
        health=f"http://127.0.0.1:{port}/-/ready",
    )


def _alertmanager(program: str, port: int, folder: Path) -> Program:
    """The files of ``deploy/alertmanager``, which name each other by their place in a container."""
    shutil.copytree(DEPLOY / "alertmanager", folder, dirs_exist_ok=True)
    file = folder / "alertmanager.yml"
    file.write_text(file.read_text().replace("/etc/alertmanager/", f"{folder}/"))
    return Program(
        name="alertmanager",
        about="tells people of alarms",
        command=(
            program,
            f"--config.file={file}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ),
        address=f"http://127.0.0.1:{port}",
        health=f"http://127.0.0.1:{port}/-/ready",
    )


#: Replaces the official image's nginx.conf; every path is in one folder.
NGINX = """\
daemon off;
$user
worker_processes 1;
pid $folder/nginx.pid;
error_log stderr warn;
events { worker_connections 2048; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    scgi_temp_path $folder/scgi;
    uwsgi_temp_path $folder/uwsgi;
    include $folder/jubako.conf;
}
"""


def load_balancer(program: str, port: int, replicas: tuple[int, ...], folder: Path) -> Program:
    folder.mkdir(parents=True, exist_ok=True)
    template = Template((DEPLOY / "nginx" / "jubako.conf.template").read_text())
    first, second = (f"127.0.0.1:{replica}" for replica in replicas)
    ours = template.safe_substitute(RESOLVER="", REPLICA_A=first, REPLICA_B=second, LISTEN=f"127.0.0.1:{port}")
    (folder / "jubako.conf").write_text(ours)
    # Started by root, nginx switches to a user without access to this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(Template(NGINX).substitute(user=user, folder=folder))
    return Program(
        name="nginx",
        about="the load balancer of both replicas",
        command=(program, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")),
        address=f"http://127.0.0.1:{port}",
        health=f"http://127.0.0.1:{port}/readyz",
    )
