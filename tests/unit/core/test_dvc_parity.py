"""The stages that headrace reads in a dvc.yaml are those that DVC itself reads in it."""

import json
import logging
import posixpath
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core import pipeline, yaml
from headrace.core.stage import MAIN, Stage
from headrace.errors import ProjectError

Resolved = dict[str, Any]
PARAMS = {
    "name": "one",
    "flag": True,
    "number": 3,
    "rate": 0.5,
    "nothing": None,
    "list": ["x", "y"],
    "numbers": [1, 2.5, True],
    "deep": {"folder": "data", "names": ["p", "q"], "more": {"leaf": 7}},
    "dicts": [{"key": "a", "lr": 0.1}, {"key": "b", "lr": 1}],
    "mapped": {"u": {"lr": 1}, "v": {"lr": 2}},
}
FILES = {
    "params.yaml": json.dumps(PARAMS),
    "conf/more.yaml": "extra: {value: e, list: [1, 2]}\nother: o\n",
    "more.toml": "[toml]\nkey = 't'\n",
    "more.py": "py = 5\nclass Inner:\n    leaf = 'l'\n",
    "sub/params.yaml": "inner: i\nname_of_sub: s\n",
    "sub/deep/params.yaml": "deeper: d\n",
}
WORDS = """
${name} ${flag} ${number} ${rate} ${deep.folder} ${deep[more].leaf} ${list[0]} ${dicts.1.key}
${deep.names[1]} ${name} ${item} ${key} ${item.key} ${item.axis} ${own} ${extra.value} ${toml.key}
${inner} ${absent} ${} ${deep.} ${deep} ${list} \\${name} $name plain ä / - .csv
"""
TEXTS = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=3).map("".join)
PATHS = st.tuples(st.integers(0, 99), TEXTS).map(lambda parts: f"f{parts[0]}-{parts[1]}")
CMDS = TEXTS.map(lambda text: f"echo {text}")
OUTS = PATHS | st.tuples(PATHS, st.booleans()).map(lambda p: {p[0]: {"cache": p[1]}})
NAMES = st.sampled_from(["name", "deep", "deep.more", "list", "models.${item}", "${name}"])
FILES_OF_PARAMS = """
conf/more.yaml:   [extra.value, other]
more.toml:
more.py:          [py]
params.yaml:
conf/${name}.yaml: [x]
"""
OTHER = st.sampled_from(
    [{file: names} for file, names in yaml.parse(FILES_OF_PARAMS.encode(), "").items()]
)
VALUES = st.sampled_from([1, 2.5, True, None, "v", "v w", "${name}", {"key": "k", "n": 1}, [1, 2]])
VARS = st.sampled_from(
    [
        *["params.yaml", "conf/more.yaml", "conf/more.yaml:extra", "conf/more.yaml:extra,other"],
        *["more.toml", "more.py", "absent.yaml", "more.toml:toml"],
        *({"own": "mine"}, {"own": {"a": 1}}),
    ]
)
AXES = ["${list}", "${dicts}", "${numbers}", "${name}"]
AXIS = st.lists(VALUES, min_size=1, max_size=3) | st.sampled_from(AXES)
EACH = (
    st.lists(VALUES, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "b", "c d", 0, 0.5, True]), VALUES, max_size=3)
    | st.sampled_from(
        ["${list}", "${mapped}", "${dicts}", "${numbers}", "${deep.names}", "${name}"]
    )
)
BODIES = st.fixed_dictionaries(
    {"cmd": CMDS | st.lists(CMDS, min_size=1, max_size=2)},
    optional={
        "deps": st.lists(PATHS, max_size=3),
        "outs": st.lists(OUTS, max_size=3),
        "metrics": st.lists(OUTS, max_size=2),
        "plots": st.lists(PATHS, max_size=1),
        "params": st.lists(NAMES | OTHER, max_size=3),
        "wdir": st.sampled_from(["sub", "../sub", ".", "sub/deep", "${deep.folder}", "${item}"]),
        "vars": st.lists(VARS, max_size=2),
        "desc": st.just("what ${name} is"),
        "frozen": st.booleans(),
        "meta": st.just({"when": "${name}"}),
    },
)
DEFINITIONS = (
    BODIES
    | st.tuples(EACH, BODIES).map(lambda pair: {"foreach": pair[0], "do": pair[1]})
    | st.tuples(st.dictionaries(st.sampled_from(["axis", "key"]), AXIS, min_size=1), BODIES).map(
        lambda pair: {"matrix": pair[0], **pair[1]}
    )
)
CONTENTS = st.fixed_dictionaries(
    {"stages": st.dictionaries(st.sampled_from(["one", "two", "a-b"]), DEFINITIONS, max_size=3)},
    optional={"vars": st.lists(VARS, max_size=2)},
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC project without git, with files of parameters."""
    root = tmp_path_factory.mktemp("parity")
    Repo.init(str(root), no_scm=True).close()
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    (root / "data").mkdir()
    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    return root


def by_dvc(root: Path, file: str) -> Resolved | None:
    """Return the stages that DVC reads, or None where it refuses the file."""
    try:
        with Repo(str(root)) as repo:
            stages = repo.stage.load_all(str(root / file))
            return {stage.name: _of_dvc(stage, root) for stage in stages}
    except (DvcException, AssertionError, AttributeError, TypeError, ValueError, KeyError):
        return None


def _of_dvc(stage: Any, root: Path) -> Resolved:
    deps = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]

    def located(path: str) -> str:
        return posixpath.relpath(path, root.as_posix())

    return {
        "cmd": stage.cmd if isinstance(stage.cmd, list) else stage.cmd.splitlines(),
        "wdir": located(stage.wdir),
        "deps": sorted(located(dep.fs_path) for dep in deps),
        "outs": _each_once((located(out.fs_path), out.use_cache) for out in stage.outs),
        "metrics": sorted({located(out.fs_path) for out in stage.outs if out.metric}),
        "params": sorted((located(dep.fs_path), sorted({*dep.params})) for dep in params),
    }


def _each_once(outs: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Return each path once, cached if it is so wherever it stands: DVC runs no stage with two."""
    cached: dict[str, bool] = {}
    for path, is_cached in outs:
        cached[path] = cached.get(path, True) and is_cached
    return sorted(cached.items())


def by_headrace(root: Path, file: str) -> Resolved | None:
    """Return the stages that headrace reads, or None where it refuses the file."""
    problem = ""
    try:
        return {name: _of_headrace(stage) for name, stage in pipeline.read(root, file).items()}
    except ProjectError as error:
        problem = str(error)
    assert " Next: " in problem
    return None


def _of_headrace(stage: Stage) -> Resolved:
    listed: dict[str, set[str]] = {}
    for param in stage.params:
        listed.setdefault(param.file, set()).add(param.name)
    return {
        "cmd": stage.commands,
        "wdir": stage.wdir,
        "deps": sorted(dep.path for dep in stage.deps),
        "outs": _each_once((out.path, out.is_cached) for out in stage.outs),
        "metrics": sorted({metric.path for metric in stage.metrics}),
        # Of a file that is listed whole, single names count no more.
        "params": sorted((f, [] if "" in names else sorted(names)) for f, names in listed.items()),
    }


def assert_same(root: Path, content: Resolved, file: str = MAIN) -> Resolved | None:
    """Write a dvc.yaml; check that headrace reads what DVC does, if that accepts the file."""
    from ruamel.yaml import YAML

    with (root / file).open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(content, stream)
    theirs = by_dvc(root, file)
    if theirs is not None:
        assert by_headrace(root, file) == theirs
    else:
        by_headrace(root, file)  # with no other error than one for people
    return theirs


def forms(kind: str) -> list[Any]:
    """Return the forms in the table, each under its name."""
    path = Path(__file__).with_name("dvc_forms.yaml")
    content = yaml.parse(path.read_bytes(), path.name, json_only=False)
    return [pytest.param(form, id=name) for name, form in content[kind].items()]


@pytest.mark.parametrize("content", forms("accepted"))
def test_a_form_of_dvc_is_read_as_dvc_reads_it(study: Path, content: Resolved) -> None:
    assert assert_same(study, content) is not None


@pytest.mark.parametrize("content", forms("refused"))
def test_what_dvc_refuses_is_refused_with_a_next_step(study: Path, content: Resolved) -> None:
    assert assert_same(study, content) is None
    assert by_headrace(study, MAIN) is None


QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True
)


@given(CONTENTS)
@QUICK
def test_a_dvc_yaml_is_read_as_dvc_reads_it(study: Path, content: Resolved) -> None:
    assert_same(study, content)


@pytest.mark.long
@given(CONTENTS, st.sampled_from([MAIN, "sub/dvc.yaml"]))
@settings(max_examples=3_000, deadline=None, suppress_health_check=[*HealthCheck])
def test_three_thousand_dvc_yamls_are_read_as_dvc_reads_them(
    study: Path, content: Resolved, file: str
) -> None:
    for name in (MAIN, "sub/dvc.yaml"):
        (study / name).unlink(missing_ok=True)
    assert_same(study, content, file)
