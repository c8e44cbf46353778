"""Imports that end otherwise than by their last line."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

import rows
from matcher.domain.access import Principal
from matcher.domain.imports import ImportFormat, ImportKind
from matcher.services import imports
from matcher.services.import_lines import Lines
from matcher.services.imports import ImportOverError
from matcher.storage.database import Database
from matcher.storage.imports import ImportRow


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def _receive(database: Database, principal: Principal) -> ImportRow:
    """Return an import of which one chunk has come."""
    with database.begin(principal) as session:
        row = imports.begin(session, principal, kind=ImportKind.VOLUNTEERS, format_=ImportFormat.NDJSON, header=None)
        imports.keep(session, row, position=0, first_line=1, lines=1, content=b"{}\n")
    return row


def _state(database: Database, row: ImportRow) -> tuple[str, str | None, int]:
    with database.begin() as session:
        found = text(
            "SELECT status, error, (SELECT count(*) FROM chunks WHERE import_no = no) FROM imports WHERE no = :no"
        )
        status, error, chunks = session.execute(found, {"no": row.no}).one()
    return status, error, chunks


def test_an_import_whose_lines_stopped_coming_fails(database: Database, principal: Principal) -> None:
    silent, busy = _receive(database, principal), _receive(database, principal)
    with database.begin() as session:
        aged = text("UPDATE imports SET updated_at = now() - interval '11 minutes' WHERE no = :no")
        session.execute(aged, {"no": silent.no})
        assert imports.fail_abandoned(session) == 1
    assert _state(database, silent) == ("failed", "upload-incomplete", 0)
    assert _state(database, busy) == ("receiving", None, 1)


def test_a_cancelled_import_takes_nothing_more_in(database: Database, principal: Principal) -> None:
    row = _receive(database, principal)
    with database.begin(principal) as session:
        imports.complete(session, principal, row.id)
    with database.begin() as session:
        chunk = imports.next_chunk(session, row.no, after=-1)
    assert chunk is not None
    with database.begin(principal) as session:
        imports.cancel(session, principal, row.id)
        imports.cancel(session, principal, row.id)
    with database.begin() as session:
        assert not imports.take_in(session, row.no, chunk, Lines([], [], 0), now=datetime.now(UTC))
        assert imports.next_chunk(session, row.no, after=-1) is None
    assert _state(database, row) == ("cancelled", None, 0)


def test_a_cancelled_import_keeps_no_more_lines(database: Database, principal: Principal) -> None:
    row = _receive(database, principal)
    with database.begin(principal) as session:
        imports.cancel(session, principal, row.id)
    with pytest.raises(ImportOverError), database.begin(principal) as session:
        imports.keep(session, row, position=1, first_line=2, lines=1, content=b"{}\n")
    assert _state(database, row) == ("cancelled", None, 0)


def test_a_chunk_is_taken_in_once(database: Database, principal: Principal) -> None:
    row = _receive(database, principal)
    with database.begin(principal) as session:
        imports.complete(session, principal, row.id)
    with database.begin() as session:
        chunk = imports.next_chunk(session, row.no, after=-1)
    assert chunk is not None
    for _ in range(2):
        with database.begin() as session:
            assert imports.take_in(session, row.no, chunk, Lines([], [], 1), now=datetime.now(UTC))
    with database.begin() as session:
        counts = text("SELECT done_lines, refused_count FROM imports WHERE no = :no")
        assert tuple(session.execute(counts, {"no": row.no}).one()) == (1, 1)
