"""The image, made of the Dockerfile by buildah: no Docker engine is needed."""

import configparser
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matcher-image"
_NAME = "localhost/matcher:check"
_BASE = "localhost/matcher-base"
_RELEASE = "bookworm"  # Python 3.11, the oldest that is promised
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_PIP_SETTINGS = ("index-url", "extra-index-url", "proxy", "trusted-host")
_IN_BUILD = {"pip.conf": "/etc/pip.conf", "ca.pem": "/etc/pip-ca.pem"}


class CheckError(AssertionError):
    """The image is not what it should be, or cannot be made here."""


@dataclass(frozen=True, slots=True)
class Image:
    """A built image.

    Attributes
    ----------
    root
        Its files, mounted here.
    config
        What it says of itself, as the OCI specification names it.
    """

    root: Path
    config: dict[str, Any]


def check_tools(*names: str) -> None:
    """Stop with what to install, if a program is missing.

    Raises
    ------
    CheckError
        If one is missing, or this is not root.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise CheckError(f"missing: {', '.join(missing)}. On Debian and Ubuntu: apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        raise CheckError("run this as root: it mounts file systems")


def build(base: str | None) -> Image:
    """Build the image on ``base``, or on a Debian that is made here and kept for the next time."""
    check_tools("buildah", *([] if base else ["debootstrap"]))
    _CACHE.mkdir(parents=True, exist_ok=True)
    secrets = _secrets()
    buildah(
        *("build", "--format=docker", "--network=host", f"--tag={_NAME}", f"--build-arg=BASE={base or _debian()}"),
        *(f"--secret=id={name},src={path}" for name, path in secrets.items()),
        str(ROOT),
        shown=True,
    )
    container = buildah("from", _NAME)
    told = json.loads(buildah("inspect", "--type=image", _NAME))
    return Image(root=Path(buildah("mount", container)), config=told["Docker"]["config"])


def clean() -> None:
    """Remove the containers and the image, and keep the base."""
    buildah("rm", "--all")
    buildah("rmi", "--force", _NAME)


def buildah(*arguments: str, shown: bool = False) -> str:
    """Run buildah on a store of its own, and return what it said."""
    done = subprocess.run(
        ["buildah", f"--root={_CACHE / 'storage'}", f"--runroot={_CACHE / 'run'}", *arguments],
        env={"BUILDAH_ISOLATION": "chroot", **os.environ},
        stdout=sys.stderr if shown else subprocess.PIPE,
        text=True,
        check=True,
    )
    return (done.stdout or "").strip()


def _debian() -> str:
    """Return the name of an image of Debian with Python, from the archive that this machine's apt uses."""
    if _BASE in buildah("images", "--format={{.Name}}").splitlines():
        return _BASE
    folder = _CACHE / "debian"
    if folder.exists():
        shutil.rmtree(folder)
    packages = "ca-certificates,python3,python3-venv"
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", _RELEASE, str(folder)],
        stdout=sys.stderr,
        check=True,
    )
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, str(folder), "/")
    buildah("commit", "--rm", container, _BASE)
    shutil.rmtree(folder)
    return _BASE


def _secrets() -> dict[str, Path]:
    """Return files that tell the build how this machine's pip reaches packages."""
    settings = {name: value for name in _PIP_SETTINGS if (value := _pip_setting(name))}
    settings = {name: value for name, value in settings.items() if "file:" not in value}
    certificates = next(filter(None, map(os.environ.get, _CERTIFICATES)), None) or _pip_setting("cert")
    files: dict[str, Path] = {}
    if certificates:
        settings["cert"] = _IN_BUILD["ca.pem"]
        files["ca.pem"] = Path(certificates)
    if settings:
        parser = configparser.RawConfigParser()
        parser["global"] = settings
        files["pip.conf"] = _CACHE / "pip.conf"
        with files["pip.conf"].open("w") as written:
            parser.write(written)
    return files


def _pip_setting(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", f"global.{name}"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
