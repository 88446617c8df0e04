"""What `headrace verify` prints: a row per stage as it ends, then what was found."""

from collections.abc import Iterator, Sequence

from headrace.verify.result import Outcome

SECONDS = 9


def head(stages: Sequence[str]) -> str:
    """Return the table's head."""
    return f"  {'stage':<{_width(stages)}}  outputs  identical  {'seconds':>{SECONDS}}"


def row(stages: Sequence[str], outcome: Outcome) -> str:
    """Return one stage's row."""
    counted = f"{outcome.declared:>7}  {outcome.identical:>9}"
    mark = "" if outcome.good else "   ✗"
    return f"  {outcome.stage:<{_width(stages)}}  {counted}  {outcome.seconds:>{SECONDS}.1f}{mark}"


def details(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Return what was found, stage by stage: what is wrong, then what differs and where."""
    for outcome in outcomes:
        yield from outcome.findings
        for output in outcome.outputs:
            if not output.identical:
                may = ", as it may on another kind of processor" if output.tolerated else ""
                yield f"stage {outcome.stage}: {output.path} {output.where}{may}"
        if outcome.log:
            yield "\n".join(f"    {line}" for line in outcome.log.splitlines())


def verdict(outcomes: Sequence[Outcome]) -> str:
    """Return the last word: how much is identical."""
    outputs = sum(outcome.declared for outcome in outcomes)
    identical = sum(outcome.identical for outcome in outcomes)
    good = sum(outcome.good for outcome in outcomes)
    if good < len(outcomes):
        return (
            f"{good} of {len(outcomes)} stages reproduce; {identical} of {outputs} outputs are"
            " identical."
        )
    alike = "identical" if identical == outputs else f"within tolerance, {identical} identical"
    return f"All {len(outcomes)} stages reproduce: {outputs} outputs, {alike}."


def _width(stages: Sequence[str]) -> int:
    return max(map(len, ["stage", *stages]))
