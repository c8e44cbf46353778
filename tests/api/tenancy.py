"""What a key can get out of every operation by the ids of somebody else: nothing, or a finding says what.

Operations and their parameters are read from the description, so that a new one is tried as well. An
id that the harness does not know how to steal is a finding too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Table, text

from matcher.storage.database import Database
from worlds import World, tenant_tables

__all__ = ["Attack", "Operation", "Tenant", "digest", "find_dead_calls", "find_leaks", "find_open_ids", "operations_of"]

# Whose ids stand in a path, by the noun that it begins with; those of the others are public.
_ID_COLUMNS: Final = {
    "volunteers": ("volunteers", "external_id"),
    "requests": ("requests", "external_id"),
    "skills": ("skills", "external_id"),
    "keys": ("keys", "id"),
    "runs": ("runs", "id"),
    "offers": ("offers", "id"),
    "records": ("records", "id"),
    "imports": ("imports", "id"),
    "erasures": ("erasures", "id"),
}
# The same ids where they are named in a query or a body.
_NAMED: Final = {
    "volunteer_id": ("volunteers", "external_id"),
    "volunteer_ids": ("volunteers", "external_id"),
    "request_id": ("requests", "external_id"),
    "run_id": ("runs", "id"),
    "offer_id": ("offers", "id"),
    "record_id": ("records", "id"),
    "key_id": ("keys", "id"),
    "import_id": ("imports", "id"),
    "requester": ("requests", "requester"),
}
# A client's own word for somebody, which any of its keys may use.
_FREE: Final = ("requester",)
# Help may come across a border: a volunteer who lives elsewhere is named, and nothing else of them is told.
_CROSSING: Final = ("askVolunteers", "listCandidates")
_PUBLIC: Final = ("match", "regions", "oauth")
# A skill belongs to the client system, whatever the region.
_CLIENT_WIDE: Final = ("skills",)

_INSTANT: Final = "2097-01-01T00:00:00+00:00"


class Answer(Protocol):
    """What comes back."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        """Return the body as JSON."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody who calls with a key, the rows that it may see, and the mark that all their texts begin with."""

    call: Callable[..., Any]
    world: World
    mark: str
    client_no: int
    region: str

    def id_at(self, column: tuple[str, str]) -> str:
        """Return an id of this tenant."""
        return str(self.world[column[0]][column[1]])

    def secrets(self) -> set[str]:
        """Return what nobody else may be told: the mark, the ids, and the places as far as they tell anything."""
        ids = {str(row["id"]) for name, row in self.world.items() if "id" in row and name != "clients"}
        places = {
            str(row[axis])[:8] for row in self.world.values() for axis in ("latitude", "longitude") if row.get(axis)
        }
        return {self.mark} | ids | places


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the description."""

    name: str
    method: str
    path: str
    query: tuple[str, ...]
    body: dict[str, Any] | None

    @property
    def noun(self) -> str:
        """What the path begins with, after the version."""
        return self.path.split("/")[2] if self.path.count("/") > 1 else ""

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    def column_of(self, parameter: str) -> tuple[str, str] | None:
        """Return where the ids for a name in the path are from."""
        return _NAMED.get(parameter) or _ID_COLUMNS.get(self.noun)

    def fields(self, tenant: Tenant) -> dict[str, str]:
        """Return what a tenant writes into the fields of queries and bodies that stand for one of its things."""
        own = {name: tenant.id_at(column) for name, column in _NAMED.items()}
        if column := _ID_COLUMNS.get(self.noun):
            own["external_id"] = tenant.id_at(column)
        if self.noun == "erasures":
            own["id"] = own["volunteer_id"]
        return own | {"region": tenant.region, "regions": tenant.region}

    def path_for(self, tenant: Tenant, **stolen: str) -> str:
        """Return the path with a tenant's ids, some of them replaced."""
        ids = {name: tenant.id_at(column) for name in self.parameters if (column := self.column_of(name))}
        return self.path.format(**(ids | stolen))


@dataclass(frozen=True, slots=True)
class Attack:
    """One call with an id of somebody else."""

    operation: Operation
    path: str
    query: dict[str, str]
    body: Any
    stolen: str
    is_in_path: bool


def operations_of(description: dict[str, Any]) -> list[Operation]:
    """Return all operations of a description that serve a tenant's things."""
    found = []
    for path, item in description["paths"].items():
        for method, operation in item.items():
            query = tuple(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            body = None if content is None else _example(content["schema"], description, "")
            found.append(Operation(operation["operationId"], method.upper(), path, query, body))
    return [operation for operation in found if operation.path.startswith("/v1/") and operation.noun not in _PUBLIC]


def find_open_ids(operations: Iterable[Operation]) -> list[str]:
    """Return the operations with a path that holds an id which the harness cannot steal."""
    return [
        f"{operation.name}: {operation.path}"
        for operation in operations
        if not all(map(operation.column_of, operation.parameters))
    ]


def find_leaks(operations: Iterable[Operation], attacker: Tenant, victim: Tenant) -> Iterator[str]:
    """Yield what the attacker gets out of the operations by ids of the victim, or without any."""
    is_same_client = attacker.client_no == victim.client_no
    for operation in operations:
        if is_same_client and operation.noun in _CLIENT_WIDE:
            continue
        for attack in _attacks(operation, attacker, victim):
            answer = _call(attack, attacker, is_same_client=is_same_client)
            fault = _judge(attack, answer, victim, is_same_client=is_same_client)
            if fault is not None:
                yield f"{operation.name} with {attack.stolen or 'no id'}: {fault}"


def find_dead_calls(operations: Iterable[Operation], tenant: Tenant) -> Iterator[str]:
    """Yield the calls that do not even work with the caller's own ids, and so prove nothing with those of others."""
    for operation in operations:
        attempts = _attacks(operation, tenant, tenant)
        # What is deleted once is not there for another time.
        for attempt in attempts if operation.method != "DELETE" else [next(attempts)]:
            answer = _call(attempt, tenant, is_same_client=True)
            # What is not at its time is a call that was understood.
            if answer.status_code >= 400 and answer.status_code not in (409, 412):
                yield f"{operation.name} with {attempt.stolen or 'no id'}: {answer.status_code} {answer.text[:300]}"
            elif attempt.query and not operation.parameters and not answer.json()["data"]:
                yield f"{operation.name} with {attempt.query}: no data"


def digest(database: Database, tenant: Tenant, *, by_region: bool) -> dict[str, str]:
    """Return what stands in each table for a tenant; ``by_region`` leaves out what its whole client shares."""
    tables = [table for table in tenant_tables() if "region" in table.c or not by_region]
    with database.begin() as session:
        found = session.execute(
            text(" UNION ALL ".join(map(_content, tables))), {"no": tenant.client_no, "region": tenant.region}
        )
        return {row[0]: row[1] for row in found}


def _content(table: Table) -> str:
    """Return the statement that sums up what stands in a table."""
    where = "client_no = :no" + (" AND region = :region" if "region" in table.c else "")
    # The publisher gives events their place in the feed whenever it comes by.
    rows = f"SELECT (to_jsonb(t) - 'position')::text AS content FROM {table.name} t WHERE {where}"  # noqa: S608 - our own names
    return f"SELECT '{table.name}', md5(string_agg(content, ',' ORDER BY content)) FROM ({rows}) AS rows"  # noqa: S608 - our own names


def _attacks(operation: Operation, attacker: Tenant, victim: Tenant) -> Iterator[Attack]:
    """Yield the call without anything of the victim's, then one for each place where an id could be."""
    own, stolen = operation.fields(attacker), operation.fields(victim)
    path, body = operation.path_for(attacker), _replaced(operation.body, own)
    yield Attack(operation, path, {}, body, "", is_in_path=False)
    for name in operation.parameters:
        if name not in _FREE and (column := operation.column_of(name)):
            other = victim.id_at(column)
            yield Attack(operation, operation.path_for(attacker, **{name: other}), {}, body, other, is_in_path=True)
    for name in operation.query:
        if name in stolen:
            yield Attack(operation, path, {name: stolen[name]}, body, stolen[name], is_in_path=False)
    for name in sorted(_names(operation.body) & set(stolen) - set(_FREE)):
        replaced = _replaced(operation.body, own | {name: stolen[name]})
        yield Attack(operation, path, {}, replaced, stolen[name], is_in_path=False)


def _call(attack: Attack, attacker: Tenant, *, is_same_client: bool) -> Any:
    # In another client the id is free, and whatever is put under it is new.
    is_for_new = attack.operation.method == "PUT" and not is_same_client
    headers = {} if is_for_new else {"if-match": "*"}
    if attack.is_in_path and attack.operation.method == "GET":
        # Neither may a 304 say that it is there.
        headers["if-none-match"] = "*"
    return attacker.call(
        attack.operation.method,
        attack.path,
        params=attack.query,
        headers=headers,
        **({} if attack.body is None else {"json": attack.body}),
    )


def _judge(attack: Attack, answer: Answer, victim: Tenant, *, is_same_client: bool) -> str | None:
    """Return what is wrong with an answer, if anything is."""
    if answer.status_code >= 500:
        return f"it broke: {answer.status_code}"
    # What the attacker sent may come back; nothing else of the victim's.
    told = answer.text + " ".join(answer.headers.values())
    known = [attack.stolen] if attack.stolen else []
    if is_same_client and attack.operation.name in _CROSSING:
        known += re.findall(r'"volunteer_id":"([^"]+)"', answer.text)
    for word in known:
        told = told.replace(word, "")
    leaked = sorted(secret for secret in victim.secrets() if secret in told)
    if leaked:
        return f"{answer.status_code} tells {leaked}"
    creates = attack.operation.method == "PUT" and attack.operation.path.count("/") == 3
    is_new = creates and not is_same_client
    if attack.is_in_path and answer.status_code != (201 if is_new else 404):
        return f"{answer.status_code} where 404 was due: {answer.text[:200]}"
    # Of another client the region may be the same, and then it is the attacker's too.
    is_shared = attack.stolen == victim.region and not is_same_client
    if attack.stolen and answer.status_code == 202 and not is_shared:
        return "202: it will be done"
    return None


def _names(body: Any) -> set[str]:
    if isinstance(body, dict):
        return set(body) | {name for part in body.values() for name in _names(part)}
    return {name for part in body for name in _names(part)} if isinstance(body, list) else set()


def _replaced(body: Any, values: Mapping[str, str]) -> Any:
    """Return a body with these values in the fields of these names, alone or in a list."""
    if isinstance(body, list):
        return [_replaced(part, values) for part in body]
    if not isinstance(body, dict):
        return body
    return {
        name: ([values[name]] if isinstance(part, list) else values[name])
        if name in values
        else _replaced(part, values)
        for name, part in body.items()
    }


def _example(schema: dict[str, Any], description: dict[str, Any], name: str) -> Any:
    """Return the least that a schema takes, with every field that could hold an id."""
    if "$ref" in schema:
        return _example(description["components"]["schemas"][schema["$ref"].rpartition("/")[2]], description, name)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _example(next(each for each in schema[choice] if each.get("type") != "null"), description, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        fields = schema.get("properties", {})
        wanted = [field for field in fields if field in (*schema.get("required", ()), *_NAMED)]
        return {field: _example(fields[field], description, field) for field in wanted}
    if schema.get("type") == "array":
        return [_example(schema["items"], description, name)]
    if schema.get("format") == "date-time":
        return _INSTANT
    by_type = {"string": "something", "integer": max(1, schema.get("minimum", 1)), "number": 1.0, "boolean": False}
    return by_type[schema["type"]]
