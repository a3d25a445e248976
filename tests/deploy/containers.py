"""The image as a container, with docker or podman; where only buildah is, in namespaces of our own.

Each way gives the rights that ``deploy/compose`` gives: user 1034, a root that nobody writes to, no capability, and the
network of this machine, so that no bridge is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import psutil

from tests import plain_http

USER = "1034"
STATE = "/var/lib/jubako"
BASE_IMAGE = "docker.io/library/python:3.11-slim"


def call(*command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)


def engine() -> tuple[str, str]:
    """What can build and start an image here, or the empty word and why there is none."""
    found = [name for name in ("docker", "podman", "buildah") if shutil.which(name)]
    wanted = [os.environ["BACKEND"]] if os.environ.get("BACKEND") else found
    reasons = [] if wanted else ["none of docker, podman and buildah is installed"]
    for name in wanted:
        if name == "buildah" and os.geteuid() != 0:
            reasons.append("buildah alone can start a container only for root")
        elif (asked := call(name, "info")).returncode != 0:
            reasons.append(f"{name} does not work: {(asked.stderr or asked.stdout).strip().splitlines()[-1]}")
        elif (pulled := _base_image(name)).returncode != 0:
            reasons.append(f"{name} cannot pull {BASE_IMAGE}: {pulled.stderr.strip().splitlines()[-1]}")
        else:
            return name, ""
    return "", "; ".join(reasons)


def _base_image(name: str) -> subprocess.CompletedProcess[str]:
    there = call(name, "inspect", "--type", "image", BASE_IMAGE)
    return there if there.returncode == 0 else call(name, "pull", BASE_IMAGE, seconds=600)


class Container(Protocol):
    """A started container: what a test does to one."""

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as the user of the image."""

    def stop(self) -> int:
        """SIGTERM, and the exit status."""

    def remove(self) -> None: ...

    def log(self) -> str: ...


class Contained:
    """Started by docker or podman."""

    def __init__(self, engine: str, image: str, state: Path, port: int) -> None:
        self._engine = engine
        rights = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        places = ["--tmpfs", "/tmp:mode=1777,size=256m", "--volume", f"{state}:{STATE}"]  # noqa: S108 - inside
        started = call(
            *(engine, "run", "--detach", "--network", "host", "--env", f"PORT={port}", "--no-healthcheck"),
            *(*rights, *places, image, "serve"),
        )
        assert started.returncode == 0, started.stderr
        self._id = started.stdout.strip()

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        return call(self._engine, "exec", self._id, *command)

    def stop(self) -> int:
        call(self._engine, "stop", "--time", "20", self._id)
        return int(call(self._engine, "inspect", "--format", "{{.State.ExitCode}}", self._id).stdout)

    def remove(self) -> None:
        call(self._engine, "rm", "--force", "--volumes", self._id)

    def log(self) -> str:
        said = call(self._engine, "logs", self._id)
        return said.stdout + said.stderr


#: Buildah's own ``run`` has no read-only root.
ENTER = """\
set -e
root=$1 state=$2; shift 2
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$root/tmp"
mount --bind "$state" "$root/var/lib/jubako"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
touch "$root/etc/hosts"
mount --bind /etc/hosts "$root/etc/hosts"
mount -o remount,ro,bind "$root"
exec chroot "$root" setpriv --reuid 1034 --regid 1034 --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all "$@"
"""


class Unshared:
    """What buildah built, in namespaces of its own: mounts and processes. Only an engine filters system calls too."""

    def __init__(self, engine: str, image: str, state: Path, port: int) -> None:
        self._engine = engine
        self._id = call(engine, "from", "--pull-never", image).stdout.strip()
        root = call(engine, "mount", self._id).stdout.strip()
        config = json.loads(call(engine, "inspect", self._id).stdout)["OCIv1"]["config"]
        self._log = state.with_suffix(".log")
        self._inside = ("env", "-i", f"--chdir={config['WorkingDir']}", *config["Env"], f"PORT={port}")
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        started = (*self._inside, *config["Entrypoint"], "serve")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*namespaces, "sh", "-c", ENTER, "enter", root, str(state), *started], stdout=log, stderr=log
            )

    @property
    def _first(self) -> int:
        """The container's process 1, as this machine counts."""
        (child,) = psutil.Process(self._process.pid).children()
        return child.pid

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        place = ("nsenter", "--target", str(self._first), "--mount", "--pid", "--root", "--setuid", USER)
        return call(*place, "--setgid", USER, *self._inside, *command)

    def stop(self) -> int:
        psutil.Process(self._first).terminate()
        return self._process.wait(20)

    def remove(self) -> None:
        self._process.kill()
        self._process.wait()
        call(self._engine, "rm", self._id)

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@dataclass
class Served:
    """A container that serves, and the folder that it has from outside."""

    url: str
    state: Path
    container: Container

    def wait(self, status: int, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if plain_http.get(f"{self.url}/readyz", timeout=5).status_code == status:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"/readyz did not say {status}:\n{self.container.log()[-4000:]}")

    def python(self, code: str) -> Any:
        """What a program inside prints, as JSON."""
        done = self.container.execute("python", "-c", code)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def start(engine: str, image: str, state: Path, port: int) -> Served:
    state.mkdir(parents=True)
    state.chmod(0o777)  # the user that runs the tests is seldom 1034
    kind = Unshared if engine == "buildah" else Contained
    return Served(f"http://127.0.0.1:{port}", state, kind(engine, image, state, port))
