"""Every file of the study by name, anchored here so that no working directory matters."""

from pathlib import Path

root = Path(__file__).resolve().parents[2]

raw = root / "data/raw/tumours.csv"
table = root / "data/table.parquet"
predictions = root / "data/predictions.parquet"

model = root / "models/model.skops"
naive = root / "models/naive.skops"

prepare_metrics = root / "metrics/prepare.json"
train_metrics = root / "metrics/train.json"
evaluate_metrics = root / "metrics/evaluate.json"

plots = root / "plots"
