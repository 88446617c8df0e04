"""JupyterLab's contents manager for a study: the user keeps the pictures, the stage stays clean.

Saving a source notebook writes it without outputs, and the outputs to a file beside the project's
other working files, which git ignores; opening joins them again, cell by cell.
"""

import shutil
from pathlib import Path
from typing import Any

import nbformat
from jupyter_server.services.contents.filecheckpoints import AsyncGenericFileCheckpoints
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from traitlets import default

from headrace.core import project
from headrace.lab import output_store


class ContentsManager(AsyncLargeFileManager):
    """Files as JupyterLab keeps them, but for source notebooks."""

    @default("checkpoints_class")
    def _by_content(self) -> type:
        """Return checkpoints made by `get` and `save`; the usual ones copy the file past both."""
        return AsyncGenericFileCheckpoints

    async def _read_notebook(
        self,
        os_path: str,
        as_version: int = 4,
        capture_validation_error: Any = None,
        raw: bool = False,
    ) -> Any:
        """Read a notebook with its outputs; `raw` adds the bytes on disk, which the hash is of."""
        found = await super()._read_notebook(os_path, as_version, capture_validation_error, raw)
        side = _side_file(os_path)
        if side is None:
            return found
        node, content = found if raw else (found, None)
        joined = output_store.join(node, output_store.read(side))
        return (joined, content) if raw else joined

    async def _save_notebook(
        self, os_path: str, nb: nbformat.NotebookNode, capture_validation_error: Any = None
    ) -> None:
        """Write a notebook, a source notebook without its outputs."""
        side = _side_file(os_path)
        if side is None:
            await super()._save_notebook(os_path, nb, capture_validation_error)
            return
        clean, kept = output_store.split(nb)
        await super()._save_notebook(os_path, clean, capture_validation_error)
        output_store.write(kept, side)  # last: the notebook is what must not be lost
        if self.notary.check_signature(nb):
            self.notary.sign(output_store.join(clean, kept))  # trust what will be opened, too

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename a file or folder, and the outputs kept for it."""
        old, new = (_kept(self._get_os_path(path.strip("/"))) for path in (old_path, new_path))
        await super().rename_file(old_path, new_path)
        if old and new and old.exists():
            new.parent.mkdir(parents=True, exist_ok=True)
            old.replace(new)

    async def delete_file(self, path: str) -> None:
        """Delete a file or folder, and the outputs kept for it."""
        kept = _kept(self._get_os_path(path.strip("/")))
        await super().delete_file(path)
        if kept and kept.is_dir():
            shutil.rmtree(kept)
        elif kept:
            kept.unlink(missing_ok=True)


def _kept(os_path: str) -> Path | None:
    """Return where outputs are kept for a source notebook, or for a folder of them."""
    path = Path(os_path).resolve()
    if path.suffix == ".ipynb":
        return _side_file(os_path)
    inside = _side_file(str(path / "any.ipynb"))
    return inside.parent if inside else None


def _side_file(os_path: str) -> Path | None:
    """Return where a source notebook's outputs are kept, or nothing for any other file."""
    path = Path(os_path).resolve()
    if path.suffix != ".ipynb" or "notebooks" not in path.parts:
        return None
    for root in path.parents:
        if (root / "dvc.yaml").is_file() and (root / "pyproject.toml").is_file():
            inside = path.relative_to(root)
            source = inside.parts[0] == "notebooks" and inside.parts[:2] != project.SCRATCH
            return root / ".headrace/outputs" / f"{inside}.json" if source else None
    return None
