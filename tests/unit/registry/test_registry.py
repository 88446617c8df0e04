"""Only what is committed, current and proved becomes a version; its number says what changed."""

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
    made = Registered.make(tmp_path / "study")
    made.version(0.8, register=False)
    return made


def test_a_version_is_an_annotated_tag_under_gtos_name_with_all_the_evidence(
    study: Registered,
) -> None:
    said = study.do("register")
    assert "model v1.0.0: the first version." in said
    assert "Next: git push origin 'model@v1.0.0'" in said
    assert study.git("cat-file", "-t", "model@v1.0.0") == "tag"
    assert study.message("model@v1.0.0").startswith("Register model v1.0.0\n\n{\n")
    found = study.evidence("model@v1.0.0")
    assert found["commit"] == study.git("rev-parse", "HEAD")
    assert found["tree"] == study.git("rev-parse", "HEAD^{tree}")
    assert found["metrics"] == {M: {"score": 0.8, "rows": 100}}
    assert found["parameters"] == {"seed": 7, "train": {"rate": 0.1}}
    assert found["bundle"]["path"] == BUNDLE
    assert found["certificate"]["identical"] is True
    assert found["author"] == found["by"] == {"name": "Ann", "email": "ann@example.org"}
    assert found["previous"] is None


def test_gto_shows_the_version_and_dvc_gets_its_bundle(study: Registered, tmp_path: Path) -> None:
    study.do("register")
    bundle = (study.root / BUNDLE).read_bytes()
    study.version(0.9)
    shown = bake.run(study.root, "gto", "show", "model", "--json").stdout
    assert [one["version"] for one in json.loads(shown)] == ["v1.0.1", "v1.0.0"]
    got = tmp_path / "got.tar"
    words = ("dvc", "artifacts", "get", ".", "model", "--rev", "v1.0.0", "--out", str(got))
    bake.run(study.root, *words)
    assert got.read_bytes() == bundle


def test_an_untouched_tree_is_demanded(study: Registered) -> None:
    study.write("notes.txt", "new, and not ignored")
    assert "The working tree has changes" in study.refused("register")


def test_a_commit_is_demanded(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    assert "is in no git commit" in study.refused("register")


def test_a_current_lock_is_demanded_even_where_the_rule_is_ignored(study: Registered) -> None:
    changed = json.loads(json.dumps(DVC))
    changed["stages"]["train"]["outs"].append("models/other.bin")
    study.write("dvc.yaml", json.dumps(changed))
    ignore = '[tool.headrace.ignore]\n"lock-behind" = "no reason"\n'
    study.write("pyproject.toml", (study.root / "pyproject.toml").read_text() + ignore)
    study.commit()
    study.certify()
    said = study.refused("register")
    assert "stage train is behind: models/other.bin is a new out" in said


def test_a_certificate_is_demanded(study: Registered) -> None:
    study.certify().unlink()
    assert "has no certificate that it reproduces. Next: make verify" in study.refused("register")


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
def test_a_certificate_that_does_not_vouch_for_it_does_not_do(
    study: Registered, change: dict[str, object], says: str
) -> None:
    study.certify(**change)
    said = study.refused("register")
    assert says in said
    assert "Next: make verify" in said


def test_a_certificate_of_another_tree_does_not_do(study: Registered) -> None:
    other = study.certify()
    study.write("notes.txt", "another tree")
    study.commit()
    other.rename(other.with_name(f"{study.git('rev-parse', 'HEAD^{tree}')}.json"))
    assert "the certificate is of tree" in study.refused("register")


def test_the_same_bundle_is_registered_once(study: Registered) -> None:
    study.do("register")
    assert "This commit is registered already, as model@v1.0.0" in study.refused("register")
    study.write("notes.txt", "another commit")
    study.commit()
    study.certify()
    assert "The same bundle is registered already, as model@v1.0.0" in study.refused("register")


def test_a_bundle_must_be_recorded(study: Registered) -> None:
    study.write("dvc.yaml", json.dumps(DVC | {"artifacts": {"model": {"path": "models/x.tar"}}}))
    study.commit()
    study.certify()
    assert "the artifact model of dvc.yaml, is not in dvc.lock" in study.refused("register")


def test_a_bundle_must_be_at_hand(study: Registered) -> None:
    study.cached().unlink()
    (study.root / BUNDLE).unlink()
    said = study.refused("register")
    assert f"{BUNDLE} is not in DVC's cache. Next: dvc pull {BUNDLE}" in said


def test_bytes_that_were_swapped_are_not_registered(study: Registered) -> None:
    study.cached().write_bytes(b"another model")
    assert "do not match dvc.lock" in study.refused("register")


def test_what_is_no_bundle_is_refused(study: Registered) -> None:
    (study.root / BUNDLE).write_bytes(b"no tar")
    place = study.cached()
    lock = (study.root / "dvc.lock").read_text()
    old = json.loads(lock)["stages"]["train"]["outs"][0]["md5"]
    study.write("dvc.lock", lock.replace(old, place.parent.name + place.name))
    place.write_bytes(b"no tar")
    study.commit()
    study.certify()
    assert "models/bundle.tar cannot be registered: " in study.refused("register")


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
    assert says in study.refused("register")


def test_one_of_several_artifacts_is_named(study: Registered) -> None:
    block = {"model": {"path": BUNDLE}, "other": {"path": M}}
    study.write("dvc.yaml", json.dumps(DVC | {"artifacts": block}))
    study.commit()
    study.certify()
    assert "Did you mean model?" in study.refused("register", "--artifact", "modle")
    study.do("register", "--artifact", "model")
    assert [*study.tags()] == ["model@v1.0.0"]


def test_a_name_is_demanded(study: Registered) -> None:
    said = study.say("register", EMAIL="", GIT_COMMITTER_NAME="", GIT_COMMITTER_EMAIL="")
    assert said.code == 1
    assert "git does not know who you are" in said.text
    assert "Next: git config user.name NAME" in said.text


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
    assert "--bump patch gives v1.0.1" in study.refused("register", "--bump", "patch")
    before = study.tags()
    assert "model v2.0.0: data changed" in study.do("register", "--bump", "major", "--dry-run")
    assert study.tags() == before
    study.do("register", "--bump", "major")
    assert "model@v2.0.0" in study.tags()


def test_a_tag_that_stands_in_the_way_is_named(study: Registered) -> None:
    study.git("tag", "model@v1.0.0")
    said = study.refused("register")
    assert "The tag model@v1.0.0 exists, without an event. Next: git tag --delete" in said


def test_a_version_without_evidence_leaves_the_next_one_to_the_worst_case() -> None:
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


def test_tags_of_one_second_are_a_second_apart_all_the_same(
    study: Registered, tmp_path: Path
) -> None:
    study.clock = 1_700_000_100
    study.do("register")
    for stage in ("dev", "staging", "prod"):
        study.clock = 1_700_000_000  # a clock that goes back is no better
        study.do("promote", "v1.0.0", "--to", stage, *yes("x"), who=BEN)
    shown = study.git("for-each-ref", "--sort=taggerdate", "--format=%(refname:lstrip=2)")
    tags = [line for line in shown.splitlines() if "model" in line]
    assert tags == ["model@v1.0.0", "model#dev#1", "model#staging#2", "model#prod#3"]


def test_two_of_one_moment_do_not_follow_the_same_tag(study: Registered) -> None:
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


def test_a_study_in_a_folder_of_the_repository_bears_it_in_its_name(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "mono", prefix="studies/late")
    study.version(0.8)
    bundle = (study.root / BUNDLE).read_bytes()
    assert [*study.tags()] == ["studies/late=model@v1.0.0"]
    assert study.evidence("studies/late=model@v1.0.0")["tree"] == study.git("rev-parse", "HEAD:./")
    study.promote("v1.0.0", "dev")
    for name in ("studies/late:model#dev", "model#dev"):
        found = resolve.resolve(study.root, name)
        assert (found.version, found.tag) == ("v1.0.0", "studies/late=model#dev#1")
    got = tmp_path / "got.tar"
    words = ("dvc", "artifacts", "get", str(tmp_path / "mono"), "studies/late:model")
    bake.run(tmp_path, *words, "--stage", "dev", "--out", str(got))
    assert got.read_bytes() == bundle


def test_a_name_stands_for_version_commit_and_bundle(study: Registered) -> None:
    commit = study.git("rev-parse", "HEAD")
    study.do("register")
    study.promote("v1.0.0", "dev")
    for name, tag in (("model@v1.0.0", "model@v1.0.0"), ("model#dev", "model#dev#1")):
        found = resolve.resolve(study.root, name)
        assert (found.artifact, found.version, found.commit) == ("model", "v1.0.0", commit)
        assert (found.tag, found.path) == (tag, BUNDLE)
        assert found.md5 == study.evidence("model@v1.0.0")["bundle"]["md5"]


def test_the_command_line_does_the_same_in_a_process_of_its_own(study: Registered) -> None:
    env = bake.environment(
        GIT_COMMITTER_NAME="Ann", GIT_COMMITTER_EMAIL=ANN.partition("<")[2].rstrip(">")
    )
    words = ["headrace", "register"]
    done = subprocess.run(
        words, cwd=study.root, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [*study.tags()] == ["model@v1.0.0"]


def test_a_tag_s_own_name_stands_for_its_version_whatever_came_after(study: Registered) -> None:
    study.do("register")
    study.promote("v1.0.0", "dev")
    study.version(0.9, rate=0.2)
    version = "v1.0.1"
    study.promote(version, "dev")
    assert resolve.resolve(study.root, "model#dev").version == version
    found = {tag: resolve.resolve(study.root, tag) for tag in study.tags() if "#" in tag}
    assert {tag: one.version for tag, one in found.items()} == {
        "model#dev#1": "v1.0.0",
        "model#dev#2": version,
    }
    assert all(one.tag == tag for tag, one in found.items())
    with pytest.raises(ProjectError, match=r"There is no tag model#dev#3\. Next: git fetch"):
        resolve.resolve(study.root, "model#dev#3")
    message = study.message("model#dev#1").replace('"v1.0.0"', '"v9.0.0"')
    study.forge("model#dev#3", message, "model@v1.0.0^{commit}")
    with pytest.raises(ProjectError, match=r"model#dev#3 has no valid evidence"):
        resolve.resolve(study.root, "model#dev#3")
