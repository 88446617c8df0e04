"""What the models are given: frames in, frames out."""

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROW = "row"
"""The number of a row in the raw file: what tells rows apart in the predictions."""
KEY = ["sample"]
TARGET = "diagnosis"
POSITIVE = "malignant"
"""The class that is looked for: the label is whether a row is of it."""
NAMES = {True: "malignant", False: "benign"}
LABEL, TEST = "label", "test"
"""What the study adds: what is to be predicted, and which rows judge the models."""

NUMBERS = [
    "mean radius",
    "mean texture",
    "mean perimeter",
    "mean area",
    "mean smoothness",
    "mean compactness",
    "mean concavity",
    "mean concave points",
    "mean symmetry",
    "mean fractal dimension",
    "radius error",
    "texture error",
    "perimeter error",
    "area error",
    "smoothness error",
    "compactness error",
    "concavity error",
    "concave points error",
    "symmetry error",
    "fractal dimension error",
    "worst radius",
    "worst texture",
    "worst perimeter",
    "worst area",
    "worst smoothness",
    "worst compactness",
    "worst concavity",
    "worst concave points",
    "worst symmetry",
    "worst fractal dimension",
]
CATEGORIES: list[str] = []
FEATURES = NUMBERS + CATEGORIES


def build(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a label, with their features, in their order."""
    known = raw[raw[TARGET].notna()]
    table = known.assign(**{LABEL: known[TARGET] == POSITIVE})
    table = table.astype(dict.fromkeys(NUMBERS, "float64") | dict.fromkeys(CATEGORIES, "str"))
    kept = [ROW, LABEL, *KEY, *FEATURES]
    return table[[*dict.fromkeys(kept)]].reset_index(drop=True)


def thin(table: pd.DataFrame, *, fraction: float, seed: int) -> pd.DataFrame:
    """Keep this share of the rows, drawn at random, in their order."""
    if fraction == 1:
        return table
    return table.sample(frac=fraction, random_state=seed).sort_index().reset_index(drop=True)


def split(table: pd.DataFrame, *, test_share: float, seed: int) -> pd.Series:
    """Tell which rows judge the models (bool): drawn at random, from each class alike."""
    test = table.groupby(LABEL).sample(frac=test_share, random_state=seed).index
    return pd.Series(table.index.isin(test), index=table.index)


def transformer() -> ColumnTransformer:
    """Return what makes numbers of the features: gaps filled, numbers scaled, categories spread.

    A number's gap becomes the median, and a column says that there was one. A category that was
    rare, or never seen, counts as one more category.
    """
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = OneHotEncoder(
        min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    parts = [("numbers", numbers, NUMBERS), ("categories", categories, CATEGORIES)]
    return ColumnTransformer([part for part in parts if part[2]])
