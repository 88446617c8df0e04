"""A version is promoted from stage to stage, if it passes the gates and a person agrees."""

import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_text import HOSTILE
from registered_study import ANN, BEN, BUNDLE, EVE, GATE, M, Registered, identity, yes
from signing import key, ssh, trust

from headrace.errors import ProjectError
from headrace.gates import reader
from headrace.registry import event_log
from lab import bake


@pytest.fixture
def study(tmp_path: Path) -> Registered:
    """A study with two versions, the second a little better."""
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", GATE)
    study.version(0.8)
    study.version(0.82, params="p2", rate=0.2)
    return study


def stage(study: Registered, name: str) -> str | None:
    """Return the version in a stage, by gto's own command."""
    output = json.loads(bake.run(study.root, "gto", "show", "--json").stdout)
    version: str | None = output["model"]["stage"].get(name)
    return version


def downloaded(study: Registered, name: str, into: Path) -> bytes:
    """Return the bundle that DVC gets of a stage."""
    words = ("dvc", "artifacts", "get", ".", "model", "--stage", name, "--force", "--out")
    bake.run(study.root, *words, str(into))
    return into.read_bytes()


def test_a_promotion_is_a_tag_with_the_evidence_of_the_decision(study: Registered) -> None:
    study.promote("v1.0.0")
    output = study.do("promote", "1.0.1", "--to", "dev", *yes("it is better"), person=BEN)
    assert "v1.0.0 (champion in dev) against v1.0.1 (challenger)" in output
    assert "The one gate is kept." in output
    assert "Promoted model v1.0.1 to dev, replacing v1.0.0." in output
    assert study.message("model#dev#4").startswith("Promote model v1.0.1 to dev\n\n{\n")
    evidence, registered = (study.evidence(tag) for tag in ("model#dev#4", "model@v1.0.1"))
    for name in ("commit", "tree", "dvc.lock", "bundle", "certificate", "metrics", "author"):
        assert evidence[name] == registered[name]
    assert (evidence["version"], evidence["stage"], evidence["reason"]) == (
        "v1.0.1",
        "dev",
        "it is better",
    )
    assert evidence["by"] == {"name": "Ben", "email": "ben@example.org"}
    assert (evidence["champion"]["version"], evidence["champion"]["tag"]) == (
        "v1.0.0",
        "model#dev#1",
    )
    assert evidence["override"] is None
    (change,) = evidence["comparison"]["metrics"]
    assert (change["name"], change["old"], change["new"]) == ("score", 0.8, 0.82)
    assert [gate["kept"] for gate in evidence["comparison"]["gates"]] == [True]


def test_an_interval_is_evidence(tmp_path: Path) -> None:
    from compared_study import predicted, scored

    from headrace.core.lockfile import md5

    study = Registered.make(tmp_path / "study")
    path, lists = "models/predictions.parquet", []
    blocks = f"predictions: {{file: {path}, key: [row], label: late}}\n"
    study.write(
        "gates.yaml",
        f"metrics:\n  {M}:\n    roc_auc: {{is: roc_auc of chance, better: higher}}\n{blocks}",
    )
    for noise in (1.0, 0.5):
        table = predicted(noise=noise)
        study.train(noise)
        table.to_parquet(study.root / path)
        digest = md5(study.root / path)
        cached = study.root / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}"
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(study.root / path, cached)
        study.write(M, json.dumps(scored(table)))
        lock = json.loads((study.root / "dvc.lock").read_text())
        outs = lock["stages"]["train"]["outs"]
        outs[1]["md5"] = md5(study.root / M)
        outs.append({"path": path, "hash": "md5", "md5": digest, "size": 1})
        study.write("dvc.lock", json.dumps(lock))
        study.commit()
        study.certify()
        study.do("register")
        lists.append(study.tags())
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    changes = study.evidence("model#dev#2")["comparison"]["metrics"]
    (auc,) = [change for change in changes if change["name"] == "roc_auc"]
    assert auc["word"] == "better"
    assert 0 < auc["interval"]["low"] < auc["new"] - auc["old"] < auc["interval"]["high"]
    assert (auc["interval"]["rows"], auc["interval"]["resamples"]) == (400, 1000)


def test_gto_and_dvc_see_the_version_in_a_stage(study: Registered, tmp_path: Path) -> None:
    study.promote("v1.0.0")
    study.promote("v1.0.1")
    assert (stage(study, "dev"), stage(study, "prod")) == ("v1.0.1", "v1.0.1")
    newest = (study.root / BUNDLE).read_bytes()
    assert downloaded(study, "prod", tmp_path / "got.tar") == newest


def test_many_events_of_one_second_are_in_one_order_for_gto_and_dvc(
    study: Registered, tmp_path: Path
) -> None:
    bundles = {}
    study.promote("v1.0.0", "dev")
    for at in range(6):  # beyond #9, which DVC would take for the last by its name
        version = f"v1.0.{1 - at % 2}"
        study.clock = 1_700_000_500
        study.do("promote", version, "--to", "dev", *yes("x"), person=BEN)
        study.clock = 1_700_000_500
        study.do("promote", version, "--to", "staging", *yes("x"), person=BEN)
        bundles[version] = study.evidence(f"model@{version}")["bundle"]["md5"]
    assert "model#staging#13" in study.tags()
    for name in ("dev", "staging"):
        assert stage(study, name) == "v1.0.0"
        content = downloaded(study, name, tmp_path / "got.tar")
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == bundles["v1.0.0"]


def test_stages_come_one_after_the_other(study: Registered) -> None:
    output = study.fails("promote", "v1.0.0", "--to", "prod", *yes("x"), person=BEN)
    assert "has not been in staging, which comes before prod" in output
    study.promote("v1.0.0", "dev")
    output = study.fails("promote", "v1.0.0", "--to", "prod", *yes("x"), person=BEN)
    assert "Next: headrace promote v1.0.0 --to staging" in output
    assert "is in dev already" in study.fails("promote", "v1.0.0", "--to", "dev", *yes("x"))


def test_stages_have_the_names_that_the_study_gives_them(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study", settings='stages = ["trial", "live"]\n')
    study.version(0.8)
    assert "Did you mean live?" in study.fails("promote", "v1.0.0", "--to", "life", *yes("x"))
    study.promote("v1.0.0", "trial", "live")
    study.version(0.9)
    study.promote("v1.0.1", "trial", "live")
    assert "live is back at v1.0.0" in study.do("rollback", *yes("x"), person=BEN)


@pytest.mark.parametrize("setting", ['"dev"', '["dev", "dev"]', "[]", '["d#v"]'])
def test_stages_that_are_no_list_of_names_are_refused(tmp_path: Path, setting: str) -> None:
    study = Registered.make(tmp_path / "study", settings=f"stages = {setting}\n")
    study.version(0.8)
    assert "is not a list of names" in study.fails("promote", "v1.0.0", "--to", "dev", *yes("x"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("v1.0.7", "--to", "dev"), "Did you mean v1.0."),
        (("latest", "--to", "dev"), "The newest are v1.0.0, v1.0.1."),
        (("v1.0.0", "--to", "prd"), "Did you mean prod?"),
        (("modle@v1.0.0", "--to", "dev"), "Did you mean model?"),
        (("v1.0.0", "--to", "dev", "--override", "x"), "no gate failed"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    study: Registered, words: tuple[str, ...], says: str
) -> None:
    assert says in study.fails("promote", *words, *yes("x"), person=BEN)


def test_a_failed_gate_stops_and_an_override_is_recorded(study: Registered) -> None:
    study.version(0.6, data="d2")
    study.promote("v1.0.1", "dev")
    words = ("promote", "v1.1.0", "--to", "dev", *yes("we must"))
    output = study.fails(*words, person=BEN)
    assert "score is 0.6000, it was 0.8200" in output
    assert "Not promoted: 1 of 1 gates broken." in output
    assert "it gives no reason" in study.fails(*words, "--override", " ", person=BEN)
    study.do(*words, "--override", "the old data are gone", person=BEN)
    evidence = study.evidence("model#dev#2")
    assert evidence["override"] == {"gates": [f"{M} score"], "reason": "the old data are gone"}
    assert study.message("model#dev#2").startswith("Promote model v1.1.0 to dev, overriding gates")


def test_the_first_version_must_meet_the_bounds(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", GATE)
    study.version(0.4)
    output = study.fails("promote", "v1.0.0", "--to", "dev", *yes("x"), person=BEN)
    assert "✗ metrics/m.json: score is 0.4000: it must be at least 0.5" in output
    study.version(0.8, data="d2")
    output = study.do("promote", "v1.1.0", "--to", "dev", *yes("x"), person=BEN)
    words = " ".join(output.split())
    assert words.startswith(
        "dev has no version, so there is nothing to compare v1.1.0 with. Its gates check bounds"
        " alone: those on a change have nothing to judge. The one gate is kept."
        " ✓ metrics/m.json: score is 0.8000 Tag"
    )
    assert "against" not in words
    assert "the same" not in words


@pytest.mark.parametrize(
    ("block", "person", "says"),
    [
        ("another_person: true", ANN, "is the author of the commit, and dev needs another person"),
        ("another_person: true", BEN, None),
        ("another_person: true, stages: [prod]", ANN, None),
        ("approvers: [BEN@Example.ORG]", BEN, None),
        ("approvers: [ben@example.org]", EVE, "is not among the approvers of dev: ben@example.org"),
        ("approvers: [ben@example.org], stages: [prod]", EVE, None),
        (
            "stages: [prd]",
            BEN,
            "are required for prd, which is not a stage. Did you mean",
        ),
    ],
)
def test_approvals_decide_which_person_may_promote(
    tmp_path: Path, block: str, person: str, says: str | None
) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", f"{GATE}approvals: {{{block}}}\n")
    study.version(0.8)
    words = ("promote", "v1.0.0", "--to", "dev", *yes("x"))
    if says is None:
        study.do(*words, person=person)
    else:
        assert says in study.fails(*words, person=person)


def test_the_author_is_identified_by_address_without_regard_to_case(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {another_person: true}\n")
    study.version(0.8)
    words = ("promote", "v1.0.0", "--to", "dev", *yes("x"))
    assert "is the author" in study.fails(*words, person="Somebody Else <ANN@example.org>")
    study.do(*words, person="Ann <another.ann@example.org>")


@pytest.mark.parametrize(
    ("block", "line", "says"),
    [
        ("  another_persn: true", 2, "Did you mean another_person?"),
        ("  another_person: 1", 2, "another_person is 1. Next: write true or false"),
        ("  signed: yes please", 2, "signed is 'yes please'"),
        ("  approvers: ben@example.org", 2, "approvers must list names"),
        ("  approvers: []", 2, "approvers must list names"),
        ("  signed: true\n  stages: [1]", 3, "stages must list names"),
        ("  - signed", 1, "approvals must hold names and values"),
    ],
)
def test_approvals_that_cannot_be_read_are_refused_with_their_line(
    block: str, line: int, says: str
) -> None:
    with pytest.raises(ProjectError) as error:
        reader.parse(f"approvals:\n{block}\n".encode())
    assert str(error.value).startswith(f"gates.yaml:{line}: ")
    assert says in str(error.value)
    assert "Next: " in str(error.value)


def test_without_a_terminal_nobody_is_asked(study: Registered) -> None:
    words = ("promote", "v1.0.0", "--to", "dev")
    for options in ((), ("--yes",), ("--reason", "x")):
        output = study.fails(*words, *options, person=BEN)
        assert "There is no terminal to ask at. Next: --yes --reason TEXT" in output
    assert "a reason is required" in study.fails(*words, *yes(" "), person=BEN)


def typed(study: Registered, answers: str, *words: str) -> tuple[int, str]:
    """Run `headrace` at a terminal, at which these lines are typed."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace", *words],
        cwd=study.root,
        env=bake.environment(**identity(BEN)),
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    os.close(slave)
    os.write(master, answers.encode())
    output, _ = process.communicate()
    os.close(master)
    return process.returncode, output.decode()


def test_at_a_terminal_a_person_is_asked(study: Registered) -> None:
    words = ("promote", "v1.0.0", "--to", "dev")
    before = study.tags()
    code, output = typed(study, "n\n", *words)
    assert (code, study.tags()) == (1, before)
    assert "Promote model v1.0.0 to dev? [y/N]" in output
    assert "Nothing was changed." in output
    code, output = typed(study, "y\n\n", *words)
    assert (code, study.tags()) == (1, before)
    code, output = typed(study, "y\nas good as any\n", *words)
    assert code == 0, output
    assert study.evidence("model#dev#1")["reason"] == "as good as any"


def test_a_reason_is_stored_unchanged(study: Registered) -> None:
    study.do("promote", "v1.0.0", "--to", "dev", *yes(HOSTILE), person=BEN)
    assert study.evidence("model#dev#1")["reason"] == HOSTILE
    assert stage(study, "dev") == "v1.0.0"


def test_a_version_with_invalid_evidence_is_not_promoted(study: Registered) -> None:
    cached = study.cached()
    cached.write_bytes(b"another model")
    output = study.fails("promote", "v1.0.1", "--to", "dev", *yes("x"), person=BEN)
    assert "evidence of model@v1.0.1 is not valid: the bundle's bytes were replaced" in output
    study.forge("model@v1.0.1", study.message("model@v1.0.1"), "HEAD~1")
    output = study.fails("promote", "v1.0.1", "--to", "dev", *yes("x"), person=BEN)
    assert "evidence of model@v1.0.1 is not valid: " in output


def test_a_version_that_gto_registered_is_not_promoted(study: Registered) -> None:
    study.train(0.9)
    study.commit()
    env = bake.environment(**identity(EVE, study.clock + 100))
    bake.run(study.root, "gto", "register", "model", "--version", "v9.0.0", env=env)
    output = study.fails("promote", "v9.0.0", "--to", "dev", *yes("x"), person=BEN)
    assert "evidence of model@v9.0.0 is not valid: its message holds no evidence" in output


def test_a_deregistered_version_is_refused_though_dvc_still_gets_it(
    study: Registered, tmp_path: Path
) -> None:
    study.promote("v1.0.0", "dev")
    env = bake.environment(**identity(BEN, study.clock + 100))
    bake.run(study.root, "gto", "deprecate", "model", "v1.0.0", env=env)
    study.clock += 200
    assert stage(study, "dev") is None
    output = study.fails("promote", "v1.0.0", "--to", "dev", *yes("x"), person=BEN)
    assert "model@v1.0.0 was deregistered" in output
    assert downloaded(study, "dev", tmp_path / "got.tar")


def test_a_rollback_restores_the_version_before(study: Registered, tmp_path: Path) -> None:
    old = study.cached().read_bytes(), study.git("rev-parse", "HEAD")
    study.promote("v1.0.1")
    study.version(0.9, params="p3")
    study.promote("v1.0.2")
    data = {path: path.stat().st_mtime_ns for path in study.root.glob(".dvc/**/*")}
    output = study.do("rollback", *yes("it is too slow"), person=BEN)
    assert "prod is back at v1.0.1; v1.0.2 was rolled back. No data were moved." in output
    assert data == {path: path.stat().st_mtime_ns for path in study.root.glob(".dvc/**/*")}
    assert stage(study, "prod") == "v1.0.1"
    assert stage(study, "dev") == "v1.0.2"
    assert downloaded(study, "prod", tmp_path / "got.tar") == old[0]
    assert study.git("rev-parse", "model#prod#8^{commit}") == old[1]
    evidence = study.evidence("model#prod#8")
    assert (evidence["action"], evidence["reason"]) == ("rollback", "it is too slow")
    assert (evidence["from"], evidence["to"]) == ("v1.0.2", "v1.0.1")


def test_a_rollback_skips_versions_that_were_rolled_back(study: Registered) -> None:
    study.version(0.9, params="p3")
    for version in ("v1.0.0", "v1.0.1", "v1.0.2"):
        study.promote(version)
    assert "prod is back at v1.0.1" in study.do("rollback", *yes("x"), person=BEN)
    assert "prod is back at v1.0.0" in study.do("rollback", *yes("x"), person=BEN)
    output = study.fails("rollback", *yes("x"), person=BEN)
    assert "prod had no version before v1.0.0 to go back to" in output
    study.do("promote", "v1.0.2", "--to", "prod", *yes("mended"), person=BEN)
    assert "prod is back at v1.0.0" in study.do("rollback", *yes("x"), person=BEN)


def test_a_demoted_version_leaves_its_stage_for_gto_and_dvc_is_explained(
    study: Registered, tmp_path: Path
) -> None:
    study.promote("v1.0.0", "dev")
    first = study.cached().read_bytes()
    output = study.do("demote", "dev", *yes("not yet"), person=BEN)
    assert "v1.0.0 left dev; the stage is empty." in output
    assert "ignores that a version left a stage" in output
    assert stage(study, "dev") is None
    assert downloaded(study, "dev", tmp_path / "got.tar") != first  # DVC still gets v1.0.0
    assert "No version of model is in dev" in study.fails("demote", "dev", *yes("x"))
    assert "No version of model is in prod" in study.fails("rollback", *yes("x"))


def test_a_demotion_does_not_restore_a_rolled_back_version(study: Registered) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    study.do("rollback", "--stage", "dev", *yes("x"), person=BEN)
    study.do("demote", "dev", *yes("x"), person=BEN)
    assert stage(study, "dev") is None


def test_demote_recommends_rollback_where_a_version_was_before(study: Registered) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    output = study.do("demote", "dev", *yes("x"), person=BEN)
    assert "Next: headrace rollback --stage dev, which restores v1.0.0" in output
    assert "v1.0.1 left dev; v1.0.0 is there now." in output
    assert stage(study, "dev") == "v1.0.0"


def test_a_failed_rollback_leaves_the_stage_unchanged(
    study: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    add, count = event_log.append, iter(range(9))

    def once(*words: Any, **options: Any) -> str:
        if next(count):
            raise ProjectError("The key is locked. Next: unlock it")
        return add(*words, **options)

    monkeypatch.setattr(event_log, "append", once)
    assert "The key is locked" in study.fails("rollback", "--stage", "dev", *yes("x"), person=BEN)
    assert stage(study, "dev") == "v1.0.1"


def test_rollback_and_demote_need_the_right_to_approve(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {approvers: [ben@example.org]}\n")
    study.version(0.8)
    study.version(0.9)
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    for words in (("rollback", "--stage", "dev"), ("demote", "dev")):
        assert "not among the approvers" in study.fails(*words, *yes("x"), person=EVE)
    study.do("rollback", "--stage", "dev", *yes("x"), person=BEN)


def test_a_version_with_invalid_evidence_can_leave_but_not_return(
    study: Registered,
) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    second = study.message("model@v1.0.1")
    study.forge("model@v1.0.1", second.replace("0.82", "0.99"), "model@v1.0.1^{commit}")
    study.do("rollback", "--stage", "dev", *yes("forged"), person=BEN)
    assert stage(study, "dev") == "v1.0.0"
    study.version(0.9, params="p3")
    study.promote("v1.0.2", "dev")
    first = study.message("model@v1.0.0")
    study.forge(
        "model@v1.0.0", first.replace('"score": 0.8', '"score": 0.9'), "model@v1.0.0^{commit}"
    )
    output = study.fails("rollback", "--stage", "dev", *yes("x"), person=BEN)
    assert "evidence of model@v1.0.0 is not valid" in output


@ssh
def test_tags_are_signed_where_git_signs_tags(study: Registered, tmp_path: Path) -> None:
    trust(study, tmp_path, ("ben@example.org", key(tmp_path, "ben")))
    study.git("config", "tag.gpgSign", "true")
    study.promote("v1.0.0", "dev")
    study.git("verify-tag", "model#dev#1")
    assert stage(study, "dev") == "v1.0.0"


@ssh
def test_approvals_may_demand_a_signature(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {signed: true, stages: [prod]}\n")
    study.version(0.8)
    study.promote("v1.0.0", "dev", "staging")
    words = ("promote", "v1.0.0", "--to", "prod", *yes("x"))
    study.git("config", "gpg.format", "ssh")
    study.git("config", "user.signingKey", str(tmp_path / "nothing"))
    assert "Next: git config user.signingKey KEY" in study.fails(*words, person=BEN)
    trust(study, tmp_path, ("ben@example.org", key(tmp_path, "ben")))
    study.do(*words, person=BEN)
    study.git("verify-tag", "model#prod#3")


@ssh
def test_a_signature_that_nobody_can_verify_leaves_no_tag(
    study: Registered, tmp_path: Path
) -> None:
    trust(study, tmp_path, ("ben@example.org", key(tmp_path, "ben")))
    (tmp_path / "allowed").write_text("")
    study.git("config", "tag.gpgSign", "true")
    output = study.fails("promote", "v1.0.0", "--to", "dev", *yes("x"), person=BEN)
    assert "cannot be verified, so the tag was deleted" in output
