"""Whether a tag's signature is good, by git's own word; an unknown key says nothing."""

import os
import re
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from headrace.core import git
from headrace.registry.tag_reader import Event

GOOD = re.compile(
    r'^Good "git" signature for (?P<ssh>.+) with \S+ key|'
    r"^\[GNUPG:\] GOODSIG \S+ .*<(?P<gpg>[^>]+)>|^gpgsm: Good signature",
    re.M,
)
UNKNOWN = ("NO_PUBKEY", "No principal matched", "allowedSignersFile needs to be configured")


@dataclass(frozen=True)
class Signature:
    """What came of a look at a signature: good (None: nobody here can tell), and whose it is."""

    good: bool | None
    says: str


def check(root: Path, events: Iterable[Event]) -> dict[str, Signature]:
    """Return what git says of the signed ones among the events, by their tags."""
    signed = [one for one in events if one.signed]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda one: _check(root, one), signed)
        return {one.tag: signature for one, signature in zip(signed, found, strict=True)}


def _check(root: Path, event: Event) -> Signature:
    command = ["git", "verify-tag", "--raw", event.object]
    environment = os.environ | git.QUIET | {"LC_ALL": "C"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
    said = done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace")
    if done.returncode == 0:
        found = GOOD.search(said)
        return _of(event, (found and (found["ssh"] or found["gpg"])) or "")
    if any(word in said for word in UNKNOWN) or "not found" in said:
        return Signature(None, "it is signed with a key that is not known here")
    return Signature(False, "its signature is bad: what is signed was changed")


def _of(event: Event, signer: str) -> Signature:
    """Say whose signature it is; one person's signature under another's name is none."""
    address = event.by.person.email.casefold()
    patterns = [one.strip().casefold() for one in signer.split(",") if "@" in one]
    if patterns and not any(fnmatchcase(address, one) for one in patterns):
        return Signature(False, f"it is signed by {signer}, and says that it is {address}'s")
    return Signature(True, f"signed by {signer or 'a key that git trusts'}")
