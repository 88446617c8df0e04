"""The one way to a prediction, whoever asks: rows are read, answered, counted and written down."""

from typing import Any, NamedTuple

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from headrace.bundle.model_service import Champion
from headrace.prediction_log.journal import Journal
from headrace.schema.row import Reader, Values
from headrace.schema.validation_errors import Refused
from headrace.serve.micro_batching import Batches
from headrace.serve.prometheus import Figures

LARGE = 1 << 16
"""Bytes of a body from which on its reading takes long enough to be noticed by others."""


class Answered(NamedTuple):
    """The answer to each row, and the same as JSON with the model and the request named."""

    answers: list[dict[str, Any]]
    said: bytes


class Predictions:
    """Answers bodies that hold rows as JSON."""

    def __init__(self, figures: Figures, journal: Journal | None) -> None:
        self._figures, self._journal, self._batches = figures, journal, Batches()

    async def answer(self, champion: Champion, body: bytes, request: str) -> Answered:
        """Return the champion's answers to the rows of a body.

        Errors:
            Refused: it is not as the schema says.
        """
        try:
            rows = await _read(champion.reader, body)
        except Refused as error:
            self._figures.refused(error.reasons(), error.rows)
            raise
        answers = await self._batches.answer(champion, rows)
        self._figures.answered([one["prediction"] for one in answers])
        said = to_json({"model": champion.label, "request": request, "predictions": answers})
        if self._journal is not None:
            self._journal.write(body, said, champion.written)
        return Answered(answers, said)


async def _read(reader: Reader, body: bytes) -> list[Values]:
    """Read a body's rows; a large one beside all else, so that others are heard meanwhile."""
    return await run_in_threadpool(reader.read, body) if len(body) > LARGE else reader.read(body)
