"""`make readme`: the table of the engines in README.md, and the picture in docs/run.md."""

import json
import re

import pandas as pd

from headrace.report import mpl_style
from lab import bench, engines, figures, paths

MARKED = re.compile(r"(?s)(<!-- engines -->\n).*?(<!-- /engines -->)")
PICTURE = "docs/stage-time.svg"


def main() -> None:
    """Write what the last `make bench` measured into the README and the documentation."""
    readme = paths.root / "README.md"
    readme.write_text(with_table(readme.read_text("utf-8")), "utf-8")
    if (paths.root / bench.TIMES).exists():
        rows = pd.DataFrame(json.loads((paths.root / bench.TIMES).read_text("utf-8")))
        mpl_style.write(figures.stage_time(rows), paths.root / PICTURE)


def with_table(text: str) -> str:
    """Return the README with the table of metrics/engines.json between its two marks."""
    rows = json.loads((paths.root / engines.FILE).read_text("utf-8"))
    lines = ["| | headrace | beside it | | ratio |", "|---|---:|---|---:|---:|"]
    lines += [
        f"| {row['measure']} | {row['ours']:.3g} | {row['peer']} | {row['peers']:.3g}"
        f" | {row['ratio']:.2f} |"
        for row in rows
    ]
    table = "\n".join(lines)
    return MARKED.sub(lambda marks: f"{marks[1]}{table}\n{marks[2]}", text)


if __name__ == "__main__":
    main()
