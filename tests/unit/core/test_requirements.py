"""requirements.lock: its pins, and the headrace that must be the one it names."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from headrace.core import requirements
from headrace.errors import ProjectError

RECORD = "headrace/__init__.py,sha256=abc,23\nheadrace-0.2.0.dist-info/RECORD,,\n"
INSTALLED = f"../../bin/headrace,sha256=def,200\nheadrace-0.2.0.dist-info/INSTALLER,,\n{RECORD}"


def study(root: Path, record: str = RECORD, version: str = "0.2.0") -> Path:
    """Make a study with a wheel in vendor, and its hash in the lock."""
    wheel = root / "vendor/headrace-0.2.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("headrace-0.2.0.dist-info/RECORD", record)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pin = f"headrace=={version} \\\n    --hash=sha256:{sha256}\n"
    (root / "requirements.lock").write_text(f"click==8.4.2\n{pin}", "utf-8")
    return root


def site(root: Path, record: str = INSTALLED) -> Path:
    """Make a folder of packages in which headrace is installed."""
    folder = root / "site-packages/headrace-0.2.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "RECORD").write_text(record, "utf-8")
    return folder.parent


def test_the_locked_headrace_may_run(tmp_path: Path) -> None:
    requirements.require_version(study(tmp_path), "0.2.0", site(tmp_path))


def test_another_version_than_the_lock_s_may_not_run(tmp_path: Path) -> None:
    study(tmp_path, version="0.3.0")
    with pytest.raises(
        ProjectError, match=r"headrace 0\.2\.0 is installed, but .* 0\.3\.0\. Next: "
    ):
        requirements.require_version(tmp_path, "0.2.0", site(tmp_path))


def test_the_same_version_with_other_bytes_may_not_run(tmp_path: Path) -> None:
    study(tmp_path, record=RECORD.replace("abc", "xyz"))
    with pytest.raises(ProjectError, match=r"not from the wheel that requirements\.lock .*Next: "):
        requirements.require_version(tmp_path, "0.2.0", site(tmp_path))


def test_a_working_tree_that_is_installed_as_editable_may_run(tmp_path: Path) -> None:
    requirements.require_version(study(tmp_path), "0.2.0", tmp_path / "src")


def test_a_study_without_the_wheel_is_judged_by_the_version(tmp_path: Path) -> None:
    (study(tmp_path) / "vendor/headrace-0.2.0-py3-none-any.whl").unlink()
    requirements.require_version(tmp_path, "0.2.0", site(tmp_path, "headrace/x.py,sha256=1,1\n"))


def test_pins_have_name_version_marker_and_line() -> None:
    text = "# header\nA_b.c[x]==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:1\nd==2\n"
    first, second = requirements.pins(text)
    assert (first.name, first.version, first.line) == ("a-b-c", "1.0", 2)
    assert (first.applies, second.applies) == (False, True)
    assert (second.name, second.version, second.line) == ("d", "2", 4)
