"""Keep the files of what the study starts from: touch nothing outside of it."""

import shutil
from pathlib import Path

START = "{{ cookiecutter.start }}"
BLANK = Path("blank")
SHARED = {
    ".dvc",
    ".gitattributes",
    ".github/workflows/ci.yml",
    ".github/workflows/comment.yml",
    ".gitignore",
    "LICENSE",
    "notebooks/scratch",
    "runs",
    "tests/test_notebooks.py",
    "vendor",
}
"""What both starts have: files, and whole folders."""


def remove_others(folder: Path) -> None:
    """Remove what is not shared, and the folders that are empty then."""
    for path in sorted(folder.iterdir()):
        if path.as_posix() in SHARED or path == BLANK:
            continue
        if path.is_dir():
            remove_others(path)
            if not any(path.iterdir()):
                path.rmdir()
        else:
            path.unlink()


if START == "blank":
    remove_others(Path())
    for path in [path for path in BLANK.rglob("*") if path.is_file()]:
        target = path.relative_to(BLANK)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
shutil.rmtree(BLANK)
