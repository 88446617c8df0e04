"""A bundle predicts as where it was made, or is refused with what differs."""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops_io

import headrace
from headrace.bundle import archive, environment, golden, inputs, load
from headrace.bundle import metrics as scores
from headrace.bundle import skops_io as modelfile
from headrace.core import project
from headrace.core.requirements import pins
from headrace.errors import DataError, ProjectError
from lab import bake, paths

BUNDLE = "models/bundle.tar"


@pytest.fixture
def study(copy: Path, monkeypatch: pytest.MonkeyPatch) -> project.Project:
    """A study with its bundle, whose code this process has not imported yet."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "study"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return project.find_project(copy)


def reseal(path: Path, change: dict[str, Any] | None = None, **files: bytes) -> None:
    """Write a bundle anew, with right hashes, as a forger would."""
    parts = archive.unseal(path.read_bytes(), path.name)
    manifest = json.loads(parts.pop(archive.MANIFEST))
    del parts[archive.SEAL], manifest["files"]
    changed = {_path(name): content for name, content in files.items()}
    path.write_bytes(archive.seal({**parts, **changed}, {**manifest, **(change or {})}))


def _path(name: str) -> str:
    """Return a part's path for a word: src__study__model__py is src/study/model.py."""
    *folders, stem, suffix = name.split("__")
    return "/".join([*folders, f"{stem}.{suffix}"])


def test_nothing_of_the_model_is_read_before_every_hash_matches(
    study: project.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study.root / BUNDLE
    content = bytearray(path.read_bytes())
    content[content.index(archive.unseal(bytes(content), "b")["model.skops"]) + 100] ^= 1
    path.write_bytes(content)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the model was read")

    monkeypatch.setattr(modelfile, "loads", never)
    with pytest.raises(DataError, match=r"model\.skops does not match manifest\.json"):
        load.load(path, study)


def test_an_untrusted_type_is_refused_whatever_the_file_asks_for(
    study: project.Project,
) -> None:
    path = study.root / BUNDLE
    reseal(path, model__skops=skops_io.dumps(FunctionTransformer(func=shutil.rmtree)))
    with pytest.raises(DataError, match=r"not listed as trusted: shutil\.rmtree"):
        load.load(path, study)


def test_no_module_asks_a_file_for_its_untrusted_types() -> None:
    for source in (paths.study / "src").rglob("*.py"):
        assert "get_untrusted_types" not in source.read_text("utf-8")


def test_an_environment_mismatch_is_refused_with_the_differences(study: project.Project) -> None:
    path = study.root / BUNDLE
    recorded = load.read_manifest(path)["environment"]
    recorded["packages"] |= {"scikit-learn": "1.0.0", "not-a-package": "2"}
    reseal(path, {"environment": {**recorded, "python": "3.10"}})
    with pytest.raises(DataError) as caught:
        load.load(path, study)
    installed = environment.installed_version("scikit-learn")
    assert str(caught.value).splitlines()[1:4] == [
        f"  python: made with 3.10, here {environment.describe([])['python']}",
        "  not-a-package: made with 2, here not installed",
        f"  scikit-learn: made with 1.0.0, here {installed}",
    ]


def test_changed_feature_code_is_refused(study: project.Project) -> None:
    source = study.root / "src/study/features.py"
    source.write_text(source.read_text("utf-8") + "\n# changed\n", "utf-8")
    with pytest.raises(DataError, match=r"src/study/features\.py differs from the one"):
        load.load(study.root / BUNDLE, study)


def test_without_a_study_the_code_in_the_bundle_predicts(
    study: project.Project, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.tar"
    shutil.copy(study.root / BUNDLE, path)
    imported = sys.modules.get("study")
    bundle = load.load(path)
    assert bundle.replay() == 100
    assert sys.modules.get("study") is imported
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


def add_own_class(study: project.Project, scales: dict[str, float]) -> None:
    """Write bundles whose model has a class of the study's own, and whose code imports late."""
    path = study.root / BUNDLE
    files = archive.unseal(path.read_bytes(), "b")
    code = files["src/study/model.py"] + OWN
    (study.root / "src/study/model.py").write_bytes(code)
    trusted = study.load("trusted")
    fitted = modelfile.loads(files["model.skops"], "m", trusted=trusted)
    transformer = sys.modules["study.model"].Same()
    modelfile.write(Pipeline([("own", transformer), ("model", fitted)]), study.root / "own.skops")
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
        reseal(study.root / name, **parts)


def test_two_bundles_predict_by_their_own_code(
    study: project.Project,
) -> None:
    add_own_class(study, {"one.tar": 1.0, "half.tar": 0.5})
    whole, half = (load.load(study.root / name) for name in ("one.tar", "half.tar"))
    assert not hasattr(sys.modules["study.features"], "SCALE")
    rows = json.loads(whole.files["golden.json"])
    table = golden.frame(rows, whole.schema)
    expected = whole.predict(table)
    with ThreadPoolExecutor(4) as threads:
        predictions = [threads.submit(bundle.predict, table) for bundle in [whole, half] * 8]
    for place, prediction in enumerate(predictions):
        assert (prediction.result() == expected * (0.5 if place % 2 else 1.0)).all()
    assert (whole.replay(), half.replay()) == (100, 100)


def test_a_bundle_with_its_own_classes_predicts_without_a_study(
    study: project.Project, tmp_path: Path
) -> None:
    add_own_class(study, {"half.tar": 0.5})
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
    reseal(path, src__headrace__errors__py=old, src__headrace__bundle__load__py=old)
    files, manifest = load.read_files(path)
    assert manifest["headrace_bundle"] == 1
    assert {"src/headrace/errors.py", "src/headrace/bundle/load.py"} <= files.keys()
    assert load.load(path).replay() == 100
    assert load.load(path, study).replay() == 100
    assert sys.modules["headrace"] is headrace


def test_code_that_fails_on_the_golden_rows_is_refused_in_words(study: project.Project) -> None:
    path = study.root / BUNDLE
    code = archive.unseal(path.read_bytes(), "b")["src/study/model.py"]
    late = b"\ndef probability(model, table):\n    from study import nowhere\n"
    reseal(path, src__study__model__py=code + late)
    with pytest.raises(DataError) as caught:
        load.load(path)
    assert "its code fails on the golden rows: ImportError: cannot import" in str(caught.value)
    assert "_headrace_bundle" not in str(caught.value).partition("(")[0]


def test_code_that_cannot_be_imported_is_refused_in_words(study: project.Project) -> None:
    path = study.root / BUNDLE
    reseal(path, src__study__model__py=b"import no_such_package\n")
    with pytest.raises(DataError, match="its code cannot be imported: ModuleNotFoundError"):
        load.load(path)


def test_a_name_that_leads_out_of_the_archive_is_refused() -> None:
    for name in ("../x", "/x", "a/../../x"):
        with pytest.raises(DataError, match="is not a regular file"):
            archive.unseal(archive.seal({name: b""}, {"headrace_bundle": 1}), "b")


def test_golden_predictions_that_differ_are_shown_in_a_table(study: project.Project) -> None:
    path = study.root / BUNDLE
    rows = json.loads(archive.unseal(path.read_bytes(), "b")["golden.json"])
    rows[6]["prediction"] += 1e-6
    reseal(path, golden__json=json.dumps(rows).encode())
    process = bake.run(study.root, "headrace", "bundle", check=False)
    assert process.returncode == 1
    assert f"1 of {len(rows)} golden predictions differ." in process.stdout
    assert (
        f"   7 {rows[6]['prediction']:.12f} {rows[6]['prediction'] - 1e-6:.12f}" in process.stdout
    )


def test_a_bundle_is_loaded_and_replays_its_golden_rows(study: project.Project) -> None:
    bundle = load.load(study.root / BUNDLE, study)
    assert bundle.replay() == 100
    metrics = json.loads((study.root / "metrics/train.json").read_text("utf-8"))
    assert bundle.facts["threshold"] == metrics["model"]["threshold"]
    assert set(bundle.baseline["columns"]) == set(bundle.schema["properties"])
    output = bake.run(study.root, "headrace", "bundle").stdout
    assert "100 golden predictions match." in output


def test_the_manifest_has_the_hash_of_every_input_of_the_pipeline(study: project.Project) -> None:
    manifest = load.read_manifest(study.root / BUNDLE)
    stages = [stage for name, stage in study.stages.items() if name != "monitor"]  # comes after
    listed = {dep.path for stage in stages for dep in stage.deps}
    outputs = {out.path for stage in stages for out in stage.outs}
    assert set(manifest["inputs"]) == listed - outputs
    for name, sha256 in {**manifest["inputs"], **manifest["data"]}.items():
        assert archive.sha256_of_file(study.root / name) == sha256
    assert "dvc.lock" not in manifest["inputs"]  # it holds the bundle's own hash


def test_the_manifest_has_the_parameters_of_the_stages_before_it(study: project.Project) -> None:
    parameters = load.read_manifest(study.root / BUNDLE)["parameters"]
    assert parameters["train"]["max_iter"] == 10
    assert parameters["evaluate.evaluate_month"] == 9
    assert not {"monitor", "serve", "retrain", "prices"} & {*parameters}
    listed = project.find_project(study.root)
    listed.stages["hand_off"].body["deps"].remove("runs/train.ipynb")
    with pytest.raises(ProjectError, match=r"Next: add runs/train\.ipynb to the deps of hand_off"):
        inputs.parameters(listed, "hand_off")


def test_an_input_that_the_stage_does_not_list_is_named(study: project.Project) -> None:
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


def test_the_packages_for_serving_are_pinned_with_hashes(study: project.Project) -> None:
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


def test_another_wheel_in_vendor_is_refused_when_a_bundle_is_built(study: project.Project) -> None:
    (wheel,) = (study.root / "vendor").glob("headrace-*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"swapped")
    result = bake.run(study.root, "headrace", "run", "hand_off", check=False)
    assert result.returncode == 1
    name = f"vendor/{wheel.name}"
    assert (
        f"{name} is not the wheel in requirements.lock. Next: git checkout {name}" in result.stdout
    )


def test_a_study_without_a_group_serve_is_refused_with_the_step(study: project.Project) -> None:
    path = study.root / "pyproject.toml"
    path.write_text(path.read_text("utf-8").replace("serve = [", "other = ["), "utf-8")
    with pytest.raises(ProjectError, match="no dependency group 'serve'"):
        environment.serving_packages(study)


def test_integers_of_an_older_bundle_get_the_range_of_int64(
    study: project.Project,
) -> None:
    path = study.root / BUNDLE
    schema = json.loads(archive.unseal(path.read_bytes(), "b")["schema.json"])
    del schema["properties"]["distance"]["maximum"]
    schema["properties"]["weekday"] = {"type": "integer", "const": 3}
    reseal(path, schema__json=json.dumps(schema).encode())
    described = load.Bundle("b", *load.read_files(path), None, lambda *_: None).schema["properties"]
    assert described["distance"]["maximum"] == 2**63 - 1
    assert described["weekday"] == {"type": "integer", "enum": [3]}
    schema["properties"]["weekday"] = {"type": ["boolean", "null"]}
    reseal(path, schema__json=json.dumps(schema).encode())
    with pytest.raises(
        DataError, match=r"bundle\.tar is refused: schema\.json: weekday is a boolean"
    ):
        load.load(path)


def test_metrics_have_the_intervals_of_the_recipes_in_gates_yaml(study: project.Project) -> None:
    described = scores.table(study.root, "metrics/evaluate.json").set_index("metric")
    metrics = json.loads((study.root / "metrics/evaluate.json").read_text("utf-8"))
    assert described.loc["model.roc_auc", "value"] == metrics["model"]["roc_auc"]
    schema = described.dropna()
    assert {"model.roc_auc", "naive.cost_per_1000", "naive.recall"} <= set(schema.index)
    assert ((schema["low"] <= schema["value"]) & (schema["value"] <= schema["high"])).all()
    assert np.isnan(described.loc["flights", "low"])
    (study.root / "gates.yaml").unlink()
    assert scores.table(study.root, "metrics/evaluate.json")["low"].isna().all()
    with pytest.raises(DataError, match=r"none\.json is missing.*Next: dvc repro"):
        scores.table(study.root, "metrics/none.json")


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
    assert [url for url in chromium.requests if not url.startswith("file:")] == []
