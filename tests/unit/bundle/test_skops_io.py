"""Model files: what scikit-learn's own estimators hold is trusted, and nothing else unlisted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mini_study import Mini
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from headrace.bundle import skops_io
from headrace.bundle.skops_io import UntrustedTypesError
from headrace.core import project

TABLE = np.arange(24.0).reshape(12, 2)
LABEL = [0, 1] * 6
MODELS = [
    LogisticRegression(),
    make_pipeline(OneHotEncoder(), LogisticRegression()),
    make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), SVC()),
    GaussianNB(),
    KNeighborsClassifier(3, algorithm="brute"),
    MLPClassifier(max_iter=2),
    CalibratedClassifierCV(LogisticRegression(), cv=2),
    GaussianProcessClassifier(),
]
TREE = "sklearn.tree._tree.Tree"


def written(model: Any, path: Path) -> Path:
    """Fit a model, and write it."""
    skops_io.write(model.fit(TABLE, LABEL), path)
    return path


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_model_of_scikit_learn_s_is_read_without_a_list(model: Any, tmp_path: Path) -> None:
    path = written(model, tmp_path / "model.skops")
    loaded = skops_io.read(path, trusted=())
    assert (loaded.predict(TABLE) == model.predict(TABLE)).all()


@pytest.mark.parametrize("kind", [RandomForestClassifier, HistGradientBoostingClassifier])
def test_trees_have_to_be_listed_and_the_message_says_how(kind: Any, tmp_path: Path) -> None:
    path = written(kind(random_state=0), tmp_path / "model.skops")
    with pytest.raises(
        UntrustedTypesError, match=r"not listed.*Tree.*Next: headrace trust"
    ) as error:
        skops_io.read(path, trusted=())
    loaded = skops_io.read(path, trusted=error.value.types)
    assert len(loaded.predict(TABLE)) == len(TABLE)


def test_trust_names_what_to_list_and_where_it_comes_from(
    mini: Mini, capsys: pytest.CaptureFixture[str]
) -> None:
    from headrace.bundle import trust

    study = project.find_project(mini.root)
    forest = written(RandomForestClassifier(random_state=0), mini.root / "forest.skops")
    other = written(FunctionTransformer(func=Mini.run), mini.root / "other.skops")
    linear = written(LogisticRegression(), mini.root / "linear.skops")
    assert trust.run(study, [forest, other, linear]) == 1
    printed = capsys.readouterr().out
    assert f"  {TREE}: scikit-learn's; runs no code, but a forged file could crash" in printed
    assert "  mini_study.Mini" in printed or "  mini_study.run" in printed
    assert f"    '{TREE}'," in printed
    assert "linear.skops: every type is trusted" in printed
    assert trust.run(study, [linear]) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("__main__.f", "defined in a notebook"),
        ("functools.partial", "of Python itself"),
        ("nobody_has.this", "not installed"),
        ("scipy.special.expit", "of the package scipy"),
    ],
)
def test_where_a_type_comes_from_is_said(name: str, words: str) -> None:
    from headrace.bundle import trust

    assert words in trust._origin(name)
