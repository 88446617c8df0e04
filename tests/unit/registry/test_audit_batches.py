"""An audit shows the live batches: figures, lights, incidents and the version in production."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hostile_text import EVIL, HOSTILE
from in_process import numeric_imports
from monitored_year import (
    COST,
    COSTS,
    GAP,
    RULES,
    commit_figures,
    monitored_year,
    month,
)
from page_checks import Tags
from registered_study import Registered

from headrace.gates import reader
from headrace.gates.live import evaluate, lights
from headrace.registry import audit, page
from headrace.registry.active_versions import FILE
from headrace.registry.audit import Audit
from headrace.registry.live_batches import LiveBatches
from lab import bake


@pytest.fixture(scope="module")
def monitored_study(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """Four months, two incidents, a second version after October; not to be changed."""
    return monitored_year(tmp_path_factory.mktemp("year") / "study")


@pytest.fixture
def study(monitored_study: Registered, tmp_path: Path) -> Registered:
    """A copy of that study, to change."""
    return Registered(
        Path(shutil.copytree(monitored_study.root, tmp_path / "study")), monitored_study.clock
    )


def only(result: Audit) -> LiveBatches:
    (live,) = result.live
    return live


def figures(study: Registered) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads((study.root / FILE).read_text("utf-8"))
    return content


def test_figures_are_those_of_the_monitor_at_head(monitored_study: Registered) -> None:
    batches = {
        batch.batch: batch for batch in only(audit.audit_repository(monitored_study.root)).batches
    }
    assert [*batches] == [*COSTS]
    for name, expected in figures(monitored_study).items():
        score, batch = expected["performance"], batches[name]
        assert (batch.rows, batch.share, batch.cost) == (
            expected["rows"],
            score["late_share"],
            score["cost_per_1000"],
        )
        assert (batch.low, batch.high) == (score["cost_per_1000_low"], score["cost_per_1000_high"])
        assert batch.estimated is False


def test_lights_are_those_of_the_monitor_and_costs_beyond_a_rule_are_marked(
    monitored_study: Registered,
) -> None:
    live = only(audit.audit_repository(monitored_study.root))
    rules = reader.parse(RULES.encode()).live
    assert {batch.batch: batch.lights for batch in live.batches} == lights(
        evaluate(rules, figures(monitored_study))
    )
    assert live.checks == ("quality", "drift", "performance", "groups")
    marked = {batch.batch: [str(mark.limit) for mark in batch.marks] for batch in live.batches}
    assert marked == {
        name: ["above 15000"] if cost > 16_000 else [] for name, cost in COSTS.items()
    }


def test_each_batch_names_its_incidents_and_their_decisions(monitored_study: Registered) -> None:
    decisions = {
        batch.batch: [
            (incident.id, incident.is_open, incident.decision, incident.decided_by)
            for incident in batch.incidents
        ]
        for batch in only(audit.audit_repository(monitored_study.root)).batches
    }
    closed = (COST, False, "retrain", "Ben")
    assert decisions == {
        "2013-09": [],
        "2013-10": [closed],
        "2013-11": [closed],
        "2013-12": [(GAP, True, "dismissed", "Ann")],
    }


def test_each_batch_names_the_version_that_was_in_prod_when_it_came(
    monitored_study: Registered,
) -> None:
    live = only(audit.audit_repository(monitored_study.root))
    versions = [batch.version for batch in live.batches]
    assert versions == ["v1.0.0", "v1.0.0", "v1.0.1", "v1.0.1"]
    assert (live.stage, live.model_version) == ("prod", "v1.0.1")


def test_an_unknown_version_is_left_empty(study: Registered, tmp_path: Path) -> None:
    changed = {
        **figures(study),
        "2013-01": month(1.0),
        "2014-01": month(1.0),
        "2014-02": month(1.0),
    }
    commit_figures(study, changed)
    versions = {
        batch.batch: batch.version for batch in only(audit.audit_repository(study.root)).batches
    }
    assert (versions["2013-01"], versions["2014-01"], versions["2014-02"]) == ("", "", "v1.0.1")
    shallow = tmp_path / "shallow"
    words = ("clone", "--quiet", "--depth", "1", study.root.as_uri(), str(shallow))
    bake.run(tmp_path, "git", *words)
    assert {batch.version for batch in only(audit.audit_repository(shallow)).batches} == {""}


def test_of_two_artifacts_the_monitored_one_counts_or_none(
    study: Registered,
) -> None:
    study.forge("other@v1.0.0", "x")
    assert only(audit.audit_repository(study.root)).model_version == "v1.0.1"
    study.train(0.95)  # its bundle is no version, and the lock names no monitor
    study.commit()
    live = only(audit.audit_repository(study.root))
    assert (live.model_version, {batch.version for batch in live.batches}) == ("", {""})


def test_a_bare_clone_has_the_same_batches(monitored_study: Registered, tmp_path: Path) -> None:
    bare = tmp_path / "study.git"
    bake.run(tmp_path, "git", "clone", "--quiet", "--bare", str(monitored_study.root), str(bare))
    assert audit.audit_repository(bare).live == audit.audit_repository(monitored_study.root).live
    (live,) = json.loads(bake.run(bare, "headrace", "audit", "--json").stdout)["live"]
    assert [batch["cost"] for batch in live["batches"]] == [*COSTS.values()]


def test_every_form_of_the_audit_has_the_batches(
    monitored_study: Registered, tmp_path: Path
) -> None:
    plain, markdown = monitored_study.do("audit"), monitored_study.do("audit", "--markdown")
    monitored_study.do("audit", "--html", str(tmp_path / "audit.html"))
    text = Tags((tmp_path / "audit.html").read_text("utf-8")).text
    for form in (plain, markdown, text):
        for part in ("2013-11", "27,010", "13.7 %", "17,259", "16,259 to 18,259"):
            assert part in form
    table = [line for line in plain.splitlines() if line.startswith(("batch ", "2013-"))]
    assert len(table) == 1 + len(COSTS)
    assert max(map(len, table)) <= 80
    assert "retrain by Ben" in text
    assert "dismissed by Ann" in markdown


def test_the_audit_of_batches_imports_no_numeric_library(monitored_study: Registered) -> None:
    assert numeric_imports(monitored_study.root, "audit") == ["0", "set()"]


def test_without_batches_there_is_no_section(study: Registered) -> None:
    commit_figures(study, {})
    assert audit.audit_repository(study.root).live == ()
    (study.root / FILE).unlink()
    study.commit()
    result = audit.audit_repository(study.root)
    assert result.live == ()
    assert "Batch by batch" not in page.render(result) + study.do("audit")


BROKEN = {
    "half a file": b'{"2013-09": {"rows": 1',
    "a list": b"[]",
    "a text": b'"x"',
    "a batch without names": b'{"2013-09": 7}',
    "no text": b"\xff\xfe",
    "too deep": b"[" * 100_000,
    "a number beyond all": b'{"2013-09": {"rows": ' + b"9" * 400 + b"}}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_invalid_figures_are_reported_and_have_no_section(
    study: Registered, tmp_path: Path, name: str
) -> None:
    (study.root / FILE).write_bytes(BROKEN[name])
    study.commit()
    words = f"{FILE} of this commit holds no figures by batch. Next: dvc repro monitor"
    for form in ((), ("--json",)):
        result = study.run("audit", *form)
        assert (result.code, words in " ".join(result.text.split())) == (0, True)
    assert "figures by batch" in study.do("audit", "--markdown")
    study.do("audit", "--html", str(tmp_path / "audit.html"))
    text = (tmp_path / "audit.html").read_text("utf-8")
    assert "! not read" in text
    assert "Batch by batch" not in text


def test_invalid_rules_are_reported_and_the_figures_shown(study: Registered) -> None:
    study.write("gates.yaml", "live: {it moved: {figure: drift.moved}}")
    study.commit()
    live = only(audit.audit_repository(study.root))
    assert [batch.cost for batch in live.batches] == [*COSTS.values()]
    assert live.checks == ()
    output = " ".join(study.do("audit").split())
    assert "No rule is evaluated: gates.yaml" in output


def test_a_batch_without_labels_shows_a_marked_estimate(study: Registered) -> None:
    part = {"rows": 500, "estimate": {"late_share": 0.25, "cost_per_1000": 14_684.4}}
    commit_figures(study, {**figures(study), "2014-01": part, "2014-02": {"rows": 7}})
    *_, batch, nothing = only(audit.audit_repository(study.root)).batches
    assert (batch.cost, batch.low, batch.estimated) == (14_684.4, None, True)
    assert (nothing.cost, nothing.share, nothing.estimated) == (None, None, False)
    output = " ".join(study.do("audit").split())
    assert "2014-01 - 500 25.0 % ≈ 14,684 estimated not known" in output
    assert "2014-02 v1.0.1 7 - - - not known" in output


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", EVIL, HOSTILE])
def test_hostile_figures_stay_text(study: Registered, tmp_path: Path, text: str) -> None:
    evil = month(1.0) | {"rows": text, "performance": {"late_share": text, "cost_per_1000": text}}
    commit_figures(study, {**figures(study), text: evil, "2014-01": evil | {text: {text: text}}})
    study.do("audit", "--html", str(tmp_path / "audit.html"))
    html = (tmp_path / "audit.html").read_text("utf-8")
    assert not Tags(html).tags & {"script", "img", "svg", "iframe"}
    assert "2014-01" in html
    for form in ("--markdown", "--json"):
        assert study.run("audit", form).code == 0
    output, markdown = study.do("audit"), study.do("audit", "--markdown")
    assert "\x1b" not in output
    assert "\x1b" not in markdown
    assert "<script>" not in markdown


def test_a_study_within_a_repository_has_batches_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        study = Registered.make(tmp_path / "all", prefix=name)
        study.train(0.8)
        commit_figures(study, {f"{name}-1": month(1.0)})
    result = audit.audit_repository(tmp_path / "all")
    assert [(live.study, live.batches[0].batch) for live in result.live] == [
        ("one/", "one-1"),
        ("two/", "two-1"),
    ]
    assert [live.study for live in audit.audit_repository(study.root, prefix="two/").live] == [
        "two/"
    ]
    assert audit.audit_repository(study.root, prefix="three/").live == ()


# The page


def test_older_batches_are_folded(study: Registered) -> None:
    names = [f"2012-{at:03}" for at in range(27)]
    commit_figures(study, {name: month(1.0) for name in names} | figures(study))
    first, _, rest = page.render(audit.audit_repository(study.root)).partition("7 older rows")
    assert "<bdi>2012-006</bdi>" not in first
    assert "<bdi>2012-006</bdi>" in rest
    assert "<bdi>2012-007</bdi>" in first


def test_promotions_on_the_same_evidence_are_one_entry_of_the_page(
    monitored_study: Registered,
) -> None:
    text = Tags(page.render(audit.audit_repository(monitored_study.root))).text
    assert text.count("v1.0.1 to dev, staging and prod, replacing v1.0.0") == 1
    assert "model#dev#4, model#staging#5, model#prod#6" in text
    assert monitored_study.do("audit").count("  promoted ") == 6


def test_promotions_with_other_evidence_or_a_failed_check_stay_separate(study: Registered) -> None:
    study.version(0.95)
    study.promote("v1.0.2")  # for a reason of its own in each stage
    (artifact,) = audit.audit_repository(study.root).artifacts
    assert [entry.stage for _, entry in page.group_entries(artifact.entries)[-3:]] == [
        "dev",
        "staging",
        "prod",
    ]
    study.git("tag", "--delete", "model#dev#4")
    (artifact,) = audit.audit_repository(study.root).artifacts
    of_version = [
        entry for _, entry in page.group_entries(artifact.entries) if entry.version == "v1.0.1"
    ]
    assert [entry.subject for entry in of_version if entry.failures] == [
        "v1.0.1 to staging, replacing v1.0.0"
    ]
    places = [place for place, _ in page.group_entries(artifact.entries)]
    assert places == sorted({*places})
