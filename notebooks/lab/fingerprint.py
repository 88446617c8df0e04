"""Write one sha256 of the template's and headrace's files, for the stages that depend on them.

DVC hashes a folder that holds a `.dvc` as one file that never changes, so the stages of the root
cannot depend on `template/` itself.
"""

import hashlib

from lab import bake, paths, wheel


def fingerprint() -> str:
    """Return the sha256 over the names and contents of the files that a study is made of."""
    total = hashlib.sha256()
    sources = [path.relative_to(paths.root).as_posix() for path in wheel.source_files()]
    # The committed wheel is left out: a bake has the one that these sources give.
    names = [name for name in bake.template_files() if not name.endswith(".whl")]
    for name in [*names, *sources]:
        content = hashlib.sha256((paths.root / name).read_bytes()).hexdigest()
        total.update(f"{content}  {name}\n".encode())
    return total.hexdigest()


if __name__ == "__main__":
    paths.fingerprint.parent.mkdir(exist_ok=True)
    paths.fingerprint.write_text(fingerprint() + "\n")
