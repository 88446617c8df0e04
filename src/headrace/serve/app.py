"""The application: predictions, health, hashes, figures, and a page for people."""

import json
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
from headrace.serve.middleware import Application, Guard
from headrace.serve.predictions import Predictions
from headrace.serve.prometheus import Figures
from headrace.serve.tokens import Tokens


def create(
    service: Service,
    figures: Figures,
    tokens: Tokens | None = None,
    journal: Journal | None = None,
    *,
    alone: bool = False,
) -> Application:
    """Return the application around a service; `alone`: for this machine, without tokens."""
    app = FastAPI(title="Headrace", docs_url=None, redoc_url=None, version="1")
    if journal is not None:
        figures.unwritten.labels("answers").set_function(lambda: journal.failed)
        figures.unwritten.labels("journals").set_function(lambda: journal.aside)
    predictions = Predictions(figures, journal)
    _answers(app, service, figures, predictions)
    _keepers(app, service, figures)
    _people(app, service, predictions)
    made = openapi.document(app.openapi(), service, secured=tokens is not None)
    app.openapi = made  # type: ignore[method-assign]  # FastAPI's own way to have another
    return Guard(app, figures, tokens, alone=alone)


def _answers(app: FastAPI, service: Service, figures: Figures, predictions: Predictions) -> None:
    """Add what programs ask: predictions."""

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        """Answer one row, or a list of rows: a prediction for each."""
        if not _is_json(request.headers.get("content-type", "")):
            figures.refused(["not_json"])
            says = "Send application/json"
            return _json({"detail": [{"field": "", "reason": "not_json", "says": says}]}, 415)
        try:
            asked = await request.body()
            found = await predictions.answer(service.champion, asked, _id(request))
        except Refused as error:
            return _json({"detail": error.mistakes}, 422)
        return Response(found.said, media_type="application/json")


def _keepers(app: FastAPI, service: Service, figures: Figures) -> None:
    """Add what those ask who keep the server: health, hashes, figures, another bundle."""

    @app.get("/healthz")
    async def healthz() -> Response:
        """Say that the server is there."""
        return _json({"status": "ok"})

    @app.get("/readyz", responses={503: {"description": "golden rows come out otherwise"}})
    async def readyz() -> Response:
        """Ask the golden rows again."""
        try:
            rows = await run_in_threadpool(service.champion.bundle.replay)
        except HeadraceError as error:
            return _json({"status": "not ready", "says": str(error)}, 503)
        figures.golden.set(rows)
        return _json({"status": "ready", "golden_rows": rows})

    @app.get("/version")
    async def version() -> Response:
        """Name the model in charge, and all hashes of its bundle."""
        champion = service.champion
        known = champion.bundle.manifest
        manifest = sha256(champion.bundle.files[MANIFEST])
        return _json({"model": champion.label, "manifest_sha256": manifest, **known})

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Give the figures to Prometheus."""
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.post("/reload", responses={409: {"description": "the bundle is refused"}})
    async def reload() -> Response:
        """Load the bundle again, and put it in charge; from this machine only."""
        problem = await run_in_threadpool(service.reload)
        said = {"model": service.champion.label, "problem": problem}
        return _json(said, 409 if problem else 200)


def _people(app: FastAPI, service: Service, predictions: Predictions) -> None:
    """Add the page for people."""

    @app.get("/", include_in_schema=False)
    async def form() -> Response:
        """Show a form for one row."""
        return HTMLResponse(page.blank(service.champion))

    @app.post("/", include_in_schema=False)
    async def filled(request: Request) -> Response:
        """Answer a form that was filled in."""
        champion = service.champion
        row = await run_in_threadpool(page.row, champion, await request.body())
        try:
            found = await predictions.answer(champion, json.dumps(row).encode(), _id(request))
        except Refused as error:
            return HTMLResponse(page.refused(champion, row, error))
        return HTMLResponse(page.answered(champion, row, found.answers[0]))


def _id(request: Request) -> str:
    return str(request.scope["headrace.request"])


def _is_json(kind: str) -> bool:
    """Return whether a media type is JSON's, or one that is written as JSON."""
    name = kind.partition(";")[0].strip().lower()
    return name == "application/json" or (name.startswith("application/") and name[-5:] == "+json")


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
