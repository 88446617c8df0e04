"""A bundle is as it was written and answers as it answered, or is refused with what differs."""

import io
import json
import random
import shutil
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import browser
import jsonschema
import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops_io

import headrace
from headrace.bundle import archive, baseline, card, environment, golden, inputs, load
from headrace.bundle import metrics as scores
from headrace.bundle import skops_io as modelfile
from headrace.core import project
from headrace.core.requirements import pins
from headrace.errors import DataError, ProjectError
from headrace.schema import json_schema
from lab import bake, paths

BUNDLE = "models/bundle.tar"
FILES = {"a.json": b'{"x": 1}\n', "model.bin": bytes(range(256)) * 5, "z.txt": b""}


@pytest.fixture(scope="module")
def small() -> bytes:
    """A bundle of three files."""
    return archive.seal(FILES, {"headrace_bundle": 1})


def parts(content: bytes) -> list[tuple[str, int, int]]:
    """Return each part of an archive, where it begins and where it ends."""
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        blocks = [(entry, 1 + -(-entry.size // 512)) for entry in opened]
    return [(one.name, one.offset, one.offset + 512 * count) for one, count in blocks]


def part_at(content: bytes, place: int) -> str:
    """Return the part that a byte of an archive belongs to."""
    found = (name for name, start, end in parts(content) if start <= place < end)
    return next(found, "the archive's end")


def flipped(content: bytes, bit: int) -> bytes:
    """Return the bytes with one bit turned."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def refusal(content: bytes) -> str:
    """Return why an archive is refused."""
    with pytest.raises(DataError) as caught:
        archive.unseal(content, "bundle.tar")
    return str(caught.value)


def test_the_same_files_give_the_same_bytes_whatever_their_order(small: bytes) -> None:
    turned = dict(reversed([*FILES.items()]))
    assert archive.seal(turned, {"headrace_bundle": 1}) == small
    files = archive.unseal(small, "bundle.tar")
    assert {name: files[name] for name in FILES} == FILES
    with tarfile.open(fileobj=io.BytesIO(small)) as opened:
        for entry in opened:
            assert (entry.mtime, entry.uid, entry.uname, entry.mode) == (0, 0, "", 0o644)


def test_a_bit_turned_anywhere_is_refused_and_its_part_is_named(small: bytes) -> None:
    for bit in range(0, 8 * len(small), 61):
        said = refusal(flipped(small, bit))
        assert said.startswith("bundle.tar is refused: ")
        assert "No part of it was used." in said


@pytest.mark.long
def test_a_thousand_random_bits_turned_in_a_real_bundle_are_refused(quick: Path) -> None:
    content = (quick / BUNDLE).read_bytes()
    rng = random.Random(0)
    for _ in range(1_000):
        bit = rng.randrange(8 * len(content))
        said = refusal(flipped(content, bit))
        named = part_at(content, bit // 8)
        inside_its_name = content[: bit // 8].endswith(named[: bit // 8 % 512].encode())
        assert named in said or inside_its_name or named == archive.SEAL, (bit, said)


def test_the_part_that_is_named_is_the_one_that_was_changed(small: bytes) -> None:
    for name, start, _ in parts(small):
        if FILES.get(name, b"x"):
            said = refusal(flipped(small, 8 * (start + 512)))
            assert name in said, name
        said = refusal(flipped(small, 8 * (start + 110)))
        assert f"{name} has a broken header" in said or f"{name} is in a broken archive" in said
    assert "the archive's end" in refusal(flipped(small, 8 * len(small) - 1))


def hostile(name: str) -> bytes:
    """Return an archive that is no bundle, though each of its files is one's."""
    files = archive.unseal(archive.seal(FILES, {"headrace_bundle": 1}), "b")
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as made:
        for part in sorted(files, reverse=name == "turned"):
            entry = tarfile.TarInfo(part)
            entry.size, entry.mode = len(files[part]), 0o644
            made.addfile(entry, io.BytesIO(files[part]))
        if name in ("link", "device", "folder"):
            kinds = {"link": tarfile.SYMTYPE, "device": tarfile.CHRTYPE, "folder": tarfile.DIRTYPE}
            entry = tarfile.TarInfo("z.txt" if name == "link" else "more")
            entry.type, entry.linkname = kinds[name], "/etc/passwd"
            made.addfile(entry)
        if name in ("more", "twice", "outside"):
            entry = tarfile.TarInfo({"twice": "a.json", "outside": "../../x"}.get(name, "more"))
            entry.size = 1
            made.addfile(entry, io.BytesIO(b"x"))
    return target.getvalue()


@pytest.mark.parametrize("name", ["turned", "link", "device", "folder", "more", "twice", "outside"])
def test_an_archive_of_another_form_is_refused(name: str) -> None:
    assert "bundle.tar is refused" in refusal(hostile(name))


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", b"\0" * 1024, b"\x1f\x8b" + b"x" * 600, b"PK\x03\x04" + b"x" * 600],
)
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    assert "bundle.tar is refused" in refusal(content)


@pytest.mark.parametrize("lost", ["a.json", archive.MANIFEST, archive.SEAL])
def test_a_file_that_is_gone_is_named(small: bytes, lost: str) -> None:
    files = archive.unseal(small, "b")
    assert f"{lost} is missing" in refusal(
        archive.pack({k: v for k, v in files.items() if k != lost})
    )


@settings(deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_at_all_are_refused_in_a_sentence(content: bytes) -> None:
    assert "bundle.tar is refused" in refusal(content)


@pytest.fixture
def study(copy: Path, monkeypatch: pytest.MonkeyPatch) -> project.Project:
    """A study with its bundle, whose code this process has not imported yet."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "study"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return project.find_project(copy)


def resealed(path: Path, change: dict[str, Any] | None = None, **files: bytes) -> None:
    """Write a bundle anew, with right hashes, as a forger would."""
    known = archive.unseal(path.read_bytes(), path.name)
    manifest = json.loads(known.pop(archive.MANIFEST))
    del known[archive.SEAL], manifest["files"]
    named = {_path(name): content for name, content in files.items()}
    path.write_bytes(archive.seal({**known, **named}, {**manifest, **(change or {})}))


def _path(name: str) -> str:
    """Return a part's path for a word: src__study__model__py is src/study/model.py."""
    *folders, stem, suffix = name.split("__")
    return "/".join([*folders, f"{stem}.{suffix}"])


def test_nothing_of_the_model_is_read_before_every_hash_is_right(
    study: project.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study.root / BUNDLE
    content = path.read_bytes()
    place = next(start for name, start, _ in parts(content) if name == "model.skops") + 600
    path.write_bytes(flipped(content, 8 * place))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the model was read")

    monkeypatch.setattr(modelfile, "loads", never)
    with pytest.raises(DataError, match=r"model\.skops does not match manifest\.json"):
        load.load(path, study)


def test_a_type_that_is_not_on_the_study_s_list_is_refused_whatever_the_file_asks_for(
    study: project.Project,
) -> None:
    path = study.root / BUNDLE
    resealed(path, model__skops=skops_io.dumps(FunctionTransformer(func=shutil.rmtree)))
    with pytest.raises(DataError, match="cannot be loaded"):
        load.load(path, study)


def test_no_code_of_ours_asks_a_file_what_it_wants_to_be_trusted_with() -> None:
    for source in (paths.study / "src").rglob("*.py"):
        assert "get_untrusted_types" not in source.read_text("utf-8")


def test_another_environment_is_refused_with_what_differs(study: project.Project) -> None:
    path = study.root / BUNDLE
    known = load.read_manifest(path)["environment"]
    known["packages"] |= {"scikit-learn": "1.0.0", "not-a-package": "2"}
    resealed(path, {"environment": {**known, "python": "3.10"}})
    with pytest.raises(DataError) as caught:
        load.load(path, study)
    here = environment.installed_version("scikit-learn")
    assert str(caught.value).splitlines()[1:4] == [
        f"  python: made with 3.10, here {environment.describe([])['python']}",
        "  not-a-package: made with 2, here not installed",
        f"  scikit-learn: made with 1.0.0, here {here}",
    ]


def test_another_feature_code_is_refused(study: project.Project) -> None:
    source = study.root / "src/study/features.py"
    source.write_text(source.read_text("utf-8") + "\n# changed\n", "utf-8")
    with pytest.raises(DataError, match=r"src/study/features\.py differs from the one"):
        load.load(study.root / BUNDLE, study)


def test_without_a_study_the_code_in_the_bundle_answers(
    study: project.Project, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.tar"
    shutil.copy(study.root / BUNDLE, path)
    here = sys.modules.get("study")
    bundle = load.load(path)
    assert bundle.replay() == 100
    assert sys.modules.get("study") is here
    source = study.root / "src/study/model.py"
    source.write_text("raise RuntimeError('the study was asked')\n", "utf-8")
    assert load.load(path).replay() == 100


OWN = b"""
from sklearn.base import BaseEstimator, TransformerMixin


class Same(TransformerMixin, BaseEstimator):
    def __sklearn_is_fitted__(self):
        return True

    def transform(self, table):
        return table


TRUSTED_TYPES = (*TRUSTED_TYPES, "study.model.Same")
_plain = probability


def probability(model, table):
    import study.features  # when it is called, and not before
    from study import features
    assert study.features is features
    return _plain(model, table) * features.SCALE
"""


def owned(study: project.Project, scales: dict[str, float]) -> None:
    """Write bundles whose model has a class of the study's own, and whose code imports late."""
    path = study.root / BUNDLE
    files = archive.unseal(path.read_bytes(), "b")
    code = files["src/study/model.py"] + OWN
    (study.root / "src/study/model.py").write_bytes(code)
    trusted = study.load("trusted")
    fitted = modelfile.loads(files["model.skops"], "m", trusted=trusted)
    own = sys.modules["study.model"].Same()
    modelfile.write(Pipeline([("own", own), ("model", fitted)]), study.root / "own.skops")
    for name, scale in scales.items():
        rows = json.loads(files["golden.json"])
        for row in rows:
            row["prediction"] *= scale
        parts = {
            "model__skops": (study.root / "own.skops").read_bytes(),
            "src__study__model__py": code,
            "src__study__features__py": files["src/study/features.py"]
            + f"SCALE={scale}\n".encode(),
            "golden__json": json.dumps(rows).encode(),
        }
        shutil.copy(path, study.root / name)
        resealed(study.root / name, **parts)


def test_two_bundles_answer_each_by_its_own_code_whatever_the_study_s_is(
    study: project.Project,
) -> None:
    owned(study, {"one.tar": 1.0, "half.tar": 0.5})
    one, half = (load.load(study.root / name) for name in ("one.tar", "half.tar"))
    assert not hasattr(sys.modules["study.features"], "SCALE")
    rows = json.loads(one.files["golden.json"])
    table = golden.frame(rows, one.schema)
    expected = one.predict(table)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(bundle.predict, table) for bundle in [one, half] * 8]
    for place, answer in enumerate(asked):
        assert (answer.result() == expected * (0.5 if place % 2 else 1.0)).all()
    assert (one.replay(), half.replay()) == (100, 100)


def test_a_bundle_with_classes_of_its_own_answers_where_no_study_is(
    study: project.Project, tmp_path: Path
) -> None:
    owned(study, {"half.tar": 0.5})
    code = (
        "from pathlib import Path; from headrace.bundle import load; "
        "print(load.load(Path('half.tar')).replay())"
    )
    shutil.move(study.root / "half.tar", tmp_path / "half.tar")
    assert bake.run(tmp_path, sys.executable, "-c", code).stdout == "100\n"


def test_a_bundle_that_holds_headrace_s_modules_still_loads(
    study: project.Project, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.tar"
    shutil.copy(study.root / BUNDLE, path)
    old = b"raise RuntimeError('the bundle's headrace was imported')\n"
    resealed(path, src__headrace__errors__py=old, src__headrace__bundle__load__py=old)
    files, manifest = load.read_files(path)
    assert manifest["headrace_bundle"] == 1
    assert {"src/headrace/errors.py", "src/headrace/bundle/load.py"} <= files.keys()
    assert load.load(path).replay() == 100
    assert load.load(path, study).replay() == 100
    assert sys.modules["headrace"] is headrace


def test_code_that_fails_on_the_golden_rows_is_told_in_words(study: project.Project) -> None:
    path = study.root / BUNDLE
    code = archive.unseal(path.read_bytes(), "b")["src/study/model.py"]
    late = b"\ndef probability(model, table):\n    from study import nowhere\n"
    resealed(path, src__study__model__py=code + late)
    with pytest.raises(DataError) as caught:
        load.load(path)
    assert "its code fails on the golden rows: ImportError: cannot import" in str(caught.value)
    assert "_headrace_bundle" not in str(caught.value).partition("(")[0]


def test_code_in_a_bundle_that_cannot_be_imported_is_told(study: project.Project) -> None:
    path = study.root / BUNDLE
    resealed(path, src__study__model__py=b"import no_such_package\n")
    with pytest.raises(DataError, match="its code cannot be imported: ModuleNotFoundError"):
        load.load(path)


def test_a_name_that_leads_out_of_the_archive_is_refused() -> None:
    for name in ("../x", "/x", "a/../../x"):
        with pytest.raises(DataError, match="is not a regular file"):
            archive.unseal(archive.seal({name: b""}, {"headrace_bundle": 1}), "b")


def test_golden_rows_that_come_out_otherwise_are_shown_in_a_table(study: project.Project) -> None:
    path = study.root / BUNDLE
    rows = json.loads(archive.unseal(path.read_bytes(), "b")["golden.json"])
    rows[6]["prediction"] += 1e-6
    resealed(path, golden__json=json.dumps(rows).encode())
    said = bake.run(study.root, "headrace", "bundle", check=False)
    assert said.returncode == 1
    assert f"1 of {len(rows)} golden predictions differ." in said.stdout
    assert f"   7 {rows[6]['prediction']:.12f} {rows[6]['prediction'] - 1e-6:.12f}" in said.stdout


def test_a_bundle_is_loaded_with_its_answers(study: project.Project) -> None:
    bundle = load.load(study.root / BUNDLE, study)
    assert bundle.replay() == 100
    metrics = json.loads((study.root / "metrics/train.json").read_text("utf-8"))
    assert bundle.facts["threshold"] == metrics["model"]["threshold"]
    assert set(bundle.baseline["columns"]) == set(bundle.schema["properties"])
    said = bake.run(study.root, "headrace", "bundle").stdout
    assert "100 golden predictions match." in said


def test_the_manifest_has_the_hash_of_every_input_of_the_pipeline(study: project.Project) -> None:
    known = load.read_manifest(study.root / BUNDLE)
    stages = [stage for name, stage in study.stages.items() if name != "monitor"]  # comes after
    listed = {dep.path for stage in stages for dep in stage.deps}
    made = {out.path for stage in stages for out in stage.outs}
    assert set(known["inputs"]) == listed - made
    for name, sha256 in {**known["inputs"], **known["data"]}.items():
        assert archive.sha256_of_file(study.root / name) == sha256
    assert "dvc.lock" not in known["inputs"]  # it holds the bundle's own hash


def test_the_parameters_are_those_of_the_stages_that_it_is_made_by(study: project.Project) -> None:
    known = load.read_manifest(study.root / BUNDLE)["parameters"]
    assert known["train"]["max_iter"] == 10
    assert known["evaluate.evaluate_month"] == 9
    assert not {"monitor", "serve", "retrain", "prices"} & {*known}
    listed = project.find_project(study.root)
    listed.stages["hand_off"].body["deps"].remove("runs/train.ipynb")
    with pytest.raises(ProjectError, match=r"Next: add runs/train\.ipynb to the deps of hand_off"):
        inputs.parameters(listed, "hand_off")


def test_an_input_that_the_stage_does_not_vouch_for_is_named(study: project.Project) -> None:
    path = study.root / "dvc.yaml"
    text = path.read_text("utf-8").replace("      - src/study/evaluation.py\n", "", 2)
    path.write_text(text.replace("      - metrics/train.json\n", "", 1), "utf-8")
    lacking = project.find_project(study.root)
    lacking.stages["evaluate"].body["deps"].append("src/study/evaluation.py")
    with pytest.raises(
        ProjectError, match=r"Next: add src/study/evaluation\.py to the deps of hand_off"
    ):
        inputs.input_hashes(lacking, "hand_off")


def test_two_fits_in_two_folders_give_the_same_bundle(copy: Path) -> None:
    first = (copy / BUNDLE).read_bytes()
    (copy / BUNDLE).unlink()
    (copy / "models/model.skops").unlink()
    for stage in ("train", "hand_off"):
        bake.run(copy, "headrace", "run", stage)
    assert (copy / BUNDLE).read_bytes() == first


def test_what_answering_needs_is_pinned_with_hashes(study: project.Project) -> None:
    files = archive.unseal((study.root / BUNDLE).read_bytes(), "b")
    text = files["requirements.txt"].decode()
    pinned = {line.split("==")[0]: line for line in text.splitlines() if "==" in line}
    assert {"numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"} <= set(pinned)
    assert "jupyterlab" not in pinned
    assert text.count("--hash=sha256:") > len(pinned)
    assert set(pinned) == {*environment.serving_packages(study), "headrace"}
    with pytest.raises(ProjectError, match=r"requirements\.lock lacks no-such\. Next: make lock"):
        environment.pinned_requirements(study.root / "requirements.lock", ["numpy", "no-such"])


def test_the_wheel_in_a_bundle_has_the_hash_of_its_requirements(study: project.Project) -> None:
    files = archive.unseal((study.root / BUNDLE).read_bytes(), "b")
    (wheel,) = (name for name in files if name.startswith("vendor/"))
    (pin,) = (pin for pin in pins(files["requirements.txt"].decode()) if pin.name == "headrace")
    assert wheel == f"vendor/headrace-{headrace.__version__}-py3-none-any.whl"
    assert f"--hash=sha256:{archive.sha256(files[wheel])}" in pin.text
    assert files["requirements.txt"].startswith(b"--find-links vendor\n")


def test_another_wheel_in_vendor_is_refused_when_a_bundle_is_made(study: project.Project) -> None:
    (wheel,) = (study.root / "vendor").glob("headrace-*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"swapped")
    result = bake.run(study.root, "headrace", "run", "hand_off", check=False)
    assert result.returncode == 1
    name = f"vendor/{wheel.name}"
    assert (
        f"{name} is not the wheel in requirements.lock. Next: git checkout {name}" in result.stdout
    )


def test_a_study_without_a_group_for_serving_is_told_to_add_one(study: project.Project) -> None:
    path = study.root / "pyproject.toml"
    path.write_text(path.read_text("utf-8").replace("serve = [", "other = ["), "utf-8")
    with pytest.raises(ProjectError, match="no dependency group 'serve'"):
        environment.serving_packages(study)


SCHEMA = pa.DataFrameSchema(
    {
        "code": pa.Column("str", pa.Check.str_length(2, 3)),
        "place": pa.Column("str", pa.Check.isin(["a", "b"])),
        "whole": pa.Column("int64", [pa.Check.ge(0), pa.Check.lt(10)], description="a count"),
        "part": pa.Column(
            "float64", pa.Check.in_range(0, 1), nullable=True, metadata={"unit": "m"}
        ),
        "odd": pa.Column("int64", pa.Check(lambda x: x % 2 == 1, name="is_odd")),
    },
    name="rows",
)


def test_a_contract_becomes_a_json_schema_with_ranges_units_and_meanings() -> None:
    found = json_schema.from_pandera(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["required"] == ["code", "place", "whole", "part", "odd"]
    assert found["properties"] == {
        "code": {"type": "string", "minLength": 2, "maxLength": 3},
        "place": {"type": "string", "enum": ["a", "b"]},
        "whole": {
            "type": "integer",
            "minimum": 0,
            "exclusiveMaximum": 10,
            "description": "a count",
        },
        "part": {"type": ["number", "null"], "minimum": 0, "maximum": 1, "x-unit": "m"},
        "odd": {
            "type": "integer",
            "minimum": -(2**63),
            "maximum": 2**63 - 1,
            "x-checks": ["is_odd"],
        },
    }


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pa.Column("boolean", nullable=True), "is a boolean that may be missing"),
        (
            pa.Column("str", pa.Check.str_matches("(?!X).")),
            "has a pattern that a server cannot check",
        ),
        (pa.Column("datetime64[ns]"), "is of type datetime64[ns], which JSON does not have"),
        (pa.Column("int8", pa.Check.eq(300)), "has rules that no value satisfies"),
    ],
)
def test_what_a_server_cannot_hold_to_is_refused_when_a_bundle_is_made(
    column: pa.Column, says: str
) -> None:
    with pytest.raises(DataError) as caught:
        json_schema.from_pandera(pa.DataFrameSchema({"one": column}, name="rows"))
    assert str(caught.value).startswith(f"The contract 'rows': one {says}")
    assert "Next: " in str(caught.value)


def test_of_two_rules_of_a_column_the_tighter_holds() -> None:
    checks = [pa.Check.ge(0), pa.Check.in_range(-5, 9.5, include_max=False), pa.Check.le(300)]
    words = [pa.Check.str_length(exact_value=2), pa.Check.isin(["a", "ab", "xy"])]
    columns = {"whole": pa.Column("uint8", checks), "code": pa.Column("str", words)}
    found = json_schema.from_pandera(pa.DataFrameSchema(columns))["properties"]
    assert found["whole"] == {"type": "integer", "minimum": 0, "exclusiveMaximum": 10}
    assert found["code"] == {"type": "string", "enum": ["ab", "xy"]}


def test_an_older_bundle_s_whole_numbers_get_the_range_that_a_table_holds(
    study: project.Project,
) -> None:
    path = study.root / BUNDLE
    known = json.loads(archive.unseal(path.read_bytes(), "b")["schema.json"])
    del known["properties"]["distance"]["maximum"]
    known["properties"]["weekday"] = {"type": "integer", "const": 3}
    resealed(path, schema__json=json.dumps(known).encode())
    found = load.Bundle("b", *load.read_files(path), None, lambda *_: None).schema["properties"]
    assert found["distance"]["maximum"] == 2**63 - 1
    assert found["weekday"] == {"type": "integer", "enum": [3]}
    known["properties"]["weekday"] = {"type": ["boolean", "null"]}
    resealed(path, schema__json=json.dumps(known).encode())
    with pytest.raises(
        DataError, match=r"bundle\.tar is refused: schema\.json: weekday is a boolean"
    ):
        load.load(path)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "code": st.text("ab", max_size=4),
            "place": st.sampled_from(["a", "b", "c"]),
            "whole": st.integers(-2, 12),
            "part": st.none() | st.floats(-0.5, 1.5, allow_nan=False),
            "odd": st.just(1),
        }
    )
)
def test_the_json_schema_and_the_contract_refuse_the_same_rows(row: dict[str, Any]) -> None:
    schema = json_schema.from_pandera(SCHEMA)
    by_json = jsonschema.Draft202012Validator(schema).is_valid(row)
    try:
        SCHEMA.validate(golden.frame([row], schema))
        by_pandera = True
    except pa.errors.SchemaError:
        by_pandera = False
    assert by_json is by_pandera


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.text("xyzé", max_size=3), st.none() | st.floats(allow_nan=False, width=64)),
        min_size=1,
        max_size=5,
    )
)
def test_rows_come_back_from_json_exactly(rows: list[tuple[str, float | None]]) -> None:
    table = pd.DataFrame(rows, columns=["name", "value"]).astype(
        {"name": "str", "value": "float64"}
    )
    table["count"] = np.arange(len(table))
    text = json.dumps(golden.records(table))
    kinds = {"name": "string", "value": ["number", "null"], "count": "integer"}
    schema = {"properties": {name: {"type": kind} for name, kind in kinds.items()}}
    pd.testing.assert_frame_equal(golden.frame(json.loads(text), schema), table, check_exact=True)


def test_the_ends_of_every_column_are_among_the_golden_rows() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=500), "b": rng.integers(0, 99, 500), "c": "text"})
    table.loc[250, "a"] = np.nan
    chosen = golden.choose(table, rows=20, seed=1)
    assert len(chosen) == 20
    assert chosen["a"].min() == table["a"].min()
    assert chosen["a"].max() == table["a"].max()
    assert chosen["b"].max() == table["b"].max()
    assert chosen["a"].isna().any()
    assert golden.choose(table, rows=20, seed=1).equals(chosen)
    assert len(golden.choose(table.head(3), rows=20, seed=1)) == 3


def test_the_baseline_says_what_each_column_looked_like() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 2.0, np.inf], "b": ["x", "y", "x", "x"], "c": [True] * 4})
    found = baseline.describe(table, predictions=[0.5, 0.1, 0.5], periods=2)
    assert (found["version"], found["rows"], found["volume"]) == (2, 4, 2.0)
    number = {"kind": "number", "rows": 4, "missing": 0.25, "values": [1.0, 2.0], "counts": [1, 2]}
    assert found["columns"]["a"] == number
    assert found["columns"]["b"]["counts"] == {"x": 3, "y": 1}
    category = {"kind": "category", "rows": 4, "missing": 0.0}
    assert found["columns"]["c"] == {**category, "counts": {"True": 4}, "others": 0}
    assert found["prediction"]["values"] == [0.1, 0.5]
    assert found["prediction"]["counts"] == [1, 2]


def test_a_baseline_stays_small_whatever_a_column_holds() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"text": [str(i) for i in range(9_999)], "number": rng.normal(size=9_999)})
    found = baseline.describe(table, predictions=rng.random(9_999), periods=1)["columns"]
    assert len(found["text"]["counts"]) == baseline.MOST
    assert found["text"]["others"] == 9_999 - baseline.MOST
    assert len(found["number"]["values"]) == baseline.POINTS
    assert sum(found["number"]["counts"]) == 9_999
    middle = np.quantile(table["number"], 0.5)
    assert found["number"]["values"][baseline.POINTS // 2] == pytest.approx(middle, abs=0.01)


@pytest.mark.parametrize(
    ("rows", "periods", "predictions"), [(0, 1, [0.5]), (1, 0, [0.5]), (1, 1, [])]
)
def test_a_baseline_of_nothing_is_refused(
    rows: int, periods: int, predictions: list[float]
) -> None:
    table = pd.DataFrame({"a": np.zeros(rows)})
    with pytest.raises(DataError, match="A baseline needs rows"):
        baseline.describe(table, predictions=predictions, periods=periods)


def test_scores_have_the_intervals_that_gates_yaml_explains(study: project.Project) -> None:
    found = scores.table(study.root, "metrics/evaluate.json").set_index("metric")
    metrics = json.loads((study.root / "metrics/evaluate.json").read_text("utf-8"))
    assert found.loc["model.roc_auc", "value"] == metrics["model"]["roc_auc"]
    known = found.dropna()
    assert {"model.roc_auc", "naive.cost_per_1000", "naive.recall"} <= set(known.index)
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    assert np.isnan(found.loc["flights", "low"])
    (study.root / "gates.yaml").unlink()
    assert scores.table(study.root, "metrics/evaluate.json")["low"].isna().all()
    with pytest.raises(DataError, match=r"none\.json is missing.*Next: dvc repro"):
        scores.table(study.root, "metrics/none.json")


def test_a_model_of_another_kind_is_bundled_as_well() -> None:
    table = np.array([[0.0], [1.0], [2.0], [3.0]])
    fitted = LogisticRegression().fit(table, [0, 0, 1, 1])
    loaded = modelfile.loads(skops_io.dumps(fitted), "m", trusted=[])
    assert (loaded.predict_proba(table) == fitted.predict_proba(table)).all()


HOSTILE = "a|b `c` <img src=x onerror=alert(1)> [x](javascript:y) ![p](q) &lt; _e_ *f* #"


def test_hostile_text_on_a_card_stays_text() -> None:
    table = pd.DataFrame({HOSTILE: [HOSTILE, "plain"], "number": [1.5, np.nan]})
    text = card.markdown(HOSTILE, HOSTILE, {HOSTILE: table, "List": [card.escape(HOSTILE)]})
    page = card.page(text)
    assert page.count("<h1>") == page.count("<table>") == 1
    for tag in ("<img", "<a ", "<em>", "<code>", "<script"):
        assert tag not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 5


@pytest.mark.parametrize("width", [1200, 800, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_the_card_can_be_read_at_any_width(
    quick: Path, chromium: browser.Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    page = tmp_path / "card.html"
    page.write_bytes(archive.unseal((quick / BUNDLE).read_bytes(), "b")["card.html"])
    chromium.requests.clear()
    chromium.show(page, width, dark=dark)
    assert chromium.ask("document.documentElement.scrollWidth") <= width
    heads = chromium.ask("[...document.querySelectorAll('h2')].map(h => h.textContent).join()")
    assert heads == (
        "Intended use,Not for,Data,Scores,Groups,Costs,Limits,How to reproduce,Parameters,"
        "Inputs,Environment"
    )
    assert [one for one in chromium.requests if not one.startswith("file:")] == []
