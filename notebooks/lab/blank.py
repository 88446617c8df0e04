"""`make blank`: write the study that `start=blank` begins with, as `headrace init` writes one."""

from headrace.core.project import find_project
from headrace.scaffold import init, plan, read, render
from lab import paths

FOLDER = paths.study / "blank"
TABLE = FOLDER / "data/raw/tumours.csv"
ANSWERS = plan.Answers(target="diagnosis", key=("sample",))


def texts() -> dict[str, str]:
    """Return the text of each file by its path."""
    made = plan.make(TABLE.name, read.read(TABLE), ANSWERS)
    return init.formatted(render.files(made), FOLDER)


def main() -> None:
    """Write the files into the template."""
    made = plan.make(TABLE.name, read.read(TABLE), ANSWERS)
    print("\n".join(init.summary(made)))
    init.write(find_project(FOLDER), made, ANSWERS, texts())


if __name__ == "__main__":
    main()
