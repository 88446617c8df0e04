"""The data contract: what the raw table must look like before anything is built on it.

Drafted from 569 rows, and loose enough for tomorrow's: correct what you know better.
"""

import pandas as pd
import pandera.pandas as pa
from headrace.schema import pandera_check

from study import features


def _between(low: float, high: float) -> pa.Check:
    return pa.Check.in_range(low, high)


raw = pa.DataFrameSchema(
    {
        # from 1 to 569; half its span more is let pass
        # no feature: it numbers the rows
        "sample": pa.Column("int64", _between(0, 850), unique=True),
        # from 6.981 to 28.11; half its span more is let pass
        "mean radius": pa.Column("float64", _between(0.0, 39.0)),
        # from 9.71 to 39.28; half its span more is let pass
        "mean texture": pa.Column("float64", _between(0.0, 54.0)),
        # from 43.79 to 188.5; half its span more is let pass
        "mean perimeter": pa.Column("float64", _between(0.0, 260.0)),
        # from 143.5 to 2501; half its span more is let pass
        "mean area": pa.Column("float64", _between(0.0, 3700.0)),
        # from 0.05263 to 0.1634; half its span more is let pass
        "mean smoothness": pa.Column("float64", _between(-0.0, 0.22)),
        # from 0.01938 to 0.3454; half its span more is let pass
        "mean compactness": pa.Column("float64", _between(0.0, 0.51)),
        # from 0 to 0.4268; half its span more is let pass
        "mean concavity": pa.Column("float64", _between(0.0, 0.64)),
        # from 0 to 0.2012; half its span more is let pass
        "mean concave points": pa.Column("float64", _between(0.0, 0.3)),
        # from 0.106 to 0.304; half its span more is let pass
        "mean symmetry": pa.Column("float64", _between(0.01, 0.4)),
        # from 0.04996 to 0.09744; half its span more is let pass
        "mean fractal dimension": pa.Column("float64", _between(0.026, 0.121)),
        # from 0.1115 to 2.873; half its span more is let pass
        "radius error": pa.Column("float64", _between(0.0, 4.3)),
        # from 0.3602 to 4.885; half its span more is let pass
        "texture error": pa.Column("float64", _between(0.0, 7.1)),
        # from 0.757 to 21.98; half its span more is let pass
        "perimeter error": pa.Column("float64", _between(0.0, 33.0)),
        # from 6.802 to 542.2; half its span more is let pass
        "area error": pa.Column("float64", _between(0.0, 810.0)),
        # from 0.001713 to 0.03113; half its span more is let pass
        "smoothness error": pa.Column("float64", _between(0.0, 0.046)),
        # from 0.002252 to 0.1354; half its span more is let pass
        "compactness error": pa.Column("float64", _between(0.0, 0.2)),
        # from 0 to 0.396; half its span more is let pass
        "concavity error": pa.Column("float64", _between(0.0, 0.59)),
        # from 0 to 0.05279; half its span more is let pass
        "concave points error": pa.Column("float64", _between(0.0, 0.079)),
        # from 0.007882 to 0.07895; half its span more is let pass
        "symmetry error": pa.Column("float64", _between(0.0, 0.114)),
        # from 0.0008948 to 0.02984; half its span more is let pass
        "fractal dimension error": pa.Column("float64", _between(0.0, 0.044)),
        # from 7.93 to 36.04; half its span more is let pass
        "worst radius": pa.Column("float64", _between(0.0, 50.0)),
        # from 12.02 to 49.54; half its span more is let pass
        "worst texture": pa.Column("float64", _between(0.0, 68.0)),
        # from 50.41 to 251.2; half its span more is let pass
        "worst perimeter": pa.Column("float64", _between(0.0, 350.0)),
        # from 185.2 to 4254; half its span more is let pass
        "worst area": pa.Column("float64", _between(0.0, 6300.0)),
        # from 0.07117 to 0.2226; half its span more is let pass
        "worst smoothness": pa.Column("float64", _between(-0.0, 0.3)),
        # from 0.02729 to 1.058; half its span more is let pass
        "worst compactness": pa.Column("float64", _between(0.0, 1.6)),
        # from 0 to 1.252; half its span more is let pass
        "worst concavity": pa.Column("float64", _between(0.0, 1.9)),
        # from 0 to 0.291; half its span more is let pass
        "worst concave points": pa.Column("float64", _between(0.0, 0.44)),
        # from 0.1565 to 0.6638; half its span more is let pass
        "worst symmetry": pa.Column("float64", _between(0.0, 0.92)),
        # from 0.05504 to 0.2075; half its span more is let pass
        "worst fractal dimension": pa.Column("float64", _between(0.0, 0.28)),
        # 2 categories; a new one is refused
        "diagnosis": pa.Column("str", pa.Check.isin(["benign", "malignant"])),
        features.ROW: pa.Column("int64", pa.Check.ge(1), unique=True),
    },
    unique=["sample"],
    strict=True,
    name="tumours",
)
"""One row for each row of the raw file."""


def check(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return the table as its contract wants it, or list every violation.

    Errors:
        DataError: one line per column and rule, with the number of rows and examples.
    """
    return pandera_check.check(table, schema)
