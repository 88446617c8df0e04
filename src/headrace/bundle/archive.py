"""The bundle's file: a tar archive of which only one form is valid, so that every byte counts.

Names are in order, without times and owners. An archive that differs in one byte from what its
files give is refused, and the part that differs is named, also where only a header or padding does.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from headrace.errors import DataError, ProjectError, unreadable

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
"""The manifest has the hash of every other file; the seal has the manifest's."""
LARGEST = 4 << 30
"""Bytes of a file in a bundle."""
LEAST = 32
"""Bytes of a header that are not zero: it has a name, numbers and a checksum."""
END = "the archive's end"
Files = dict[str, bytes]


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return a file's SHA-256, read in parts.

    Errors:
        ProjectError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        step = "Next: dvc checkout, or git checkout HEAD --, whichever keeps it"
        raise ProjectError(f"{unreadable(path.name, error)}. {step}") from None


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of these files: the same files give the same bytes."""
    target = io.BytesIO()
    # USTAR has one way to write a header; the formats after it may say the same in several.
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    return target.getvalue()


def seal(files: Mapping[str, bytes], manifest: Mapping[str, object]) -> bytes:
    """Return the archive of these files, of a manifest with their hashes, and of its own hash."""
    hashes = {name: sha256(content) for name, content in sorted(files.items())}
    text = json.dumps({**manifest, "files": hashes}, indent=2, sort_keys=True) + "\n"
    content = text.encode()
    return pack({**files, MANIFEST: content, SEAL: f"{sha256(content)}\n".encode()})


def unseal(content: bytes, name: str) -> Files:
    """Return the files of an archive, every one of which has the hash that its manifest gives.

    Errors:
        DataError: a byte differs from what `seal` wrote; the part of the bundle is named.
    """
    # From the seal down to each file, so that the part that was changed is named, and not one that
    # only disagrees with it; last the whole, for what is in no file: headers, order and padding.
    files = _members(content, name)
    for part in (MANIFEST, SEAL):
        if part not in files:
            raise _refusal(name, part, "is missing")
    if files[SEAL] != f"{sha256(files[MANIFEST])}\n".encode():
        raise _refusal(name, MANIFEST, f"does not match {SEAL}")
    hashes = _hashes(files[MANIFEST], name)
    for part in sorted(hashes.keys() | (files.keys() - {MANIFEST, SEAL})):
        if part not in files or part not in hashes:
            raise _refusal(name, part, "is missing" if part in hashes else f"is not in {MANIFEST}")
        if sha256(files[part]) != hashes[part]:
            raise _refusal(name, part, f"does not match {MANIFEST}")
    if (packed := pack(files)) != content:
        part = _part_at(_first_difference(packed, content), files)
        raise _refusal(name, part, "was changed")
    return files


def _members(content: bytes, name: str) -> Files:
    try:
        # "r:" reads no compressed archive: a second form, and small bytes may become huge files.
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            files = dict(_member(archive, entry, name) for entry in archive)
            rest = content[archive.offset :]  # after the end, or after a broken header
    except (tarfile.TarError, ValueError, OverflowError, UnicodeError, OSError, EOFError) as error:
        raise _refusal(name, _title(content), f"is in a broken archive ({error})") from None
    if rest.strip(b"\0"):
        raise _refusal(name, _title(rest), "has a broken header")
    return files


def _title(header: bytes) -> str:
    """Return the name in a header, as far as it can be read; the end is zeros only."""
    block = header[: tarfile.BLOCKSIZE]
    if len(block.replace(b"\0", b"")) < LEAST:
        return END
    text = block[:100].partition(b"\0")[0].decode("utf-8", "replace")
    return text if text.isprintable() and text else "a part whose name cannot be read"


def _member(archive: tarfile.TarFile, entry: tarfile.TarInfo, name: str) -> tuple[str, bytes]:
    is_inside = not entry.name.startswith("/") and ".." not in PurePosixPath(entry.name).parts
    is_file = entry.isreg() and 0 <= entry.size <= LARGEST
    file = archive.extractfile(entry) if is_inside and is_file else None
    if file is None:
        raise _refusal(name, repr(entry.name), "is not a regular file")
    return entry.name, file.read()


def _hashes(manifest: bytes, name: str) -> dict[str, str]:
    try:
        hashes = json.loads(manifest)["files"]
        return {str(part): str(digest) for part, digest in hashes.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _refusal(name, MANIFEST, "lists no files") from None


def _first_difference(packed: bytes, content: bytes) -> int:
    length = min(len(packed), len(content))
    return next((place for place in range(length) if packed[place] != content[place]), length)


def _part_at(place: int, files: Mapping[str, bytes]) -> str:
    """Return the file whose header, bytes or padding are at a place of the archive."""
    start = 0
    for part in sorted(files):
        start += tarfile.BLOCKSIZE + -(-len(files[part]) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        if place < start:
            return part
    return END


def _refusal(name: str, part: str, problem: str) -> DataError:
    return DataError(
        f"{name} is refused: {part} {problem}. No part of it was used."
        " Next: dvc checkout, or fetch it again from where it was registered"
    )
