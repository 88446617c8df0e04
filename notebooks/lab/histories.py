"""`make bench`, second part: the history of a metric beside DVC's own way; and long histories."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import bake, turns

BEGIN = 1_700_000_000
DAY = 86_400
METRIC = "metrics/evaluate.json:model.roc_auc"
FASTER, LONGER = 20.0, 3.5
"""The bars: so many times faster than DVC, and 3,000 commits at most so many times 1,000."""
STUDY = {
    "pyproject.toml": '[tool.headrace]\nparams = "small.params:Params"\n',
    ".dvc/config": "[core]\n    analytics = false\n",
    "dvc.yaml": json.dumps(
        {
            "stages": {
                name: {"cmd": name, "metrics": [{f"metrics/{name}.json": {"cache": False}}]}
                for name in ("train", "evaluate")
            }
        }
    ),
}
"""The least that is a study with metrics."""


@dataclass
class Step:
    """A commit to make: files that change (None: that go), and what else is not as usual."""

    files: Mapping[str, str | bytes | None]
    subject: str = "Change"
    tags: tuple[str, ...] = ()
    branch: str = "main"
    merges: str = ""
    """Another branch, which becomes the second parent."""


def make(root: Path, steps: Iterable[Step]) -> Path:
    """Make a repository of these commits, a day apart, through one `git fast-import`."""
    root.mkdir(parents=True, exist_ok=True)
    bake.run(root, "git", "init", "--quiet", "--initial-branch=main")
    stream = b"".join(_commit(step, number) for number, step in enumerate(steps))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=stream, check=True)
    bake.run(root, "git", "reset", "--quiet", "--hard", "main")
    return root


def _commit(step: Step, number: int) -> bytes:
    person = f"A <a@example.org> {BEGIN + number * DAY} +0000"
    head = f"commit refs/heads/{step.branch}\nmark :{number + 1}\n"
    people = f"author {person}\ncommitter {person}\n"
    parts = [f"{head}{people}".encode(), _data(step.subject)]
    if step.merges:
        parts.append(f"merge refs/heads/{step.merges}\n".encode())
    for name, text in step.files.items():
        quoted = json.dumps(name, ensure_ascii=False)
        if text is None:
            parts.append(f"D {quoted}\n".encode())
        else:
            parts += [f"M 644 inline {quoted}\n".encode(), _data(text)]
    parts += [f"reset refs/tags/{tag}\nfrom :{number + 1}\n".encode() for tag in step.tags]
    return b"".join(parts)


def _data(text: str | bytes) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return b"data %d\n%s\n" % (len(content), content)


def long(root: Path, count: int) -> Path:
    """Make a study of so many commits; every one changes both metrics files."""
    steps = [Step(STUDY, "Begin")] + [Step(_metrics(number)) for number in range(1, count)]
    return make(root, steps)


def _metrics(number: int) -> dict[str, str | bytes | None]:
    scores = {"roc_auc": 0.65 + number % 97 / 1000, "brier_score": 0.2 - number % 89 / 1000}
    group = {"model": scores, "naive": scores, "rows": 27_000 + number}
    return {f"metrics/{name}.json": json.dumps(group, indent=2) for name in ("train", "evaluate")}


def main() -> None:
    """Measure and print; end the program where a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        short, longer = (long(Path(folder) / str(count), count) for count in (1_000, 3_000))
        headrace = ("headrace", "history", METRIC)
        dvc = ("dvc", "metrics", "show", "--all-commits", "--json", "metrics/evaluate.json")
        ways = {"ours": turns.command(short, headrace), "dvc": turns.command(short, dvc)}
        seconds = turns.medians(ways | {"longer": turns.command(longer, headrace)})
    faster, growth = seconds["dvc"] / seconds["ours"], seconds["longer"] / seconds["ours"]
    print(f"\nThe history of one metric, medians of {turns.RUNS} in turn\n")
    print(f"headrace history, 1,000 commits   {seconds['ours']:>8.2f} s")
    print(f"dvc metrics show, 1,000 commits   {seconds['dvc']:>8.2f} s, {faster:.0f} x")
    print(f"headrace history, 3,000 commits   {seconds['longer']:>8.2f} s, {growth:.2f} x")
    if faster < FASTER or growth > LONGER:
        sys.exit(f"Missed: {FASTER:.0f} times faster than DVC, and at most {LONGER} for 3,000")


if __name__ == "__main__":
    main()
