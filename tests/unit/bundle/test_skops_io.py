"""Model files."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from skops import io as skops_io

from headrace.bundle import skops_io as modelfile


def test_any_scikit_learn_model_can_be_read() -> None:
    table = np.array([[0.0], [1.0], [2.0], [3.0]])
    fitted = LogisticRegression().fit(table, [0, 0, 1, 1])
    loaded = modelfile.loads(skops_io.dumps(fitted), "m", trusted=[])
    assert (loaded.predict_proba(table) == fitted.predict_proba(table)).all()
