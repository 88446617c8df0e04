"""Bundles' archives: where their parts lie, and why a changed one is refused."""

import io
import tarfile

import pytest

from headrace.bundle import archive
from headrace.errors import DataError


def archive_parts(content: bytes) -> list[tuple[str, int, int]]:
    """Return each part of an archive, where it begins and where it ends."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        blocks = [(entry, 1 + -(-entry.size // 512)) for entry in tar]
    return [(entry.name, entry.offset, entry.offset + 512 * count) for entry, count in blocks]


def part_at(content: bytes, place: int) -> str:
    """Return the part that a byte of an archive belongs to."""
    names = (name for name, start, end in archive_parts(content) if start <= place < end)
    return next(names, "the archive's end")


def flip_bit(content: bytes, bit: int) -> bytes:
    """Return the bytes with one bit flipped."""
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def refusal(content: bytes) -> str:
    """Return why an archive is refused."""
    with pytest.raises(DataError) as caught:
        archive.unseal(content, "bundle.tar")
    return str(caught.value)
