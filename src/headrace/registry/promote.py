"""`headrace promote`: assign a version to a stage, if it passes the gates and somebody agrees."""

from dataclasses import asdict
from typing import Any

from headrace.compare import format as wording
from headrace.compare import report as reports
from headrace.compare import terminal
from headrace.compare.model import Report
from headrace.core import dvc_cache
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.core.states import State
from headrace.errors import HeadraceError
from headrace.registry.events import Event
from headrace.registry.stage_change import Registry, confirm
from headrace.report.terminal import has_colours, wrap
from headrace.report.text import plain


def promote(
    project: Project,
    *,
    version: str,
    to: str,
    artifact: str | None,
    override: str | None,
    yes: bool,
    reason: str | None,
) -> None:
    """Show champion against challenger, ask, and write the tag.

    Errors:
        HeadraceError: no such version or stage, a stage skipped, a gate failed, or the person may
            not approve.
    """
    with Objects(project.root) as objects:
        registry = Registry.open(project, objects, artifact or version.rpartition("@")[0] or None)
        stage, event = registry.stage(to), registry.version(version)
        version = event.name.version
        snapshot = registry.checked_snapshot(event, store=dvc_cache.store_of(project.root))
        _refuse_order(registry, version, stage)
        signed = registry.require_approval(snapshot, stage)
        champion = registry.log.state.champion(stage)
        report = compare_versions(registry, champion, event, stage)
        print(_shown(registry, report, version, stage))
        overridden = _override(report, override)
        change = f"{registry.artifact.name} {version} to {stage}"
        instead = f", replacing {champion}" if champion else ""
        reason = confirm(f"\nPromote {change}{instead}?", yes=yes, reason=reason)
        decision = {
            "action": "promote",
            "stages": [*registry.stages],
            "comparison": comparison_evidence(report),
            "override": overridden,
            "reason": reason,
        }
        subject = f"Promote {change}{', overriding gates' if overridden else ''}"
        registry.write(event, stage, subject, decision, signed=signed)
    print(f"Promoted {change}{instead}.")


def _refuse_order(registry: Registry, version: str, stage: str) -> None:
    """Refuse a version that is in the stage already, or was never in the one before."""
    state, place = registry.log.state, registry.stages.index(stage)
    if state.champion(stage) == version:
        step = "headrace audit shows since when"
        raise HeadraceError(f"{version} is in {stage} already. Next: {step}")
    if place and version not in state.reached[registry.stages[place - 1]]:
        before = registry.stages[place - 1]
        raise HeadraceError(
            f"{version} has not been in {before}, which comes before {stage}."
            f" Next: headrace promote {version} --to {before}"
        )


def _shown(registry: Registry, report: Report, version: str, stage: str) -> str:
    """Return the comparison as text; where there is none to compare with, the gates alone."""
    champion = registry.log.state.champion(stage)
    if champion in registry.log.state.versions:
        return terminal.render(report, colour=has_colours())
    reason = f"{champion} in {stage} is not registered" if champion else f"{stage} has no version"
    gates = "Its gates check bounds alone: those on a change have nothing to judge."
    about = wrap(f"{reason}, so there is nothing to compare {version} with. {gates}")
    lines = [*about, "", wording.verdict(report)]
    marks = {True: "✓", False: "✗"}
    lines += [f"  {marks[gate.kept]} {wording.gate_sentence(gate)}" for gate in report.gates]
    return "\n".join(map(plain, [*lines, *(f"! {note}" for note in report.notes)]))


def _override(report: Report, reason: str | None) -> dict[str, object] | None:
    """Return the failed gates and the reason to override them; None where all passed.

    Errors:
        HeadraceError: gates failed and no reason is given, or the reverse.
    """
    failed = [gate.name for gate in report.broken]
    if failed and reason is None:
        raise HeadraceError(
            f"Not promoted: {wording.verdict(report)}"
            " Next: fix it, or --override REASON, which stays in the history"
        )
    if reason is not None and not (failed and reason.strip()):
        why = "it gives no reason" if failed else "no gate failed"
        step = "say why" if failed else "leave it out"
        raise HeadraceError(f"--override is not needed: {why}. Next: {step}")
    return {"gates": failed, "reason": (reason or "").strip()} if failed else None


def compare_versions(
    registry: Registry, champion: str | None, challenger: Event, stage: str
) -> Report:
    """Compare a version with the one in a stage; with itself, for the bounds, if there is none.

    Of a report of the second kind only the gates say something.

    Errors:
        ProjectError: dvc.yaml, params.yaml or gates.yaml of a commit cannot be read.
    """
    root, objects = registry.project.root, registry.objects
    event = registry.log.state.versions.get(champion) if champion else None
    event = event or challenger
    old = State(root, event.name.version, event.commit, f"champion in {stage}", objects)
    new = State(root, challenger.name.version, challenger.commit, "challenger", objects)
    return reports.build(registry.project, old, new)


def comparison_evidence(report: Report) -> dict[str, Any]:
    """Return what a tag holds of a comparison: metrics that changed, intervals, gates, notes."""
    return {
        "metrics": [
            {
                "file": change.file,
                "name": change.name,
                "old": change.old,
                "new": change.new,
                "word": str(change.word),
                "interval": asdict(change.interval) if change.interval else None,
            }
            for change in report.metrics
        ],
        "gates": [
            {"name": gate.name, "kept": gate.kept, "says": gate.says} for gate in report.gates
        ],
        "notes": [*report.notes],
    }
