"""The application: predictions, health, versions, metrics, reload, and a page for people."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool

from headrace.bundle.archive import MANIFEST, sha256
from headrace.bundle.model_service import Service
from headrace.errors import HeadraceError
from headrace.prediction_log.journal import Journal
from headrace.schema.validation_errors import Refused
from headrace.serve import openapi, page
from headrace.serve.middleware import Guard
from headrace.serve.predictions import Predictions
from headrace.serve.prometheus import ServerMetrics
from headrace.serve.tokens import Tokens


def create(
    service: Service,
    metrics: ServerMetrics,
    tokens: Tokens | None = None,
    journal: Journal | None = None,
    *,
    local: bool = False,
) -> Guard:
    """Return the application with its middleware; `local`: for this machine, without tokens."""
    # FastAPI's own pages of the API load their scripts from another site.
    app = FastAPI(title="Headrace", docs_url=None, redoc_url=None, version="1")
    if journal is not None:
        metrics.unwritten.labels("answers").set_function(lambda: journal.failed_answers)
        metrics.unwritten.labels("journals").set_function(lambda: journal.failed_journals)
    predictions = Predictions(metrics, journal)
    _add_predictions(app, service, metrics, predictions)
    _add_operations(app, service, metrics)
    _add_page(app, service, predictions)
    app.add_exception_handler(405, _explain_method)
    document = openapi.document(app.openapi(), service, secured=tokens is not None)
    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way
    return Guard(app, metrics, tokens, local=local)


def _add_predictions(
    app: FastAPI, service: Service, metrics: ServerMetrics, predictions: Predictions
) -> None:
    @app.post("/predict")
    async def predict(request: Request) -> Response:
        """Answer one row, or a list of rows: a prediction for each."""
        if not _is_json(request.headers.get("content-type", "")):
            metrics.count_refused(["not_json"])
            detail = {"field": "", "reason": "not_json", "says": "Send application/json"}
            return _json({"detail": [detail]}, 415)
        state = request.state
        try:
            response = await predictions.answer(service.champion, state.body, state.id)
        except Refused as error:
            return _json({"detail": error.errors}, 422)
        return Response(response.content, media_type="application/json")


def _add_operations(app: FastAPI, service: Service, metrics: ServerMetrics) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        """Say that the server is running."""
        return _json({"status": "ok"})

    @app.get("/readyz", responses={503: {"description": "golden predictions differ"}})
    async def readyz() -> Response:
        """Predict the golden rows again, and compare."""
        try:
            rows = await run_in_threadpool(service.champion.bundle.replay)
        except HeadraceError as error:
            return _json({"status": "not ready", "says": str(error)}, 503)
        metrics.golden.set(rows)
        return _json({"status": "ready", "golden_rows": rows})

    @app.get("/version")
    async def version() -> Response:
        """Name the model in charge, and all hashes of its bundle."""
        champion = service.champion
        manifest = sha256(champion.bundle.files[MANIFEST])
        content = {"model": champion.label, "manifest_sha256": manifest}
        return _json(content | champion.bundle.manifest)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Return the metrics for Prometheus."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.post("/reload", responses={409: {"description": "the bundle is refused"}})
    async def reload() -> Response:
        """Load the bundle again, and put it in charge; from this machine only."""
        problem = await run_in_threadpool(service.reload)
        content = {"model": service.champion.label, "problem": problem}
        return _json(content, 409 if problem else 200)


def _add_page(app: FastAPI, service: Service, predictions: Predictions) -> None:
    @app.get("/", include_in_schema=False)
    async def form() -> Response:
        """Show a form for one row."""
        return HTMLResponse(page.render_form(service.champion))

    @app.post("/", include_in_schema=False)
    async def submitted(request: Request) -> Response:
        """Answer a form."""
        champion, state = service.champion, request.state
        row = await run_in_threadpool(page.parse_row, champion, state.body)
        # Through JSON, so that a form is checked, counted and logged as any other request.
        try:
            response = await predictions.answer(champion, json.dumps(row).encode(), state.id)
        except Refused as error:
            return HTMLResponse(page.render_refusal(champion, row, error))
        return HTMLResponse(page.render_answer(champion, row, response.answers[0]))


async def _explain_method(request: Request, error: Exception) -> Response:
    """Answer a request whose path knows other methods alone, and name one.

    Source: RFC 9110, 15.5.6: a 405 lists the methods under Allow.
    """
    headers = getattr(error, "headers", None) or {}
    says = f"{request.method} is not allowed here. Next: {headers.get('Allow', 'another method')}"
    if request.url.path == "/predict":
        says += " with rows as JSON; a form for one row is at /"
    detail = {"field": "", "reason": "method_not_allowed", "says": says}
    return _json({"detail": [detail]}, 405, headers)


def _is_json(content_type: str) -> bool:
    """Return whether a media type is JSON, or has the suffix +json (RFC 6839, 3.1)."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _json(
    content: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(json.dumps(content), status, headers, media_type="application/json")
