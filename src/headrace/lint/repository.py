"""Rules on what git tracks: no large file, no secret, no output that DVC keeps.

Secrets are found by the patterns that detect-secrets publishes, without its detectors that guess
(by entropy, or by a variable's name) and the one for IP addresses.
"""

import hashlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module, util
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from headrace.core.requirements import NAME as REQUIREMENTS
from headrace.lint.context import Location, Study
from headrace.lint.notebooks import MIB, outputs_size
from headrace.lint.rules import Violation, rule

ALLOWED = re.compile(r"pragma: ?(allow|white)list[ -]secret")
ALLOWED_NEXT = re.compile(r"pragma: ?allowlist[ -]nextline[ -]secret")
UNUSED = {"IPPublicDetector"}  # a version such as 1.2.3.4 looks like an address


@rule(repro=True)
def tracked_twice(study: Study) -> Iterator[Violation]:
    """{path} is an output that DVC keeps, and git tracks it too, so the two may differ.

    Next: git rm -r --cached {path} (the file stays), then make repro
    """
    tracked = study.tracked
    for stage in study.stages.values():
        for out in stage.outs:
            is_reported = out in stage.metrics  # by `cached-metrics`, which keeps it in git
            if out.is_cached and not is_reported and any(out.covers(name) for name in tracked):
                location = study.at(stage.file, *out.keys)
                yield Violation(location, stage=stage.group, path=out.path)
    for name in tracked:
        if name.endswith(".dvc") and (path := name.removesuffix(".dvc")) in tracked:
            yield Violation(Location(name), path=path)


@rule()
def large_file(study: Study) -> Iterator[Violation]:
    """Git tracks {path} ({mib:.1f} MiB), and keeps every version forever.

    Next: git rm --cached {path}, and dvc add {path}, or make it an out of a stage
    """
    for name in study.tracked:
        size = (study.root / name).stat().st_size
        # Where it is the outputs that are large, `scratch-outputs` has the better advice.
        is_reported = name in study.scratch_names and outputs_size(study, name) > MIB
        if size > MIB and not is_reported:
            yield Violation(Location(name), path=name, mib=size / MIB)


@rule()
def secret(study: Study) -> Iterator[Violation]:
    """Possible secret ({kind}); git's history keeps it.

    Next: remove and revoke it; if it is not a secret: `# pragma: allowlist secret` on its line
    """
    scanner = _scanner_version()
    # The lock's hashes look like keys, and are a large part of what git tracks.
    names = [name for name in study.tracked if name != REQUIREMENTS] if scanner else []
    for name in names:
        for line, kind in _secrets(study, name, scanner):
            yield Violation(Location(name, line=line), kind=kind)


def _secrets(study: Study, name: str, scanner: str) -> list[tuple[int, str]]:
    """Return line and kind of each possible secret in a text file of up to 1 MiB.

    Importing the detectors takes a fifth of a second: clean texts are cached by their MD5.
    """
    path = study.root / name
    # As git does: a NUL byte near the beginning means that it is no text.
    if path.stat().st_size > MIB or b"\0" in (content := path.read_bytes())[:8000]:
        return []
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if study.cache.is_clean(scanner, md5):
        return []
    matches = list(_scan(content.decode("utf-8", "replace")))
    if not matches:
        study.cache.add_clean(scanner, md5)
    return matches


def _scan(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and kind of each match that no comment allows."""
    lines = text.splitlines()
    for detector, pattern in _patterns():
        for match in pattern.finditer(text):
            number = len(text[: match.start() + 1].splitlines())
            line, before = lines[number - 1], lines[number - 2] if number > 1 else ""
            allowed = ALLOWED.search(line) or ALLOWED_NEXT.search(before)
            if not allowed and any(detector.analyze_string(line)):  # the detector's own filters
                yield number, str(detector.secret_type)


@cache
def _patterns() -> list[tuple[Any, re.Pattern[str]]]:
    """Return each detector with each of its patterns."""
    from detect_secrets import plugins
    from detect_secrets.plugins.base import RegexBasedDetector

    names = (f"{plugins.__name__}.{module.name}" for module in iter_modules(plugins.__path__))
    classes = {
        detector
        for module in map(import_module, names)
        for _, detector in inspect.getmembers(module, inspect.isclass)
        if issubclass(detector, RegexBasedDetector) and not inspect.isabstract(detector)
    }
    used = sorted((detector for detector in classes if detector.__name__ not in UNUSED), key=str)
    detectors = [detector() for detector in used]
    return [(detector, pattern) for detector in detectors for pattern in detector.denylist]


def _scanner_version() -> str:
    """Return what identifies the version of the patterns; empty without detect-secrets."""
    spec = util.find_spec("detect_secrets")
    return str(Path(spec.origin).stat().st_mtime_ns) if spec and spec.origin else ""
