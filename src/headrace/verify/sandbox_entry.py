"""Enter a clean room: `python -m headrace.verify.sandbox_entry SPECIFICATION COMMAND`.

It leaves the network where the system allows that, sets CPU affinity and umask, and becomes the
command. It is a process of its own because none of this can be undone.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import NoReturn

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""Flags of Linux's unshare."""

SET_FLAGS, UP = 0x8914, 0x1
"""SIOCSIFFLAGS and IFF_UP, which enable a network interface."""

SHELL = "/bin/sh"


def main(specification: str, command: str) -> NoReturn:
    """Enter the room that the JSON specification describes, and run the command there."""
    spec = json.loads(specification)
    Path(spec["network"]).write_text(_leave_network(), "utf-8")
    if spec["cpus"]:
        os.sched_setaffinity(0, spec["cpus"])
    os.umask(spec["umask"])
    os.chdir(spec["folder"])
    os.execve(SHELL, [SHELL, "-c", command], spec["variables"])


def _leave_network() -> str:
    """Move into an empty network namespace; return the reason where that fails."""
    if sys.platform != "linux":
        return f"{sys.platform} has no network namespaces"
    try:
        _unshare()
        _loopback_up()
    except OSError as error:
        return f"the system does not allow it ({error.strerror})"
    return ""


def _unshare() -> None:
    """Create a network namespace as root, or else as root of a new user namespace."""
    user, group = os.getuid(), os.getgid()
    try:
        _call(NEW_NETWORK)
    except PermissionError:
        _call(NEW_USER | NEW_NETWORK)
        # Linux lets an ordinary user map a group only after that: user_namespaces(7).
        Path("/proc/self/setgroups").write_text("deny", "utf-8")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "utf-8")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "utf-8")


def _call(flags: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _loopback_up() -> None:
    """Enable the loopback interface: kernels and clusters need it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", UP))


if __name__ == "__main__":
    main(*sys.argv[1:])
