"""The commits and files between two states, and the stages that each file feeds."""

from collections.abc import Iterator
from typing import Any

from headrace.compare.model import Commit, FileChange
from headrace.core import git, yaml
from headrace.core.states import State

FIELDS = "%H%x00%an%x00%aI%x00%s"
PLAIN = ("--no-color", "--no-ext-diff", "--relative", "-z")
PIPELINE, PARAMETERS = "dvc.yaml", "params.yaml"


def commits(old: State, new: State) -> tuple[Commit, ...]:
    """Return the commits that the new state has and the old one has not, the newest first.

    Up to the last commit, where the new state is the working tree.
    """
    if old.commit is None:
        return ()
    span = f"{old.commit}..{new.commit or 'HEAD'}"
    words = ("--no-color", "--no-show-signature", "-z", f"--format={FIELDS}", span, "--", ".")
    fields = git.run(new.root, "log", *words).rstrip("\0").split("\0")
    if len(fields) < 4:
        return ()
    whole = [_clean(text) for text in fields]
    return tuple(Commit(*whole[at : at + 4]) for at in range(0, len(whole), 4))


def files(old: State, new: State) -> tuple[FileChange, ...]:
    """Return the files that differ, and for each the stages that it feeds directly.

    A stage is fed by its deps, by those of its parameters that changed and by its own entry of
    dvc.yaml. What a file feeds through other stages' outputs is left out.
    """
    feeds = _feeds(old, new)
    return tuple(
        FileChange(_clean(path), status, _stages(path, source, feeds))
        for status, path, source in _listed(old, new)
    )


def _listed(old: State, new: State) -> Iterator[tuple[str, str, str]]:
    """Yield status, path and former path (the same, if it was not renamed) of each changed file."""
    ends = [old.commit or "HEAD", *([new.commit] if new.commit else [])]
    told = git.run(new.root, "diff", "--name-status", "-M", *PLAIN, *ends, "--", ".").split("\0")
    entries = iter(told)
    for status in entries:
        if status:
            source = next(entries)
            path = next(entries) if status[0] in "RC" else source
            yield status[0], path, source
    if new.commit is None:
        others = git.run(new.root, "ls-files", "--others", "--exclude-standard", "-z")
        yield from (("A", path, path) for path in others.split("\0") if path)


def _stages(path: str, source: str, feeds: dict[str, set[str]]) -> tuple[str, ...]:
    """Return the stages that list a file, its former path or a folder that it is in."""
    fed = {
        stage
        for dep, stages in feeds.items()
        for name in (path, source)
        if name == dep or name.startswith(f"{dep.rstrip('/')}/")
        for stage in stages
    }
    return tuple(sorted(fed))


def _feeds(old: State, new: State) -> dict[str, set[str]]:
    """Return the stages that each dep feeds, by dvc.yaml and by dvc.lock, which has plain paths."""
    feeds: dict[str, set[str]] = {PIPELINE: set(), PARAMETERS: set()}
    entries = [_entries(state) for state in (old, new)]
    for state, stages in zip((old, new), entries, strict=True):
        for name, stage in stages.items():
            for dep in [*_names(stage.get("deps")), *_other_parameters(stage)]:
                feeds.setdefault(dep, set()).add(name)
        for name, record in state.lock.items():
            for file in record.deps:
                feeds.setdefault(file.path, set()).add(name.partition("@")[0])
    for name in {*entries[0], *entries[1]}:
        before, after = (stages.get(name) for stages in entries)
        if before != after:
            feeds[PIPELINE].add(name)
        if _parameters(before, old) != _parameters(after, new):
            feeds[PARAMETERS].add(name)
    return feeds


def _entries(state: State) -> dict[str, dict[str, Any]]:
    """Return the stages of dvc.yaml; of a matrix or a foreach what its stages share."""
    stages = state.pipeline.get("stages")
    found = {} if not isinstance(stages, dict) else stages
    flat = {name: one.get("do", one) for name, one in found.items() if isinstance(one, dict)}
    return {name: one for name, one in flat.items() if isinstance(one, dict)}


def _names(entries: Any) -> list[str]:
    """Return the paths of a stage's deps, which may stand alone or over their settings."""
    listed = entries if isinstance(entries, list) else []
    return [next(iter(one), "") if isinstance(one, dict) else str(one) for one in listed]


def _other_parameters(stage: dict[str, Any]) -> list[str]:
    """Return the parameter files that a stage names beside params.yaml."""
    listed = stage.get("params")
    return [
        str(file)
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
        for file in one
        if file != PARAMETERS
    ]


def _parameters(stage: dict[str, Any] | None, state: State) -> dict[str, object]:
    """Return what params.yaml says of the names that a stage takes from it."""
    listed = (stage or {}).get("params")
    names: list[Any] = []
    for one in listed if isinstance(listed, list) else []:
        more = one.get(PARAMETERS, []) if isinstance(one, dict) else [one]
        names += more if isinstance(more, list) else list(state.params)
    return {str(name): yaml.lookup(state.params, str(name)) for name in names}


def _clean(text: str) -> str:
    """Return text that can be written as UTF-8: git takes any bytes for a name."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
