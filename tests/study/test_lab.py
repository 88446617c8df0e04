"""JupyterLab keeps a study's notebooks clean on disk, and gives their outputs back."""

import hashlib
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import browser
import pytest
from browser import Browser
from mini_study import Mini, cell, notebook

from lab import bake

TOKEN = "a-token-for-this-test"
NAME = "notebooks/01_collect.ipynb"


class Server:
    """A real JupyterLab on loopback, started as `make lab` starts it."""

    def __init__(self, study: Path, *command: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        words = ["--no-browser", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"]
        words += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.ip=127.0.0.1", "--allow-root"]
        # Stops by itself, whatever becomes of the test.
        words += ["--ServerApp.shutdown_no_activity_timeout=120"]
        words += ["--LabApp.expose_app_in_browser=True"]  # for the tests to ask
        # Two minutes, otherwise.
        settings = study.parent / ".jupyter/lab/user-settings/@jupyterlab/docmanager-extension"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "plugin.jupyterlab-settings").write_text('{"autosaveInterval": 1}')
        self.log = (study.parent / "jupyter.log").open("w+")
        self.process = subprocess.Popen(
            ["headrace", *(command or ("lab",)), *words],
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

    def address(self) -> str:
        """Return the address that a person is told, with the token that it hides."""
        printed = re.search(rf"http://127\.0\.0\.1:{self.port}/\S+", self._printed())
        assert printed
        return printed[0].replace("token=...", f"token={TOKEN}")

    def _printed(self) -> str:
        return Path(self.log.name).read_text()

    def stop(self) -> None:
        """Stop the server that was started here."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:  # now and then it waits for a kernel that has ended
            self.process.kill()
            self.process.wait()
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
    (study / name).unlink()


def _save(server: Server, name: str, content: Mapping[str, Any]) -> None:
    server.ask(
        "PUT", f"contents/{name}", {"type": "notebook", "format": "json", "content": content}
    )


def _with_marks(content: dict[str, Any]) -> None:
    content["metadata"]["vscode"] = {"interpreter": {"hash": "1"}}
    content["metadata"]["kernelspec"]["display_name"] = ".venv (3.11.7)"
    content["cells"][1]["metadata"]["jupyter"] = {"outputs_hidden": True}


def _without_ids(content: dict[str, Any]) -> None:
    content["nbformat_minor"] = 4
    for stored in content["cells"]:
        del stored["id"]


ON_DISK: dict[str, Callable[[dict[str, Any]], object]] = {
    "as it is": lambda content: None,
    "no kernel": lambda content: content["metadata"].pop("kernelspec"),
    "no ids": _without_ids,
    "an editor's marks": _with_marks,
    "kept outputs": lambda content: content["cells"][1].update(
        metadata={"tags": ["parameters", "keep_output"]},
        outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}],
    ),
}
"""What another editor may have written; JupyterLab has its own way with each."""


@pytest.mark.parametrize("name", ["runs/train.ipynb", "notebooks/scratch/try.ipynb"])
def test_a_run_and_a_scratch_notebook_that_were_only_opened_keep_every_byte(
    server: Server, study: Path, name: str
) -> None:
    (study / name).parent.mkdir(parents=True, exist_ok=True)
    before = (study / "runs/train.ipynb").read_bytes()
    (study / name).write_bytes(before)
    content = server.ask("GET", f"contents/{name}")["content"]
    content["metadata"]["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    content["metadata"]["language_info"] = {"name": "python", "version": "3.11.7"}
    _save(server, name, content)
    assert (study / name).read_bytes() == before
    content["cells"][1]["outputs"] = []
    content["cells"][1]["execution_count"] = None
    _save(server, name, content)
    assert (study / name).read_bytes() != before
    (study / "runs/train.ipynb").write_bytes(before)
    (study / "notebooks/scratch/try.ipynb").unlink(missing_ok=True)


@pytest.mark.parametrize("indent", [1, 4])
@pytest.mark.parametrize("kind", ON_DISK)
def test_a_notebook_that_was_only_opened_keeps_every_byte(
    server: Server, study: Path, kind: str, indent: int
) -> None:
    on_disk = json.loads((study / NAME).read_text())
    ON_DISK[kind](on_disk)
    name = "notebooks/opened.ipynb"
    (study / name).write_text(json.dumps(on_disk, indent=indent))
    before = (study / name).read_bytes()
    content = server.ask("GET", f"contents/{name}")["content"]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    content["metadata"] |= {"kernelspec": kernel, "language_info": {"name": "python"}}
    content["nbformat_minor"] = 5
    for index, opened in enumerate(content["cells"]):
        opened.setdefault("id", f"made-{index}")
        opened["metadata"]["trusted"] = True
    _save(server, name, content)
    assert (study / name).read_bytes() == before
    content["cells"][0]["source"] += " edited"
    _save(server, name, content)
    written = json.loads((study / name).read_text())
    assert "".join(written["cells"][0]["source"]).endswith(" edited")
    assert written["metadata"]["kernelspec"] == {**kernel, "display_name": "Python 3"}
    assert "vscode" not in written["metadata"]
    server.ask("DELETE", f"contents/{name}")


def _kept(study: Path) -> list[str]:
    """Return the notebooks for which outputs are kept."""
    folder = study / ".headrace/outputs"
    sides = (side.relative_to(folder) for side in folder.rglob("*.json"))
    return sorted(side.with_suffix("").as_posix() for side in sides)


def _move(server: Server, way: str, old: str, new: str) -> None:
    """Move a notebook, by itself or with its folder; its old folder goes."""
    folders = [Path(name).parent.as_posix() for name in (old, new)]
    if way == "the folder":
        server.ask("PATCH", f"contents/{folders[0]}", {"path": folders[1]})
    else:
        server.ask("PUT", f"contents/{folders[1]}", {"type": "directory"})
        server.ask("PATCH", f"contents/{old}", {"path": new})
        server.ask("DELETE", f"contents/{folders[0]}")


@pytest.mark.parametrize("way", ["the notebook", "the folder"])
@pytest.mark.parametrize("elsewhere", ["notebooks/scratch/tries", "runs/tries"])
def test_outputs_move_with_a_notebook_into_scratch_and_out_of_it(
    server: Server, study: Path, way: str, elsewhere: str
) -> None:
    saved = _run_by_hand(server)
    for folder in (elsewhere, "notebooks/more"):
        server.ask("PUT", f"contents/{folder}", {"type": "directory"})
    inside, outside = "notebooks/more/try.ipynb", f"{elsewhere}/more/try.ipynb"
    _save(server, inside, saved)
    before = (study / inside).read_bytes()
    assert _kept(study) == [NAME, inside]
    _move(server, way, inside, outside)
    assert _kept(study) == [NAME]
    assert "text/html" in (study / outside).read_text()
    _move(server, way, outside, inside)
    assert _kept(study) == [NAME, inside]
    assert (study / inside).read_bytes() == before
    opened = server.ask("GET", f"contents/{inside}")["content"]["cells"]
    code = [code_cell for code_cell in opened if "outputs" in code_cell]
    assert all(code_cell["outputs"] and code_cell["metadata"]["trusted"] for code_cell in code)
    for name in (inside, "notebooks/more", elsewhere):
        server.ask("DELETE", f"contents/{name}")
    assert _kept(study) == [NAME]


STAGE = "stages:\n  more:\n    cmd: headrace run more\n    deps: [work/01_more.ipynb]\n"


def test_a_notebook_of_a_pipeline_in_a_folder_is_a_source(server: Server, study: Path) -> None:
    executed = json.loads(notebook({**cell("1"), "id": "a", "execution_count": 3}))
    (study / "side/work").mkdir(parents=True)
    name = "side/work/01_more.ipynb"

    def save(pipeline: str, *kept: str) -> int | None:
        (study / "side/dvc.yaml").write_text(pipeline)
        _save(server, name, executed)
        assert _kept(study) == [NAME, *kept]
        opened = server.ask("GET", f"contents/{name}")["content"]["cells"][0]
        assert opened["execution_count"] == 3
        count: int | None = json.loads((study / name).read_text())["cells"][0]["execution_count"]
        return count

    _run_by_hand(server)
    assert save("stages: {}") == 3  # nobody's yet
    assert save(STAGE, name) is None
    assert save("stages: [", name) is None  # half a pipeline file puts no outputs back
    assert save("stages: {}") == 3
    assert save(STAGE, name) is None
    server.ask("PATCH", "contents/side", {"path": "moved"})
    assert _kept(study) == ["moved/work/01_more.ipynb", NAME]
    opened = server.ask("GET", "contents/moved/work/01_more.ipynb")["content"]["cells"][0]
    assert opened["execution_count"] == 3
    (study / "moved/dvc.yaml").unlink()
    for folder in ("work/01_more.ipynb", "work", ""):
        server.ask("DELETE", f"contents/moved/{folder}".rstrip("/"))
    assert _kept(study) == [NAME]


RESTORED = """
(async () => {
  const end = performance.now() + 60000;
  while (!window.jupyterapp && performance.now() < end) await new Promise(requestAnimationFrame);
  await window.jupyterapp.restored;
})()
"""


def _visit(chromium: Browser, server: Server) -> None:
    """Open JupyterLab at the address that a person is told, and wait until it is there."""
    chromium.show(server.address(), 1400)
    chromium.run(RESTORED)


LOOK = """
(async path => {
  const app = window.jupyterapp;
  const widget = await app.commands.execute('docmanager:open', {path});
  await widget.context.ready;
  await widget.sessionContext.ready;
  await widget.sessionContext.session.kernel.info;
  const saves = [];
  const saved = new Promise(resolve => widget.context.saveState.connect((_, state) => {
    saves.push(state);
    if (state !== 'started') resolve();
  }));
  const wasDirty = widget.context.model.dirty;
  if (!wasDirty) widget.context.save();
  await saved;
  await widget.sessionContext.shutdown();
  widget.dispose();
  return [wasDirty, saves.at(-1)];
})
"""
"""Open a notebook, wait until JupyterLab has saved it, and close it."""


def test_looking_at_notebooks_changes_nothing(
    server: Server, study: Path, chromium: Browser
) -> None:
    _visit(chromium, server)
    names = sorted(path.relative_to(study).as_posix() for path in study.glob("notebooks/*.ipynb"))
    names.append("runs/train.ipynb")  # an output of DVC's
    looks = [chromium.run(f"{LOOK}({json.dumps(name)})") for name in names]
    assert len(looks) > 5
    assert all(end == "completed" for _, end in looks)
    assert any(by_itself for by_itself, _ in looks), "JupyterLab wanted to save nothing"
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    assert "up to date" in bake.run(study, "dvc", "status", "dvc.yaml").stdout


def test_nobody_is_asked_for_news_and_nothing_is_fetched_from_elsewhere(
    server: Server, chromium: Browser
) -> None:
    _visit(chromium, server)
    assert chromium.ask("document.querySelectorAll('.Toastify__toast').length") == 0
    assert "/lab/api/news" not in "".join(chromium.requests)
    own = (f"http://127.0.0.1:{server.port}/", "data:", "blob:", "about:")
    assert [url for url in chromium.requests if not url.startswith(own)] == []


AT_CELL = """
(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const end = performance.now() + 30000;
  const panel = () => window.jupyterapp.shell.currentWidget;
  while (!panel()?.context && performance.now() < end) await frame();
  await panel().revealed;
  await panel().sessionContext.ready;
  const cell = () => panel().content.activeCell;
  const isShown = () => {
    const place = cell()?.node.getBoundingClientRect();
    return place && cell().inViewport && 0 < place.top && place.bottom < window.innerHeight;
  };
  const source = cell => cell.model.sharedModel.source;
  while (!(isShown() && source(cell()) === '1 / 0') && performance.now() < end) await frame();
  await panel().sessionContext.shutdown();
  const sources = panel().content.widgets.map(source);
  return [panel().context.path, source(cell()), isShown(), sources.join()];
})()
"""
"""Wait until a notebook is open at a cell; return its path, the cell, and all sources."""


@pytest.mark.skipif(browser.FOUND is None, reason="there is no Chromium")
def test_a_failed_stage_is_debugged_in_the_study_at_the_cell_that_failed(mini: Mini) -> None:
    long = "for line in range(60):\n    print(line)"
    mini.cells(long, long, "1 / 0", long)
    assert mini.run().returncode == 1
    server = Server(mini.root, "debug", "train")
    try:
        # A browser of its own, which goes first: a server waits until nobody is connected.
        with browser.opened(mini.root / "chromium") as chromium:
            _visit(chromium, server)
            path, cell_source, is_shown, sources = chromium.run(AT_CELL)
        assert (path, cell_source, is_shown) == ("runs/failed/train.ipynb", "1 / 0", True)
        assert "max_iter = 20" in sources
        assert server.ask("GET", "contents/dvc.yaml")["name"] == "dvc.yaml"
    finally:
        server.stop()
