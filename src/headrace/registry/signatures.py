"""Signatures of tags, verified by git."""

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from headrace.core import git
from headrace.registry.events import Event

# How ssh, gpg and gpgsm say that a signature is good, and whose it is.
VALID = re.compile(
    r'^Good "git" signature for (?P<ssh>.+) with \S+ key|'
    r"^\[GNUPG:\] GOODSIG \S+ .*<(?P<gpg>[^>]+)>|^gpgsm: Good signature",
    re.M,
)
UNKNOWN_KEY = (
    "NO_PUBKEY",
    "No principal matched",
    "allowedSignersFile needs to be configured",
    "not found",
)


@dataclass(frozen=True)
class Signature:
    """Whether a signature is valid (None: its key is unknown here), and a sentence about it."""

    valid: bool | None
    message: str


def verify_signatures(root: Path, events: Iterable[Event]) -> dict[str, Signature]:
    """Return the signatures of the signed events, by tag."""
    signed = [event for event in events if event.signed]
    # Each verification starts gpg or ssh-keygen, and mostly waits for it.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        signatures = pool.map(lambda event: _verify(root, event), signed)
        return {event.tag: result for event, result in zip(signed, signatures, strict=True)}


def _verify(root: Path, event: Event) -> Signature:
    # The output is searched for texts, so it must not be translated.
    process = git.execute(root, "verify-tag", "--raw", event.object, env={"LC_ALL": "C"})
    output = (process.stderr + b"\n" + process.stdout).decode("utf-8", "replace")
    if process.returncode == 0:
        match = VALID.search(output)
        return _check_signer(event, (match and (match["ssh"] or match["gpg"])) or "")
    if any(text in output for text in UNKNOWN_KEY):
        return Signature(None, "it is signed with a key that is not known here")
    return Signature(False, "its signature is bad: the tag was changed after signing")


def _check_signer(event: Event, signer: str) -> Signature:
    """Return whether the signer is the person whose name the tag bears."""
    # A line of allowed signers may name several addresses, with wildcards: ssh-keygen(1).
    address = event.by.person.email.casefold()
    patterns = [part.strip().casefold() for part in signer.split(",") if "@" in part]
    if patterns and not any(fnmatchcase(address, pattern) for pattern in patterns):
        return Signature(False, f"it is signed by {signer}, and names {address}")
    return Signature(True, f"signed by {signer or 'a key that git trusts'}")
