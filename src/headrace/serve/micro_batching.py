"""Requests that wait for the model are answered together: many rows take hardly longer than one.

The model works in a thread of its own, one batch at a time, so that others are heard meanwhile;
what comes in while it works is the next batch.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any, NamedTuple

from headrace.bundle.model_service import Champion
from headrace.schema.row import Values

MOST_ROWS = 10_000
"""Rows of a batch; one request may have as many by itself."""
Rows = Sequence[Values]
Answers = list[dict[str, Any]]


class Waiting(NamedTuple):
    """A request's rows, the champion that they were read for, and who waits for the answers."""

    champion: Champion
    rows: Rows
    answers: asyncio.Future[Answers]


class Batches:
    """Answers requests in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._work: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def answer(self, champion: Champion, rows: Rows) -> Answers:
        """Return the answers to some rows, by the champion that they were read for."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(champion, rows, loop.create_future())
        self._waiting.append(waiting)
        if self._work is None:
            self._work = loop.create_task(self._answer_all())
        return await waiting.answers

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._next()
            rows = [row for one in batch for row in one.rows]
            try:
                answers = await loop.run_in_executor(self._thread, batch[0].champion.answer, rows)
            except Exception as error:  # whatever it is, who waits is told
                _tell(batch, error)
            else:
                _share(batch, answers)
        self._work = None

    def _next(self) -> list[Waiting]:
        """Take the requests that can be answered together from the head of those that wait."""
        first = self._waiting[0]
        room = [MOST_ROWS - len(first.rows)]

        def fits(one: Waiting) -> bool:
            room[0] -= len(one.rows)
            return one.champion is first.champion and room[0] >= 0

        batch = [first, *takewhile(fits, self._waiting[1:])]
        del self._waiting[: len(batch)]
        return batch


def _share(batch: Sequence[Waiting], answers: Answers) -> None:
    place = 0
    for one in batch:
        if not one.answers.done():  # who waits no more was cut off meanwhile
            one.answers.set_result(answers[place : place + len(one.rows)])
        place += len(one.rows)


def _tell(batch: Sequence[Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answers.done():
            one.answers.set_exception(error)
