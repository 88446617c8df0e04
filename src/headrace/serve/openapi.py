"""What OpenAPI says of predictions: their rows out of the bundle, and how they are refused."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from headrace.bundle.model_service import Champion, Service

MISTAKE = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("field", "reason", "says")},
    "required": ["field", "reason", "says"],
}
DETAIL = {
    "type": "object",
    "properties": {"detail": {"type": "array", "items": MISTAKE}},
    "required": ["detail"],
}
REFUSALS = {
    400: "gone",
    401: "no right",
    403: "another web page",
    408: "too slow",
    413: "too large",
    415: "not JSON",
}
REFUSALS |= {422: "a row is not as the schema says", 503: "too slow"}


def predict(row: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the requests and answers of predictions, of rows with this JSON Schema."""
    told = {"prediction": {"type": "number"}, "positive": {"type": "boolean"}}
    one = {"type": "object", "required": ["prediction"], "properties": told}
    answer = {
        "type": "object",
        "properties": {
            "model": {"type": "string"},
            "request": {"type": "string"},
            "predictions": {"type": "array", "items": one},
        },
    }
    asked = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}
    content = {"application/json": {"schema": asked}}
    refusals = {
        str(status): {
            "description": says,
            "content": {"application/json": {"schema": DETAIL}},
        }
        for status, says in REFUSALS.items()
    }
    good = {"description": "predictions", "content": {"application/json": {"schema": answer}}}
    return {
        "requestBody": {"required": True, "content": content},
        "responses": {"200": good, **refusals},
    }


def document(
    plain: Mapping[str, Any], service: Service, *, secured: bool
) -> Callable[[], dict[str, Any]]:
    """Return what makes OpenAPI's document: with the rows that the bundle in charge takes."""
    last: list[tuple[Champion, dict[str, Any]]] = []

    def openapi() -> dict[str, Any]:
        champion = service.champion
        if not last or last[0][0] is not champion:
            said = deepcopy(dict(plain))
            said["paths"]["/predict"]["post"] |= predict(champion.reader.one.json_schema())
            if secured:
                secure(said)
            last[:] = [(champion, said)]
        return last[0][1]

    return openapi


def secure(said: dict[str, Any]) -> None:
    """Add to OpenAPI's document that a token is needed for all but health."""
    said.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"}
    }
    said["security"] = [{"token": []}]
    said["paths"]["/healthz"]["get"]["security"] = []
    for path, methods in said["paths"].items():
        for one in methods.values() if path != "/healthz" else ():
            one["responses"].setdefault("401", {"description": REFUSALS[401]})
