"""Write one sha256 of the template's files, for the stages that must run when any of them changes.

DVC hashes a folder that holds a `.dvc` as one file that never changes, so the stages of the root
cannot depend on `template/` itself.
"""

import hashlib

from lab import bake, paths


def fingerprint() -> str:
    """Return the sha256 over the names and contents of the template's files."""
    total = hashlib.sha256()
    for name in bake.template_files():
        content = hashlib.sha256((paths.root / name).read_bytes()).hexdigest()
        total.update(f"{content}  {name}\n".encode())
    return total.hexdigest()


if __name__ == "__main__":
    paths.fingerprint.parent.mkdir(exist_ok=True)
    paths.fingerprint.write_text(fingerprint() + "\n")
