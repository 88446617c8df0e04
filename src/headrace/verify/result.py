"""What came of one stage in its room."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Output:
    """One output: whether it has the hash of dvc.lock, and if not, what is the matter with it.

    `tolerated` where it may differ: on another kind of processor than it was made on.
    """

    path: str
    md5: str
    identical: bool
    where: str = ""
    tolerated: bool = False


@dataclass
class Outcome:
    """What was found of one stage, which has so many declared outputs.

    `findings` are sentences; `log` is what the stage printed, if it failed.
    """

    stage: str
    declared: int = 0
    outputs: list[Output] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    made_on: str | None = None
    network: str = ""
    log: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing was found that must not be."""
        return not self.findings and all(one.identical or one.tolerated for one in self.outputs)

    @property
    def identical(self) -> int:
        """How many outputs are byte for byte what they were."""
        return sum(output.identical for output in self.outputs)

    def as_json(self) -> dict[str, Any]:
        """Return it for the certificate."""
        outputs = [
            {"path": one.path, "md5": one.md5, "identical": one.identical}
            | ({"where": one.where} if one.where else {})
            | ({"tolerated": True} if one.tolerated else {})
            for one in self.outputs
        ]
        return {
            "name": self.stage,
            "identical": all(one.identical for one in self.outputs) and not self.findings,
            "seconds": round(self.seconds, 1),
            "made_on": self.made_on,
            "outputs": outputs,
            "findings": self.findings,
        }
