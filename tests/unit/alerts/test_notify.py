"""Notifications reach each receiver once, and decisions are commits that an audit checks."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from hostile_text import HOSTILE
from registered_study import ANN, BEN, EVE, Registered, yes
from signing import key, ssh, trust
from watched_study import (
    ID,
    RULE,
    VARIABLE,
    GitHub,
    Watched,
    answering,
    figures,
    nobody,
    receiver,
    rule,
)

from headrace.alerts import issues, notify, update, webhook
from headrace.core import project
from headrace.incidents import store
from headrace.registry import audit, markdown, page, terminal
from headrace.registry.audit import Audit
from headrace.registry.check import Outcome
from headrace.registry.incidents import IncidentHistory
from lab import bake

SECRET = "s3cret"


# Receivers


def test_a_kill_between_writing_and_telling_repeats_and_never_omits(watched: Watched) -> None:
    watched.update(oct=0.3)  # and then it died
    assert len(watched.monitor(oct=0.3)) == 1
    with patch.object(store, "write", side_effect=KeyboardInterrupt):
        watched_transitions = watched.root / store.file_name(ID)
        before = watched_transitions.read_bytes()
        with pytest.raises(KeyboardInterrupt):
            watched.monitor(oct=0.3, nov=0.4)
    assert watched_transitions.read_bytes() == before
    (line,) = watched.monitor(oct=0.3, nov=0.4)
    assert "still open (2013-11)" in line


def test_a_kill_after_printing_prints_again(watched: Watched) -> None:
    transitions = watched.update(oct=0.3)
    study = project.find_project(watched.root)
    killed = patch.object(notify, "_mark", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        notify.notify(study, transitions)
    assert len(watched.monitor(oct=0.3)) == 1
    assert watched.monitor(oct=0.3) == []


def test_a_webhook_gets_each_transition_once_with_all_details(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as hook:
        monkeypatch.setenv(VARIABLE, hook.url)
        for _ in range(3):
            watched.monitor(oct=0.3)
        watched.monitor(oct=0.3, nov=0)
    first, second = hook.heard
    assert first["text"].startswith("study: act: the predictions have moved: opened (2013-10).")
    (content,) = first["transitions"]
    assert (content["incident"], content["batch"], content["value"]) == (ID, "2013-10", 0.3)
    assert (content["level"], content["limit"], content["what"]) == ("act", "above 0.25", "opened")
    assert set(content["ways_out"]) == {"dismiss", "roll back", "retrain"}
    assert [transition["what"] for transition in second["transitions"]] == ["closed"]
    assert watched.only().notified["opened 2013-10"] == {"output": True, "webhook": True}


def test_pyproject_may_name_the_webhook_and_the_environment_comes_first(tmp_path: Path) -> None:
    with receiver() as from_file, receiver() as from_environment:
        watched = Watched.make(tmp_path / "study", settings=f'webhook = "{from_file.url}"\n')
        watched.monitor(oct=0.3)
        with patch.dict(os.environ, {VARIABLE: from_environment.url}):
            watched.monitor(oct=0.3, nov=0.4)
    assert (len(from_file.heard), len(from_environment.heard)) == (1, 1)


@contextmanager
def failing_receiver(kind: str) -> Iterator[tuple[str, str]]:
    """Yield the address of a failing receiver, and the reported problem."""
    secret = f"services/{SECRET}"
    if kind in ("500", "404", "204"):
        with receiver(int(kind)) as hook:
            yield hook.url, f"it answered {kind}" if kind != "204" else ""
    elif kind == "garbage":
        with answering(b"\x00\xff not HTTP at all\r\n\r\n") as address:
            yield f"http://{address}/{secret}", "its answer is not HTTP"
    elif kind == "nothing":
        with answering(b"") as address:
            yield f"http://{address}/{secret}", "it refused or closed the connection"
    elif kind == "endless":
        with answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000) as address:
            yield f"http://{address}/{secret}", "its answer is not HTTP"
    elif kind == "hangs":
        with answering(None) as address:
            yield f"http://{address}/{secret}", "it did not answer"
    elif kind == "TLS":
        with answering(b"HTTP/1.1 200 OK\r\n\r\n") as address:
            yield f"https://{address}/{secret}", "its TLS certificate or connection is not valid"
    elif kind == "refused":
        yield f"http://{nobody()}/{secret}", "it refused or closed the connection"
    else:
        yield kind + secret, "its address"


FAILURES = (
    *("500", "404", "garbage", "nothing", "endless", "hangs", "TLS", "refused"),
    *("file:///", "x", "http://", "http://[", "http://a b/", "http://\x00/"),
)


@pytest.mark.parametrize("kind", FAILURES, ids=range(len(FAILURES)))
def test_a_failing_webhook_is_reported_and_notified_again_later(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with failing_receiver(kind) as (url, word):
        setting = {"webhook": url}
        with patch.object(webhook, "address", lambda _: setting["webhook"]):
            with monkeypatch.context() as short:
                if kind == "hangs":
                    short.setattr(webhook, "SECONDS", 0.1)
                assert len(watched.monitor(oct=0.3)) == 1
            assert word in watched.output
            assert "The webhook was not notified: " in watched.output
            assert SECRET not in watched.output
            assert "Next: " in watched.output
            with receiver() as hook:
                setting["webhook"] = hook.url
                assert watched.monitor(oct=0.3) == [], "standard output heard it before"
                watched.monitor(oct=0.3)
    assert [len(message["transitions"]) for message in hook.heard] == [1]


def test_a_receiver_that_never_answers_is_abandoned_after_its_time() -> None:
    over = threading.Event()
    with patch.object(webhook, "_send", lambda *_: str(over.wait())):
        assert webhook.post("http://x", {}, seconds=0.01) == "it did not answer within 0.01 s"
    over.set()


def test_a_redirect_carries_the_message_to_nobody_else(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as target:
        for status in (301, 302, 303, 307, 308):
            with receiver(status, target.url) as hook:
                monkeypatch.setenv(VARIABLE, hook.url)
                watched.monitor(oct=0.3)
            assert f"it answered {status}, a redirect, which is not followed" in watched.output
            assert SECRET not in watched.output
    assert target.heard == []


# What a person decides


def decided(study: Registered) -> list[str]:
    incidents = store.read(study.root).values()
    return [
        f"{decision.choice} {decision.name}: {decision.reason}"
        for incident in incidents
        for decision in incident.decisions
    ]


def test_a_decision_is_one_commit_of_one_file(watched: Watched) -> None:
    watched.opened()
    watched.study.write("params.yaml", "seed: 8\n")
    watched.study.write("new.txt", "new")
    output = watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", person=BEN)
    assert output.startswith(f"Dismissed {ID}. Reason: a holiday\nIt is not reported again")
    commit = watched.study.git("show", "--name-only", "--format=%an <%ae>%n%s%n%b", "HEAD")
    assert commit.split("\n") == [BEN, f"Dismiss {ID}", "a holiday", "", "", store.file_name(ID)]
    assert decided(watched.study) == ["dismiss Ben: a holiday"]
    (decision,) = watched.only().decisions
    assert (decision.email, decision.level) == ("ben@example.org", "act")
    assert decision.when.endswith("+00:00")
    assert set(watched.study.git("status", "--porcelain").split()) >= {"params.yaml", "new.txt"}


def test_a_dismissed_incident_is_not_reported_while_it_stays_open(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday")
    assert watched.monitor(oct=0.3, nov=0.4) == []
    assert watched.only().notified["still open 2013-11"] == {"dismissed": True}
    (line,) = watched.monitor(oct=0.3, nov=0.4, dec=0)
    assert "closed (2013-12)" in line


def test_a_dismissed_incident_is_reported_when_its_level_rises(watched: Watched) -> None:
    watched.study.write("gates.yaml", RULE.replace("act", "notice"))
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "small")
    assert watched.monitor(oct=0.3, nov=0.4) == []
    watched.study.write("gates.yaml", RULE)
    (line,) = watched.monitor(oct=0.3, nov=0.4)
    assert line.startswith("act: the predictions have moved: raised (2013-11).")
    (line,) = watched.monitor(oct=0.3, nov=0.4, dec=0.5)
    assert "still open (2013-12)" in line


def test_of_two_decisions_the_later_applies_and_both_are_kept(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", person=ANN)
    words = ("alert", "decide", ID, "retrain", "--reason", "it is the season")
    output = watched.study.do(*words, person=BEN)
    assert "This replaces the decision of Ann (dismiss), which stays in the file." in output
    assert "Next: headrace retrain" in output
    assert decided(watched.study) == ["dismiss Ann: a holiday", "retrain Ben: it is the season"]
    assert "retrain: it is the season (Ben" in watched.study.do("alert")
    (line,) = watched.monitor(oct=0.3, nov=0.4)
    assert "still open" in line, "it is dismissed no more"


def test_a_clock_that_went_backwards_is_reported(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday")
    watched.study.clock -= 100_000
    output = watched.study.do("alert", "decide", ID, "rollback", "--reason", "no")
    assert "By this machine's clock, that one is later." in output
    assert decided(watched.study)[-1] == "rollback Ann: no"


@pytest.mark.parametrize("kind", ["staged", "changed", "untracked", "reason", "id", "ignored"])
def test_a_decision_that_would_commit_more_or_less_is_refused(watched: Watched, kind: str) -> None:
    study, reason, name, says = watched.study, "because", ID, ""
    watched.opened() if kind not in ("untracked", "ignored") else watched.monitor(oct=0.3)
    if kind == "staged":
        study.write("new.txt", "new")
        study.git("add", "new.txt")
        says = "The index holds other changes (new.txt)"
    elif kind == "changed":
        watched.monitor(oct=0.3, nov=0.4)
        says = "has uncommitted changes"
    elif kind == "untracked":
        says = "git add alerts/"
    elif kind == "ignored":
        study.write(".git/info/exclude", "/alerts\n")
        says = "has uncommitted changes"
    elif kind == "reason":
        reason, says = " \n", "a reason is required"
    else:
        name, says = ID.replace("moved", "mvoed"), f"Did you mean {ID}?"
    before, head = (watched.root / store.file_name(ID)).read_bytes(), study.git("rev-parse", "HEAD")
    assert says in study.fails("alert", "dismiss", name, "--reason", reason)
    assert (watched.root / store.file_name(ID)).read_bytes() == before
    assert study.git("rev-parse", "HEAD") == head


def test_a_commit_that_git_refuses_leaves_all_as_it_was(watched: Watched) -> None:
    watched.opened()
    hook = watched.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    output = watched.study.fails("alert", "dismiss", ID, "--reason", "a holiday")
    assert "not today" in output
    assert "No decision was recorded." in output
    assert watched.only().decisions == []
    assert watched.study.git("status", "--porcelain") == ""


@ssh
def test_a_decision_is_signed_where_git_signs(watched: Watched, tmp_path: Path) -> None:
    watched.opened()
    trust(watched.study, tmp_path, ("ann@example.org", key(tmp_path, "ann")))
    watched.study.git("config", "commit.gpgSign", "true")
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday")
    assert watched.study.git("log", "-1", "--format=%G?") == "G"


def test_a_decision_needs_git(watched: Watched, tmp_path: Path) -> None:
    watched.monitor(oct=0.3)
    (watched.root / ".git").rename(tmp_path / "gone")
    result = watched.study.run("alert", "dismiss", ID, "--reason", "x")
    assert result.code == 1
    assert "Next: " in result.text


# In CI: one issue


@contextmanager
def ci(github: GitHub) -> Iterator[None]:
    with patch.dict(os.environ, github.environment()):
        yield


def test_an_incident_has_one_issue_that_is_updated_and_closed_with_it(
    watched: Watched, tmp_path: Path
) -> None:
    github = GitHub(tmp_path / "github")
    with ci(github):
        watched.monitor(oct=0.3, issue=True)
        assert "Issue for " in watched.output
        watched.monitor(oct=0.3, issue=True)
        assert "Issue" not in watched.output, "nothing changed"
        watched.monitor(oct=0.3, nov=0.4, issue=True)
        assert "Issue 1 for " in watched.output
        (issue,) = github.known["issues"]
        assert issue["title"] == "the predictions have moved (since 2013-10)"
        assert issue["state"] == "open"
        assert "| 2013-11 | 0.4000 | fires |" in issue["body"]
        for way in ("dismiss", "decide", "headrace rollback", "headrace retrain"):
            assert way in issue["body"]
        watched.monitor(oct=0.3, nov=0.4, dec=0, issue=True)
    (issue,) = github.known["issues"]
    assert issue["state"] == "closed"
    assert "headrace alert" not in issue["body"]
    assert [method for method, _ in github.known["asked"] if method != "GET"] == [
        "POST",
        "PATCH",
        "PATCH",
    ]


def test_machines_without_memory_notify_the_webhook_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHub(tmp_path / "github")
    with receiver() as hook, ci(github):
        monkeypatch.setenv(VARIABLE, hook.url)
        for fresh in range(3):
            watched = Watched.make(tmp_path / f"clone-{fresh}/study")
            watched.monitor(oct=0.3, issue=True)
    assert len(hook.heard) == 1
    assert len(github.known["issues"]) == 1


def test_closed_incidents_are_not_reported_by_machines_without_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHub(tmp_path / "github")
    nights: list[dict[str, float | None]] = [
        {"oct": 0.3, "nov": 0},  # over before anybody looked
        {"oct": 0.3, "nov": 0, "dec": 0.4},
        {"oct": 0.3, "nov": 0, "dec": 0.4},
        {"oct": 0.3, "nov": 0, "dec": 0},  # judged again: it was none
        {"oct": 0.3, "nov": 0, "dec": 0},
    ]
    nightly = []
    with receiver() as hook, ci(github):
        monkeypatch.setenv(VARIABLE, hook.url)
        for night, values in enumerate(nights):
            watched = Watched.make(tmp_path / f"clone-{night}/study")
            assert watched.monitor(issue=True, **values) != [], "its log says all"
            transitions = [
                transition for message in hook.heard for transition in message["transitions"]
            ]
            nightly.append(
                [
                    f"{transition['what']} {transition['batch']}"
                    for transition in transitions[sum(map(len, nightly)) :]
                ]
            )
    assert nightly == [[], ["opened 2013-12"], [], [], []]
    assert len(github.known["issues"]) == 1


def test_machines_without_memory_report_a_closed_incident_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHub(tmp_path / "github")
    with receiver() as hook, ci(github):
        monkeypatch.setenv(VARIABLE, hook.url)
        for night, quiet in enumerate([{}, {"nov": 0}, {"nov": 0}]):
            watched = Watched.make(tmp_path / f"clone-{night}/study")
            watched.monitor(oct=0.3, issue=True, **quiet)
    transitions = [
        transition["what"] for message in hook.heard for transition in message["transitions"]
    ]
    assert transitions == ["opened", "closed"]
    (issue,) = github.known["issues"]
    assert issue["state"] == "closed"


def test_a_decision_closes_the_issue_and_stands_in_it(watched: Watched, tmp_path: Path) -> None:
    github = GitHub(tmp_path / "github")
    with ci(github):
        watched.monitor(oct=0.3, issue=True)
    watched.study.commit()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", person=BEN)
    with ci(github):
        watched.monitor(oct=0.3, issue=True)
    (issue,) = github.known["issues"]
    assert issue["state"] == "closed"
    assert "Decided: dismiss&#58; a holiday (Ben" in issue["body"]


def test_the_issues_of_people_and_pull_requests_are_left_alone(
    watched: Watched, tmp_path: Path
) -> None:
    body = issues.MARK.format(ID)
    person = {"number": 1, "user": {"type": "User"}, "body": body, "state": "open"}
    pull = {"number": 2, "user": {"type": "Bot"}, "body": body, "pull_request": {}}
    unmarked = {"number": 3, "user": {"type": "Bot"}, "body": None, "state": "open"}
    github = GitHub(tmp_path / "github", person, pull, unmarked)
    with ci(github):
        watched.monitor(oct=0.3, issue=True)
    assert github.known["issues"][:3] == [person, pull, unmarked]
    assert len(github.known["issues"]) == 4


def test_an_incident_that_was_closed_before_has_no_issue(watched: Watched, tmp_path: Path) -> None:
    github = GitHub(tmp_path / "github")
    with ci(github):
        watched.monitor(oct=0.3, nov=0, issue=True)
    assert github.known["issues"] == []


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "absent", "no CI"])
def test_a_failure_of_github_is_reported_and_stops_nothing(
    watched: Watched, tmp_path: Path, method: str
) -> None:
    github = GitHub(tmp_path / "github")
    with ci(github):
        if method == "PATCH":
            watched.monitor(oct=0.3, issue=True)
        github.change(refuses=method)
        if method == "absent":
            (github.folder / "gh").unlink()
        env = {"PATH": str(github.folder)} if method == "absent" else {}
        if method == "no CI":
            env["GITHUB_REPOSITORY"] = ""
        real = {**os.environ, **env}
        with patch.dict(os.environ, real):
            (line,) = watched.monitor(oct=0.3, nov=0.4, issue=True)[-1:]
    assert "2013-11" in line
    assert "Next: " in watched.output


EVIL = "<script>x</script> @somebody #1 [a](https://x.org) `b` ![](x) --> | $(x)\n\n# head"


def test_hostile_words_are_harmless_in_an_issue(tmp_path: Path) -> None:
    evil = rule(EVIL, do=EVIL)
    (transition,) = update.update(tmp_path, figures(oct=0.3), [evil])
    body = issues.render(transition.incident, "webhook")
    for harm in ("<script>", "@somebody", " #1", "](", "![", "https://", "\n# head"):
        assert harm not in body
    assert body.startswith(f"<!-- headrace: incident {transition.incident.id} -->\n")


def test_a_file_edited_by_a_stranger_is_harmless_in_an_issue(watched: Watched) -> None:
    watched.opened()
    watched.rewrite("2013-10", "--> <script> @somebody")
    (incident,) = (store.parse(ID, text.encode()) for text in _texts(watched))
    for receivers in incident.notified.values():
        receivers["webhook"] = True
    body = issues.render(incident, "webhook")
    assert "told webhook" in body
    assert "<script>" not in body
    assert "@somebody" not in body


def _texts(watched: Watched) -> list[str]:
    return [path.read_text("utf-8") for path in (watched.root / "alerts").glob("*.json")]


# The audit


def audited(study: Registered) -> tuple[Audit, list[IncidentHistory]]:
    result = audit.audit_repository(study.root)
    return result, [*result.incidents]


@pytest.fixture
def closed_study(watched: Watched) -> Watched:
    """An incident that opened, was dismissed by Ben, decided on by Ann, and closed."""
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", person=BEN)
    words = ("alert", "decide", ID, "retrain", "--reason", "it is the season")
    watched.study.do(*words, person=ANN)
    watched.monitor(oct=0.3, nov=0.4, dec=0)
    watched.study.commit("Close it")
    return watched


def test_the_audit_shows_each_incident_and_its_decisions(closed_study: Watched) -> None:
    result, (incident,) = audited(closed_study.study)
    assert [(entry.event, entry.person) for entry in incident.entries] == [
        ("opened", ANN),
        ("dismissed", BEN),
        ("retrain", ANN),
        ("closed", ANN),
    ]
    opened, dismissed, _, _ = incident.entries
    assert dict(opened.facts)["shows"] == (
        "drift.psi 0.3000 in 2013-10, 0.4000 in 2013-11; it must not be above 0.25"
    )
    facts = dict(dismissed.facts)
    assert (facts["reason"], facts["replaced by"]) == ("a holiday", "retrain, decided by Ann")
    assert facts["commit"].endswith(f" Dismiss {ID}")
    assert (incident.is_open, incident.status) == (False, "closed: quiet again in 2013-12")
    assert result.holds
    assert result.count(Outcome.PASSED) == 2
    assert closed_study.study.run("audit").code == 0


def test_every_form_of_the_audit_shows_incidents(closed_study: Watched, tmp_path: Path) -> None:
    parts = ("the predictions have moved", "a holiday", "it is the season", "Ben")
    for words in ((), ("--markdown",), ("--json",)):
        output = closed_study.study.do("audit", *words)
        assert all(part in output for part in parts), words
        assert "1 incident" in output or words == ("--json",)
    closed_study.study.do("audit", "--html", str(tmp_path / "audit.html"))
    text = (tmp_path / "audit.html").read_text("utf-8")
    assert all(part in text for part in (*parts, "1 incident, 0 open, 1 decided by a person"))


def test_a_bare_clone_has_the_same_incidents(closed_study: Watched, tmp_path: Path) -> None:
    bare = tmp_path / "study.git"
    bake.run(tmp_path, "git", "clone", "--quiet", "--bare", str(closed_study.root), str(bare))
    assert (
        audit.audit_repository(bare).incidents
        == audit.audit_repository(closed_study.root).incidents
    )
    assert len(audit.audit_repository(bare).incidents) == 1


def test_a_study_within_a_repository_has_incidents_of_its_own(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "all", prefix="one")
    study.write("gates.yaml", RULE)
    study.train(0.8)
    study.write("../alerts/other.json", "{}")
    watched = Watched(study)
    watched.opened()
    study.do("alert", "dismiss", ID, "--reason", "a holiday", person=BEN)
    assert len(audit.audit_repository(tmp_path / "all").incidents) == 1
    assert len(audit.audit_repository(study.root, prefix="one/").incidents) == 1
    assert audit.audit_repository(tmp_path / "all").holds
    assert audit.audit_repository(study.root, prefix="two/").incidents == ()


def test_an_edited_decision_is_detected_with_its_commit(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", person=BEN)
    watched.rewrite("a holiday", "nothing happened")
    commit = watched.study.commit("Tidy up", person=EVE)
    audit_result, (incident,) = audited(watched.study)
    assert not audit_result.holds
    says = [result.message for _, result in incident.with_outcome(Outcome.FAILED)]
    assert says == [
        f"it was changed or deleted since, last in {commit[:7]} by {EVE}",
        f"it names {BEN}, and is in {commit[:10]} by {EVE}",
    ]
    command = watched.study.run("audit")
    assert command.code == 1
    assert EVE in command.text


def test_a_decision_in_another_persons_name_is_detected(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "fine", person=EVE)
    watched.rewrite('"Eve"', '"Ben"')
    watched.rewrite("eve@", "ben@")
    watched.study.git("commit", "--quiet", "--all", "--amend", "--no-edit", person=EVE)
    audit_result, (incident,) = audited(watched.study)
    ((_, result),) = incident.with_outcome(Outcome.FAILED)
    assert result.message.startswith(f"it names {BEN}, and is in ")
    assert result.message.endswith(EVE)
    assert not audit_result.holds


def test_a_deleted_or_invalid_incident_file_is_detected(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "fine", person=BEN)
    path = watched.root / store.file_name(ID)
    valid = path.read_text("utf-8")
    for text in (None, "<<<<<<< ours", "{}"):
        path.unlink() if text is None else path.write_text(text, "utf-8")
        watched.study.commit("Spoil it", person=EVE)
        result, (incident,) = audited(watched.study)
        assert not result.holds
        (entry,) = (entry for entry in incident.entries if entry.event == "gone")
        assert EVE in entry.results[0].message
        for form in (terminal.render, markdown.render, page.render):
            assert ID in form(result) or "predictions have moved" in form(result)
    path.write_text(valid, "utf-8")
    watched.study.commit("Mend it")
    assert audited(watched.study)[0].holds


def test_decisions_of_two_branches_survive_a_merge(watched: Watched) -> None:
    study = watched.study
    study.write("gates.yaml", RULE + RULE.removeprefix("live:\n").replace("the ", "all "))
    watched.monitor(oct=0.3)
    study.commit("Two incidents")
    first, second = store.read(study.root)
    study.git("checkout", "--quiet", "-b", "side")
    study.do("alert", "dismiss", first, "--reason", "one", person=BEN)
    study.git("checkout", "--quiet", "main")
    study.do("alert", "dismiss", second, "--reason", "two", person=EVE)
    study.git("merge", "--quiet", "--no-edit", "side")
    result, listed = audited(study)
    assert result.holds
    assert [entry.person for rule in listed for entry in rule.entries if entry.event == "dismissed"]
    assert result.count(Outcome.PASSED) == 2


def test_decisions_are_not_checked_in_a_shallow_clone(
    closed_study: Watched, tmp_path: Path
) -> None:
    words = ("git", "clone", "--quiet", "--depth", "1", closed_study.root.as_uri(), "shallow")
    bake.run(tmp_path, *words)
    result = audit.audit_repository(tmp_path / "shallow")
    assert result.holds
    assert result.count(Outcome.UNCHECKED) == 2


def test_hostile_words_reach_no_terminal_and_no_markup(tmp_path: Path) -> None:
    name, do = json.dumps(EVIL + HOSTILE), json.dumps(HOSTILE)
    rules = RULE.replace("the predictions have moved", name).replace("Retrain", do)
    watched = Watched.make(tmp_path / "study", rules)
    incident = watched.opened()
    watched.study.do("alert", "dismiss", incident.id, "--reason", EVIL + "\x1b[31m", person=BEN)
    result, _ = audited(watched.study)
    for output in (terminal.render(result), watched.study.do("alert"), watched.output):
        assert "\x1b" not in output
    assert "<script>" not in page.render(result)
    assert "<script>" not in markdown.render(result)
    assert "@somebody" not in markdown.render(result)


def test_an_unknown_choice_is_shown_as_a_decision(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "fine", person=BEN)
    watched.rewrite('"dismiss"', '"<b>|"')
    watched.study.git("commit", "--quiet", "--all", "--amend", "--no-edit", person=BEN)
    result, (incident,) = audited(watched.study)
    assert [entry.event for entry in incident.entries] == ["opened", "decided"]
    assert "<b>" not in markdown.render(result)


def test_the_whole_year_stands_in_one_audit(watched: Watched) -> None:
    study = watched.study
    study.certify()
    study.do("register")
    study.promote("v1.0.0")
    watched.opened()
    study.do("alert", "decide", ID, "retrain", "--reason", "the season", person=BEN)
    study.version(0.9)
    study.promote("v1.0.1")
    study.do("rollback", *yes("too slow"), person=BEN)
    output = study.do("audit")
    assert " checks passed." in output
    assert "1 incident, 1 open, 1 decided by a person" in output
    assert output.index("incident") < output.index("model: ")
