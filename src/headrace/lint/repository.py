"""Rules on what git holds: nothing large, nothing secret, nothing that DVC holds already."""

from collections.abc import Iterator

from headrace.lint import secrets
from headrace.lint.context import REQUIREMENTS, Study
from headrace.lint.notebooks import MIB, outputs_size
from headrace.lint.rules import Found, Place, found, rule


@rule(repro=True)
def tracked_twice(study: Study) -> Iterator[Found]:
    """{path} is an output that DVC keeps, and git tracks it as well: two truths.

    Next: git rm -r --cached {path} (the file stays), then make repro
    """
    tracked = study.tracked
    for stage in study.stages.values():
        for out in stage.outs:
            told = out in stage.metrics  # by `cached-metrics`, which keeps it in git
            if out.is_cached and not told and any(out.covers(name) for name in tracked):
                yield found(study.at(stage.file, *out.keys), stage=stage.name, path=out.path)
    for name in tracked:
        if name.endswith(".dvc") and (path := name.removesuffix(".dvc")) in tracked:
            yield found(Place(name), path=path)


@rule()
def large_file(study: Study) -> Iterator[Found]:
    """Git holds {path}, {mib:.1f} MiB, and keeps every version of it for good.

    Next: git rm --cached {path}, and dvc add {path}, or make it an out of a stage
    """
    for name in study.tracked:
        size = (study.root / name).stat().st_size
        if size > MIB and not _is_told(study, name):
            yield found(Place(name), path=name, mib=size / MIB)


def _is_told(study: Study, name: str) -> bool:
    """Tell whether `scratch-outputs` speaks of a file."""
    return name in study.scratch_names and outputs_size(study, name) > MIB


@rule()
def secret(study: Study) -> Iterator[Found]:
    """It looks like a secret ({kind}), and what is in git's history stays there.

    Next: take it out and renew it; if it is none: `# pragma: allowlist secret` in its line
    """
    names = [name for name in study.tracked if name != REQUIREMENTS]
    for name, line, kind in secrets.find(study.root, names, study.memory):
        yield found(Place(name, line=line), kind=kind)
