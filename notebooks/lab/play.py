"""Play four months of live data on a copy of a study: requests, labels, monitor, decisions, audit.

`python -m lab.play STUDY` takes a study whose pipeline has run and is committed. A server answers
each month's flights, their labels come a month later, and the monitor judges them. When an incident
asks for it, a challenger is trained, a second person promotes it, and the server loads it while
requests go on.
"""

import argparse
import http.client
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.bundle import golden
from headrace.core import artifact, git, project, yaml
from headrace.incidents import store
from headrace.ingest import batch
from headrace.ingest import command as ingest
from headrace.retrain.clone import Clone
from headrace.retrain.split import WINDOW
from lab import bake

MONTHS = ("2013-09", "2013-10", "2013-11", "2013-12")
MAKER = ("Ada, who makes the model (scripted)", "ada@example.org")
APPROVER = ("Grace, who approves it (scripted)", "grace@example.org")
APPROVALS = "\napprovals: { another_person: true, stages: [prod] }\n"
LOG = "data/served"
ROWS = 250
"""Of one request."""
SECONDS = 60


class Play:
    """A copy of a study, its commands as two people give them, and its server."""

    def __init__(self, study: Path, into: Path) -> None:
        self.original = project.find_project(study)
        self.root = Clone.create(self.original.root, into).root
        self.requests = 0

    def run(
        self, *words: str, by: tuple[str, str] = MAKER, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy as a person would."""
        return bake.run(self.root, *words, check=check, env=self.environment(by))

    def environment(self, by: tuple[str, str]) -> dict[str, str]:
        """Return the environment of a person's command."""
        roles = ("AUTHOR", "COMMITTER")
        names = {f"GIT_{role}_NAME": by[0] for role in roles}
        emails = {f"GIT_{role}_EMAIL": by[1] for role in roles}
        return bake.environment(**names, **emails)

    def commit(self, subject: str) -> None:
        """Commit all changes, if there are any."""
        self.run("git", "add", "--all")
        if self.run("git", "status", "--porcelain").stdout:
            self.run("git", "commit", "--quiet", "-m", subject)

    def publish(self, reason: str) -> str:
        """Verify and register the model, have a second person promote it, and say how it ended."""
        self.run("headrace", "verify")
        version = self.run("headrace", "register").stdout.split(":")[0].split()[-1]
        for stage in ("dev", "staging", "prod"):
            words = ("promote", version, "--to", stage, "--yes", "--reason", reason)
            result = self.run("headrace", *words, by=APPROVER, check=False)
            if result.returncode:
                lines = result.stdout.splitlines()
                why = next((line for line in lines if "Not promoted" in line), result.stdout)
                return f"{version} is not promoted to {stage}: {why}"
        return f"{version} is in prod, approved by {APPROVER[0].partition(',')[0]}"

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serve the model that is in production, and yield the port."""
        source = f"{next(iter(artifact.artifacts(self.root)))}#prod"
        with subprocess.Popen(
            ["headrace", "serve", source, "--port", "0", "--log", str(self.root / LOG)],
            cwd=self.root,
            env=self.environment(MAKER),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                address = re.search(r"answers on http://\S+:(\d+)$", line.strip())
                if address is None:
                    sys.exit(f"The server does not start: {line}{process.stdout.read()}")
                yield int(address[1])
            finally:
                process.terminate()
                process.wait(SECONDS)

    def send(self, port: int, rows: Sequence[dict[str, Any]], *, reload: bool) -> pd.DataFrame:
        """Ask for the rows' predictions, and return the request and number of each row.

        With `reload` the server loads its model again half-way; meanwhile each row is a request.
        """
        ids, models, requests, reloading = list[tuple[str, int]](), list[str](), 0, None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        with ThreadPoolExecutor(1) as pool:
            while len(ids) < len(rows):
                if reload and reloading is None and len(ids) >= len(rows) // 2:
                    second = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
                    reloading = pool.submit(ask, second, "/reload", {})
                busy = reloading is not None and not reloading.done()
                answer = ask(connection, "/predict", rows[len(ids) :][: 1 if busy else ROWS])
                ids += [(answer["request"], row) for row in range(len(answer["predictions"]))]
                models += [answer["model"]] if answer["model"] not in models else []
                requests += 1
            if reloading is not None:
                reloading.result()
        self.requests += requests
        say(f"{len(rows):,} rows in {requests} requests, none failed")
        say(f"answered by {', then '.join(models)}")
        return pd.DataFrame(ids, columns=["request", "row"])

    def month(self, port: int, name: str, *, reload: bool) -> Path:
        """Send a month's flights, make them a batch, and return the file of their labels."""
        table = self.original.load(ingest.ARRIVALS)(name)
        inputs = [*ingest.input_schema(self.original)["properties"]]
        ids = self.send(port, golden.records(table[inputs]), reload=reload)
        self.run("headrace", "ingest", LOG, "--batch", name)
        spec = batch.prediction_spec(self.root)
        labels = table[[*dict.fromkeys([*spec.key, spec.label])]].reset_index(drop=True)
        path = self.root / ".headrace" / f"labels-{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        ids.join(labels).to_parquet(path, index=False)
        return path

    def judge(self, name: str, labels: Path | None, before: str) -> bool:
        """Join the labels of the month before, monitor, and retrain; tell if a new model is in."""
        if labels is not None:
            self.run("headrace", "ingest", str(labels), "--truth", before)
            say(f"the labels of {before} are known")
        self.run("dvc", "repro", "monitor")
        self.commit(f"Watch {name}")
        output = self.run("headrace", "monitor", "--quiet").stdout
        self.commit(f"Note what the monitor says of {name}")
        for line in output.splitlines():
            if line.startswith(("act: ", "notice: ")):
                say(line)
        incidents = [
            incident.id
            for incident in store.read(self.root).values()
            if incident.is_open and incident.decision is None and "retrain" in incident.do.lower()
        ]
        return bool(incidents and before) and self.retrain(incidents, before)

    def retrain(self, incidents: Sequence[str], batch: str) -> bool:
        """Decide to retrain, and have the challenger promoted if it keeps the gates."""
        params = yaml.read(self.root / "params.yaml")
        window = self.original.load(WINDOW)(batch, params["retrain"])
        if all(yaml.lookup(params, name) == value for name, value in window.items()):
            say(f"nothing new to learn before {batch}: the decision waits for the next month")
            return False
        reason = f"scripted: the figures of {batch} say so"
        for incident in incidents:
            words = ("alert", "decide", incident, "retrain", "--reason", reason)
            self.run("headrace", *words, by=APPROVER)
        self.run("headrace", "retrain", "--batch", batch)
        branch = f"retrain/{batch}"
        proposal = json.loads(
            git.run(self.root, "show", f"{branch}:./reports/retrain-{batch}.json")
        )
        costs = (row for row in proposal["metrics"] if row["name"].endswith("cost_per_1000"))
        old, new = next((row["old"], row["new"]) for row in costs)
        say(f"a challenger learned what came before {batch}: ${old:,.0f} → ${new:,.0f} per 1,000")
        self.run("git", "merge", "--quiet", "--ff-only", branch)
        self.run("dvc", "checkout", "--quiet", "--force")
        result = self.publish(reason)
        say(result)
        return "is in prod" in result

    def months(self, port: int) -> None:
        """Play the months, and one judgement more for the labels of the last."""
        labels, before, reload = None, "", False
        for name in MONTHS:
            print(f"\n{name}", flush=True)
            path = self.month(port, name, reload=reload)
            reload = self.judge(name, labels, before)
            labels, before = path, name
        print("\nafterwards", flush=True)
        if self.judge("afterwards", labels, before):
            table = self.original.load(ingest.ARRIVALS)(before)
            inputs = [*ingest.input_schema(self.original)["properties"]]
            self.send(port, golden.records(table[inputs]), reload=True)


def ask(connection: http.client.HTTPConnection, path: str, content: Any) -> dict[str, Any]:
    """Send one request to the server; an answer other than 200 ends the play."""
    kind = {"Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(content).encode(), kind)
    response = connection.getresponse()
    text = response.read()
    if response.status != http.client.OK:
        raise RuntimeError(f"{path} got {response.status}: {text.decode()[:300]}")
    answer: dict[str, Any] = json.loads(text)
    return answer


def say(line: str) -> None:
    """Print a line about the month."""
    print(f"  {line}", flush=True)


def main() -> None:
    """Play the months on a copy, and print the audit of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, help="it stays as it is; its last commit is copied")
    parser.add_argument("--into", type=Path, help="a new folder for the copy")
    args = parser.parse_args()
    into = args.into or Path(tempfile.mkdtemp(prefix="headrace-play-"))
    into.mkdir(exist_ok=args.into is None)
    play = Play(args.study.resolve(), into)
    print(f"The play is in {play.root}", flush=True)
    gates = play.root / "gates.yaml"
    if "\napprovals:" not in gates.read_text("utf-8"):
        gates.write_text(gates.read_text("utf-8") + APPROVALS, "utf-8")
    play.run("dvc", "repro")
    play.commit("Ask for another person's approval")
    say(play.publish("scripted: the first model"))
    with play.serving() as port:
        play.months(port)
    page = play.root / "runs/html/audit.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    play.run("headrace", "audit", "--html", str(page))
    print(f"\n{play.run('headrace', 'audit', check=False).stdout}")
    print(f"{play.requests:,} requests, none failed. All months on one page: {page}")


if __name__ == "__main__":
    main()
