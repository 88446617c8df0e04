"""JupyterLab keeps a study's notebooks clean on disk, and gives their outputs back."""

import hashlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from mini_study import cell, notebook

from lab import bake

TOKEN = "a-token-for-this-test"
NAME = "notebooks/01_collect.ipynb"


class Server:
    """A real JupyterLab on loopback, started as `make lab` starts it."""

    def __init__(self, study: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        words = ["--no-browser", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"]
        words += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.ip=127.0.0.1", "--allow-root"]
        # Stops by itself, whatever becomes of the test.
        words += ["--ServerApp.shutdown_no_activity_timeout=120"]
        self.log = (study.parent / "jupyter.log").open("w+")
        self.process = subprocess.Popen(
            ["headrace", "lab", *words],
            cwd=study,
            env=bake.environment(HOME=str(study.parent)),
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 60
        while not self._listens():
            assert self.process.poll() is None, (study.parent / "jupyter.log").read_text()
            assert time.monotonic() < deadline, "JupyterLab did not start within a minute"

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send one request and return the answer's JSON."""
        headers = {"Authorization": f"token {TOKEN}"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, f"/api/{path}", json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        assert answer.status < 300, content
        answer_json: dict[str, Any] = json.loads(content or b"{}")
        return answer_json

    def stop(self) -> None:
        """Stop the server that was started here."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()


@pytest.fixture(scope="module")
def study(quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the quick study that a person edits."""
    folder = tmp_path_factory.mktemp("lab") / "study"
    bake.run(folder.parent, "cp", "-r", str(quick), str(folder))
    return folder


@pytest.fixture(scope="module")
def server(study: Path) -> Iterator[Server]:
    """JupyterLab on that study."""
    started = Server(study)
    yield started
    started.stop()


def _run_by_hand(server: Server) -> dict[str, Any]:
    """Do to the notebook what running it does, and save it; return what was saved."""
    content: dict[str, Any] = server.ask("GET", f"contents/{NAME}")["content"]
    content["metadata"]["language_info"] = {"name": "python", "version": "3.11.7"}
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for count, code_cell in enumerate(code, 1):
        code_cell["execution_count"] = count
        code_cell["metadata"]["trusted"] = True
        data = {"text/html": f"<b>{count}</b>", "text/plain": str(count)}
        result = {
            "output_type": "execute_result",
            "data": data,
            "metadata": {},
            "execution_count": count,
        }
        code_cell["outputs"] = [result]
    server.ask(
        "PUT", f"contents/{NAME}", {"type": "notebook", "format": "json", "content": content}
    )
    return content


def test_a_notebook_that_was_run_and_saved_is_unchanged_on_disk(
    server: Server, study: Path
) -> None:
    before = (study / NAME).read_bytes()
    _run_by_hand(server)
    assert (study / NAME).read_bytes() == before
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    assert "up to date" in bake.run(study, "dvc", "status", "dvc.yaml").stdout


def test_opened_again_it_shows_its_outputs_and_is_trusted(server: Server) -> None:
    saved = _run_by_hand(server)
    opened = server.ask("GET", f"contents/{NAME}")["content"]
    assert [cell.get("outputs") for cell in opened["cells"]] == [
        cell.get("outputs") for cell in saved["cells"]
    ]
    code = [cell for cell in opened["cells"] if cell["cell_type"] == "code"]
    assert all(cell["metadata"]["trusted"] for cell in code)


def test_the_hash_is_that_of_the_file_on_disk(server: Server, study: Path) -> None:
    _run_by_hand(server)
    answer = server.ask("GET", f"contents/{NAME}?hash=1")
    on_disk = hashlib.sha256((study / NAME).read_bytes()).hexdigest()
    assert (answer["hash_algorithm"], answer["hash"]) == ("sha256", on_disk)


def test_a_cell_edited_elsewhere_loses_its_stale_output(server: Server, study: Path) -> None:
    _run_by_hand(server)
    text = (study / NAME).read_text()
    (study / NAME).write_text(text.replace("flights.head(3).T", "flights.tail(3).T"))
    opened = server.ask("GET", f"contents/{NAME}")["content"]
    (study / NAME).write_text(text)
    code = [cell for cell in opened["cells"] if cell["cell_type"] == "code"]
    empty = ["tail(3)" in cell["source"] for cell in code if not cell["outputs"]]
    assert empty == [True]


def test_a_checkpoint_comes_back_with_its_outputs_and_a_clean_file(
    server: Server, study: Path
) -> None:
    saved = _run_by_hand(server)
    before = (study / NAME).read_bytes()
    checkpoint = server.ask("POST", f"contents/{NAME}/checkpoints")
    changed = json.loads(json.dumps(saved))
    changed["cells"][2]["source"] = "1"
    server.ask(
        "PUT", f"contents/{NAME}", {"type": "notebook", "format": "json", "content": changed}
    )
    server.ask("POST", f"contents/{NAME}/checkpoints/{checkpoint['id']}")
    assert (study / NAME).read_bytes() == before
    opened = server.ask("GET", f"contents/{NAME}")["content"]
    assert [cell.get("outputs") for cell in opened["cells"]] == [
        cell.get("outputs") for cell in saved["cells"]
    ]


def test_outputs_move_with_their_notebook_and_go_with_it(server: Server, study: Path) -> None:
    _run_by_hand(server)
    copied = server.ask("POST", "contents/notebooks", {"copy_from": NAME})["path"]
    moved = "notebooks/moved.ipynb"
    server.ask("PATCH", f"contents/{copied}", {"path": moved})
    opened = server.ask("GET", f"contents/{moved}")["content"]
    assert any(cell.get("outputs") for cell in opened["cells"])
    side = study / ".headrace/outputs" / f"{moved}.json"
    assert side.is_file()
    server.ask("DELETE", f"contents/{moved}")
    assert not side.exists()


def test_outputs_move_and_go_with_a_folder_of_notebooks(server: Server, study: Path) -> None:
    _run_by_hand(server)
    server.ask("PUT", "contents/notebooks/more", {"type": "directory"})
    copied = server.ask("POST", "contents/notebooks/more", {"copy_from": NAME})["path"]
    server.ask("PATCH", "contents/notebooks/more", {"path": "notebooks/others"})
    moved = copied.replace("/more/", "/others/")
    opened = server.ask("GET", f"contents/{moved}")["content"]
    assert any(cell.get("outputs") for cell in opened["cells"])
    for name in (moved, "notebooks/others"):
        server.ask("DELETE", f"contents/{name}")
    assert not (study / ".headrace/outputs/notebooks/others").exists()


@pytest.mark.parametrize("name", ["notebooks/scratch/try.ipynb", "runs/failed/try.ipynb"])
def test_other_notebooks_are_saved_as_they_are(server: Server, study: Path, name: str) -> None:
    (study / name).parent.mkdir(parents=True, exist_ok=True)
    executed = {**cell("1"), "id": "a", "execution_count": 3}
    content = json.loads(notebook(executed))
    server.ask(
        "PUT", f"contents/{name}", {"type": "notebook", "format": "json", "content": content}
    )
    assert json.loads((study / name).read_text())["cells"][0]["execution_count"] == 3
