"""JupyterLab's contents manager for a study: source notebooks are saved without outputs.

The outputs go to a file in .headrace, which git ignores; opening a notebook joins them again.
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
        """Return checkpoints made by `get` and `save`; the default ones copy the file itself."""
        return AsyncGenericFileCheckpoints

    async def _read_notebook(
        self,
        os_path: str,
        as_version: int = 4,
        capture_validation_error: Any = None,
        raw: bool = False,
    ) -> Any:
        """Read a notebook with its outputs; `raw` adds the bytes on disk, which the hash is of."""
        notebook = await super()._read_notebook(os_path, as_version, capture_validation_error, raw)
        side = _side_file(os_path)
        if side is None:
            return notebook
        node, content = notebook if raw else (notebook, None)
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
        clean, outputs = output_store.split(nb)
        await super()._save_notebook(os_path, clean, capture_validation_error)
        output_store.write(outputs, side)  # last: the notebook is what must not be lost
        if self.notary.check_signature(nb):
            self.notary.sign(output_store.join(clean, outputs))  # it will be opened joined

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename a file or folder, and the outputs kept for it."""
        old, new = (
            _outputs_path(self._get_os_path(path.strip("/"))) for path in (old_path, new_path)
        )
        await super().rename_file(old_path, new_path)
        if old and new and old.exists():
            new.parent.mkdir(parents=True, exist_ok=True)
            old.replace(new)

    async def delete_file(self, path: str) -> None:
        """Delete a file or folder, and the outputs kept for it."""
        outputs = _outputs_path(self._get_os_path(path.strip("/")))
        await super().delete_file(path)
        if outputs and outputs.is_dir():
            shutil.rmtree(outputs)
        elif outputs:
            outputs.unlink(missing_ok=True)


def _outputs_path(os_path: str) -> Path | None:
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
