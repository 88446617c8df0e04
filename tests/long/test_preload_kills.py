"""Whatever is killed, nothing stays behind, and the bytes are those of stages without a server."""

import contextlib
import random
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from notebook_corpus import CORPUS
from stage_chain import SERVER, Chain, servers

from lab import bake

KILLS = 200
LONGEST_S = 4.0
BOUND_S = 60

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="preload is Linux's")


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path / "chain")


def _of(root: Path) -> list[psutil.Process]:
    """Return the processes in a project: dvc, the commands that wait, servers, stages."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()) == root and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _whole(chain: Chain) -> dict[str, bytes]:
    """Return what stages write that come to their end."""
    return {name: content for name, content in chain.bytes().items() if "failed" not in name}


def test_two_hundred_kills_leave_nothing_and_one_repro_heals(chain: Chain) -> None:
    draw = random.Random(1)
    chain.stages(*["import numpy, time\ntime.sleep(0.1)\nprint(seed)"] * 4)
    chain.repro()
    whole = _whole(chain)
    killed: dict[str, int] = {}
    for turn in range(KILLS):
        dvc = subprocess.Popen(
            ("dvc", "repro", "--force"),
            cwd=chain.root,
            env=bake.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            dvc.wait(draw.uniform(0.5, LONGEST_S))
        if victims := _of(chain.root):
            victim = draw.choice(victims)
            with contextlib.suppress(psutil.Error):
                kind = "server or stage" if SERVER in victim.cmdline() else victim.name()
                killed[kind] = killed.get(kind, 0) + 1
                victim.kill()
        dvc.wait(BOUND_S)
        assert psutil.wait_procs(_of(chain.root), timeout=BOUND_S)[1] == [], turn
        rwlock = chain.root / ".dvc/tmp/rwlock"
        if rwlock.exists() and not rwlock.read_text():  # dvc was killed while it wrote its own lock
            rwlock.unlink()
        if turn % 20 == 0:
            chain.repro()
            assert _whole(chain) == whole
    chain.repro()
    assert _whole(chain) == whole
    assert not list((chain.root / "runs/.partial").glob("*"))
    assert killed.keys() >= {"dvc", "headrace", "server or stage"}


def test_the_corpus_gives_the_same_bytes_as_stages_with_and_without(
    chain: Chain, tmp_path: Path
) -> None:
    chain.stages(*CORPUS.values(), chained=False)
    plain = chain.copied_to(tmp_path / "plain")
    for project, preload in ((chain, "debug"), (plain, "0")):
        project.repro("--keep-going", preload=preload, code=255)
    ours, theirs = chain.bytes(), plain.bytes()
    assert len(ours) > len(CORPUS) * 0.9
    different = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
    assert different <= {"dvc.lock"}
    assert servers(chain.root) == []
