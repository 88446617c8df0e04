"""An audit shows the history of every version, and detects what was forged, edited or lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_text import HOSTILE
from in_process import numeric_imports
from registered_study import ANN, BEN, BUNDLE, EVE, GATE, M, Registered, identity, yes
from signing import key, ssh, trust

from headrace.registry import audit
from headrace.registry.audit import Audit
from headrace.registry.check import Outcome
from lab import bake


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """A model that was promoted, overridden and rolled back; not to be changed."""
    study = Registered.make(tmp_path_factory.mktemp("history") / "study")
    study.write("gates.yaml", f"{GATE}approvals: {{another_person: true}}\n")
    study.version(0.8)
    study.promote("v1.0.0")
    study.version(0.82, rate=0.2, params="p2")
    study.promote("v1.0.1")
    study.version(0.6, data="d2")
    words = ("promote", "v1.1.0", "--to", "dev", *yes("we must"))
    study.do(*words, "--override", "the old data are gone", person=BEN)
    study.do("rollback", *yes("too slow"), person=BEN)
    return study


@pytest.fixture
def study(history: Registered, tmp_path: Path) -> Registered:
    """A copy of that study, to tamper with."""
    return Registered(Path(shutil.copytree(history.root, tmp_path / "study")), history.clock)


def audited(study: Registered) -> Audit:
    return audit.audit_repository(study.root)


def broken(result: Audit) -> dict[str, str]:
    """Return what is broken: by tag and link, why."""
    return {
        f"{entry.tag or entry.version} {link.name}": link.message
        for artifact in result.artifacts
        for entry, link in artifact.with_outcome(Outcome.FAILED)
    }


def test_the_history_of_every_version_is_listed(history: Registered) -> None:
    (artifact,) = audited(history).artifacts
    assert [f"{one.event}: {one.subject}" for one in artifact.entries] == [
        "trained: v1.0.0",
        "verified: v1.0.0",
        "registered: v1.0.0",
        "promoted: v1.0.0 to dev",
        "promoted: v1.0.0 to staging",
        "promoted: v1.0.0 to prod",
        "retrained: v1.0.1",
        "verified: v1.0.1",
        "registered: v1.0.1",
        "promoted: v1.0.1 to dev, replacing v1.0.0",
        "promoted: v1.0.1 to staging, replacing v1.0.0",
        "promoted: v1.0.1 to prod, replacing v1.0.0",
        "retrained: v1.1.0",
        "verified: v1.1.0",
        "registered: v1.1.0",
        "overridden: v1.1.0 to dev, replacing v1.0.1",
        "rolled back: v1.0.1 out of prod",
        "restored: v1.0.0 is in prod again",
    ]
    assert {(one.stage, one.version) for one in artifact.stages} == {
        ("dev", "v1.1.0"),
        ("staging", "v1.0.1"),
        ("prod", "v1.0.0"),
    }


def test_each_event_has_its_person_and_reason(history: Registered) -> None:
    (artifact,) = audited(history).artifacts
    by_word = {entry.event: (entry.person, dict(entry.facts)) for entry in artifact.entries}
    person, facts = by_word["retrained"]
    assert person == ANN
    assert facts["commit"].endswith(" Train to 0.6")
    assert facts["parameters"] == "train.rate 0.2 → 0.1"
    assert facts["metrics"] == "score 0.6000, rows 100"
    person, facts = by_word["overridden"]
    assert (person, facts["override"]) == (BEN, "the old data are gone")
    assert facts["gates"] == "0 passed, 1 failed"
    assert by_word["restored"] == (BEN, {"reason": "too slow"})


def test_every_check_of_an_honest_history_passes(history: Registered) -> None:
    result = audited(history)
    assert result.holds
    assert result.count(Outcome.PASSED) > 100
    assert result.count(Outcome.UNCHECKED) == 0
    assert history.run("audit").code == 0


def test_a_bare_clone_has_the_same_audit_but_for_the_bytes(
    history: Registered, tmp_path: Path
) -> None:
    bare = tmp_path / "study.git"
    bake.run(tmp_path, "git", "clone", "--quiet", "--bare", str(history.root), str(bare))
    words = (("audit", "--json"), ("audit", "--json", str(bare)))
    from_inside = bake.run(bare, "headrace", *words[0]).stdout
    by_path = bake.run(tmp_path, "headrace", *words[1]).stdout
    assert from_inside == by_path
    in_study, in_clone = json.loads(history.do("audit", "--json")), json.loads(from_inside)
    assert (in_clone["holds"], in_clone["links"]["not checked"]) == (True, 3)
    assert in_clone["links"]["true"] == in_study["links"]["true"] - 3
    for content in (in_study, in_clone):
        content["lives"][0].pop("entries")
    assert in_study["lives"] == in_clone["lives"]


def test_an_audit_imports_no_numeric_library(history: Registered) -> None:
    assert numeric_imports(history.root, "audit") == ["0", "set()"]


def test_a_folder_that_is_no_repository_is_refused(history: Registered, tmp_path: Path) -> None:
    for word, says in ((".", "is not a git repository"), ("nothing", "is not a folder")):
        result = bake.run(tmp_path, "headrace", "audit", word, check=False)
        assert result.returncode == 1
        assert says in result.stdout
        assert "Next: " in result.stdout
    assert "No modle is registered here. Did you mean model?" in history.fails(
        "audit", "--artifact", "modle"
    )


def test_an_audit_of_nothing_names_the_next_step(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.train(0.8)
    study.commit()
    assert "Nothing is registered here yet. Next: headrace register" in study.do("audit")


Tamper = Callable[[Registered], Any]


def edited_metric(study: Registered) -> None:
    """Commit a better metric than was measured, with all else as it was, and register that."""
    study.train(0.85, params="p9")
    study.write(M, json.dumps({"score": 0.95, "rows": 100}))
    study.commit()
    study.certify()
    forge(study, "model@v1.1.1", "model@v1.1.0", metrics={M: {"score": 0.95, "rows": 100}})


def forge(study: Registered, tag: str, source: str, commit: str = "HEAD", **change: object) -> None:
    """Make a tag with another's evidence, changed; the chain is kept."""
    study.forge(tag, message(study, source, **change), commit)


def message(study: Registered, source: str, **change: object) -> str:
    subject, _, _ = study.message(source).partition("\n")
    return f"{subject}\n\n{json.dumps(study.evidence(source) | change)}"


def swapped_bundle(study: Registered) -> None:
    """Commit a dvc.lock with another bundle, and move the version's tag there."""
    lock = (study.root / "dvc.lock").read_text()
    md5 = study.evidence("model@v1.1.0")["bundle"]["md5"]
    study.write("dvc.lock", lock.replace(md5, "0" * 32))
    study.commit()
    study.forge("model@v1.1.0", study.message("model@v1.1.0"), "HEAD", ANN)


def swapped_bytes(study: Registered) -> None:
    md5 = study.evidence("model@v1.0.1")["bundle"]["md5"]
    path = study.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def certificate_of_another(study: Registered) -> None:
    certificate = study.evidence("model@v1.0.1")["certificate"]
    forge(study, "model@v1.1.0", "model@v1.1.0", "model@v1.1.0^{commit}", certificate=certificate)


TAMPERED: dict[str, tuple[Tamper, str, str]] = {
    "a forged lightweight tag": (
        lambda s: s.git("tag", "model#prod#99", "HEAD"),
        "model#prod#99 tag",
        "it is not an annotated tag",
    ),
    "a forged annotated tag": (
        lambda s: s.forge("model#prod#10", "Promote model v1.1.0 to prod"),
        "model#prod#10 tag",
        "its message holds no evidence",
    ),
    "copied evidence on another commit": (
        lambda s: s.forge("model#prod#10", s.message("model#prod#6"), "model@v1.1.0^{commit}"),
        "model#prod#10 tag",
        "its evidence says version v1.0.1, and the tag says v1.1.0",
    ),
    "copied evidence in another stage": (
        lambda s: s.forge("model#prod#10", s.message("model#staging#5"), "model@v1.0.1^{commit}"),
        "model#prod#10 tag",
        "its evidence says stage staging, and the tag says prod",
    ),
    "copied evidence, all true but its place": (
        lambda s: s.forge("model#prod#10", s.message("model#prod#6"), "model@v1.0.1^{commit}", BEN),
        "model#prod#10 previous",
        "it follows model#staging#5, and model#prod#9 is between them",
    ),
    "a version moved to another commit": (
        lambda s: s.forge("model@v1.1.0", s.message("model@v1.1.0"), "HEAD~1", ANN),
        "model@v1.1.0 commit",
        "and its evidence on",
    ),
    "a tag that was renamed": (
        lambda s: s.git("update-ref", "refs/tags/model#prod#10", s.tags()["model#prod#6"]),
        "model#prod#10 tag",
        "the tag was renamed: it calls itself model#prod#6",
    ),
    "evidence that was edited": (
        lambda s: forge(s, "model#prod#6", "model#prod#6", "model@v1.0.1^{commit}", reason="other"),
        "model@v1.1.0 previous",
        "it follows model#prod#6, and that tag was replaced since",
    ),
    "a metric that was edited in the evidence": (
        lambda s: forge(
            s, "model@v1.1.0", "model@v1.1.0", "model@v1.1.0^{commit}", metrics={M: {"score": 0.9}}
        ),
        "v1.1.0 metrics",
        f"{M}: score is 0.6 in the commit, and 0.9 in the evidence",
    ),
    "a metric that was edited in the commit": (
        edited_metric,
        "v1.1.1 metrics",
        f"{M} was edited: its MD5 is not the one in dvc.lock",
    ),
    "parameters that were edited": (
        lambda s: forge(
            s, "model@v1.1.0", "model@v1.1.0", "model@v1.1.0^{commit}", parameters={"seed": 1}
        ),
        "v1.1.0 parameters",
        "seed of params.yaml differs from the evidence",
    ),
    "a bundle swapped in dvc.lock": (
        swapped_bundle,
        "v1.1.0 bundle",
        f"dvc.lock records {BUNDLE} as {'0' * 32}, the evidence as",
    ),
    "a bundle's bytes swapped in the cache": (
        swapped_bytes,
        "v1.0.1 bytes-kept",
        "the bundle's bytes were replaced",
    ),
    "a tag deleted in the middle": (
        lambda s: s.git("tag", "--delete", "model#staging#5"),
        "model#prod#6 counter",
        "there is a gap before it: #5 is missing",
    ),
    "a version deleted in the middle": (
        lambda s: s.git("tag", "--delete", "model@v1.0.1"),
        "model#dev#4 previous",
        "it follows model@v1.0.1, and that tag is gone",
    ),
    "a certificate of another tree": (
        certificate_of_another,
        "v1.1.0 certificate",
        "the certificate is of tree",
    ),
    "a number that is there twice": (
        lambda s: s.forge("model#dev#6", s.message("model#dev#4"), "model@v1.0.1^{commit}"),
        "model#prod#6 counter",
        "#6 occurs 2 times",
    ),
    "another approver": (
        lambda s: s.forge("model#prod#9", s.message("model#prod#9"), "model@v1.0.0^{commit}", EVE),
        "model#prod#9 approver",
        "Eve <eve@example.org> made the tag, and its evidence says Ben <ben@example.org>",
    ),
    "an author who approves": (
        lambda s: forge(
            s, "model#prod#9", "model#prod#9", "model@v1.0.0^{commit}", by={"email": ANN[5:-1]}
        ),
        "model#prod#9 approver",
        "Eve <eve@example.org> made the tag",
    ),
    "a broken gate, and no override": (
        lambda s: forge(s, "model#dev#7", "model#dev#7", "model@v1.1.0^{commit}", override=None),
        "model#dev#7 gates",
        f"a gate failed, and was not overridden: {M} score",
    ),
    "another champion before": (
        lambda s: forge(
            s, "model#prod#6", "model#prod#6", "model@v1.0.1^{commit}", champion={"version": "v9"}
        ),
        "model#prod#6 champion",
        "v1.0.0 was in the stage, and the evidence says v9",
    ),
    "a stage that was left out": (
        lambda s: forge(
            s,
            "model#prod#10",
            "model#dev#7",
            "model@v1.1.0^{commit}",
            stage="prod",
            version="v1.1.0",
        ),
        "model#prod#10 gates",
        "the version had not been in staging",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_detected(study: Registered, name: str) -> None:
    tamper, where, says = TAMPERED[name]
    tamper(study)
    failures = broken(audited(study))
    assert says in failures.get(where, f"nothing; found are {json.dumps(failures, indent=1)}")
    result = study.run("audit")
    assert result.code == 1
    assert " failed." in result.text
    assert says.split(" ")[0] in result.text


def test_deleting_any_tag_but_the_newest_is_detected(study: Registered) -> None:
    for tag, digest in study.tags().items():
        study.git("tag", "--delete", tag)
        assert audited(study).holds == (tag == "model#prod#9"), tag
        study.git("update-ref", f"refs/tags/{tag}", digest)
    assert audited(study).holds


def test_replacing_any_tag_but_the_newest_is_detected(study: Registered) -> None:
    for tag, digest in study.tags().items():
        raw = study.git("cat-file", "tag", digest).replace(" +0000\n", " +0100\n", 1)
        anew = study.root.parent / "tag"
        anew.write_text(raw + "\n")
        words = ("hash-object", "-t", "tag", "-w", str(anew))
        study.git("update-ref", f"refs/tags/{tag}", study.git(*words))
        assert audited(study).holds == (tag == "model#prod#9"), tag
        study.git("update-ref", f"refs/tags/{tag}", digest)


def test_the_history_shows_the_gap_of_a_deleted_tag(study: Registered) -> None:
    study.git("tag", "--delete", "model#staging#5")
    (artifact,) = audited(study).artifacts
    words = [f"{entry.event} {entry.subject}" for entry in artifact.entries]
    place = words.index("gone model#staging#5")
    assert words[place + 1].startswith("promoted v1.0.1 to prod")


def test_the_newest_tag_deleted_cannot_be_seen(study: Registered) -> None:
    study.git("tag", "--delete", "model#prod#9")
    assert audited(study).holds  # as the documentation says


def test_a_rewritten_commit_is_found(study: Registered) -> None:
    study.write("dvc.lock", "stages: [not a lock")
    study.commit()
    study.forge("model@v1.1.0", study.message("model@v1.1.0"), "HEAD", ANN)
    assert "v1.1.0 lock" in broken(audited(study))


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"headrace": 1}', '{"headrace": 1, "metrics": 7, "certificate": [1], "bundle": 3,'
     ' "previous": {"tag": []}, "comparison": {"gates": {}}, "champion": 9, "by": "x"}'],
)  # fmt: skip
def test_evidence_of_any_shape_fails_its_check_without_a_crash(
    study: Registered, content: str
) -> None:
    for tag in ("model@v9.0.0", "model#prod#10", "model#prod!#11"):
        study.forge(tag, f"x\n\n{content}")
    for form in ("--json", "--markdown"):
        assert study.run("audit", form).code == 1
    assert len([tag for tag in broken(audited(study)) if tag.endswith(" tag")]) >= 3


def test_events_of_gto_are_shown_as_without_evidence(study: Registered) -> None:
    study.train(0.9)
    study.commit()
    env = bake.environment(**identity(EVE, study.clock + 1000))
    bake.run(study.root, "gto", "register", "model", "--version", "v2.0.0", env=env)
    bake.run(
        study.root, "gto", "assign", "model", "--version", "v2.0.0", "--stage", "prod", env=env
    )
    bake.run(study.root, "gto", "deprecate", "model", "v1.0.0", env=env)
    result = study.run("audit").text
    assert "registered    v2.0.0 (without evidence), Eve" in result
    assert "assigned      v2.0.0 to prod (without evidence), Eve" in result
    assert "deregistered  v1.0.0 (without evidence), Eve" in result
    assert "`dvc artifacts get` still gets it" in result
    stages = {one.stage: one.version for one in audited(study).artifacts[0].stages}
    output = json.loads(bake.run(study.root, "gto", "show", "--json").stdout)
    assert stages == {name: one for name, one in output["model"]["stage"].items() if one}


def test_each_artifact_has_its_own_history(study: Registered) -> None:
    study.forge("other@v1.0.0", "x")
    assert [artifact.artifact for artifact in audited(study).artifacts] == ["model", "other"]
    assert audit.audit_repository(study.root, "model").holds


def test_a_study_audits_its_own_artifacts_and_a_repository_all(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "mono", prefix="one")
    study.version(0.8)
    bake.run(tmp_path, "git", "clone", "--quiet", "--bare", "mono", "mono.git")
    study.forge("two=model@v1.0.0", "x")
    assert study.run("audit").code == 0
    assert audit.audit_repository(tmp_path / "mono.git").holds
    assert not audit.audit_repository(tmp_path / "mono").holds


def test_hostile_text_reaches_no_terminal_and_no_markdown(study: Registered) -> None:
    study.do(
        "promote", "v1.1.0", "--to", "staging", *yes(HOSTILE), "--override", HOSTILE, person=BEN
    )
    output, markdown = study.do("audit"), study.do("audit", "--markdown")
    for text in (output, markdown):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\\x1b[31m" in output
    assert "<script>" not in markdown
    assert study.run("audit", "--json").code == 0


@ssh
def test_signatures_are_verified(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {signed: true, stages: [dev]}\n")
    study.version(0.8)
    ben, eve = key(tmp_path, "ben"), key(tmp_path, "eve")
    trust(study, tmp_path, ("ben@example.org", ben), ("eve@example.org", eve))
    study.promote("v1.0.0", "dev")
    assert audited(study).holds
    passed = audited(study).artifacts[0].with_outcome(Outcome.PASSED)
    assert "model#dev#1" in [entry.tag for entry, check in passed if check.name == "signature"]
    (tmp_path / "allowed").write_text(f"eve@example.org {eve.with_suffix('.pub').read_text()}")
    result = audited(study)
    assert result.holds
    (unknown,) = result.artifacts[0].with_outcome(Outcome.UNCHECKED)
    assert "a key that is not known here" in unknown[1].message


@ssh
def test_a_signature_of_another_person_fails(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {signed: true}\n")
    study.version(0.8)
    eve = key(tmp_path, "eve")
    trust(study, tmp_path, ("eve@example.org", eve))
    study.promote("v1.0.0", "dev")  # as Ben, with Eve's key
    says = broken(audited(study))["model#dev#1 signature"]
    assert says == "it is signed by eve@example.org, and names ben@example.org"


@ssh
def test_a_change_after_signing_is_detected(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.version(0.8)
    trust(study, tmp_path, ("ben@example.org", key(tmp_path, "ben")))
    study.git("config", "tag.gpgSign", "true")
    study.promote("v1.0.0", "dev")
    raw = study.git("cat-file", "tag", "model#dev#1").replace("for dev", "for fun")
    path = tmp_path / "tag"
    path.write_text(raw + "\n")
    study.git("update-ref", "refs/tags/model#dev#1", study.git("hash-object", "-t", "tag", "-w",
              str(path)))  # fmt: skip
    assert "its signature is bad" in broken(audited(study))["model#dev#1 signature"]


@ssh
def test_a_missing_signature_is_detected(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.write("gates.yaml", "approvals: {signed: true, stages: [dev]}\n")
    study.version(0.8)
    trust(study, tmp_path, ("ben@example.org", key(tmp_path, "ben")))
    study.promote("v1.0.0", "dev")
    study.forge("model#dev#1", study.message("model#dev#1").partition("-----BEGIN")[0], "HEAD", BEN)
    result = broken(audited(study))["model#dev#1 signature"]
    assert result == "it is not signed, and dev requires a signature"
