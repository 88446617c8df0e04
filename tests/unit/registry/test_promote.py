"""Who takes over a stage has been through the one before, keeps the gates, and is agreed upon."""

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
    made = Registered.make(tmp_path / "study")
    made.write("gates.yaml", GATE)
    made.version(0.8)
    made.version(0.82, params="p2", rate=0.2)
    return made


def stage(study: Registered, name: str) -> str | None:
    """Return who is in a stage, by gto's own command."""
    shown = json.loads(bake.run(study.root, "gto", "show", "--json").stdout)
    found: str | None = shown["model"]["stage"].get(name)
    return found


def downloaded(study: Registered, name: str, into: Path) -> bytes:
    """Return the bundle that DVC gets of a stage."""
    words = ("dvc", "artifacts", "get", ".", "model", "--stage", name, "--force", "--out")
    bake.run(study.root, *words, str(into))
    return into.read_bytes()


def test_a_promotion_is_a_tag_with_the_evidence_of_the_decision(study: Registered) -> None:
    study.promote("v1.0.0")
    said = study.do("promote", "1.0.1", "--to", "dev", *yes("it is better"), who=BEN)
    assert "v1.0.0 (champion in dev) against v1.0.1 (challenger)" in said
    assert "gates are kept." in said
    assert "Promoted model v1.0.1 to dev, replacing v1.0.0." in said
    assert study.message("model#dev#4").startswith("Promote model v1.0.1 to dev\n\n{\n")
    found, registered = (study.evidence(tag) for tag in ("model#dev#4", "model@v1.0.1"))
    for name in ("commit", "tree", "dvc.lock", "bundle", "certificate", "metrics", "author"):
        assert found[name] == registered[name]
    assert (found["version"], found["stage"], found["reason"]) == ("v1.0.1", "dev", "it is better")
    assert found["by"] == {"name": "Ben", "email": "ben@example.org"}
    assert (found["champion"]["version"], found["champion"]["tag"]) == ("v1.0.0", "model#dev#1")
    assert found["override"] is None
    (change,) = found["comparison"]["metrics"]
    assert (change["name"], change["old"], change["new"]) == ("score", 0.8, 0.82)
    assert [gate["kept"] for gate in found["comparison"]["gates"]] == [True]


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
        kept = study.root / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(study.root / path, kept)
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
    (auc,) = [one for one in changes if one["name"] == "roc_auc"]
    assert auc["word"] == "better"
    assert 0 < auc["interval"]["low"] < auc["new"] - auc["old"] < auc["interval"]["high"]
    assert (auc["interval"]["rows"], auc["interval"]["resamples"]) == (400, 1000)


def test_gto_and_dvc_see_who_is_in_a_stage(study: Registered, tmp_path: Path) -> None:
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
        study.do("promote", version, "--to", "dev", *yes("x"), who=BEN)
        study.clock = 1_700_000_500
        study.do("promote", version, "--to", "staging", *yes("x"), who=BEN)
        bundles[version] = study.evidence(f"model@{version}")["bundle"]["md5"]
    assert "model#staging#13" in study.tags()
    for name in ("dev", "staging"):
        assert stage(study, name) == "v1.0.0"
        got = downloaded(study, name, tmp_path / "got.tar")
        assert hashlib.md5(got, usedforsecurity=False).hexdigest() == bundles["v1.0.0"]


def test_stages_come_one_after_the_other(study: Registered) -> None:
    said = study.refused("promote", "v1.0.0", "--to", "prod", *yes("x"), who=BEN)
    assert "has not been in staging, which comes before prod" in said
    study.promote("v1.0.0", "dev")
    said = study.refused("promote", "v1.0.0", "--to", "prod", *yes("x"), who=BEN)
    assert "Next: headrace promote v1.0.0 --to staging" in said
    assert "is in dev already" in study.refused("promote", "v1.0.0", "--to", "dev", *yes("x"))


def test_stages_have_the_names_that_the_study_gives_them(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study", settings='stages = ["trial", "live"]\n')
    study.version(0.8)
    assert "Did you mean live?" in study.refused("promote", "v1.0.0", "--to", "life", *yes("x"))
    study.promote("v1.0.0", "trial", "live")
    study.version(0.9)
    study.promote("v1.0.1", "trial", "live")
    assert "live is back at v1.0.0" in study.do("rollback", *yes("x"), who=BEN)


@pytest.mark.parametrize("said", ['"dev"', '["dev", "dev"]', "[]", '["d#v"]'])
def test_stages_that_are_no_list_of_names_are_refused(tmp_path: Path, said: str) -> None:
    study = Registered.make(tmp_path / "study", settings=f"stages = {said}\n")
    study.version(0.8)
    assert "is not a list of names" in study.refused("promote", "v1.0.0", "--to", "dev", *yes("x"))


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
def test_what_there_is_not_is_refused_with_the_nearest(
    study: Registered, words: tuple[str, ...], says: str
) -> None:
    assert says in study.refused("promote", *words, *yes("x"), who=BEN)


def test_a_broken_gate_stops_and_an_override_is_marked_for_ever(study: Registered) -> None:
    study.version(0.6, data="d2")
    study.promote("v1.0.1", "dev")
    words = ("promote", "v1.1.0", "--to", "dev", *yes("we must"))
    said = study.refused(*words, who=BEN)
    assert "score is 0.6000, it was 0.8200" in said
    assert "Not promoted: 1 of 1 gates broken." in said
    assert "it gives no reason" in study.refused(*words, "--override", " ", who=BEN)
    study.do(*words, "--override", "the old data are gone", who=BEN)
    found = study.evidence("model#dev#2")
    assert found["override"] == {"gates": [f"{M} score"], "reason": "the old data are gone"}
    assert study.message("model#dev#2").startswith("Promote model v1.1.0 to dev, overriding gates")


def test_the_first_version_is_held_to_the_bounds(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", GATE)
    study.version(0.4)
    said = study.refused("promote", "v1.0.0", "--to", "dev", *yes("x"), who=BEN)
    assert "against itself, since nothing is in dev" in said
    assert "it must be at least 0.5" in said


@pytest.mark.parametrize(
    ("block", "who", "says"),
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
def test_approvals_say_who_may(tmp_path: Path, block: str, who: str, says: str | None) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", f"{GATE}approvals: {{{block}}}\n")
    study.version(0.8)
    words = ("promote", "v1.0.0", "--to", "dev", *yes("x"))
    if says is None:
        study.do(*words, who=who)
    else:
        assert says in study.refused(*words, who=who)


def test_the_author_is_told_by_address_and_not_by_name_or_case(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {another_person: true}\n")
    study.version(0.8)
    words = ("promote", "v1.0.0", "--to", "dev", *yes("x"))
    assert "is the author" in study.refused(*words, who="Somebody Else <ANN@example.org>")
    study.do(*words, who="Ann <another.ann@example.org>")


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
    with pytest.raises(ProjectError) as refused:
        reader.parse(f"approvals:\n{block}\n".encode())
    assert str(refused.value).startswith(f"gates.yaml:{line}: ")
    assert says in str(refused.value)
    assert "Next: " in str(refused.value)


def test_without_a_terminal_nobody_is_asked(study: Registered) -> None:
    words = ("promote", "v1.0.0", "--to", "dev")
    for more in ((), ("--yes",), ("--reason", "x")):
        said = study.refused(*words, *more, who=BEN)
        assert "There is no terminal to ask at. Next: --yes --reason TEXT" in said
    assert "a reason is required" in study.refused(*words, *yes(" "), who=BEN)


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
    said, _ = process.communicate()
    os.close(master)
    return process.returncode, said.decode()


def test_at_a_terminal_a_person_is_asked(study: Registered) -> None:
    words = ("promote", "v1.0.0", "--to", "dev")
    before = study.tags()
    code, said = typed(study, "n\n", *words)
    assert (code, study.tags()) == (1, before)
    assert "Promote model v1.0.0 to dev? [y/N]" in said
    assert "Nothing was changed." in said
    code, said = typed(study, "y\n\n", *words)
    assert (code, study.tags()) == (1, before)
    code, said = typed(study, "y\nas good as any\n", *words)
    assert code == 0, said
    assert study.evidence("model#dev#1")["reason"] == "as good as any"


def test_what_people_write_comes_back_as_they_wrote_it(study: Registered) -> None:
    study.do("promote", "v1.0.0", "--to", "dev", *yes(HOSTILE), who=BEN)
    assert study.evidence("model#dev#1")["reason"] == HOSTILE
    assert stage(study, "dev") == "v1.0.0"


def test_a_version_whose_chain_is_broken_is_not_promoted(study: Registered) -> None:
    cached = study.cached()
    cached.write_bytes(b"another model")
    said = study.refused("promote", "v1.0.1", "--to", "dev", *yes("x"), who=BEN)
    assert "evidence of model@v1.0.1 is not valid: the bundle's bytes were replaced" in said
    study.forge("model@v1.0.1", study.message("model@v1.0.1"), "HEAD~1")
    said = study.refused("promote", "v1.0.1", "--to", "dev", *yes("x"), who=BEN)
    assert "evidence of model@v1.0.1 is not valid: " in said


def test_a_version_that_gto_registered_is_not_promoted(study: Registered) -> None:
    study.train(0.9)
    study.commit()
    env = bake.environment(**identity(EVE, study.clock + 100))
    bake.run(study.root, "gto", "register", "model", "--version", "v9.0.0", env=env)
    said = study.refused("promote", "v9.0.0", "--to", "dev", *yes("x"), who=BEN)
    assert "evidence of model@v9.0.0 is not valid: its message holds no evidence" in said


def test_a_deregistered_version_is_refused_though_dvc_still_gets_it(
    study: Registered, tmp_path: Path
) -> None:
    study.promote("v1.0.0", "dev")
    env = bake.environment(**identity(BEN, study.clock + 100))
    bake.run(study.root, "gto", "deprecate", "model", "v1.0.0", env=env)
    study.clock += 200
    assert stage(study, "dev") is None
    said = study.refused("promote", "v1.0.0", "--to", "dev", *yes("x"), who=BEN)
    assert "model@v1.0.0 was deregistered" in said
    assert downloaded(study, "dev", tmp_path / "got.tar")


def test_a_rollback_brings_the_champion_before_back(study: Registered, tmp_path: Path) -> None:
    old = study.cached().read_bytes(), study.git("rev-parse", "HEAD")
    study.promote("v1.0.1")
    study.version(0.9, params="p3")
    study.promote("v1.0.2")
    data = {path: path.stat().st_mtime_ns for path in study.root.glob(".dvc/**/*")}
    said = study.do("rollback", *yes("it is too slow"), who=BEN)
    assert "prod is back at v1.0.1; v1.0.2 was rolled back. No data were moved." in said
    assert data == {path: path.stat().st_mtime_ns for path in study.root.glob(".dvc/**/*")}
    assert stage(study, "prod") == "v1.0.1"
    assert stage(study, "dev") == "v1.0.2"
    assert downloaded(study, "prod", tmp_path / "got.tar") == old[0]
    assert study.git("rev-parse", "model#prod#8^{commit}") == old[1]
    found = study.evidence("model#prod#8")
    assert (found["action"], found["reason"]) == ("rollback", "it is too slow")
    assert (found["from"], found["to"]) == ("v1.0.2", "v1.0.1")


def test_a_rollback_skips_what_was_rolled_back(study: Registered) -> None:
    study.version(0.9, params="p3")
    for version in ("v1.0.0", "v1.0.1", "v1.0.2"):
        study.promote(version)
    assert "prod is back at v1.0.1" in study.do("rollback", *yes("x"), who=BEN)
    assert "prod is back at v1.0.0" in study.do("rollback", *yes("x"), who=BEN)
    said = study.refused("rollback", *yes("x"), who=BEN)
    assert "prod had no version before v1.0.0 to go back to" in said
    study.do("promote", "v1.0.2", "--to", "prod", *yes("mended"), who=BEN)
    assert "prod is back at v1.0.0" in study.do("rollback", *yes("x"), who=BEN)


def test_a_demoted_version_is_out_for_gto_and_the_rest_is_said(
    study: Registered, tmp_path: Path
) -> None:
    study.promote("v1.0.0", "dev")
    first = study.cached().read_bytes()
    said = study.do("demote", "dev", *yes("not yet"), who=BEN)
    assert "v1.0.0 left dev; the stage is empty." in said
    assert "ignores that a version left a stage" in said
    assert stage(study, "dev") is None
    assert downloaded(study, "dev", tmp_path / "got.tar") != first  # DVC still gets v1.0.0
    assert "No version of model is in dev" in study.refused("demote", "dev", *yes("x"))
    assert "No version of model is in prod" in study.refused("rollback", *yes("x"))


def test_a_rolled_back_version_does_not_come_back_by_a_demotion(study: Registered) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    study.do("rollback", "--stage", "dev", *yes("x"), who=BEN)
    study.do("demote", "dev", *yes("x"), who=BEN)
    assert stage(study, "dev") is None


def test_demoting_says_that_rolling_back_is_the_better_way(study: Registered) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    said = study.do("demote", "dev", *yes("x"), who=BEN)
    assert "Next: headrace rollback --stage dev, which restores v1.0.0" in said
    assert "v1.0.1 left dev; v1.0.0 is there now." in said
    assert stage(study, "dev") == "v1.0.0"


def test_a_rollback_is_done_whole_or_not_at_all(
    study: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    add, count = event_log.append, iter(range(9))

    def once(*words: Any, **more: Any) -> str:
        if next(count):
            raise ProjectError("The key is locked. Next: unlock it")
        return add(*words, **more)

    monkeypatch.setattr(event_log, "append", once)
    assert "The key is locked" in study.refused("rollback", "--stage", "dev", *yes("x"), who=BEN)
    assert stage(study, "dev") == "v1.0.1"


def test_who_may_not_approve_may_not_roll_back_or_demote(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {approvers: [ben@example.org]}\n")
    study.version(0.8)
    study.version(0.9)
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    for words in (("rollback", "--stage", "dev"), ("demote", "dev")):
        assert "not among the approvers" in study.refused(*words, *yes("x"), who=EVE)
    study.do("rollback", "--stage", "dev", *yes("x"), who=BEN)


def test_a_version_with_a_broken_chain_can_be_rolled_back_from_but_not_to(
    study: Registered,
) -> None:
    study.promote("v1.0.0", "dev")
    study.promote("v1.0.1", "dev")
    good = study.message("model@v1.0.1")
    study.forge("model@v1.0.1", good.replace("0.82", "0.99"), "model@v1.0.1^{commit}")
    study.do("rollback", "--stage", "dev", *yes("forged"), who=BEN)
    assert stage(study, "dev") == "v1.0.0"
    study.version(0.9, params="p3")
    study.promote("v1.0.2", "dev")
    first = study.message("model@v1.0.0")
    study.forge(
        "model@v1.0.0", first.replace('"score": 0.8', '"score": 0.9'), "model@v1.0.0^{commit}"
    )
    said = study.refused("rollback", "--stage", "dev", *yes("x"), who=BEN)
    assert "evidence of model@v1.0.0 is not valid" in said


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
    assert "Next: git config user.signingKey KEY" in study.refused(*words, who=BEN)
    trust(study, tmp_path, ("ben@example.org", key(tmp_path, "ben")))
    study.do(*words, who=BEN)
    study.git("verify-tag", "model#prod#3")


@ssh
def test_a_signature_that_nobody_can_verify_leaves_no_tag(
    study: Registered, tmp_path: Path
) -> None:
    trust(study, tmp_path, ("ben@example.org", key(tmp_path, "ben")))
    (tmp_path / "allowed").write_text("")
    study.git("config", "tag.gpgSign", "true")
    said = study.refused("promote", "v1.0.0", "--to", "dev", *yes("x"), who=BEN)
    assert "cannot be verified, so the tag was deleted" in said
