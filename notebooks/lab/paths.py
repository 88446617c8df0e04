"""The repository's files by name."""

from pathlib import Path

root = Path(__file__).resolve().parents[2]
template = root / "template"
study = template / "{{cookiecutter.project_slug}}"

fingerprint = root / "runs/fingerprint.txt"
bake_metrics = root / "metrics/bake.json"
reproduce_metrics = root / "metrics/reproduce.json"
reproduced = root / "runs/reproduced.csv"
report = root / "runs/report.csv"
