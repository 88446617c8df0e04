"""The words and options of the command `headrace`."""

import argparse
from pathlib import Path
from typing import TypeAlias

from headrace import alerts, ci, history, monitor, play, registry, retrain, score, serve
from headrace import ingest as live
from headrace.cli import commands, image_options

Words: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; `command` is what each command calls."""
    made = argparse.ArgumentParser(
        prog="headrace", description="Run a study's notebooks as stages."
    )
    subs = made.add_subparsers(required=True, metavar="COMMAND")
    _add_study(subs)
    _add_evidence(subs)
    _add_model(subs)
    _add_live(subs)
    _add_plain(subs)
    _add_alerts(subs)
    return made


def _add_study(subs: Words) -> None:
    """Add what runs and checks a study."""
    run = subs.add_parser("run", help="run one stage of dvc.yaml; dvc repro calls this")
    run.add_argument("stage")
    run.set_defaults(command=commands.run)
    text = "play the past back, by backtest/dvc.yaml, and show what it came to"
    subs.add_parser("backtest", help=text).set_defaults(command=commands.backtest)
    debug = subs.add_parser("debug", help="open a failed run in JupyterLab")
    debug.add_argument("stage")
    debug.set_defaults(command=commands.debug)
    check = subs.add_parser("check", help="look for what should be mended; runs nothing")
    check.add_argument("rules", nargs="*", metavar="RULE", help="default: all; repro: make repro's")
    check.add_argument("--staged", action="store_true", help="check what a commit would hold now")
    check.add_argument("--list", action="store_true", help="show the rules")
    check.set_defaults(command=commands.check)
    hook = subs.add_parser("hook", help="have git check each commit")
    hook.add_argument("--remove", action="store_true", help="have it no more")
    hook.set_defaults(command=commands.hook)
    metrics = subs.add_parser("metrics", help="show metrics files as tables")
    metrics.add_argument("files", nargs="*", type=Path, help="default: all in metrics/")
    metrics.set_defaults(command=commands.metrics)
    all_steps = subs.add_parser("ci", help="run the steps that CI runs")
    ci.add(all_steps)
    all_steps.set_defaults(command=commands.ci)


def _add_evidence(subs: Words) -> None:
    """Add what proves and compares."""
    past = subs.add_parser("history", help="show metrics over the commits of a branch")
    history.add(past)
    past.set_defaults(command=commands.history)
    verify = subs.add_parser("verify", help="prove that each stage reproduces, in a clean room")
    verify.add_argument("stages", nargs="*", help="default: all, with a certificate at the end")
    text = "the tracked files as they are now, not as committed"
    verify.add_argument("--worktree", action="store_true", help=text)
    text = "stages side by side; default: cores"
    verify.add_argument("--jobs", type=int, metavar="N", help=text)
    verify.set_defaults(command=commands.verify)
    _add_diff(subs.add_parser("diff", help="what changed, whether it is real, what it breaks"))


def _add_model(subs: Words) -> None:
    """Add what hands a model over, approves it and lets it answer."""
    bundle = subs.add_parser("bundle", help="check a bundle, and say what it holds")
    bundle.add_argument("file", nargs="?", type=Path, help="default: the artifact of dvc.yaml")
    bundle.set_defaults(command=commands.bundle)
    server = subs.add_parser("serve", help="answer over HTTP, from a bundle")
    serve.add(server)
    server.set_defaults(command=commands.serve)
    scored = subs.add_parser("score", help="predict a file of rows, larger than memory")
    score.add(scored)
    scored.set_defaults(command=commands.score)
    image = subs.add_parser("image", help="write what an image of a bundle needs, deploy/app")
    house = subs.add_parser("wheelhouse", help="the same, and the packages that it needs")
    image_options.add(image)
    image_options.add(house)
    image.set_defaults(command=commands.image)
    house.set_defaults(command=commands.wheelhouse)
    token = subs.add_parser("token", help="make a token for headrace serve")
    token.add_argument("name", help="whose it is")
    token.add_argument("scopes", nargs="*", default=["predict"], help="predict, metrics, admin")
    token.set_defaults(command=commands.token)
    registry.add(subs)
    for name in ("register", "promote", "rollback", "demote"):
        subs.choices[name].set_defaults(command=commands.registry)
    subs.choices["audit"].set_defaults(command=commands.audit)


def _add_live(subs: Words) -> None:
    """Add what watches a model that answers."""
    ingest = subs.add_parser("ingest", help="take what came in a period as a batch, or its truth")
    live.add(ingest)
    ingest.set_defaults(command=commands.ingest)
    watch = subs.add_parser(
        "monitor", help="what the rules say of each batch; tells who should know"
    )
    monitor.add(watch)
    watch.set_defaults(command=commands.monitor)
    again = subs.add_parser("retrain", help="train a challenger on a branch, and compare it")
    retrain.add(again)
    again.set_defaults(command=commands.retrain)
    months = subs.add_parser("live", help="play the months after the model was handed over")
    play.add(months)
    months.set_defaults(command=commands.live)


def _add_plain(subs: Words) -> None:
    """Add what takes no option."""
    for name, command, text in (
        (
            "replay",
            commands.replay,
            "run the executed notebooks again: what was stored must come out",
        ),
        (
            "lab",
            commands.lab,
            "open JupyterLab, which saves notebooks without outputs; takes its options",
        ),
        ("fix", commands.fix, "mend what check finds and a program can mend"),
        ("sync", commands.sync, "copy params.yaml's values into the notebooks' parameters cells"),
        (
            "schema",
            commands.schema,
            "write params.schema.json, by which an editor checks params.yaml",
        ),
        ("html", commands.html, "write the executed notebooks as pages"),
    ):
        subs.add_parser(name, help=text).set_defaults(command=command)


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
    diff.set_defaults(command=commands.diff)


def _add_alerts(subs: Words) -> None:
    """Add what speaks of live batches."""
    alert = subs.add_parser("alert", help="show what live rules found, and decide about it")
    alerts.add(alert)
    alert.set_defaults(command=commands.alert)
