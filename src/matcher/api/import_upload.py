"""Receiving the lines of an import: kept chunk by chunk while they come, and put to work once all are there."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Final

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from matcher.api import idempotency, tables, uploads
from matcher.api.chunks import Chunk, Splitter
from matcher.api.columns import IMPORTED
from matcher.api.idempotency import Call
from matcher.api.problems import InvalidBodyError
from matcher.api.tables import NotCsvError
from matcher.domain.access import Principal
from matcher.domain.errors import Fault, MatcherError, Text
from matcher.domain.imports import ImportFormat, ImportKind
from matcher.services import imports
from matcher.storage.database import Database, Session
from matcher.storage.imports import ImportRow

__all__ = ["Upload"]

Answer = Callable[[ImportRow], Response]

_CHUNK_BYTES: Final = 2**20
_NOT_UTF8: Final = Text(
    en='Expected UTF-8; a spreadsheet writes it as "CSV UTF-8".', zh="应为 UTF-8 编码；电子表格中请选择“CSV UTF-8”。"
)


class Upload:
    """One import whose lines are coming."""

    def __init__(self, database: Database, principal: Principal, kind: ImportKind, format_: ImportFormat) -> None:
        self._database = database
        self._principal = principal
        self._kind = kind
        self._format = format_
        self._splitter = Splitter(is_quoted=format_ is ImportFormat.CSV, most_bytes=_CHUNK_BYTES)
        self._digest = hashlib.sha256()
        self._row: ImportRow | None = None
        self._position = 0

    async def receive(self, request: Request, call: Call, answer: Answer, *, most_bytes: int) -> Response:
        """Keep everything that comes and put it to work; return the answer, or the one to the same call before.

        Raises
        ------
        MatcherError
            If the lines cannot be kept; the import has failed then, if it had begun.
        ClientDisconnect
            If the connection ended before the lines did; likewise.
        """
        received = 0
        try:
            async for data in request.stream():
                received += len(data)
                if received > most_bytes:
                    raise uploads.too_large(most_bytes)
                self._digest.update(data)
                await self._take(data, is_all=False)
            await self._take(b"", is_all=True)
            return await run_in_threadpool(self._complete, call, answer)
        except BaseException as error:
            reason = error.code if isinstance(error, MatcherError) else imports.INCOMPLETE
            # Even if the service is stopping: nobody else knows that nothing more will come.
            await asyncio.shield(run_in_threadpool(self._fail, reason))
            raise

    async def _take(self, data: bytes, *, is_all: bool) -> None:
        self._splitter.add(data)
        if self._row is None:
            header = self._header(is_all=is_all)
            if header is None:
                return
            await run_in_threadpool(self._begin, header)
        for chunk in self._splitter.full_chunks():
            await run_in_threadpool(self._keep, chunk)
        if is_all and (rest := self._splitter.rest()) is not None:
            await run_in_threadpool(self._keep, rest)

    def _header(self, *, is_all: bool) -> list[str] | None:
        """Return the names of the columns, an empty list where there are none, or None if they are yet to come."""
        if self._format is ImportFormat.NDJSON:
            return []
        line = self._splitter.first_line(is_all=is_all)
        return None if line is None else _read_header(line, self._kind)

    def _begin(self, header: list[str]) -> None:
        with self._database.begin(self._principal) as session:
            self._row = imports.begin(
                session, self._principal, kind=self._kind, format_=self._format, header=header or None
            )

    def _keep(self, chunk: Chunk) -> None:
        with self._database.begin(self._principal) as session:
            imports.keep(
                session,
                self._begun(),
                position=self._position,
                first_line=chunk.first_line,
                lines=chunk.line_count,
                content=chunk.content,
            )
        self._position += 1

    def _complete(self, call: Call, answer: Answer) -> Response:
        """Put the import to work; if the call came before, forget this one and answer as then."""
        with self._database.begin(self._principal) as session:
            first = partial(self._act, session, answer)
            call = Call(call.key, call.operation, idempotency.digest(call.digest, self._digest.digest()))
            given = idempotency.once(session, self._principal, call, first)
            imports.forget_unstarted(session, self._begun())
            return given

    def _act(self, session: Session, answer: Answer) -> Response:
        return answer(imports.complete(session, self._principal, self._begun().id))

    def _fail(self, reason: str) -> None:
        if self._row is None:
            return
        with self._database.begin(self._principal) as session:
            imports.fail(session, self._row.no, error=reason)

    def _begun(self) -> ImportRow:
        if self._row is None:
            raise RuntimeError("The import has not begun.")
        return self._row


def _read_header(line: bytes, kind: ImportKind) -> list[str]:
    """Return the names of the columns.

    Raises
    ------
    InvalidBodyError
        If they are not those of the kind.
    """
    try:
        _, header = next(tables.records(line.decode("utf-8-sig")), (1, list[str]()))
    except UnicodeDecodeError:
        raise _bad_header(_NOT_UTF8) from None
    if isinstance(header, NotCsvError):
        raise _bad_header(header.detail)
    names = [name.strip() for name in header]
    if wrong := list(tables.header_faults(names, IMPORTED[kind])):
        raise _bad_header(*wrong)
    return names


def _bad_header(*details: Text) -> InvalidBodyError:
    return InvalidBodyError([Fault("", "bad-header", detail) for detail in details])
