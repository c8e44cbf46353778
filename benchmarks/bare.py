"""The least that the same stack does: routes with nothing in them, or with one statement written by hand.

``python -m benchmarks.bare PORT URL CLIENT_NO`` serves them as the service serves its own.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

_GET = """
    SELECT external_id, region, community, latitude, longitude, max_distance_m, max_travel_min, travel_mode, skills,
        trainings, gender, birth_year, paused, availability, busy, max_assignments, max_minutes, recent_minutes,
        version, created_at, updated_at
    FROM volunteers WHERE client_no = %s AND external_id = %s
"""
_PUT = """
    INSERT INTO volunteers (client_no, external_id, region, latitude, longitude, skills, skill_codes, availability)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (client_no, external_id) DO UPDATE
    SET region = excluded.region, latitude = excluded.latitude, longitude = excluded.longitude,
        skills = excluded.skills, skill_codes = excluded.skill_codes, availability = excluded.availability,
        version = volunteers.version + 1, updated_at = now()
    RETURNING external_id, version
"""
_ACCEPT = """
    UPDATE offers SET status = 'accepted', version = version + 1, updated_at = now()
    WHERE client_no = %s AND id = %s AND status = 'offered' RETURNING id, status, version
"""


def create_app(url: str, client_no: int) -> FastAPI:
    """Return the application."""
    # One statement is a transaction of its own: nothing is sent but the statement.
    pool = ConnectionPool(
        url,
        connection_class=Connection[DictRow],
        min_size=4,
        max_size=10,
        open=False,
        kwargs={"row_factory": dict_row, "autocommit": True},
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open(wait=True)
        yield
        pool.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.get("/live")
    async def get_life() -> dict[str, Any]:
        return {}

    @app.get("/empty")
    def get_nothing() -> dict[str, Any]:
        return {}

    @app.get("/volunteers/{volunteer_id}")
    def get_volunteer(volunteer_id: str) -> dict[str, Any]:
        with pool.connection() as connection:
            found = connection.execute(_GET, (client_no, volunteer_id)).fetchone()
        assert found is not None
        return found

    @app.put("/volunteers/{volunteer_id}", status_code=201)
    def put_volunteer(volunteer_id: str, body: dict[str, Any]) -> dict[str, Any]:
        place, skills = body["location"], body["skills"]
        values = (
            *(client_no, volunteer_id, body["region"], place["latitude"], place["longitude"]),
            *(Jsonb(skills), [skill["code"] for skill in skills], Jsonb(body["availability"])),
        )
        with pool.connection() as connection:
            written = connection.execute(_PUT, values).fetchone()
        assert written is not None
        return written

    @app.post("/offers/{offer_id}/accept")
    def accept_offer(offer_id: str) -> dict[str, Any]:
        with pool.connection() as connection:
            accepted = connection.execute(_ACCEPT, (client_no, offer_id)).fetchone()
        assert accepted is not None
        return accepted

    return app


def main() -> None:
    """Serve until told to stop."""
    port, url, client_no = sys.argv[1:]
    config = uvicorn.Config(
        create_app(url, int(client_no)), port=int(port), log_config=None, access_log=False, server_header=False
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
