"""`headrace promote`: a version takes over a stage, when it keeps the gates and somebody agrees."""

import argparse

from headrace.compare import format as wording
from headrace.compare import terminal
from headrace.compare.model import Report
from headrace.core import dvc_cache
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.errors import HeadraceError
from headrace.registry import compare, confirm, event_log, register, stages
from headrace.registry.stages import Desk
from headrace.report.terminal import has_colours


def run(project: Project, args: argparse.Namespace) -> None:
    """Show champion against challenger, ask, and write the tag.

    Errors:
        HeadraceError: no such version or stage, a stage left out, a gate broken, or who decides may
            not.
    """
    with Objects(project.root) as objects:
        at = stages.desk(project, objects, args.artifact or _named(args.version))
        stage, event = stages.stage(at, args.to), stages.version(at, args.version)
        held = stages.vouched(at, event, store=dvc_cache.store_of(project.root))
        _refuse_order(at, event.name.version, stage)
        must_sign = stages.approved(at, held, stage)
        champion = at.book.state.champion(stage)
        before = at.book.state.versions.get(champion) if champion else None
        report = compare.compare(project, objects, before, event, stage)
    print(terminal.render(report, colour=has_colours()))
    override = _override(report, args.override)
    what = f"{at.artifact.name} {event.name.version} to {stage}"
    place = f", in the place of {champion}" if champion else ""
    reason = confirm.consent(f"\nPromote {what}{place}?", yes=args.yes, reason=args.reason)
    sign = event_log.signs(project.root, demanded=must_sign)
    content = {
        **stages.repeated(event),
        **stages.decided(at, stage),
        "action": "promote",
        "stages": [*at.stages],
        "comparison": compare.as_evidence(report),
        "override": override,
        "reason": reason,
    }
    name = event_log.in_stage(at.book, stage)
    subject = f"Promote {what}{', overriding gates' if override else ''}"
    event_log.add(at.book, name, event.commit, subject, content, sign=sign)
    print(f"\n{what} is promoted{place}.", *register.told(str(name), sign=sign), sep="\n")


def _named(version: str) -> str | None:
    """Return the artifact that a version such as model@v1.2.0 names."""
    return version.rpartition("@")[0] or None


def _refuse_order(at: Desk, version: str, stage: str) -> None:
    """Stop where the version is in the stage already, or has not been in the one before."""
    if at.book.state.champion(stage) == version:
        raise HeadraceError(
            f"{version} is in {stage} already. Next: headrace audit shows since when"
        )
    place = at.stages.index(stage)
    if place and version not in at.book.state.reached[at.stages[place - 1]]:
        before = at.stages[place - 1]
        raise HeadraceError(
            f"{version} has not been in {before}, which comes before {stage}."
            f" Next: headrace promote {version} --to {before}"
        )


def _override(report: Report, reason: str | None) -> dict[str, object] | None:
    """Return what overrides the gates that are broken; None where all are kept.

    Errors:
        HeadraceError: gates are broken and no reason is given, or the reverse.
    """
    broken = [gate.name for gate in report.broken]
    if broken and reason is None:
        raise HeadraceError(
            f"Not promoted: {wording.verdict(report)}"
            " Next: mend it; or --override REASON, which is shown for ever"
        )
    if reason is not None and not (broken and reason.strip()):
        why = "it gives no reason" if broken else "no gate is broken"
        step = "say why" if broken else "leave it out"
        raise HeadraceError(f"There is nothing in --override: {why}. Next: {step}")
    return {"gates": broken, "reason": (reason or "").strip()} if broken else None
