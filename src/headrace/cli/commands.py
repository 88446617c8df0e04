"""What each command of `headrace` does; it imports what it needs, and nothing else is loaded."""

import argparse
import os
import sys
from contextlib import suppress

import headrace
from headrace.core import pipeline, project, requirements
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError


def run(found: Project, args: argparse.Namespace) -> int:
    """Run one stage of dvc.yaml."""
    from headrace.execution import supervisor

    requirements.require_version(found.root, headrace.__version__)
    return supervisor.run(found, args.stage)


def backtest(found: Project, args: argparse.Namespace) -> int:
    """Play the past back."""
    from headrace.cli import backtest

    return backtest.run(found)


def check(found: Project, args: argparse.Namespace) -> int:
    """Look for what should be mended."""
    from headrace.lint import command

    if args.list:
        command.show()
        return 0
    return command.run(found, args.rules, staged=args.staged)


def fix(found: Project, args: argparse.Namespace) -> None:
    """Mend what a program can mend."""
    from headrace.lint import command

    for line in command.fix(found) or ["nothing to mend"]:
        print(line)


def hook(found: Project, args: argparse.Namespace) -> None:
    """Have git check each commit, or no more."""
    from headrace.lint import hook

    print((hook.remove if args.remove else hook.write)(found))


def verify(found: Project, args: argparse.Namespace) -> int:
    """Prove that each stage reproduces."""
    from headrace.verify import command

    return command.run(found, args)


def diff(found: Project, args: argparse.Namespace) -> int:
    """Compare two states."""
    from headrace.compare import command

    return command.run(found, args)


def bundle(found: Project, args: argparse.Namespace) -> None:
    """Check a bundle, and say what it holds."""
    from headrace.bundle import command

    command.run(found, args.file)


def registry(found: Project, args: argparse.Namespace) -> None:
    """Register, promote, roll back or demote."""
    from headrace.registry import command

    command.run(found, args)


def serve(found: Project, args: argparse.Namespace) -> None:
    """Answer over HTTP."""
    # Before anything reads it: more threads answer one row no faster, and many clients much slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from headrace.serve import command, resolve_bundle

    resolve_bundle.kept(found, args)
    command.run(lambda: resolve_bundle.champion(found, args.source), args)


def audit(args: argparse.Namespace) -> int:
    """Audit this study, or a repository that is none: a bare clone has no files."""
    from headrace.registry import audit_command

    found = None
    if args.repository is None:
        with suppress(ProjectError):
            found = project.find_project()
    return audit_command.run(found, args)


def score(found: Project, args: argparse.Namespace) -> int:
    """Predict a file of rows."""
    from headrace.score import command
    from headrace.serve import resolve_bundle

    return command.run(resolve_bundle.champion(found, args.model), args)


def image(found: Project, args: argparse.Namespace) -> None:
    """Write what an image of a bundle needs."""
    from headrace.serve import image as command

    command.image(found, args)


def wheelhouse(found: Project, args: argparse.Namespace) -> None:
    """Write what an image of a bundle needs, and its packages."""
    from headrace.serve import image as command

    command.wheelhouse(found, args)


def token(found: Project, args: argparse.Namespace) -> None:
    """Make a token; it is shown once, and its line for the file is printed."""
    from headrace.serve import tokens

    token, line = tokens.make(args.name, args.scopes)
    print(f"The token, shown this once: {token}", file=sys.stderr)
    print(line)


def ingest(found: Project, args: argparse.Namespace) -> None:
    """Take what came in a period as a batch."""
    from headrace.ingest import command

    command.run(found, args)


def monitor(found: Project, args: argparse.Namespace) -> int:
    """Say what the rules say of each batch, and tell who should know."""
    from headrace.cli import monitor as command

    return command.run(found, args)


def retrain(found: Project, args: argparse.Namespace) -> int:
    """Train a challenger, compare it, and propose it."""
    from headrace.retrain import command

    return command.run(found, args)


def live(found: Project, args: argparse.Namespace) -> None:
    """Play the months after the model was handed over."""
    from headrace.play import command

    command.run(found, args)


def ci(found: Project, args: argparse.Namespace) -> int:
    """Run the steps that CI runs."""
    from headrace.ci import steps

    return steps.run(found, args.base)


def replay(found: Project, args: argparse.Namespace) -> int:
    """Run the executed notebooks again."""
    from headrace import replay

    return replay.run(found)


def debug(found: Project, args: argparse.Namespace) -> None:
    """Open a failed run in JupyterLab."""
    failed = found.root / "runs/failed" / f"{args.stage}.ipynb"
    if not failed.is_file():
        name, _, key = args.stage.rpartition("-")
        if name not in found.all_stages:  # else one of a matrix
            name, key = args.stage, ""
            found.stage(name)
        target = pipeline.address(found.file_of(name), f"{name}@{key}" if key else name)
        raise HeadraceError(f"No failed run of {args.stage} is kept. Next: dvc repro {target}")
    _jupyterlab(found, str(failed.relative_to(found.root)), *args.words)


def lab(found: Project, args: argparse.Namespace) -> None:
    """Open JupyterLab on the project."""
    _jupyterlab(found, *args.words)


def _jupyterlab(found: Project, *words: str) -> None:
    """Become JupyterLab on the project, with the contents manager that keeps sources clean."""
    path = os.pathsep.join(filter(None, [str(found.source), os.environ.get("PYTHONPATH")]))
    manager = "--ServerApp.contents_manager_class=headrace.lab.jupyter_contents.ContentsManager"
    os.chdir(found.root)
    sys.stdout.flush()
    os.execve(
        sys.executable,
        [sys.executable, "-m", "jupyterlab", manager, *words],
        os.environ | {"PYTHONPATH": path},
    )


def metrics(found: Project, args: argparse.Namespace) -> None:
    """Show metrics files as tables."""
    from headrace.report import metrics_table

    files = args.files or sorted((found.root / "metrics").glob("*.json"))
    if not files:
        raise HeadraceError("No metrics yet. Next: dvc repro")
    for path in files:
        print(f"{os.path.relpath(path)}\n{metrics_table.show(path)}")


def history(found: Project, args: argparse.Namespace) -> None:
    """Show metrics over commits."""
    from headrace.history import command

    command.run(found, args)


def sync(found: Project, args: argparse.Namespace) -> None:
    """Copy params.yaml's values into the parameters cells."""
    from headrace.execution import params_sync

    for name in params_sync.cells(found) or ["nothing to change"]:
        print(name)


def schema(found: Project, args: argparse.Namespace) -> None:
    """Write the schema for editors."""
    from headrace.execution import params_sync

    print(params_sync.SCHEMA, "written" if params_sync.schema(found) else "is up to date")


def html(found: Project, args: argparse.Namespace) -> None:
    """Write the executed notebooks as pages."""
    from headrace.report import notebook_html

    written = notebook_html.write(found)
    if not written:
        raise HeadraceError("No notebook has been run yet. Next: dvc repro")
    print(*written, sep="\n")


def alert(found: Project, args: argparse.Namespace) -> None:
    """Show the incidents, or record a decision about one."""
    from headrace.alerts import command

    command.run(found, args)
