"""Containers of the image, run by runc as Docker would run them: as compose.yaml says."""

import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from container.building import ROOT, CheckError, Image

_STOP_S: Final = 10
# The one difference: they share the network of this machine, where nobody else's container is.
_NAMESPACES = ("pid", "ipc", "uts", "mount")
_NUMBERS = itertools.count(1)


@dataclass(slots=True)
class Container:
    """A container that runs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside it, as its user."""
        return subprocess.run(["runc", "exec", self.name, *command], capture_output=True, text=True, check=False)

    def stop(self) -> tuple[int, float]:
        """Ask it to end, and return how it did and how many seconds it took.

        Raises
        ------
        CheckError
            If it does not end as soon as Docker wants it to.
        """
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            raise CheckError(f"{self.name} did not end within {_STOP_S} s of SIGTERM") from None
        return code, time.monotonic() - began

    def said(self) -> str:
        """Return the last lines it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


@dataclass(slots=True)
class Host:
    """Where containers run, with the settings that stand in for compose's database."""

    image: Image
    folder: Path
    environment: Mapping[str, str]
    services: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]

    @contextmanager
    def running(self, service: str, *command: str, data: Path | None = None, **environment: str) -> Iterator[Container]:
        """Start a container of a service, and end it."""
        name = f"matcher-check-{os.getpid()}-{next(_NUMBERS)}"
        bundle = self.folder / name
        bundle.mkdir()
        settings = {**self.services[service]["environment"], **self.environment, **environment}
        specification = _specification(self.image, self.services[service], command, settings, data)
        (bundle / "config.json").write_text(json.dumps(specification))
        log = bundle / "log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                ["runc", "run", "--bundle", str(bundle), name],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        container = Container(name, process, log)
        try:
            yield container
        except CheckError as error:
            raise CheckError(f"{error}\n{name} said:\n{container.said()}") from None
        finally:
            if process.poll() is None:
                subprocess.run(["runc", "kill", name, "KILL"], check=False)
                process.wait()

    def once(self, service: str, *command: str) -> str:
        """Run a container to its end, and return what it said.

        Raises
        ------
        CheckError
            If it fails.
        """
        with self.running(service, *command) as container:
            code = container.process.wait(120)
            said = container.log.read_text()
        if code != 0:
            raise CheckError(f"{service} {' '.join(command)} ended with {code}:\n{said}")
        return said


def _specification(
    image: Image, service: Mapping[str, Any], command: Sequence[str], settings: Mapping[str, str], data: Path | None
) -> dict[str, Any]:
    """Return what runc is to run: the image's own words, held as the service of compose.yaml is."""
    if service["cap_drop"] != ["ALL"] or "no-new-privileges:true" not in service["security_opt"]:
        raise CheckError("compose.yaml leaves capabilities to a service, or lets it gain privileges")
    user, _, group = image.config["User"].partition(":")
    arguments = command or service.get("command") or image.config["Cmd"]
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev", "mode=1777"]},  # noqa: S108
        *(
            {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]}
            for path in service["tmpfs"]
        ),
        *(
            {"destination": path, "type": "bind", "source": path, "options": ["bind", "ro"]}
            for path in ("/etc/resolv.conf", "/etc/hosts")
        ),
    ]
    if data is not None:
        folder = image.config["WorkingDir"]
        mounts.append({"destination": folder, "type": "bind", "source": str(data), "options": ["bind", "rw"]})
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": int(user), "gid": int(group)},
            "args": [*image.config["Entrypoint"], *arguments],
            "env": [*image.config["Env"], *(f"{name}={value}" for name, value in settings.items())],
            "cwd": image.config["WorkingDir"],
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": str(image.root), "readonly": service["read_only"]},
        "hostname": "matcher",
        "mounts": mounts,
        "linux": {"namespaces": [{"type": name} for name in _NAMESPACES]},
    }
