"""What went into two states: parameters, commits, and files with the stages that they feed."""

from collections.abc import Iterator
from typing import Any

from headrace.compare.model import Commit, FileChange, ParameterChange
from headrace.core import git, yaml
from headrace.core.metrics import is_same, leaves
from headrace.core.pipeline import Stage, stages_of
from headrace.core.states import State

FIELDS = "%H%x00%an%x00%aI%x00%s"
PLAIN = ("--no-color", "--no-ext-diff", "--relative", "-z")
PIPELINE, PARAMETERS = "dvc.yaml", "params.yaml"


def parameter_changes(old: State, new: State) -> tuple[ParameterChange, ...]:
    """Return the values of params.yaml that differ between the states; a list is one value.

    1 differs from 1.0 and from true, as it does for a stage.
    """
    before, after = (dict(leaves(state.params, empty=True)) for state in (old, new))
    return tuple(
        ParameterChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if not is_same(before.get(name), after.get(name))
    )


def commits_between(old: State, new: State) -> tuple[Commit, ...]:
    """Return the commits of the new state that the old one lacks, the newest first.

    Where the new state is the working tree, up to the last commit.
    """
    if old.commit is None:
        return ()
    span = f"{old.commit}..{new.commit or 'HEAD'}"
    options = ("--no-color", "--no-show-signature", "-z", f"--format={FIELDS}")
    fields = git.run(new.root, "log", *options, span, "--", ".").rstrip("\0").split("\0")
    if len(fields) < 4:
        return ()
    texts = [_as_utf8(text) for text in fields]
    return tuple(Commit(*texts[at : at + 4]) for at in range(0, len(texts), 4))


def file_changes(old: State, new: State) -> tuple[FileChange, ...]:
    """Return the files that differ, each with the stages that it feeds directly.

    A stage is fed by its deps, by those of its parameters that changed and by its own entry in
    dvc.yaml.
    """
    feeds = _feeds(old, new)
    return tuple(
        FileChange(_as_utf8(path), status, _stages(path, source, feeds))
        for status, path, source in _changed_files(old, new)
    )


def _changed_files(old: State, new: State) -> Iterator[tuple[str, str, str]]:
    """Yield status, path and former path (the same, if not renamed) of each changed file."""
    # Of one commit git shows what the working tree changed since.
    ends = [old.commit or "HEAD", *([new.commit] if new.commit else [])]
    listed = git.run(new.root, "diff", "--name-status", "-M", *PLAIN, *ends, "--", ".")
    entries = iter(listed.split("\0"))
    for status in entries:
        if status:
            source = next(entries)
            path = next(entries) if status[0] in "RC" else source
            yield status[0], path, source
    if new.commit is None:  # `git diff` leaves out files that git does not track yet
        untracked = git.run(new.root, "ls-files", "--others", "--exclude-standard", "-z")
        yield from (("A", path, path) for path in untracked.split("\0") if path)


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
    pipelines = [stages_of(state.pipeline) for state in (old, new)]
    for state, stages in zip((old, new), pipelines, strict=True):
        for name, stage in stages.items():
            for path in [*(dep.path for dep in stage.deps), *_other_parameter_files(stage)]:
                feeds.setdefault(path, set()).add(name)
        for name, record in state.lock.items():
            for file in record.deps:
                feeds.setdefault(file.path, set()).add(name.partition("@")[0])
    for name in {*pipelines[0], *pipelines[1]}:
        before, after = (stages.get(name) for stages in pipelines)
        if before is None or after is None or before.body != after.body:
            feeds[PIPELINE].add(name)
        if _parameters(before, old) != _parameters(after, new):
            feeds[PARAMETERS].add(name)
    return feeds


def _listed_params(stage: Stage) -> list[Any]:
    return yaml.or_empty(stage.body.get("params"), list)


def _other_parameter_files(stage: Stage) -> list[str]:
    """Return the parameter files of a stage other than params.yaml."""
    mappings = (item for item in _listed_params(stage) if isinstance(item, dict))
    return [str(file) for item in mappings for file in item if file != PARAMETERS]


def _parameters(stage: Stage | None, state: State) -> dict[str, object]:
    """Return the values in params.yaml of the parameters that a stage lists."""
    names: list[Any] = []
    for item in _listed_params(stage) if stage is not None else ():
        listed = item.get(PARAMETERS, []) if isinstance(item, dict) else [item]
        names += listed if isinstance(listed, list) else list(state.params)
    return {str(name): yaml.lookup(state.params, str(name)) for name in names}


def _as_utf8(text: str) -> str:
    """Return text that can be written as UTF-8: a name in git may hold any bytes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
