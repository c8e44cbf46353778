"""The description of the API, as OpenAPI 3.1: generated from the routes and kept in ``openapi.yaml``."""

from typing import Any, Final

import yaml
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

import matcher
from matcher.api import (
    audit,
    blocks,
    candidates,
    erasures,
    events,
    examples,
    health,
    imports,
    keys,
    metrics,
    oauth,
    offers,
    opportunities,
    problems,
    records,
    regions,
    requests,
    results,
    runs,
    security,
    skills,
    volunteers,
)
from matcher.api.problem_body import ProblemBody

__all__ = ["ROUTERS", "describe", "render", "routes"]

ROUTERS: Final = (
    results.router,
    skills.router,
    requests.router,
    candidates.router,
    volunteers.router,
    opportunities.router,
    imports.router,
    erasures.router,
    runs.router,
    offers.router,
    records.router,
    blocks.router,
    regions.router,
    events.router,
    audit.router,
    keys.router,
    oauth.router,
    health.router,
    metrics.router,
)

_REF: Final = "#/components/schemas/{model}"
_FRAMEWORKS_OWN: Final = {"$ref": _REF.format(model="HTTPValidationError")}
_DESCRIPTION: Final = """\
Matches neighbourhood help requests with volunteers, and says why the others go without.

邻里守望：将求助与志愿者匹配，并说明未能匹配的原因。

Errors are problem details (RFC 9457) in English or Chinese, by `Accept-Language`. Every answer
carries an `X-Request-Id`; one that comes with the request is kept, as is a `traceparent`.
"""


def routes() -> list[APIRoute]:
    """Return all routes that are described."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def describe() -> dict[str, Any]:
    """Return the description of all routes."""
    document = get_openapi(
        title="matcher",
        version=matcher.__version__,
        openapi_version="3.1.0",
        summary="Who helps whom, when, with a proof.",
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=routes(),
        tags=[
            {"name": "match", "description": "A problem in, an explained plan out; nothing stored."},
            {"name": "requests", "description": "Those who ask for help, under the ids of whoever pushes them."},
            {"name": "volunteers", "description": "Those who offer help, under the ids of whoever pushes them."},
            {"name": "skills", "description": "What volunteers can do and requests need, by code."},
            {"name": "imports", "description": "Volunteers or requests in bulk, by jobs that survive."},
            {"name": "erasures", "description": "Persons who disappear from everything that is kept."},
            {"name": "audit", "description": "Who did and saw what."},
            {"name": "keys", "description": "Who may call, do what, and where."},
            {"name": "runs", "description": "Match what is stored of a region: plan, reasons, prices, publication."},
            {"name": "regions", "description": "The division codes that things belong to and that keys hold for."},
            {"name": "offers", "description": "Volunteers are asked, and everything that follows from their answer."},
            {"name": "records", "description": "The minutes that were served, in chains that show any later change."},
            {"name": "blocks", "description": "Volunteers and requesters who are kept apart."},
            {"name": "events", "description": "What happened, in one order, for whoever has to know."},
            {"name": "health", "description": "For whoever keeps the service running."},
        ],
        servers=[{"url": "/"}],
    )
    schemas = document["components"]["schemas"]
    # The bodies are read by ourselves, strictly, so the framework does not know their models.
    _, definitions = models_json_schema([(ProblemBody, "validation")], ref_template=_REF)
    schemas.update(definitions["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"] |= {"securitySchemes": security.SCHEMES, "headers": security.HEADERS}
    by_id = {route.operation_id: route for route in routes()}
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        security.describe(operation, by_id[operation["operationId"]])
        _finish(operation)
    return document


def render() -> str:
    """Return the text that ``openapi.yaml`` should have."""
    text: str = yaml.safe_dump(describe(), sort_keys=True, allow_unicode=True, width=120)
    return f"# Written by `matcher openapi write`; do not edit.\n{text}"


def _finish(operation: dict[str, Any]) -> None:
    """Give every answer its headers, and every problem its media type and examples."""
    for status, response in operation["responses"].items():
        response.setdefault("headers", {})["X-Request-Id"] = {
            "description": "The id of the request, for whoever looks for it in the logs.",
            "schema": {"type": "string"},
        }
        schema = {"$ref": _REF.format(model="ErrorBody")}
        said = response.get("content", {}).get("application/json", {}).get("schema", schema)
        if said == _FRAMEWORKS_OWN:
            response["description"] = problems.responses("invalid-parameter")[int(status)]["description"]
        # An answer that another standard prescribes keeps its own form.
        if status.startswith(("4", "5")) and said in (schema, _FRAMEWORKS_OWN):
            content: dict[str, Any] = {"schema": schema}
            if status == str(problems.status_of("invalid-problem")):
                content["examples"] = examples.ERRORS
            response["content"] = {problems.MEDIA_TYPE: content}
        if status == str(problems.status_of("overloaded")):
            response["headers"]["Retry-After"] = {"schema": {"type": "integer"}}
