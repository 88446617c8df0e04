"""The models that a study begins with: linear for few rows, gradient boosting for many."""

from dataclasses import dataclass

from headrace.scaffold.plan import Plan
from headrace.scaffold.task import Task

LOSSES = {
    Task.BINARY: ("ROC AUC", "roc_auc"),
    Task.MULTICLASS: ("balanced accuracy", "balanced_accuracy"),
    Task.REGRESSION: ("R²", "r2"),
}
"""What a feature's importance is measured by: in words, and as scikit-learn's scorer."""
BOOSTING = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""What a file of such a model holds that a person has to trust."""


@dataclass(frozen=True)
class Field:
    """A parameter of the model: its type, value, bounds and meaning; `quick` is for tests."""

    name: str
    type: str
    value: str
    bounds: str
    about: str
    quick: str


@dataclass(frozen=True)
class Estimator:
    """An estimator of scikit-learn, and the words that a study has for it."""

    name: str
    module: str
    prose: str
    fields: tuple[Field, ...]
    fixed: str
    """Arguments that are no parameters of the study."""
    seeded: bool
    loss: str
    scoring: str
    trusted: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The parameters as `fit` declares them."""
        return ", ".join(f"{field.name}: {field.type}" for field in self.fields)

    @property
    def arguments(self) -> str:
        """The parameters as they are handed on."""
        return ", ".join(f"{field.name}={field.name}" for field in self.fields)

    @property
    def call(self) -> str:
        """The expression that makes it."""
        seed = ", random_state=seed" if self.seeded else ""
        return f"{self.name}({self.arguments}{self.fixed}{seed})"


ITERATIONS = Field(
    "max_iter",
    "int",
    "100",
    "ge=1, le=10_000",
    "Boosting rounds; more is slower, rarely better.",
    "5",
)
RATE = Field("learning_rate", "float", "0.1", "gt=0, le=1", "Weight of each round.", "0.1")
LEAF = Field("min_samples_leaf", "int", "20", "ge=1", "Rows in one leaf, at least.", "20")
POSITIVE = "gt=0, allow_inf_nan=False"
PENALTY = Field(
    "alpha", "float", "1.0", POSITIVE, "Strength of the penalty on large coefficients.", "1.0"
)
INVERSE_PENALTY = Field(
    "C", "float", "1.0", POSITIVE, "Inverse strength of the penalty on large coefficients.", "1.0"
)


def choose(plan: Plan) -> Estimator:
    """Return the estimator for a study's task and rows."""
    loss, scoring = LOSSES[plan.task]
    measured = {"loss": loss, "scoring": scoring}
    if not plan.is_small:
        kind = "Regressor" if plan.task == Task.REGRESSION else "Classifier"
        return Estimator(
            name=f"HistGradientBoosting{kind}",
            module="ensemble",
            prose="gradient boosting",
            fields=(ITERATIONS, RATE, LEAF),
            fixed=", early_stopping=False",
            seeded=True,
            trusted=BOOSTING,
            **measured,
        )
    if plan.task == Task.REGRESSION:
        name, prose, fields, fixed = "Ridge", "ridge regression", (PENALTY,), ""
    else:
        name, prose, fields = "LogisticRegression", "logistic regression", (INVERSE_PENALTY,)
        fixed = ", max_iter=1000"
    return Estimator(
        name=name,
        module="linear_model",
        prose=prose,
        fields=fields,
        fixed=fixed,
        seeded=False,
        trusted=(),
        **measured,
    )
