"""An incident's file keeps its keys and comes back unchanged; its sentences stay short."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.errors import DataError
from headrace.gates.live import Level, RuleState
from headrace.incidents import store, text
from headrace.incidents.incident import (
    Decision,
    Incident,
    RuleResult,
    Transition,
    TransitionKind,
    rule_slug,
)


def incident(batches: int = 1) -> Incident:
    """Return an open incident of so many batches, which a person decided to retrain for."""
    opened = Incident(
        "it-moved-2013-01", "it moved", "drift.psi", "above 0.25", "2 of 3", Level.ACT, "Retrain"
    )
    opened.opened = "2013-01"
    opened.batches = {
        f"2013-{month:02}": RuleResult(RuleState.FIRES, month / 10)
        for month in range(1, batches + 1)
    }
    opened.record(TransitionKind.OPENED, "2013-01")
    decision = Decision("retrain", "the season", "Ben", "ben@example.org", "2013-02-01", "act")
    opened.decisions.append(decision)
    return opened


def test_a_file_keeps_its_keys_and_gives_the_same_incident(tmp_path: Path) -> None:
    store.write(tmp_path, incident())
    path = tmp_path / "alerts/it-moved-2013-01.json"
    content = json.loads(path.read_text("utf-8"))
    assert [*content] == [
        *("headrace_incident", "status", "rule", "figure", "limit", "window", "level", "do"),
        *("opened", "closed", "why", "batches", "told", "decisions"),
    ]
    assert content["batches"] == {"2013-01": {"state": "fires", "value": 0.1}}
    assert content["told"] == {"opened 2013-01": {}}
    assert content["decisions"][0]["what"] == "retrain"
    assert store.read(tmp_path) == {"it-moved-2013-01": incident()}


@pytest.mark.parametrize("key", ["why", "told", "decisions", "level"])
def test_a_file_without_a_key_is_refused_with_its_name(key: str) -> None:
    content = store.as_json(incident())
    del content[key]
    with pytest.raises(DataError, match=f"it lacks {key}"):
        store.parse("x", json.dumps(content).encode())


def test_the_evidence_of_many_batches_names_the_last_ones() -> None:
    evidence = text.evidence(incident(batches=9))
    assert evidence.startswith("drift.psi 3 more, 0.4000 in 2013-04, ")
    assert evidence.endswith("0.9000 in 2013-09; it must not be above 0.25")


def test_a_closed_incident_offers_no_command_and_names_its_reason() -> None:
    closed = replace(incident(), close_reason="quiet again in 2013-02")
    assert text.next_commands(closed) == {}
    assert text.state(closed) == "closed: quiet again in 2013-02"
    transition = Transition(closed, TransitionKind.CLOSED, "2013-02")
    assert text.transition_line(transition) == (
        "act: it moved: closed (2013-02). quiet again in 2013-02."
    )


def test_a_dismissed_incident_is_silent_until_its_level_rises() -> None:
    dismissed = replace(incident(), level=Level.NOTICE, notified={})
    dismissed.decisions = [replace(dismissed.decisions[0], choice="dismiss", level="notice")]
    dismissed.record(TransitionKind.STILL_OPEN, "2013-02")
    assert dismissed.notified == {"still open 2013-02": {"dismissed": True}}
    dismissed.level = Level.ACT
    assert not dismissed.is_dismissed


def test_slugs_of_different_rules_differ() -> None:
    slugs = [rule_slug(name) for name in ("it moved", "It moved", "it  moved", "it-moved", "é")]
    assert slugs[0] == "it-moved"
    assert len({*slugs}) == len(slugs)
