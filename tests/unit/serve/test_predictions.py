"""Requests that wait for the model are answered together."""

import asyncio
from typing import Any

from headrace.serve.predictions import MicroBatcher


def test_a_fault_of_the_model_reaches_the_waiting_requests_and_no_later_one() -> None:
    class Faulty:
        def answer(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            if any("bad" in row for row in rows):
                raise ValueError("a fault")
            return [{"prediction": row["x"]} for row in rows]

    async def ask() -> list[Any]:
        batcher, model = MicroBatcher(), Faulty()
        requests: list[list[dict[str, Any]]] = [[{"x": 1}], [{"bad": 1}], [{"x": 2}, {"x": 3}]]
        waiting = [batcher.answer(model, rows) for rows in requests]  # type: ignore[arg-type]
        first = await asyncio.gather(*waiting, return_exceptions=True)
        later = await batcher.answer(model, [{"x": 4}])  # type: ignore[arg-type]
        return [*first, later]

    first, second, third, later = asyncio.run(ask())
    assert isinstance(second, ValueError)
    assert first in ([{"prediction": 1}], second)
    assert third in ([{"prediction": 2}, {"prediction": 3}], second)
    assert later == [{"prediction": 4}]
