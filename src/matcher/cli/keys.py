"""``matcher keys``: who may call the service, for whoever runs it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import typer

from matcher import settings
from matcher.cli import exits
from matcher.cli.exits import ExitCode
from matcher.domain import regions
from matcher.domain.access import EVERYWHERE, Scope
from matcher.domain.errors import UnknownRegionError
from matcher.domain.geo import Crs
from matcher.domain.keys import Grant
from matcher.services import keys
from matcher.services.keys import NewKey
from matcher.storage import clients, database
from matcher.storage import keys as stored
from matcher.storage.database import Session
from matcher.storage.keys import KeyRow

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke the keys of client systems.")

_CLIENT_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)

KeyId = Annotated[UUID, typer.Argument(metavar="KEY", help="The id of the key, as list shows it.")]


def _readable(client: str | None) -> str | None:
    if client is not None and not _CLIENT_ID.fullmatch(client):
        raise typer.BadParameter("expected small letters, digits, dots, hyphens and underscores, 64 at most")
    return client


def _known(codes: list[str] | None) -> list[str] | None:
    for code in codes or ():
        try:
            regions.get(code)
        except UnknownRegionError as error:
            raise typer.BadParameter(str(error)) from None
    return codes


@app.command()
def create(
    client: Annotated[str, typer.Option(help="The client system; made if it is new.", callback=_readable)],
    region: Annotated[
        list[str] | None, typer.Option(help="A region that the key holds for; may be repeated.", callback=_known)
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="The key holds for every region.")] = False,  # noqa: FBT002
    scope: Annotated[list[Scope] | None, typer.Option(help="What the key may do; may be repeated.")] = None,
    every_scope: Annotated[bool, typer.Option("--all", help="The key may do everything.")] = False,  # noqa: FBT002
    crs: Annotated[Crs, typer.Option(help="Coordinate system of a new client system's places.")] = Crs.GCJ02,
    label: Annotated[str, typer.Option(help="For people to tell keys apart.")] = "",
    days: Annotated[int | None, typer.Option(min=1, max=3_650, help="The key expires after so many.")] = None,
) -> None:
    """Make a key and print it, alone on standard output. It is not kept: nobody can print it again.

    **Examples**

        matcher keys create --client jiading-station --region 310114 --all
        matcher keys create --client mini-program --everywhere --scope offers:read --scope offers:write
    """
    if bool(region) == everywhere:
        raise typer.BadParameter("give either --region or --everywhere")
    if bool(scope) == every_scope:
        raise typer.BadParameter("give either --scope or --all")
    now = _now()
    with _session() as session:
        grant = Grant(
            scopes=frozenset(scope or Scope),
            regions=tuple(region or EVERYWHERE),
            label=label,
            expires_at=None if days is None else now + timedelta(days=days),
        )
        new = keys.issue(session, clients.add_if_new(session, client, crs).no, grant)
    _show(new)


@app.command("list")
def list_(
    client: Annotated[str | None, typer.Option(help="Of this client system alone.", callback=_readable)] = None,
) -> None:
    """List keys, without their secrets.

    **Example**

        matcher keys list --client jiading-station
    """
    now = _now()
    with _session() as session:
        rows = [
            (
                str(row.id),
                name,
                row.hint,
                keys.status(row, now=now),
                "never" if row.last_used_at is None else row.last_used_at.strftime("%Y-%m-%d %H:%M"),
                "everywhere" if "" in row.regions else ",".join(row.regions),
                "all" if len(row.scopes) == len(Scope) else ",".join(row.scopes),
                row.label,
            )
            for name, row in stored.list_all(session, client)
        ]
    lines = [("KEY", "CLIENT", "BEGINS", "STATUS", "LAST USED", "REGIONS", "SCOPES", "LABEL"), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(map(str.ljust, line, widths)).rstrip())


@app.command()
def rotate(
    key: KeyId,
    overlap_hours: Annotated[int, typer.Option(min=0, max=720, help="How long the old key lives on.")] = 24,
) -> None:
    """Put a new key in the place of one, and print it.

    **Example**

        matcher keys rotate 3f0c7a52-6f0e-4d7a-9f5c-2f3f6a1f7b11 --overlap-hours 1
    """
    now = _now()
    with _session() as session:
        new = keys.reissue(session, _held(session, key), overlap=timedelta(hours=overlap_hours), now=now)
    _show(new)


@app.command()
def revoke(key: KeyId) -> None:
    """End a key and its tokens, everywhere within five seconds.

    **Example**

        matcher keys revoke 3f0c7a52-6f0e-4d7a-9f5c-2f3f6a1f7b11
    """
    now = _now()
    with _session() as session:
        keys.take_back(session, _held(session, key), now=now)
    typer.echo("The key is revoked.")


@contextmanager
def _session() -> Iterator[Session]:
    """Open a transaction on the database of the settings, also beside a service that runs."""
    loaded = settings.load()
    url = None if loaded.database_url is None else loaded.database_url.get_secret_value()
    with database.connect(url, loaded.data_dir) as connected:
        if not connected.is_migrated():
            exits.stop(ExitCode.FAILED, "the database lacks the schema of this version; run: matcher migrate")
        with connected.begin() as session:
            yield session


def _held(session: Session, key_id: UUID) -> KeyRow:
    row = stored.find_for_update(session, key_id)
    if row is None:
        exits.stop(ExitCode.BAD_INPUT, "there is no key with this id; see: matcher keys list")
    return row


def _show(new: NewKey) -> None:
    typer.echo(f"Key {new.row.id}. It is shown this once:", err=True)
    typer.echo(new.secret)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the command line is an edge
