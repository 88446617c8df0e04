"""The command `headrace`."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from headrace import ci, history, project, registry, score, serve
from headrace.errors import HeadraceError, ProjectError
from headrace.project import Project
from headrace.stage import INTERRUPTED
from headrace.verify import inside

# jsonschema, which nbformat imports, would build a grammar of international addresses first: most
# of a second, for a format that no notebook has. Where the module is None, jsonschema does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as importlib documents


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after a message about what the user can mend."""
    parser = _parser()
    args, words = parser.parse_known_args(arguments)
    if words and args.command not in (_lab, _debug):
        parser.error(f"unrecognized arguments: {' '.join(words)}")
    args.words = words
    try:
        if args.command is _audit:
            code = int(_audit(args))
        else:
            found = project.find()
            _use_own_code(found)
            code = int(args.command(found, args) or 0)
        print(end="", flush=True)
        return code
    except BrokenPipeError:  # `| head` has seen enough; nor is there anyone to tell at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except HeadraceError as error:
        say(error)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def say(error: BaseException) -> None:
    """Print what went wrong, for the user to mend."""
    print(f"\n{error}\n{_lost_nothing()}", file=sys.stderr)


def _lost_nothing() -> str:
    """Say, where DVC has taken away what the stage made before, how it comes back."""
    if "DVC_STAGE" not in os.environ or inside.active():
        return ""
    return (
        "DVC took away what this stage had made before, and keeps it in its cache. It comes back\n"
        "with the change undone and dvc repro, or with git checkout . && dvc checkout.\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="headrace", description="Run a study's notebooks as stages."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one stage of dvc.yaml; dvc repro calls this")
    run.add_argument("stage")
    run.set_defaults(command=_run)
    debug = commands.add_parser("debug", help="open a failed run in JupyterLab")
    debug.add_argument("stage")
    debug.set_defaults(command=_debug)
    check = commands.add_parser("check", help="look for what should be mended; runs nothing")
    check.add_argument("rules", nargs="*", metavar="RULE", help="default: all; repro: make repro's")
    check.add_argument("--staged", action="store_true", help="check what a commit would hold now")
    check.add_argument("--list", action="store_true", help="show the rules")
    check.set_defaults(command=_check)
    hook = commands.add_parser("hook", help="have git check each commit")
    hook.add_argument("--remove", action="store_true", help="have it no more")
    hook.set_defaults(command=_hook)
    metrics = commands.add_parser("metrics", help="show metrics files as tables")
    metrics.add_argument("files", nargs="*", type=Path, help="default: all in metrics/")
    metrics.set_defaults(command=_metrics)
    past = commands.add_parser("history", help="show metrics over the commits of a branch")
    history.add(past)
    past.set_defaults(command=_history)
    verify = commands.add_parser("verify", help="prove that each stage reproduces, in a clean room")
    verify.add_argument("stages", nargs="*", help="default: all, with a certificate at the end")
    text = "the tracked files as they are now, not as committed"
    verify.add_argument("--worktree", action="store_true", help=text)
    text = "stages side by side; default: cores"
    verify.add_argument("--jobs", type=int, metavar="N", help=text)
    verify.set_defaults(command=_verify)
    bundle = commands.add_parser("bundle", help="check a bundle, and say what it holds")
    bundle.add_argument("file", nargs="?", type=Path, help="default: the artifact of dvc.yaml")
    bundle.set_defaults(command=_bundle)
    server = commands.add_parser("serve", help="answer over HTTP, from a bundle")
    serve.add(server)
    server.set_defaults(command=_serve)
    scored = commands.add_parser("score", help="predict a file of rows, larger than memory")
    score.add(scored)
    scored.set_defaults(command=_score)
    token = commands.add_parser("token", help="make a token for headrace serve")
    token.add_argument("name", help="whose it is")
    token.add_argument("scopes", nargs="*", default=["predict"], help="predict, metrics, admin")
    token.set_defaults(command=_token)
    all_steps = commands.add_parser("ci", help="run the steps that CI runs")
    ci.add(all_steps)
    all_steps.set_defaults(command=_ci)
    registry.add(commands)
    for name in ("register", "promote", "rollback", "demote"):
        commands.choices[name].set_defaults(command=_registry)
    commands.choices["audit"].set_defaults(command=_audit)
    _add_diff(commands.add_parser("diff", help="what changed, whether it is real, what it breaks"))
    for name, command, text in (
        ("replay", _replay, "run the executed notebooks again: what was stored must come out"),
        ("lab", _lab, "open JupyterLab, which saves notebooks without outputs; takes its options"),
        ("fix", _fix, "mend what check finds and a program can mend"),
        ("sync", _sync, "copy params.yaml's values into the notebooks' parameters cells"),
        ("schema", _schema, "write params.schema.json, by which an editor checks params.yaml"),
        ("html", _html, "write the executed notebooks as pages"),
    ):
        commands.add_parser(name, help=text).set_defaults(command=command)
    return parser


def _add_diff(diff: argparse.ArgumentParser) -> None:
    text = "none: since this branch left the main one, or the last commit; one: since that one"
    diff.add_argument("revisions", nargs="*", metavar="REVISION", help=text)
    form = diff.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print Markdown")
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    diff.add_argument("--gate", action="store_true", help="exit with 1 when a gate breaks")
    text = "metrics, parameters and cost alone: quick, and without intervals"
    diff.add_argument("--shallow", action="store_true", help=text)
    diff.set_defaults(command=_diff)


def _use_own_code(found: Project) -> None:
    """Start again with the project's own headrace, where this one is another tree's.

    An editable install points at one tree; a clone, or a copy that `dvc exp run --temp` made, must
    run its own code.
    """
    own = found.source / "headrace"
    if own.is_dir() and own.resolve() != Path(__file__).resolve().parent:
        path = os.pathsep.join(filter(None, [str(found.source), os.environ.get("PYTHONPATH")]))
        sys.stdout.flush()
        os.execve(  # the same interpreter, with the same words
            sys.executable,
            [sys.executable, "-m", "headrace", *sys.argv[1:]],
            os.environ | {"PYTHONPATH": path},
        )


def _run(found: Project, args: argparse.Namespace) -> int:
    from headrace import supervise

    return supervise.run(found, args.stage)


def _check(found: Project, args: argparse.Namespace) -> int:
    from headrace.check import command

    if args.list:
        command.show()
        return 0
    return command.run(found, args.rules, staged=args.staged)


def _fix(found: Project, args: argparse.Namespace) -> None:
    from headrace.check import command

    for line in command.fix(found) or ["nothing to mend"]:
        print(line)


def _hook(found: Project, args: argparse.Namespace) -> None:
    from headrace.check import hook

    print((hook.remove if args.remove else hook.write)(found))


def _verify(found: Project, args: argparse.Namespace) -> int:
    from headrace.verify import command

    return command.run(found, args)


def _diff(found: Project, args: argparse.Namespace) -> int:
    from headrace.diff import command

    return command.run(found, args)


def _bundle(found: Project, args: argparse.Namespace) -> None:
    from headrace.bundle import command

    command.run(found, args.file)


def _registry(found: Project, args: argparse.Namespace) -> None:
    from headrace.registry import command

    command.run(found, args)


def _serve(found: Project, args: argparse.Namespace) -> None:
    # Before anything reads it: more threads answer one row no faster, and many clients much slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from headrace.serve import command

    command.run(found, args)


def _audit(args: argparse.Namespace) -> int:
    """Audit this study, or a repository that is none: a bare clone has no files."""
    from headrace.registry import audit_command

    found = None
    if args.repository is None:
        with suppress(ProjectError):
            found = project.find()
            _use_own_code(found)
    return audit_command.run(found, args)


def _score(found: Project, args: argparse.Namespace) -> int:
    from headrace.score import command

    return command.run(found, args)


def _token(found: Project, args: argparse.Namespace) -> None:
    from headrace.serve import tokens

    token, line = tokens.make(args.name, args.scopes)
    print(f"The token, shown this once: {token}", file=sys.stderr)
    print(line)


def _ci(found: Project, args: argparse.Namespace) -> int:
    from headrace.ci import steps

    return steps.run(found, args.base)


def _replay(found: Project, args: argparse.Namespace) -> int:
    from headrace import replay

    return replay.run(found)


def _debug(found: Project, args: argparse.Namespace) -> None:
    failed = found.root / "runs/failed" / f"{args.stage}.ipynb"
    if not failed.is_file():
        if args.stage.rpartition("-")[0] not in found.stages:  # else one of a matrix
            found.stage(args.stage)
        raise HeadraceError(f"No failed run of {args.stage} is kept. Next: dvc repro {args.stage}")
    _jupyterlab(found, str(failed.relative_to(found.root)), *args.words)


def _lab(found: Project, args: argparse.Namespace) -> None:
    _jupyterlab(found, *args.words)


def _jupyterlab(found: Project, *words: str) -> None:
    """Become JupyterLab on the project, with the contents manager that keeps sources clean."""
    path = os.pathsep.join(filter(None, [str(found.source), os.environ.get("PYTHONPATH")]))
    manager = "--ServerApp.contents_manager_class=headrace.contents.ContentsManager"
    os.chdir(found.root)
    sys.stdout.flush()
    os.execve(
        sys.executable,
        [sys.executable, "-m", "jupyterlab", manager, *words],
        os.environ | {"PYTHONPATH": path},
    )


def _metrics(found: Project, args: argparse.Namespace) -> None:
    from headrace import table

    files = args.files or sorted((found.root / "metrics").glob("*.json"))
    if not files:
        raise HeadraceError("No metrics yet. Next: dvc repro")
    for path in files:
        print(f"{os.path.relpath(path)}\n{table.show(path)}")


def _history(found: Project, args: argparse.Namespace) -> None:
    from headrace.history import command

    command.run(found, args)


def _sync(found: Project, args: argparse.Namespace) -> None:
    from headrace import sync

    for name in sync.cells(found) or ["nothing to change"]:
        print(name)


def _schema(found: Project, args: argparse.Namespace) -> None:
    from headrace import sync

    print(sync.SCHEMA, "written" if sync.schema(found) else "is up to date")


def _html(found: Project, args: argparse.Namespace) -> None:
    from headrace import pages

    written = pages.write(found)
    if not written:
        raise HeadraceError("No notebook has been run yet. Next: dvc repro")
    print(*written, sep="\n")
