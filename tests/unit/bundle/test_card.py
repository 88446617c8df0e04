"""The model card as Markdown and as a page."""

import numpy as np
import pandas as pd

from headrace.bundle import card

HOSTILE = "a|b `c` <img src=x onerror=alert(1)> [x](javascript:y) ![p](q) &lt; _e_ *f* #"


def test_hostile_text_on_a_card_stays_text() -> None:
    table = pd.DataFrame({HOSTILE: [HOSTILE, "plain"], "number": [1.5, np.nan]})
    text = card.markdown(HOSTILE, HOSTILE, {HOSTILE: table, "List": [card.escape(HOSTILE)]})
    page = card.page(text)
    assert page.count("<h1>") == page.count("<table>") == 1
    for tag in ("<img", "<a ", "<em>", "<code>", "<script"):
        assert tag not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 5


def test_a_parameter_that_two_stages_list_is_on_the_card_once() -> None:
    parameters = {"train": {"rate": 0.1, "months": [1, 2]}, "seed": 0, "train.months": [1, 2]}
    sections = card.provenance(parameters, {}, {"python": "3.11", "packages": {}})
    table = sections["Parameters"]
    assert isinstance(table, pd.DataFrame)
    assert table["parameter"].tolist() == ["train.rate", "train.months", "seed"]
