"""The parameters that changed, by their dotted names."""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.compare.model import ParameterChange
from headrace.core.states import State


def changes(old: State, new: State) -> tuple[ParameterChange, ...]:
    """Return the values of params.yaml that are not the same in both states; a list is one value.

    1 and 1.0, or 1 and true, are not the same: a stage takes them for what they are.
    """
    before, after = (dict(_leaves(state.params, "")) for state in (old, new))
    return tuple(
        ParameterChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if not _same(before.get(name), after.get(name))
    )


def _same(old: object, new: object) -> bool:
    return old == new and repr(old) == repr(new)


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
