"""The application: predictions, health, hashes, figures, and a page for people."""

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from headrace.bundle.archive import MANIFEST, sha256
from headrace.errors import HeadraceError
from headrace.serve import described, page
from headrace.serve.batches import Batches
from headrace.serve.figures import Figures
from headrace.serve.guard import Application, Guard
from headrace.serve.journal import Journal
from headrace.serve.mistakes import Refused
from headrace.serve.rows import Reader, Values
from headrace.serve.service import Service
from headrace.serve.tokens import Tokens

LARGE = 1 << 16
"""Bytes of a body from which on its reading takes long enough to be noticed by others."""


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
    _answers(app, service, figures, journal)
    _keepers(app, service, figures)
    _people(app, service)
    if tokens is not None:
        described.secure(app.openapi())  # which FastAPI makes once, and keeps
    return Guard(app, figures, tokens, alone=alone)


def _answers(app: FastAPI, service: Service, figures: Figures, journal: Journal | None) -> None:
    """Add what programs ask: predictions."""
    batches = Batches()

    @app.post(
        "/predict", openapi_extra=described.predict(service.champion.reader.one.json_schema())
    )
    async def predict(request: Request) -> Response:
        """Answer one row, or a list of rows: a prediction for each."""
        if not _is_json(request.headers.get("content-type", "")):
            return _refused(figures, 415, [_mistake("not_json", "Send application/json")])
        champion = service.champion
        try:
            rows = await _read(champion.reader, await request.body())
        except Refused as error:
            return _refused(figures, 422, error.mistakes)
        answers = await batches.answer(champion, rows)
        figures.answered([one["prediction"] for one in answers])
        named = {"model": champion.label, "request": request.scope["headrace.request"]}
        said = to_json({**named, "predictions": answers})
        if journal is not None:
            journal.write(await request.body(), said)
        return Response(said, media_type="application/json")


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
        figures.reloads.labels("refused" if problem else "taken over").inc()
        said = {"model": service.champion.label, "problem": problem}
        return _json(said, 409 if problem else 200)


def _people(app: FastAPI, service: Service) -> None:
    """Add the page for people."""

    @app.get("/", include_in_schema=False)
    async def form() -> Response:
        """Show a form for one row."""
        return HTMLResponse(page.blank(service.champion))

    @app.post("/", include_in_schema=False)
    async def filled(request: Request) -> Response:
        """Answer a form that was filled in."""
        return HTMLResponse(
            await run_in_threadpool(page.answered, service.champion, await request.body())
        )


def _is_json(kind: str) -> bool:
    """Return whether a media type is JSON's, or one that is written as JSON."""
    name = kind.partition(";")[0].strip().lower()
    return name == "application/json" or (name.startswith("application/") and name[-5:] == "+json")


async def _read(reader: Reader, body: bytes) -> list[Values]:
    """Read a body's rows; a large one beside all else, so that others are heard meanwhile."""
    return await run_in_threadpool(reader.read, body) if len(body) > LARGE else reader.read(body)


def _mistake(reason: str, says: str) -> dict[str, str]:
    return {"field": "", "reason": reason, "says": says}


def _refused(figures: Figures, status: int, mistakes: list[dict[str, str]]) -> Response:
    for one in mistakes:
        figures.refused.labels(one["reason"]).inc()
    return JSONResponse({"detail": mistakes}, status)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
