"""The options of the server are checked before it starts."""

from types import SimpleNamespace

import pytest

from headrace.bundle.model_service import Service
from headrace.errors import HeadraceError
from headrace.serve import command


def test_a_bundle_without_an_input_of_log_never_does_not_take_over() -> None:
    problems: list[str] = []
    champions = [SimpleNamespace(label="b", schema={"properties": {"carrier": {}}})]
    args = command.Options(log="here", log_never=("carrier",))
    service = Service(command.with_log_check(lambda: champions[-1], args), problems.append)  # type: ignore[arg-type]
    assert service.reload() == ""
    champions.append(SimpleNamespace(label="c", schema={"properties": {"carriers": {}}}))
    assert "'carrier' is never to be logged, and is no input of c. " in service.reload()
    assert "Did you mean carriers? Next: " in service.problem
    assert service.champion.label == "b"
    assert problems == ["", service.problem]
    args = command.Options(log_never=("carrier",))
    assert command.with_log_check(lambda: champions[-1], args)().label == "c"  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("days", [-1, 0, 3651, 10**12])
def test_log_days_out_of_range_are_refused(days: int) -> None:
    with pytest.raises(HeadraceError, match=rf"{days} days. Next: --log-days with 1 to 3,650"):
        command.with_log_check(lambda: None, command.Options(log_days=days))  # type: ignore[arg-type, return-value]
