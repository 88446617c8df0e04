"""Where DVC keeps what a hash names, without a start of dvc: its configuration is read here."""

import os
from configparser import ConfigParser, Error
from pathlib import Path

from headrace.lockfile import File
from headrace.verify.rooms import Store


def find(root: Path, file: File) -> Path | None:
    """Return a file with these bytes: in the cache, in the study, or in a remote that is a folder.

    None where nobody has them at hand. Nothing is copied, and no working tree is touched.
    """
    stores = (Store(folder, root) for folder in folders(root))
    return next(filter(None, (store.find(file) for store in stores)), None)


def folders(root: Path) -> list[Path]:
    """Return the folders that hold files by their hashes: the cache, then remotes on this disk."""
    dvc = next((at / ".dvc" for at in (root, *root.parents) if (at / ".dvc").is_dir()), None)
    if dvc is None:
        return []
    settings = _settings(dvc)
    cache = settings.get("cache", {}).get("dir", "cache")
    remotes = [values.get("url", "") for name, values in settings.items() if "remote " in name]
    return [dvc / cache, *(dvc / url for url in remotes if url and "://" not in url)]


def _settings(dvc: Path) -> dict[str, dict[str, str]]:
    """Return DVC's settings: the user's, then the study's, then this clone's own."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    parser = ConfigParser(interpolation=None, strict=False)
    for path in (home / "dvc/config", dvc / "config", dvc / "config.local"):
        try:
            parser.read(path, "utf-8")
        except (Error, UnicodeDecodeError, OSError):
            continue  # then DVC itself complains; here only an interval would be missing
    return {
        name.strip("'"): {key: value.strip("\"'") for key, value in parser[name].items()}
        for name in parser.sections()
    }
