"""Every file of the study by name, anchored here so that no working directory matters."""

from pathlib import Path

root = Path(__file__).resolve().parents[2]

flights = root / "data/raw/flights.parquet"
weather = root / "data/raw/weather.parquet"
planes = root / "data/raw/planes.parquet"
airports = root / "data/raw/airports.parquet"
features = root / "data/features.parquet"
predictions = root / "data/predictions.parquet"

model = root / "models/model.skops"
naive = root / "models/naive.parquet"
bundle = root / "models/bundle.tar"

collect_metrics = root / "metrics/collect.json"
prepare_metrics = root / "metrics/prepare.json"
train_metrics = root / "metrics/train.json"
evaluate_metrics = root / "metrics/evaluate.json"

groups = root / "plots/groups.csv"
plots = root / "plots"
