"""How callers show who they are, as OpenAPI says it."""

from typing import Any, Final

from fastapi.routing import APIRoute

from matcher.api import access, problems
from matcher.domain.access import Scope

__all__ = ["HEADERS", "SCHEMES", "describe"]

_SCOPES: Final = {
    Scope.MATCH: "Send problems to POST /v1/match, where the service asks for a key there.",
    Scope.VOLUNTEERS_READ: "Read volunteers, with their places.",
    Scope.VOLUNTEERS_WRITE: "Create, replace, change and import volunteers, and block pairs.",
    Scope.REQUESTS_READ: "Read help requests, with their places.",
    Scope.REQUESTS_WRITE: "Create, replace, change, close and import help requests.",
    Scope.SKILLS_WRITE: "Change the catalogue of skills.",
    Scope.CANDIDATES_READ: "Ask who could serve a request; places are blurred.",
    Scope.OPPORTUNITIES_READ: "Ask which requests a volunteer could take; places are blurred.",
    Scope.RUNS_READ: "Read runs and their plans.",
    Scope.RUNS_WRITE: "Start, cancel and publish runs.",
    Scope.OFFERS_READ: "Read offers; the place of a request only while its offer is accepted.",
    Scope.OFFERS_ANSWER: "Answer offers and take the further steps that are a volunteer's own.",
    Scope.OFFERS_WRITE: "Make and withdraw offers, and take any step of theirs.",
    Scope.RECORDS_READ: "Read, export and check service records.",
    Scope.RECORDS_WRITE: "Correct service records.",
    Scope.EVENTS_READ: "Follow the event feed.",
    Scope.ERASURES_WRITE: "Erase persons, and read the receipts.",
    Scope.AUDIT_READ: "Read the audit trail.",
    Scope.KEYS_MANAGE: "Create, rotate and revoke keys of the same client system.",
}

SCHEMES: Final[dict[str, Any]] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "mk_live_…",
        "description": "A key as it was given out, once, by `POST /v1/keys` or `matcher keys create`; or a token.",
    },
    "oauth": {
        "type": "oauth2",
        "description": "A token for a key, so that the key itself travels seldom (RFC 6749, client credentials).",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/v1/oauth/token",
                "scopes": {scope.value: _SCOPES[scope] for scope in Scope},
            }
        },
    },
}

_REFUSALS: Final = ("missing-key", "invalid-key", "expired-key", "scope-missing", "too-many-requests")
HEADERS: Final[dict[str, Any]] = {
    "RateLimit": {
        "description": 'What the key has left, such as `"calls";r=59999;t=1`.',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'What it may call at most, such as `"calls";q=60000;w=60`.',
        "schema": {"type": "string"},
    },
}


def describe(operation: dict[str, Any], route: APIRoute) -> None:
    """Write into the description of an operation which keys it takes, and how it refuses others."""
    operation["security"] = access.security_of(route)
    if not operation["security"]:
        return
    responses = operation["responses"]
    for status, refusal in problems.responses(*_REFUSALS).items():
        responses.setdefault(str(status), {"description": refusal["description"]})
    for status, response in responses.items():
        # Whoever is not known has no rate.
        if status != str(problems.status_of("missing-key")):
            refs = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
            response.setdefault("headers", {}).update(refs)
