"""Every file of the study by name, anchored here so that no working directory matters."""

from pathlib import Path

root = Path(__file__).resolve().parents[2]

flights = root / "data/raw/flights.parquet"
weather = root / "data/raw/weather.parquet"
planes = root / "data/raw/planes.parquet"
airports = root / "data/raw/airports.parquet"
features = root / "data/features.parquet"
predictions = root / "data/predictions.parquet"
backtest = root / "data/backtest"

model = root / "models/model.skops"
naive = root / "models/naive.parquet"
bundle = root / "models/bundle.tar"

collect_metrics = root / "metrics/collect.json"
prepare_metrics = root / "metrics/prepare.json"
train_metrics = root / "metrics/train.json"
evaluate_metrics = root / "metrics/evaluate.json"
monitor_metrics = root / "metrics/monitor.json"
backtest_months = root / "metrics/backtest"
backtest_metrics = root / "metrics/backtest.json"

groups = root / "plots/groups.csv"
plots = root / "plots"
drift = root / "plots/drift.csv"
quality = root / "plots/quality.csv"
notes = root / "plots/notes.csv"
live_groups = root / "plots/live_groups.csv"
