"""The OpenAPI document of predictions: rows as the bundle's schema has them, and refusals."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from headrace.bundle.model_service import Champion, Service

ERROR = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("field", "reason", "says")},
    "required": ["field", "reason", "says"],
}
DETAIL = {
    "type": "object",
    "properties": {"detail": {"type": "array", "items": ERROR}},
    "required": ["detail"],
}
REFUSALS = {
    400: "the client disconnected",
    401: "the token is missing, or lacks the required scope",
    403: "Host header or Origin not allowed",
    408: "the body did not come in time",
    413: "the body is too large",
    415: "not JSON",
    422: "a row breaks the schema",
    503: "the answer took too long",
}
PREDICTIONS = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "request": {"type": "string"},
        "predictions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["prediction"],
                "properties": {"prediction": {"type": "number"}, "positive": {"type": "boolean"}},
            },
        },
    },
}


def document(
    plain: Mapping[str, Any], service: Service, *, secured: bool
) -> Callable[[], dict[str, Any]]:
    """Return a function that makes the document, with the rows that the champion takes.

    `plain` is FastAPI's own document; `secured`: the server has tokens.
    """
    cached: list[tuple[Champion, dict[str, Any]]] = []

    def openapi() -> dict[str, Any]:
        champion = service.champion  # once: a reload may replace it while the document is made
        if not cached or cached[0][0] is not champion:
            content = deepcopy(dict(plain))
            content["paths"]["/predict"]["post"] |= _predict(champion.reader.adapter.json_schema())
            if secured:
                _add_security(content)
            cached[:] = [(champion, content)]
        return cached[0][1]

    return openapi


def _predict(row: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the requests and responses of /predict, for rows with this JSON Schema."""
    rows = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}
    responses = {str(status): _response(text, DETAIL) for status, text in REFUSALS.items()}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": rows}}},
        "responses": {"200": _response("predictions", PREDICTIONS), **responses},
    }


def _response(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _add_security(document: dict[str, Any]) -> None:
    """Require a bearer token for everything but health."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer"}
    document["security"] = [{"token": []}]
    document["paths"]["/healthz"]["get"]["security"] = []
    for path, methods in document["paths"].items():
        for operation in methods.values() if path != "/healthz" else ():
            operation["responses"].setdefault("401", {"description": REFUSALS[401]})
