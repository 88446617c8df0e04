"""`make demo`: what a new user would type, typed."""

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lab import bake, paths

EVALUATION = "metrics/evaluate.json"


def main() -> None:
    """Make a study, set it up, run it, change one parameter and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=paths.root / "build")
    into = parser.parse_args().into.resolve()
    begun = time.perf_counter()
    _clear(into / "demo")
    study = _bake(into)
    _first_run(study)
    _one_change(study)
    print(f"\nAll of it took {time.perf_counter() - begun:.0f} s. The study is {_short(study)}.")


def _clear(old: Path) -> None:
    """Take away an earlier demonstration, and nothing else."""
    if not old.exists():
        return
    if not (old / "src/study").is_dir():
        sys.exit(f"{old} is there already and is no study. Next: make demo elsewhere, by --into")
    shutil.rmtree(old)


def _bake(into: Path) -> Path:
    _say("Make a study from the template")
    template = bake.copy_template(into / "template-copy")
    text = f"cookiecutter . --directory template --no-input -o {_short(into)} project_slug=demo"
    _type(
        template,
        "cookiecutter . --directory template --no-input",
        *("-o", str(into), "project_slug=demo"),
        text=text,
    )
    shutil.rmtree(template)
    print(f"$ cd {_short(into / 'demo')}")
    return into / "demo"


def _first_run(study: Path) -> None:
    _say("Put it under git, and make its environment")
    _type(study, "git init --quiet --initial-branch=main")
    _type(study, "git add .")
    _commit(study, "Begin")
    _type(study, "make setup")
    _say("Run the notebooks, each a stage of the pipeline")
    _type(study, "dvc repro")
    _type(study, f"headrace metrics {EVALUATION}")
    _type(study, "git add .")
    _commit(study, "Run the pipeline")


def _one_change(study: Path) -> None:
    _say("Change one parameter: only the stages that depend on it run")
    _type(study, "dvc exp run --name fewer-rounds -S train.max_iter=50")
    _say("What changed, whether it is real, and whether gates.yaml allows it")
    _type(study, "headrace diff")
    _say("Where to look next")
    _type(study, "headrace diff --html runs/html/diff.html")
    _type(study, "headrace html")
    pictures = "  ".join(str(path.relative_to(study)) for path in sorted(study.glob("plots/*.svg")))
    print(f"pictures: {pictures}")


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _commit(study: Path, message: str) -> None:
    text = f'git commit --quiet -m "{message}"'
    _type(study, "git", *bake.IDENTITY, "commit", "--quiet", "-m", message, text=text)


def _type(folder: Path, command: str, *arguments: str, text: str = "") -> None:
    """Show a command as the user would type it, and run it; what it prints passes through."""
    print(f"$ {text or command}", flush=True)
    words = [*shlex.split(command), *arguments]
    env = bake.user_environment(folder)
    program = shutil.which(words[0], path=env["PATH"]) or words[0]
    result = subprocess.run([program, *words[1:]], cwd=folder, env=env, stdin=subprocess.DEVNULL)
    if result.returncode:
        sys.exit(f"`{text or command}` failed in {folder} (exit {result.returncode})")


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    main()
