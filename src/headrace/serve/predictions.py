"""From a body to its predictions: rows are read, answered in batches, counted and logged.

Many rows take the model hardly longer than one. It works in a thread, one batch at a time; the
requests that come in meanwhile are the next batch.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, takewhile
from typing import Any, NamedTuple

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from headrace.bundle.model_service import Champion
from headrace.prediction_log.journal import Journal
from headrace.schema.row_reader import Reader, Values
from headrace.schema.validation_errors import Refused
from headrace.serve.prometheus import ServerMetrics

LARGE_BODY = 1 << 16
"""Bytes from which on a body is read in a thread, so that other requests do not wait for it."""
MAX_BATCH_ROWS = 10_000
"""Rows of several requests together; one request may have as many by itself."""
Rows = Sequence[Values]
Answers = list[dict[str, Any]]


class Response(NamedTuple):
    """The answer to each row, and the JSON that also names the model and the request."""

    answers: Answers
    content: bytes


class Predictions:
    """Answers bodies of rows as JSON."""

    def __init__(self, metrics: ServerMetrics, journal: Journal | None) -> None:
        self._metrics, self._journal, self._batcher = metrics, journal, MicroBatcher()

    async def answer(self, champion: Champion, body: bytes, request: str) -> Response:
        """Return the champion's answers to the rows of a body; `request` is the request's id.

        Errors:
            Refused: the body breaks the schema.
        """
        try:
            rows = await _read(champion.reader, body)
        except Refused as error:
            self._metrics.count_refused(error.reasons(), error.rows)
            raise
        answers = await self._batcher.answer(champion, rows)
        predictions = [answer["prediction"] for answer in answers]
        self._metrics.count_predictions(predictions, champion.tenths)
        content = to_json({"model": champion.label, "request": request, "predictions": answers})
        if self._journal is not None:
            self._journal.write(body, content, champion.log_name)
        return Response(answers, content)


async def _read(reader: Reader, body: bytes) -> list[Values]:
    if len(body) > LARGE_BODY:
        return await run_in_threadpool(reader.read, body)
    return reader.read(body)


class Waiting(NamedTuple):
    """A request's rows, the champion they were read for, and the future of their answers."""

    champion: Champion
    rows: Rows
    answers: asyncio.Future[Answers]


class MicroBatcher:
    """Answers the requests that wait for the model together, in the order of their arrival."""

    def __init__(self) -> None:
        self._queue: list[Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def answer(self, champion: Champion, rows: Rows) -> Answers:
        """Return the answers to some rows, by the champion that they were read for."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(champion, rows, loop.create_future())
        self._queue.append(waiting)
        if self._worker is None:
            self._worker = loop.create_task(self._answer_all())
        return await waiting.answers

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            batch = self._next_batch()
            rows = [row for waiting in batch for row in waiting.rows]
            predict = batch[0].champion.answer
            try:
                answers = iter(await loop.run_in_executor(self._thread, predict, rows))
            except Exception as error:  # whatever it is, each request of the batch gets it
                for waiting in batch:
                    if not waiting.answers.done():
                        waiting.answers.set_exception(error)
                continue
            for waiting in batch:
                share = [*islice(answers, len(waiting.rows))]
                if not waiting.answers.done():  # done: the request was given up meanwhile
                    waiting.answers.set_result(share)
        self._worker = None

    def _next_batch(self) -> list[Waiting]:
        """Take the requests that can be answered together from the head of the queue."""
        first, room = self._queue[0], MAX_BATCH_ROWS - len(self._queue[0].rows)

        def fits(waiting: Waiting) -> bool:
            nonlocal room
            room -= len(waiting.rows)
            return waiting.champion is first.champion and room >= 0

        batch = [first, *takewhile(fits, self._queue[1:])]
        del self._queue[: len(batch)]
        return batch
