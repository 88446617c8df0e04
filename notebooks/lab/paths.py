"""The repository's files by name."""

from pathlib import Path

root = Path(__file__).resolve().parents[2]
template = root / "template"
study = template / "{{cookiecutter.project_slug}}"

fingerprint = root / "runs/fingerprint.txt"
baked = root / "runs/bake.csv"
bake_metrics = root / "metrics/bake.json"
reproduced = root / "runs/reproduce.csv"
reproduce_metrics = root / "metrics/reproduce.json"
plots = root / "plots"
