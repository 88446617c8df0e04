"""JupyterLab's contents manager for a study: source notebooks are saved without outputs.

The outputs go to a file in .headrace, which git ignores; opening a notebook joins them again.
"""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from jupyter_server.services.contents.filecheckpoints import AsyncGenericFileCheckpoints
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from traitlets import default

from headrace.core import source_form, sources
from headrace.core.notebook import CHECKPOINTS
from headrace.errors import ProjectError
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
        node, content = notebook if raw else (notebook, None)
        kept = _kept_at(os_path)
        joined = output_store.join(node, output_store.read(kept)) if kept else node
        return (joined, content) if raw else joined

    async def _save_notebook(
        self, os_path: str, nb: nbformat.NotebookNode, capture_validation_error: Any = None
    ) -> None:
        """Write a notebook that is not on disk already, a source notebook without its outputs."""
        kept = _kept_at(os_path)
        clean, outputs = output_store.split(nb) if _is_source(os_path) else (nb, {})
        if not _is_on_disk(Path(os_path), clean):
            await super()._save_notebook(os_path, clean, capture_validation_error)
        if kept:
            output_store.write(outputs, kept)  # last: the notebook is what must not be lost
        if outputs and self.notary.check_signature(nb):
            self.notary.sign(output_store.join(clean, outputs))  # it will be opened joined

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename a file or folder, and take along the outputs kept for it.

        They go into the file itself where it is no source notebook any more, as in scratch.
        """
        old, new = (Path(self._get_os_path(path.strip("/"))) for path in (old_path, new_path))
        await super().rename_file(old_path, new_path)
        if old == new:
            return
        for notebook in _notebooks(new):
            await self._bring_outputs(notebook, _kept_at(old / notebook.relative_to(new)))
        _remove_outputs(old)

    async def _bring_outputs(self, notebook: Path, before: Path | None) -> None:
        """Save a notebook that was moved with the outputs that were kept for it, if any were."""
        outputs = output_store.read(before) if before else {}
        with suppress(Exception):  # a broken notebook was moved all the same
            if outputs or _is_source(notebook):
                node = await super()._read_notebook(str(notebook))
                await self._save_notebook(str(notebook), output_store.join(node, outputs))

    async def delete_file(self, path: str) -> None:
        """Delete a file or folder, and the outputs kept for it."""
        os_path = Path(self._get_os_path(path.strip("/")))
        await super().delete_file(path)
        _remove_outputs(os_path)


def _notebooks(path: Path) -> list[Path]:
    """Return the notebooks in a folder, or the one that a path is."""
    paths = [path] if path.is_file() else sorted(path.rglob("*.ipynb"))
    return [path for path in paths if path.suffix == ".ipynb" and CHECKPOINTS not in path.parts]


def _remove_outputs(path: Path) -> None:
    """Remove the outputs that are kept for a notebook, or for all those in a folder."""
    if kept := _kept_at(path):
        kept.unlink(missing_ok=True)
        shutil.rmtree(kept.with_name(path.name), ignore_errors=True)


def _is_on_disk(path: Path, node: nbformat.NotebookNode) -> bool:
    """Tell whether a file holds a notebook: then it stays as it is, since looking is no change.

    Where both name the same kernel, the node gets the file's words for it, which differ from
    machine to machine.
    """
    try:
        stored = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    except Exception:  # missing or broken: nbformat raises whatever its readers raise
        return False
    kernel, current = (part.metadata.get("kernelspec", {}) for part in (stored, node))
    if kernel.get("name") == current.get("name") != source_form.PYTHON["name"]:
        node.metadata["kernelspec"] = kernel
    return output_store.is_same(stored, node)


def _is_source(path: str | Path) -> bool:
    """Tell whether a notebook's outputs are kept elsewhere than in its file."""
    place = _place(path)
    try:
        return place is not None and sources.has(*place)
    except ProjectError:  # a broken pipeline file must not put outputs back
        return place is not None and output_store.path_of(*place).exists()


def _kept_at(path: str | Path) -> Path | None:
    """Return where the outputs of a source notebook of this path are kept; None outside a study."""
    place = _place(path)
    return output_store.path_of(*place) if place else None


def _place(path: str | Path) -> tuple[Path, str] | None:
    """Return the study that a file lies in, and the file's path from there on."""
    path = Path(path).resolve()
    for root in path.parents:
        if (root / "dvc.yaml").is_file() and (root / "pyproject.toml").is_file():
            return root, path.relative_to(root).as_posix()
    return None
