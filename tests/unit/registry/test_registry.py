"""Only a committed, current and verified state becomes a version; its number shows the change."""

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from registered_study import ANN, BEN, BUNDLE, DVC, M, Registered, yes

from headrace.errors import ProjectError
from headrace.registry import register, resolve
from headrace.registry.tags import Version
from lab import bake


@pytest.fixture
def study(tmp_path: Path) -> Registered:
    """A study with one trained, committed and verified model."""
    study = Registered.make(tmp_path / "study")
    study.version(0.8, register=False)
    return study


def test_a_version_is_an_annotated_tag_under_gtos_name_with_all_the_evidence(
    study: Registered,
) -> None:
    output = study.do("register")
    assert "model v1.0.0: the first version." in output
    assert "Next: git push origin 'model@v1.0.0'" in output
    assert study.git("cat-file", "-t", "model@v1.0.0") == "tag"
    assert study.message("model@v1.0.0").startswith("Register model v1.0.0\n\n{\n")
    evidence = study.evidence("model@v1.0.0")
    assert evidence["commit"] == study.git("rev-parse", "HEAD")
    assert evidence["tree"] == study.git("rev-parse", "HEAD^{tree}")
    assert evidence["metrics"] == {M: {"score": 0.8, "rows": 100}}
    assert evidence["parameters"] == {"seed": 7, "train": {"rate": 0.1}}
    assert evidence["bundle"]["path"] == BUNDLE
    assert evidence["certificate"]["identical"] is True
    assert evidence["author"] == evidence["by"] == {"name": "Ann", "email": "ann@example.org"}
    assert evidence["previous"] is None


def test_gto_shows_the_version_and_dvc_gets_its_bundle(study: Registered, tmp_path: Path) -> None:
    study.do("register")
    bundle = (study.root / BUNDLE).read_bytes()
    study.version(0.9)
    output = bake.run(study.root, "gto", "show", "model", "--json").stdout
    assert [version["version"] for version in json.loads(output)] == ["v1.0.1", "v1.0.0"]
    path = tmp_path / "got.tar"
    words = ("dvc", "artifacts", "get", ".", "model", "--rev", "v1.0.0", "--out", str(path))
    bake.run(study.root, *words)
    assert path.read_bytes() == bundle


def test_a_clean_tree_is_required(study: Registered) -> None:
    study.write("notes.txt", "new, and not ignored")
    assert "The working tree has changes" in study.fails("register")


def test_a_commit_is_required(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    assert "is in no git commit" in study.fails("register")


def test_a_current_lock_is_required_even_where_the_rule_is_ignored(study: Registered) -> None:
    changed = json.loads(json.dumps(DVC))
    changed["stages"]["train"]["outs"].append("models/other.bin")
    study.write("dvc.yaml", json.dumps(changed))
    ignore = '[tool.headrace.ignore]\n"lock-behind" = "no reason"\n'
    study.write("pyproject.toml", (study.root / "pyproject.toml").read_text() + ignore)
    study.commit()
    study.certify()
    output = study.fails("register")
    assert "stage train is behind: models/other.bin is a new out" in output


def test_a_certificate_is_required(study: Registered) -> None:
    study.certify().unlink()
    assert "has no certificate that it reproduces. Next: make verify" in study.fails("register")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tree": "0" * 40}, "the certificate is of tree 0000000000, not"),
        ({"identical": False}, "not every output was identical"),
        ({"identical": "true"}, "not every output was identical"),
        ({"environment": "numpy is another"}, "it was verified where numpy is another"),
        ({"dvc.lock": "0" * 64}, "the certificate is of another dvc.lock"),
        ({"stages": []}, f"the certificate does not cover {BUNDLE} and 1 more"),
        ({"stages": None}, f"the certificate does not cover {BUNDLE} and 1 more"),
        (
            {"stages": [{"outputs": [{"path": p, "md5": "0"} for p in (BUNDLE, M)]}]},
            f"the certificate has another MD5 for {BUNDLE} and 1 more",
        ),
    ],
)
def test_a_certificate_that_does_not_prove_the_commit_is_refused(
    study: Registered, change: dict[str, object], says: str
) -> None:
    study.certify(**change)
    output = study.fails("register")
    assert says in output
    assert "Next: make verify" in output


def test_a_certificate_of_another_tree_is_refused(study: Registered) -> None:
    certificate = study.certify()
    study.write("notes.txt", "another tree")
    study.commit()
    certificate.rename(certificate.with_name(f"{study.git('rev-parse', 'HEAD^{tree}')}.json"))
    assert "the certificate is of tree" in study.fails("register")


def test_the_same_bundle_is_registered_once(study: Registered) -> None:
    study.do("register")
    assert "This commit is registered already, as model@v1.0.0" in study.fails("register")
    study.write("notes.txt", "another commit")
    study.commit()
    study.certify()
    assert "The same bundle is registered already, as model@v1.0.0" in study.fails("register")


def test_a_bundle_must_be_recorded(study: Registered) -> None:
    study.write("dvc.yaml", json.dumps(DVC | {"artifacts": {"model": {"path": "models/x.tar"}}}))
    study.commit()
    study.certify()
    assert "the artifact model of dvc.yaml, is not in dvc.lock" in study.fails("register")


def test_a_bundle_must_be_in_the_cache(study: Registered) -> None:
    study.cached().unlink()
    (study.root / BUNDLE).unlink()
    output = study.fails("register")
    assert f"{BUNDLE} is not in DVC's cache. Next: dvc pull {BUNDLE}" in output


def test_bytes_that_were_swapped_are_not_registered(study: Registered) -> None:
    study.cached().write_bytes(b"another model")
    assert "do not match dvc.lock" in study.fails("register")


def test_an_invalid_bundle_is_refused(study: Registered) -> None:
    (study.root / BUNDLE).write_bytes(b"no tar")
    place = study.cached()
    lock = (study.root / "dvc.lock").read_text()
    old = json.loads(lock)["stages"]["train"]["outs"][0]["md5"]
    study.write("dvc.lock", lock.replace(old, place.parent.name + place.name))
    place.write_bytes(b"no tar")
    study.commit()
    study.certify()
    assert "models/bundle.tar cannot be registered: " in study.fails("register")


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (None, "dvc.yaml has no artifact to register"),
        ({"model": {"path": BUNDLE}, "other": {"path": M}}, "Next: --artifact model or other"),
        ({"mod#el": {"path": BUNDLE}}, "needs a path, and a name of letters"),
        ({"model": {}}, "needs a path"),
        (["model"], "artifacts must hold names"),
    ],
)
def test_dvc_yaml_says_what_is_registered(study: Registered, block: object, says: str) -> None:
    study.write("dvc.yaml", json.dumps(DVC | {"artifacts": block}))
    study.commit()
    study.certify()
    assert says in study.fails("register")


def test_one_of_several_artifacts_is_named(study: Registered) -> None:
    block = {"model": {"path": BUNDLE}, "other": {"path": M}}
    study.write("dvc.yaml", json.dumps(DVC | {"artifacts": block}))
    study.commit()
    study.certify()
    assert "Did you mean model?" in study.fails("register", "--artifact", "modle")
    study.do("register", "--artifact", "model")
    assert [*study.tags()] == ["model@v1.0.0"]


def test_git_must_know_the_person(study: Registered) -> None:
    result = study.run("register", EMAIL="", GIT_COMMITTER_NAME="", GIT_COMMITTER_EMAIL="")
    assert result.code == 1
    assert "git does not know who you are" in result.text
    assert "Next: git config user.name NAME" in result.text


@pytest.mark.parametrize(
    ("change", "version", "why"),
    [
        ({"schema": "s2"}, "v2.0.0", "schema changed since v1.0.0"),
        ({"features": "f2"}, "v1.1.0", "features changed since v1.0.0"),
        ({"data": "d2"}, "v1.1.0", "data changed since v1.0.0"),
        ({"params": "p2"}, "v1.0.1", "parameters changed since v1.0.0"),
        ({}, "v1.0.1", "the code or the environment changed since v1.0.0"),
        (
            {"schema": "s2", "data": "d2", "params": "p2"},
            "v2.0.0",
            "schema, data and parameters changed since v1.0.0",
        ),
    ],
)
def test_the_next_number_says_what_changed(
    study: Registered, change: dict[str, str], version: str, why: str
) -> None:
    study.do("register")
    study.version(0.9, register=False, **change)
    assert f"model {version}: {why}." in study.do("register")
    assert f"model@{version}" in study.tags()


def test_a_proposal_is_raised_and_never_lowered(study: Registered) -> None:
    study.do("register")
    study.version(0.9, register=False, data="d2")
    assert "--bump patch gives v1.0.1" in study.fails("register", "--bump", "patch")
    before = study.tags()
    assert "model v2.0.0: data changed" in study.do("register", "--bump", "major", "--dry-run")
    assert study.tags() == before
    study.do("register", "--bump", "major")
    assert "model@v2.0.0" in study.tags()


def test_an_existing_tag_without_an_event_is_named(study: Registered) -> None:
    study.git("tag", "model@v1.0.0")
    output = study.fails("register")
    assert "The tag model@v1.0.0 exists, without an event. Next: git tag --delete" in output


def test_after_a_version_without_evidence_the_next_is_a_major_one() -> None:
    version, why = register.propose_version(Version(1, 2, 3), None, {"schema": "s"})
    assert str(version) == "v2.0.0"
    assert "what changed is unknown" in why


def test_every_tag_holds_the_hash_of_the_one_before(study: Registered) -> None:
    study.do("register")
    study.promote("v1.0.0")
    study.version(0.9)
    tags = study.tags()
    order = ["model@v1.0.0", "model#dev#1", "model#staging#2", "model#prod#3", "model@v1.0.1"]
    for before, after in pairwise(order):
        assert study.evidence(after)["previous"] == {"tag": before, "object": tags[before]}


def test_events_within_a_second_are_tagged_a_second_apart(
    study: Registered, tmp_path: Path
) -> None:
    study.clock = 1_700_000_100
    study.do("register")
    for stage in ("dev", "staging", "prod"):
        study.clock = 1_700_000_000  # a clock that goes back is no better
        study.do("promote", "v1.0.0", "--to", stage, *yes("x"), person=BEN)
    output = study.git("for-each-ref", "--sort=taggerdate", "--format=%(refname:lstrip=2)")
    tags = [line for line in output.splitlines() if "model" in line]
    assert tags == ["model@v1.0.0", "model#dev#1", "model#staging#2", "model#prod#3"]


def test_two_processes_do_not_follow_the_same_tag(study: Registered) -> None:
    from headrace.core.git import Objects
    from headrace.errors import HeadraceError
    from headrace.registry import event_log
    from headrace.registry.tags import Kind, Name

    with Objects(study.root) as objects:
        late = event_log.load(study.root, objects, "model")
    study.do("register")
    name = Name("model", Kind.REGISTER, version="v9.0.0")
    with pytest.raises(HeadraceError, match=r"model@v1.0.0 was added meanwhile. Next: "):
        event_log.append(late, name, "HEAD", "Register", {})
    assert [*study.tags()] == ["model@v1.0.0"]


def test_artifacts_of_a_study_in_a_folder_are_named_with_the_folder(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "mono", prefix="studies/late")
    study.version(0.8)
    bundle = (study.root / BUNDLE).read_bytes()
    assert [*study.tags()] == ["studies/late=model@v1.0.0"]
    assert study.evidence("studies/late=model@v1.0.0")["tree"] == study.git("rev-parse", "HEAD:./")
    study.promote("v1.0.0", "dev")
    for name in ("studies/late:model#dev", "model#dev"):
        version = resolve.resolve(study.root, name)
        assert (version.version, version.tag) == ("v1.0.0", "studies/late=model#dev#1")
    path = tmp_path / "got.tar"
    words = ("dvc", "artifacts", "get", str(tmp_path / "mono"), "studies/late:model")
    bake.run(tmp_path, *words, "--stage", "dev", "--out", str(path))
    assert path.read_bytes() == bundle


def test_a_name_stands_for_version_commit_and_bundle(study: Registered) -> None:
    commit = study.git("rev-parse", "HEAD")
    study.do("register")
    study.promote("v1.0.0", "dev")
    for name, tag in (("model@v1.0.0", "model@v1.0.0"), ("model#dev", "model#dev#1")):
        version = resolve.resolve(study.root, name)
        assert (version.artifact, version.version, version.commit) == ("model", "v1.0.0", commit)
        assert (version.tag, version.path) == (tag, BUNDLE)
        assert version.md5 == study.evidence("model@v1.0.0")["bundle"]["md5"]


def test_the_command_line_does_the_same_in_a_process_of_its_own(study: Registered) -> None:
    env = bake.environment(
        GIT_COMMITTER_NAME="Ann", GIT_COMMITTER_EMAIL=ANN.partition("<")[2].rstrip(">")
    )
    words = ["headrace", "register"]
    process = subprocess.run(
        words, cwd=study.root, env=env, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert [*study.tags()] == ["model@v1.0.0"]


def test_a_numbered_tag_keeps_its_version_after_later_ones(study: Registered) -> None:
    study.do("register")
    study.promote("v1.0.0", "dev")
    study.version(0.9, rate=0.2)
    version = "v1.0.1"
    study.promote(version, "dev")
    assert resolve.resolve(study.root, "model#dev").version == version
    versions = {tag: resolve.resolve(study.root, tag) for tag in study.tags() if "#" in tag}
    assert {tag: resolved.version for tag, resolved in versions.items()} == {
        "model#dev#1": "v1.0.0",
        "model#dev#2": version,
    }
    assert all(resolved.tag == tag for tag, resolved in versions.items())
    with pytest.raises(ProjectError, match=r"There is no tag model#dev#3\. Next: git fetch"):
        resolve.resolve(study.root, "model#dev#3")
    message = study.message("model#dev#1").replace('"v1.0.0"', '"v9.0.0"')
    study.forge("model#dev#3", message, "model@v1.0.0^{commit}")
    with pytest.raises(ProjectError, match=r"model#dev#3 has no valid evidence"):
        resolve.resolve(study.root, "model#dev#3")
