"""A bundle's archive is as it was written, or is refused with the part that differs."""

import io
import tarfile

import pytest
from archives import archive_parts, flip_bit, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.bundle import archive

FILES = {"a.json": b'{"x": 1}\n', "model.bin": bytes(range(256)) * 5, "z.txt": b""}


@pytest.fixture(scope="module")
def small() -> bytes:
    """A bundle of three files."""
    return archive.seal(FILES, {"headrace_bundle": 1})


def test_the_same_files_give_the_same_bytes_in_any_order(small: bytes) -> None:
    reversed_files = dict(reversed([*FILES.items()]))
    assert archive.seal(reversed_files, {"headrace_bundle": 1}) == small
    files = archive.unseal(small, "bundle.tar")
    assert {name: files[name] for name in FILES} == FILES
    with tarfile.open(fileobj=io.BytesIO(small)) as tar:
        for entry in tar:
            assert (entry.mtime, entry.uid, entry.uname, entry.mode) == (0, 0, "", 0o644)


def test_a_flipped_bit_anywhere_is_refused(small: bytes) -> None:
    for bit in range(0, 8 * len(small), 61):
        message = refusal(flip_bit(small, bit))
        assert message.startswith("bundle.tar is refused: ")
        assert "No part of it was used." in message


def test_the_changed_part_of_a_bundle_is_named(small: bytes) -> None:
    for name, start, _ in archive_parts(small):
        if FILES.get(name, b"x"):
            message = refusal(flip_bit(small, 8 * (start + 512)))
            assert name in message, name
        message = refusal(flip_bit(small, 8 * (start + 110)))
        assert (
            f"{name} has a broken header" in message or f"{name} is in a broken archive" in message
        )
    assert "the archive's end" in refusal(flip_bit(small, 8 * len(small) - 1))


def malformed_archive(name: str) -> bytes:
    """Return an archive that is no bundle, though each of its files is one's."""
    files = archive.unseal(archive.seal(FILES, {"headrace_bundle": 1}), "b")
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for part in sorted(files, reverse=name == "turned"):
            entry = tarfile.TarInfo(part)
            entry.size, entry.mode = len(files[part]), 0o644
            tar.addfile(entry, io.BytesIO(files[part]))
        if name in ("link", "device", "folder"):
            kinds = {"link": tarfile.SYMTYPE, "device": tarfile.CHRTYPE, "folder": tarfile.DIRTYPE}
            entry = tarfile.TarInfo("z.txt" if name == "link" else "more")
            entry.type, entry.linkname = kinds[name], "/etc/passwd"
            tar.addfile(entry)
        if name in ("more", "twice", "outside"):
            entry = tarfile.TarInfo({"twice": "a.json", "outside": "../../x"}.get(name, "more"))
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
    return target.getvalue()


@pytest.mark.parametrize("name", ["turned", "link", "device", "folder", "more", "twice", "outside"])
def test_an_archive_in_another_form_is_refused(name: str) -> None:
    assert "bundle.tar is refused" in refusal(malformed_archive(name))


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", b"\0" * 1024, b"\x1f\x8b" + b"x" * 600, b"PK\x03\x04" + b"x" * 600],
)
def test_bytes_that_are_not_an_archive_are_refused(content: bytes) -> None:
    assert "bundle.tar is refused" in refusal(content)


@pytest.mark.parametrize("missing", ["a.json", archive.MANIFEST, archive.SEAL])
def test_a_missing_file_of_a_bundle_is_named(small: bytes, missing: str) -> None:
    files = archive.unseal(small, "b")
    assert f"{missing} is missing" in refusal(
        archive.pack({name: content for name, content in files.items() if name != missing})
    )


@settings(deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_refused_in_a_sentence(content: bytes) -> None:
    assert "bundle.tar is refused" in refusal(content)
