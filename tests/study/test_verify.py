"""`headrace verify` proves that a study reproduces, and names what keeps it from that."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from faulty_study import FAULTS, READS, SOUND, Planted, Stage, stage
from mini_study import Mini, cell, notebook

from headrace.core import cpu, git, yaml
from lab import bake

BOUND_S = 60
Make = Callable[..., Planted]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a study of the stages that are given, run and committed."""

    def make_study(**stages: Stage) -> Planted:
        study = Planted(tmp_path / "planted", stages)
        study.reproduce()
        return study

    return make_study


def _own_address() -> str:
    """Return an address by which this machine knows itself, and that is no loopback if it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        any_socket.connect(("192.0.2.1", 9))  # sends nothing
        return str(any_socket.getsockname()[0])


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """An address in the network from which a stage may read."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"41")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((_own_address(), 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{server.server_address[0]!s}:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def planted(
    tmp_path_factory: pytest.TempPathFactory, page: str
) -> tuple[Planted, CompletedProcess[str]]:
    """A study with a stage for every fault and a sound one, and what verifying it printed."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "outside.txt").write_text("of this machine")
    stages = {"sound": READS, **{name: fault.stage for name, fault in FAULTS.items()}}
    study = Planted(folder / "study", stages)
    names = {"PAGE": repr(f"http://{page}/"), "OUTSIDE": repr(str(folder / "outside.txt"))}
    for path in study.root.glob("notebooks/*.ipynb"):
        for name, text in names.items():
            path.write_text(path.read_text().replace(f"({name})", f"({text})"))
    study.write("src/mini/extra.py", "FOUND = 1\n")
    study.write("src/mini/untracked.py", "FOUND = 2\n")
    study.write(".gitignore", "/.headrace\n__pycache__\n/src/mini/untracked.py\n")
    study.write("data/kept.csv", "value\n")
    order = ["stamped", *(name for name in stages if name != "stamped")]
    env = bake.environment(PLANTED="by the user")
    # In this order: DVC does not know that a dep which is not declared must come first.
    bake.run(study.root, "dvc", "repro", "--single-item", *order, env=env)
    bake.commit(study.root)
    return study, study.verify(PLANTED="by the user")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_named(
    planted: tuple[Planted, CompletedProcess[str]], fault: str
) -> None:
    study, result = planted
    assert result.returncode == 1
    (line,) = [
        line
        for line in result.stdout.splitlines()
        if line.startswith(f"stage {fault}") and FAULTS[fault].says in line
    ]
    (outcome,) = [stage for stage in study.certificate()["stages"] if stage["name"] == fault]
    assert not outcome["identical"], line


def test_a_sound_stage_beside_faulty_ones_is_identical(
    planted: tuple[Planted, CompletedProcess[str]],
) -> None:
    study, result = planted
    (outcome,) = [stage for stage in study.certificate()["stages"] if stage["name"] == "sound"]
    assert outcome["identical"]
    assert [output["identical"] for output in outcome["outputs"]] == [True, True]
    assert f"1 of {len(FAULTS) + 1} stages reproduce" in result.stdout


def test_nothing_is_left_behind_and_nothing_is_changed(
    planted: tuple[Planted, CompletedProcess[str]],
) -> None:
    study, _ = planted
    before = study.state()
    assert study.verify("sound", "unseeded").returncode == 1
    assert study.state() == before
    assert list(study.temporary.rglob("*")) == []


def test_a_certificate_is_about_exactly_the_tree_that_was_verified(make: Make) -> None:
    study = make(train=SOUND)
    result = study.verify()
    assert result.returncode == 0, result.stdout
    assert "The stage reproduces: 3 outputs, identical." in result.stdout
    content = study.certificate()
    assert content["identical"] is True
    assert content["tree"] == bake.run(study.root, "git", "rev-parse", "HEAD^{tree}").stdout.strip()
    assert content["of"] == "HEAD"
    assert len(content["dvc.lock"]) == len(content["requirements.lock"]) == 64
    assert content["processor"] == cpu.kind()
    (stage,) = content["stages"]
    assert [output["path"] for output in stage["outputs"]] == [
        "made/model",
        "metrics/m.json",
        "runs/train.ipynb",
    ]
    assert content["perturbations"]["PYTHONHASHSEED"] == "1"
    assert bake.run(study.root, "git", "status", "--porcelain").stdout == ""
    assert git.head_tree(study.root) == content["tree"]


def test_the_working_tree_can_be_verified_before_it_is_committed(make: Make) -> None:
    study = make(train=SOUND)
    study.write("params.yaml", "seed: 8\n")
    study.write("untracked.txt", "nobody's")
    at_head = study.verify()
    assert at_head.returncode == 0
    assert "The working tree differs from HEAD in params.yaml" in at_head.stdout
    behind = study.verify("--worktree")
    assert behind.returncode == 1
    changed = "params.yaml: seed has changed since stage train ran. Next: dvc repro train\n"
    assert changed in behind.stdout
    bake.run(study.root, "dvc", "repro")
    shutil.rmtree(study.root / ".headrace/certificates")
    before = study.state()
    assert study.verify("--worktree").returncode == 0
    assert study.state() == before
    bake.run(study.root, "git", *bake.IDENTITY, "commit", "--quiet", "-am", "Change the seed")
    assert study.certificate()["tree"] == git.head_tree(study.root)


def test_what_was_never_run_or_has_changed_since_is_said(make: Make) -> None:
    study = make(train=SOUND)
    study.stages({"train": SOUND, "later": SOUND})
    content = json.loads((study.root / "dvc.yaml").read_text())
    content["stages"]["train"]["frozen"] = True
    study.write("dvc.yaml", json.dumps(content))
    study.write("notebooks/train.ipynb", notebook(cell("seed = 1", "parameters")))
    bake.commit(study.root)
    result = study.verify()
    assert result.returncode == 1
    assert (
        "notebooks/train.ipynb has changed since stage train ran, which is frozen, so dvc repro"
        " skips it. Next: dvc unfreeze train, and dvc repro train; or undo the change\n"
    ) in result.stdout
    assert "stage later was never run. Next: dvc repro" in result.stdout


def test_what_cannot_be_verified_is_refused_in_one_sentence(make: Make, mini: Mini) -> None:
    study = make(train=SOUND)
    assert "dvc.lock has no stage 'trian'. Did you mean train?" in study.verify("trian").stdout
    assert "--jobs is 0. Next: " in study.verify("--jobs", "0").stdout
    bake.run(study.root, "git", "rm", "--quiet", "--cached", "dvc.lock")
    bake.commit(study.root, "Forget the lock")
    (study.root / "dvc.lock").rename(study.root / "dvc.lock.old")
    bake.run(study.root, "git", "rm", "--quiet", "--cached", "dvc.lock")
    bake.run(study.root, "git", *bake.IDENTITY, "commit", "--quiet", "--amend", "-m", "Forget")
    nothing = study.verify()
    assert "HEAD has no dvc.lock" in nothing.stdout
    alone = mini.run("verify")
    assert "in no git commit. Next: git add" in alone.stdout
    for result in (nothing, alone):
        assert result.returncode == 1
        assert "Traceback" not in result.stdout


def test_a_metric_that_was_edited_is_no_dep_of_what_was_run(make: Make) -> None:
    reads = stage("print(open('metrics/m.json').read())", deps="metrics/m.json")
    study = make(train=SOUND, reads=reads)
    study.write("metrics/m.json", '{"a": 3}')
    bake.commit(study.root, "Edit a metric")
    for words in (("--jobs", "1"), ("reads",)):  # before and after the stage that makes it
        result = study.verify(*words)
        assert result.returncode == 1
        assert "metrics/m.json has changed since stage reads ran" in result.stdout


def test_a_commit_without_the_study_s_files_is_refused_and_no_other_is_found(make: Make) -> None:
    study = make(train=SOUND)
    bake.run(study.root, "git", "rm", "--quiet", "--cached", "pyproject.toml")
    bake.run(study.root, "git", *bake.IDENTITY, "commit", "--quiet", "-m", "Forget the project")
    inside = study.root / ".headrace/tmp"
    inside.mkdir(parents=True)
    result = study.verify(TMPDIR=str(inside))
    assert result.returncode == 1
    assert "git does not track pyproject.toml. Next: git add pyproject.toml" in result.stdout
    assert list(inside.iterdir()) == []


def test_stages_that_wait_for_each_other_end_with_a_word(make: Make) -> None:
    study = make(train=SOUND, reads=READS)
    lock = yaml.read(study.root / "dvc.lock")
    lost = {"hash": "md5", "md5": "0" * 32, "size": 1}
    stages = lock["stages"]
    for name, second in (("train", "reads"), ("reads", "train")):
        stages[name]["deps"].append({"path": f"lost/{second}", **lost})
        stages[name]["outs"].append({"path": f"lost/{name}", **lost})
    study.write("dvc.lock", json.dumps(lock))
    result = study.verify("--worktree")
    assert result.returncode == 1
    assert "lost/reads is not in DVC's cache" in result.stdout
    assert "lost/train is not in DVC's cache" in result.stdout


def test_deps_come_from_the_cache_and_never_as_links_to_it(make: Make) -> None:
    study = make(
        first=stage("open('made/data', 'w').write('data')", outs="made/data"),
        # Outside of a room `headrace run` itself refuses a stage that writes what it reads.
        second=stage(
            "import os\nif 'HEADRACE_ROOM' in os.environ: open('made/data', 'w').write('data')",
            deps="made/data",
        ),
    )
    files = [path for path in study.root.glob(".dvc/cache/files/**/*") if path.is_file()]
    cached = {path: path.read_bytes() for path in files}
    (study.root / "made/data").write_text("spoilt")
    result = study.verify()
    assert "stage second changes made/data" in result.stdout, result.stdout
    assert all(path.read_bytes() == content for path, content in cached.items())
    shutil.rmtree(study.root / ".dvc/cache")
    alone = study.verify("second")
    assert "made/data is not in DVC's cache. Next: dvc pull made/data" in alone.stdout


def test_folders_and_files_of_dvc_add_are_brought_as_deps(make: Make) -> None:
    read = "import pathlib\nsorted(p.read_text() for p in pathlib.Path('folder').rglob('*.txt'))"
    study = make(train=SOUND)
    for name in ("folder/a.txt", "folder/deep/b.txt"):
        study.write(name, name)
    bake.run(study.root, "dvc", "add", "folder")
    study.stages({"train": SOUND, "reads": stage(read, deps="folder")})
    study.reproduce()
    result = study.verify()
    assert result.returncode == 0, result.stdout


def test_each_stage_of_a_matrix_is_verified(make: Make) -> None:
    study = make(train=SOUND)
    study.write(
        "notebooks/each.ipynb",
        notebook(cell("seed = 0\nmonth = 1", "parameters"), cell("print(month)")),
    )
    content = json.loads((study.root / "dvc.yaml").read_text())
    content["stages"]["each"] = {
        "matrix": {"month": [3, 4]},
        "cmd": "headrace run each",
        "deps": ["notebooks/each.ipynb"],
        "params": ["seed"],
        "outs": ["runs/each-${item.month}.ipynb"],
    }
    content["metrics"] += ["metrics/cost/each-3.json", "metrics/cost/each-4.json"]
    study.write("dvc.yaml", json.dumps(content))
    study.reproduce()
    result = study.verify()
    assert result.returncode == 0, result.stdout
    assert [stage["name"] for stage in study.certificate()["stages"]] == [
        "train",
        "each@3",
        "each@4",
    ]


def test_a_study_in_a_subfolder_of_its_repository_is_verified(make: Make, tmp_path: Path) -> None:
    study = make(train=SOUND)
    shutil.rmtree(study.root / ".git")
    bake.run(tmp_path, "git", "init", "--quiet", "--initial-branch=main")
    (tmp_path / "outer.txt").write_text("of another project")
    bake.run(study.root, "dvc", "config", "core.no_scm", "true")
    bake.commit(tmp_path)
    for words in ((), ("--worktree",)):
        result = study.verify(*words)
        assert result.returncode == 0, result.stdout
    tree = bake.run(tmp_path, "git", "rev-parse", "HEAD:planted").stdout.strip()
    assert study.certificate()["tree"] == tree


def _made_on(study: Planted, kind: str) -> None:
    path = study.root / "metrics/cost/train.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"processor": kind}))


def test_on_another_kind_of_processor_metrics_may_move_a_little_and_not_more(make: Make) -> None:
    study = make(train=SOUND)
    lock, second = (study.root / "dvc.lock").read_text(), "another-kind"
    metric = study.root / "metrics/m.json"
    for factor, kind, code in ((1.001, second, 0), (1.1, second, 1), (1.001, cpu.kind(), 1)):
        value = json.loads(json.dumps(7 / 3 * factor))
        metric.write_text(json.dumps({"a": value}))
        old = bake.run(study.root, "git", "show", "HEAD:metrics/m.json").stdout
        hashes = [_md5(text) for text in (old, metric.read_text())]
        (study.root / "dvc.lock").write_text(lock.replace(*hashes))
        _made_on(study, kind)
        result = study.verify("--worktree")
        assert result.returncode == code, result.stdout
        assert "metrics/m.json differs: a is 2.33" in result.stdout
        assert ("as it may on another kind of processor" in result.stdout) == (code == 0)


def _md5(text: str) -> str:
    import hashlib

    return hashlib.md5(text.encode()).hexdigest()


WAITS = "import time\nopen('waits', 'w').close()\nfor _ in range(3000): time.sleep(0.02)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_folder_and_no_process_is_left_when_it_is_interrupted(
    make: Make, number: signal.Signals
) -> None:
    study = make(train=stage("print('quick')"))
    study.stages({"train": stage(WAITS)})
    lock = (study.root / "dvc.lock").read_text()
    path = "notebooks/train.ipynb"
    old = bake.run(study.root, "git", "show", f"HEAD:{path}").stdout
    (study.root / "dvc.lock").write_text(
        lock.replace(_md5(old), _md5((study.root / path).read_text()))
    )
    before = study.state()
    process = _begin(study, "--worktree")
    _until(lambda: any(study.temporary.glob("*/rooms/train/study/waits")), process)
    os.kill(process.pid, number)
    printed = process.communicate()[0].decode()
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert "Traceback" not in printed
    _until(lambda: not any(study.temporary.iterdir()))
    _until(lambda: not _running_in(study.temporary))
    assert study.state() == before


def _begin(study: Planted, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["headrace", "verify", *words],
        cwd=study.root,
        env=bake.environment(TMPDIR=str(study.temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # Whoever runs the tests in the background ignores Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_may_be_interrupted_at_any_moment(make: Make, number: signal.Signals) -> None:
    study = make(train=SOUND, reads=READS)
    begun = time.monotonic()
    assert study.verify("--worktree").returncode == 0
    duration, before = time.monotonic() - begun, study.state()
    for moment in range(60):
        process = _begin(study, "--worktree")
        with suppress(subprocess.TimeoutExpired):
            process.wait(duration * moment / 60)
        process.send_signal(number)
        process.communicate(timeout=BOUND_S)
        _until(lambda: not any(study.temporary.iterdir()))
        _until(lambda: not _running_in(study.temporary))
        assert study.state() == before
    assert study.verify("--worktree").returncode == 0


def _until(holds: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    end = time.monotonic() + BOUND_S
    while not holds():
        assert time.monotonic() < end
        assert process is None or process.poll() is None, process.communicate()


def _running_in(folder: Path) -> list[str]:
    import psutil

    return [
        name
        for process in psutil.process_iter(["environ"])
        if str(folder) in (name := str((process.info["environ"] or {}).get("DVC_ROOT")))
    ]


def test_a_fresh_clone_without_data_is_verified_stage_by_stage(make: Make, tmp_path: Path) -> None:
    study = make(
        second=stage(
            "open('made/b', 'w').write(open('made/a').read() + 'b')", deps="made/a", outs="made/b"
        ),
        first=stage("open('made/a', 'w').write('a')", outs="made/a"),
    )
    clone = tmp_path / "clone"
    bake.run(tmp_path, "git", "clone", "--quiet", str(study.root), str(clone))
    assert not (clone / "made/a").exists()
    result = bake.run(clone, "headrace", "verify", check=False)
    assert result.returncode == 0, result.stdout
    assert "All 2 stages reproduce: 4 outputs, identical." in result.stdout
    alone = bake.run(clone, "headrace", "verify", "second", check=False)
    assert "made/a is not in DVC's cache. Next: dvc pull made/a" in alone.stdout
