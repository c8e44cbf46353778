"""Under which user PostgreSQL's programs run: never as root, which they refuse."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from matcher.storage.errors import DatabaseStartError

__all__ = ["Account", "choose"]

# For root: the first of these users that exists owns the data.
_STAND_INS = ("matcher", "nobody")
# Nothing of the caller's environment reaches PostgreSQL: PGDATA, PGOPTIONS and LANG would change what it does.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """A user to run programs as.

    ``uid`` None means the user of this process. ``sees_all`` says that the user could not reach the
    data or the programs without a capability to pass closed folders (root's home is one).
    """

    uid: int | None = None
    gid: int = 0
    sees_all: bool = False

    def run(self, program: Path, *arguments: str, folder: Path) -> None:
        """Run a program in a folder, to its end.

        Raises
        ------
        DatabaseStartError
            If it ends with an error; the text holds the last it said.
        """
        command = [str(program), *arguments]
        if self.sees_all:
            command = [*_with_capability(self.uid, self.gid), *command]
        done = subprocess.run(  # noqa: S603 - our own programs with our own arguments, without a shell
            command,
            user=None if self.sees_all else self.uid,
            group=None if self.sees_all or self.uid is None else self.gid,
            extra_groups=None if self.sees_all or self.uid is None else [],
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            said = done.stdout.strip().splitlines()[-5:]
            raise DatabaseStartError("\n".join([f"{program.name} ended with status {done.returncode}:", *said]))

    def make_folder(self, folder: Path) -> None:
        """Make a folder that this user alone may enter.

        Raises
        ------
        DatabaseStartError
            If somebody else's folder stands there already.
        """
        owner = os.geteuid() if self.uid is None else self.uid
        try:
            folder.mkdir(mode=0o700)
            if self.uid is not None:
                os.chown(folder, self.uid, self.gid)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
                raise DatabaseStartError(f"{folder} belongs to somebody else: remove it and start again.") from None


def choose(data: Path, programs: Path) -> Account:
    """Return the user for a data directory: its owner if it exists, else this one, else one that stands in for root.

    Raises
    ------
    DatabaseStartError
        If this process may not act for that user, or no user can stand in for root.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise DatabaseStartError(
                f"The data directory {data} belongs to {_name(owner)}: run as that user or as root, or name another"
                " one in MATCHER_DATA_DIR."
            )
        return Account()
    entry = _entry(owner) if owner else _stand_in()
    closed = not (_is_open(data.parent) and _is_open(programs))
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, sees_all=closed)


def _stand_in() -> pwd.struct_passwd:
    for name in _STAND_INS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseStartError(
        f"PostgreSQL does not run as root, and none of the users {', '.join(_STAND_INS)} exists: add one, run as an"
        " ordinary user, or set MATCHER_DATABASE_URL."
    )


def _entry(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise DatabaseStartError(f"The data belong to user {uid}, who does not exist here: add that user.") from None


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else "nobody"
    except KeyError:
        return f"user {uid}"


def _is_open(folder: Path) -> bool:
    """Tell whether everybody may pass through a folder and the folders above it."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _with_capability(uid: int | None, gid: int) -> list[str]:
    """Return the words before a command that lets ``uid`` read through closed folders, and nothing more.

    The other way, opening root's folders to everybody, would outlast the service.
    """
    setpriv = shutil.which("setpriv", path=_ENVIRONMENT["PATH"])
    if setpriv is None:
        raise DatabaseStartError(
            "The data directory or the installation lies in a folder that root alone may enter: move it, run as an"
            " ordinary user, or set MATCHER_DATABASE_URL."
        )
    may = "-all,+dac_read_search"
    return [
        *(setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups"),
        *(f"--inh-caps={may}", f"--ambient-caps={may}", f"--bounding-set={may}", "--no-new-privs"),
    ]
