"""Promises of telling and deciding: everyone hears once, nobody who is gone stops a run."""

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


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A study with one live rule and no incident."""
    return Watched.make(tmp_path / "study")


# Who is told


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
    found = project.find_project(watched.root)
    killed = patch.object(notify, "_mark", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        notify.notify(found, transitions)
    assert len(watched.monitor(oct=0.3)) == 1
    assert watched.monitor(oct=0.3) == []


def test_a_webhook_hears_each_transition_once_with_all_that_it_needs(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as there:
        monkeypatch.setenv(VARIABLE, there.url)
        for _ in range(3):
            watched.monitor(oct=0.3)
        watched.monitor(oct=0.3, nov=0)
    first, second = there.heard
    assert first["text"].startswith("study: act: the predictions have moved: opened (2013-10).")
    (told,) = first["transitions"]
    assert (told["incident"], told["batch"], told["value"]) == (ID, "2013-10", 0.3)
    assert (told["level"], told["limit"], told["what"]) == ("act", "above 0.25", "opened")
    assert set(told["ways_out"]) == {"dismiss", "roll back", "retrain"}
    assert [one["what"] for one in second["transitions"]] == ["closed"]
    assert watched.only().notified["opened 2013-10"] == {"output": True, "webhook": True}


def test_pyproject_may_name_the_webhook_and_the_environment_comes_first(tmp_path: Path) -> None:
    with receiver() as there, receiver() as other:
        watched = Watched.make(tmp_path / "study", settings=f'webhook = "{there.url}"\n')
        watched.monitor(oct=0.3)
        with patch.dict(os.environ, {VARIABLE: other.url}):
            watched.monitor(oct=0.3, nov=0.4)
    assert (len(there.heard), len(other.heard)) == (1, 1)


@contextmanager
def _ill(kind: str) -> Iterator[tuple[str, str]]:
    """Yield the address of a receiver that is ill, and what is said of it."""
    secret = f"services/{SECRET}"
    if kind in ("500", "404", "204"):
        with receiver(int(kind)) as there:
            yield there.url, f"it answered {kind}" if kind != "204" else ""
    elif kind == "garbage":
        with answering(b"\x00\xff not HTTP at all\r\n\r\n") as place:
            yield f"http://{place}/{secret}", "its answer is not HTTP"
    elif kind == "nothing":
        with answering(b"") as place:
            yield f"http://{place}/{secret}", "it refused or closed the connection"
    elif kind == "endless":
        with answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000) as place:
            yield f"http://{place}/{secret}", "its answer is not HTTP"
    elif kind == "hangs":
        with answering(None) as place:
            yield f"http://{place}/{secret}", "it did not answer"
    elif kind == "TLS":
        with answering(b"HTTP/1.1 200 OK\r\n\r\n") as place:
            yield f"https://{place}/{secret}", "its TLS certificate or connection is not valid"
    elif kind == "refused":
        yield f"http://{nobody()}/{secret}", "it refused or closed the connection"
    else:
        yield kind + secret, "its address"


ILL = (
    *("500", "404", "garbage", "nothing", "endless", "hangs", "TLS", "refused"),
    *("file:///", "x", "http://", "http://[", "http://a b/", "http://\x00/"),
)


@pytest.mark.parametrize("kind", ILL, ids=range(len(ILL)))
def test_a_webhook_that_is_ill_is_said_stops_nothing_and_is_told_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with _ill(kind) as (url, word):
        found = {"webhook": url}
        with patch.object(webhook, "address", lambda _: found["webhook"]):
            with monkeypatch.context() as short:
                if kind == "hangs":
                    short.setattr(webhook, "SECONDS", 0.1)
                assert len(watched.monitor(oct=0.3)) == 1
            assert word in watched.said
            assert "The webhook was not notified: " in watched.said
            assert SECRET not in watched.said
            assert "Next: " in watched.said
            with receiver() as there:
                found["webhook"] = there.url
                assert watched.monitor(oct=0.3) == [], "standard output heard it before"
                watched.monitor(oct=0.3)
    assert [len(one["transitions"]) for one in there.heard] == [1]


def test_a_receiver_that_never_ends_is_left_alone_when_its_time_is_over() -> None:
    over = threading.Event()
    with patch.object(webhook, "_send", lambda *_: str(over.wait())):
        assert webhook.post("http://x", {}, seconds=0.01) == "it did not answer within 0.01 s"
    over.set()


def test_a_redirect_carries_the_message_to_nobody_else(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as other:
        for status in (301, 302, 303, 307, 308):
            with receiver(status, other.url) as there:
                monkeypatch.setenv(VARIABLE, there.url)
                watched.monitor(oct=0.3)
            assert f"it answered {status}, a redirect, which is not followed" in watched.said
            assert SECRET not in watched.said
    assert other.heard == []


# What a person decides


def decided(study: Registered) -> list[str]:
    found = store.read(study.root).values()
    return [f"{each.choice} {each.name}: {each.reason}" for one in found for each in one.decisions]


def test_a_decision_is_one_commit_of_one_file_by_who_decides(watched: Watched) -> None:
    watched.opened()
    watched.study.write("params.yaml", "seed: 8\n")
    watched.study.write("new.txt", "new")
    said = watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", who=BEN)
    assert said.startswith(f"Dismissed {ID}. Reason: a holiday\nIt is not reported again")
    shown = watched.study.git("show", "--name-only", "--format=%an <%ae>%n%s%n%b", "HEAD")
    assert shown.split("\n") == [BEN, f"Dismiss {ID}", "a holiday", "", "", store.file_name(ID)]
    assert decided(watched.study) == ["dismiss Ben: a holiday"]
    (one,) = watched.only().decisions
    assert (one.email, one.level) == ("ben@example.org", "act")
    assert one.when.endswith("+00:00")
    assert set(watched.study.git("status", "--porcelain").split()) >= {"params.yaml", "new.txt"}


def test_what_is_dismissed_is_not_told_again_while_it_stays_open(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday")
    assert watched.monitor(oct=0.3, nov=0.4) == []
    assert watched.only().notified["still open 2013-11"] == {"dismissed": True}
    (line,) = watched.monitor(oct=0.3, nov=0.4, dec=0)
    assert "closed (2013-12)" in line


def test_what_is_dismissed_is_told_again_when_its_level_rises(watched: Watched) -> None:
    watched.study.write("gates.yaml", RULE.replace("act", "notice"))
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "small")
    assert watched.monitor(oct=0.3, nov=0.4) == []
    watched.study.write("gates.yaml", RULE)
    (line,) = watched.monitor(oct=0.3, nov=0.4)
    assert line.startswith("act: the predictions have moved: raised (2013-11).")
    (line,) = watched.monitor(oct=0.3, nov=0.4, dec=0.5)
    assert "still open (2013-12)" in line


def test_of_two_decisions_the_later_stands_and_the_former_is_kept(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", who=ANN)
    words = ("alert", "decide", ID, "retrain", "--reason", "it is the season")
    said = watched.study.do(*words, who=BEN)
    assert "This replaces the decision of Ann (dismiss), which stays in the file." in said
    assert "Next: headrace retrain" in said
    assert decided(watched.study) == ["dismiss Ann: a holiday", "retrain Ben: it is the season"]
    assert "retrain: it is the season (Ben" in watched.study.do("alert")
    (line,) = watched.monitor(oct=0.3, nov=0.4)
    assert "still open" in line, "it is dismissed no more"


def test_a_clock_that_went_backwards_is_told(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday")
    watched.study.clock -= 100_000
    said = watched.study.do("alert", "decide", ID, "rollback", "--reason", "no")
    assert "By this machine's clock, that one is later." in said
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
    assert says in study.refused("alert", "dismiss", name, "--reason", reason)
    assert (watched.root / store.file_name(ID)).read_bytes() == before
    assert study.git("rev-parse", "HEAD") == head


def test_a_commit_that_git_refuses_leaves_all_as_it_was(watched: Watched) -> None:
    watched.opened()
    hook = watched.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    said = watched.study.refused("alert", "dismiss", ID, "--reason", "a holiday")
    assert "not today" in said
    assert "No decision was recorded." in said
    assert watched.only().decisions == []
    assert watched.study.git("status", "--porcelain") == ""


@ssh
def test_a_decision_is_signed_where_git_signs(watched: Watched, tmp_path: Path) -> None:
    watched.opened()
    trust(watched.study, tmp_path, ("ann@example.org", key(tmp_path, "ann")))
    watched.study.git("config", "commit.gpgSign", "true")
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday")
    assert watched.study.git("log", "-1", "--format=%G?") == "G"


def test_in_a_folder_without_git_nothing_is_decided(watched: Watched, tmp_path: Path) -> None:
    watched.monitor(oct=0.3)
    (watched.root / ".git").rename(tmp_path / "gone")
    said = watched.study.say("alert", "dismiss", ID, "--reason", "x")
    assert said.code == 1
    assert "Next: " in said.text


# In CI: one issue


@contextmanager
def ci(github: GitHub) -> Iterator[None]:
    with patch.dict(os.environ, github.environment()):
        yield


def test_an_incident_gets_one_issue_that_is_renewed_and_closed_with_it(
    watched: Watched, tmp_path: Path
) -> None:
    github = GitHub(tmp_path / "github")
    with ci(github):
        watched.monitor(oct=0.3, issue=True)
        assert "Issue for " in watched.said
        watched.monitor(oct=0.3, issue=True)
        assert "Issue" not in watched.said, "nothing changed"
        watched.monitor(oct=0.3, nov=0.4, issue=True)
        assert "Issue 1 for " in watched.said
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


def test_a_machine_that_forgets_tells_the_webhook_once_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHub(tmp_path / "github")
    with receiver() as there, ci(github):
        monkeypatch.setenv(VARIABLE, there.url)
        for fresh in range(3):
            watched = Watched.make(tmp_path / f"clone-{fresh}/study")
            watched.monitor(oct=0.3, issue=True)
    assert len(there.heard) == 1
    assert len(github.known["issues"]) == 1


def test_what_is_over_is_not_told_anew_by_each_machine_that_forgets(
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
    told = []
    with receiver() as there, ci(github):
        monkeypatch.setenv(VARIABLE, there.url)
        for night, found in enumerate(nights):
            watched = Watched.make(tmp_path / f"clone-{night}/study")
            assert watched.monitor(issue=True, **found) != [], "its log says all"
            heard = [one for said in there.heard for one in said["transitions"]]
            told.append([f"{one['what']} {one['batch']}" for one in heard[sum(map(len, told)) :]])
    assert told == [[], ["opened 2013-12"], [], [], []]
    assert len(github.known["issues"]) == 1


def test_the_end_of_an_incident_is_told_once_by_machines_that_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHub(tmp_path / "github")
    with receiver() as there, ci(github):
        monkeypatch.setenv(VARIABLE, there.url)
        for night, quiet in enumerate([{}, {"nov": 0}, {"nov": 0}]):
            watched = Watched.make(tmp_path / f"clone-{night}/study")
            watched.monitor(oct=0.3, issue=True, **quiet)
    told = [one["what"] for said in there.heard for one in said["transitions"]]
    assert told == ["opened", "closed"]
    (issue,) = github.known["issues"]
    assert issue["state"] == "closed"


def test_a_decision_closes_the_issue_and_stands_in_it(watched: Watched, tmp_path: Path) -> None:
    github = GitHub(tmp_path / "github")
    with ci(github):
        watched.monitor(oct=0.3, issue=True)
    watched.study.commit()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", who=BEN)
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
    other = {"number": 3, "user": {"type": "Bot"}, "body": None, "state": "open"}
    github = GitHub(tmp_path / "github", person, pull, other)
    with ci(github):
        watched.monitor(oct=0.3, issue=True)
    assert github.known["issues"][:3] == [person, pull, other]
    assert len(github.known["issues"]) == 4


def test_what_was_over_before_anyone_looked_gets_no_issue(watched: Watched, tmp_path: Path) -> None:
    github = GitHub(tmp_path / "github")
    with ci(github):
        watched.monitor(oct=0.3, nov=0, issue=True)
    assert github.known["issues"] == []


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "absent", "no CI"])
def test_github_that_refuses_is_said_and_stops_nothing(
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
    assert "Next: " in watched.said


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
    (one,) = (store.from_json(ID, json.loads(text)) for text in _texts(watched))
    for heard in one.notified.values():
        heard["webhook"] = True
    body = issues.render(one, "webhook")
    assert "told webhook" in body
    assert "<script>" not in body
    assert "@somebody" not in body


def _texts(watched: Watched) -> list[str]:
    return [path.read_text("utf-8") for path in (watched.root / "alerts").glob("*.json")]


# The audit


def audited(study: Registered) -> tuple[Audit, list[IncidentHistory]]:
    found = audit.audit_repository(study.root)
    return found, [*found.incidents]


@pytest.fixture
def told(watched: Watched) -> Watched:
    """An incident that opened, was dismissed by Ben, decided on by Ann, and closed."""
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", who=BEN)
    words = ("alert", "decide", ID, "retrain", "--reason", "it is the season")
    watched.study.do(*words, who=ANN)
    watched.monitor(oct=0.3, nov=0.4, dec=0)
    watched.study.commit("Close it")
    return watched


def test_the_audit_tells_each_incident_and_who_decided_when_and_why(told: Watched) -> None:
    found, (one,) = audited(told.study)
    assert [(entry.event, entry.person) for entry in one.entries] == [
        ("opened", ANN),
        ("dismissed", BEN),
        ("retrain", ANN),
        ("closed", ANN),
    ]
    opened, dismissed, _, _ = one.entries
    assert dict(opened.facts)["shows"] == (
        "drift.psi 0.3000 in 2013-10, 0.4000 in 2013-11; it must not be above 0.25"
    )
    facts = dict(dismissed.facts)
    assert (facts["reason"], facts["replaced by"]) == ("a holiday", "retrain, decided by Ann")
    assert facts["commit"].endswith(f" Dismiss {ID}")
    assert (one.is_open, one.status) == (False, "closed: quiet again in 2013-12")
    assert found.holds
    assert found.count(Outcome.PASSED) == 2
    assert told.study.say("audit").code == 0


def test_every_form_of_the_audit_tells_it(told: Watched, tmp_path: Path) -> None:
    parts = ("the predictions have moved", "a holiday", "it is the season", "Ben")
    for words in ((), ("--markdown",), ("--json",)):
        said = told.study.do("audit", *words)
        assert all(part in said for part in parts), words
        assert "1 incident" in said or words == ("--json",)
    told.study.do("audit", "--html", str(tmp_path / "audit.html"))
    written = (tmp_path / "audit.html").read_text("utf-8")
    assert all(part in written for part in (*parts, "1 incident, 0 open, 1 decided by a person"))


def test_a_bare_clone_tells_the_same_incidents(told: Watched, tmp_path: Path) -> None:
    bare = tmp_path / "study.git"
    bake.run(tmp_path, "git", "clone", "--quiet", "--bare", str(told.root), str(bare))
    assert audit.audit_repository(bare).incidents == audit.audit_repository(told.root).incidents
    assert len(audit.audit_repository(bare).incidents) == 1


def test_a_study_within_a_repository_has_incidents_of_its_own(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "all", prefix="one")
    study.write("gates.yaml", RULE)
    study.train(0.8)
    study.write("../alerts/other.json", "{}")
    watched = Watched(study)
    watched.opened()
    study.do("alert", "dismiss", ID, "--reason", "a holiday", who=BEN)
    assert len(audit.audit_repository(tmp_path / "all").incidents) == 1
    assert len(audit.audit_repository(study.root, prefix="one/").incidents) == 1
    assert audit.audit_repository(tmp_path / "all").holds
    assert audit.audit_repository(study.root, prefix="two/").incidents == ()


def test_a_decision_edited_later_is_found_and_its_commit_is_named(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "a holiday", who=BEN)
    watched.rewrite("a holiday", "nothing happened")
    commit = watched.study.commit("Tidy up", who=EVE)
    found, (one,) = audited(watched.study)
    assert not found.holds
    says = [result.message for _, result in one.with_outcome(Outcome.FAILED)]
    assert says == [
        f"it was changed or deleted since, last in {commit[:7]} by {EVE}",
        f"it names {BEN}, and is in {commit[:10]} by {EVE}",
    ]
    said = watched.study.say("audit")
    assert said.code == 1
    assert EVE in said.text


def test_a_decision_in_another_s_name_is_found(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "fine", who=EVE)
    watched.rewrite('"Eve"', '"Ben"')
    watched.rewrite("eve@", "ben@")
    watched.study.git("commit", "--quiet", "--all", "--amend", "--no-edit", who=EVE)
    found, (one,) = audited(watched.study)
    ((_, result),) = one.with_outcome(Outcome.FAILED)
    assert result.message.startswith(f"it names {BEN}, and is in ")
    assert result.message.endswith(EVE)
    assert not found.holds


def test_an_incident_that_was_taken_away_or_spoilt_is_found(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "fine", who=BEN)
    path = watched.root / store.file_name(ID)
    good = path.read_text("utf-8")
    for text in (None, "<<<<<<< ours", "{}"):
        path.unlink() if text is None else path.write_text(text, "utf-8")
        watched.study.commit("Spoil it", who=EVE)
        found, (one,) = audited(watched.study)
        assert not found.holds
        (entry,) = (entry for entry in one.entries if entry.event == "gone")
        assert EVE in entry.results[0].message
        for form in (terminal.render, markdown.render, page.render):
            assert ID in form(found) or "predictions have moved" in form(found)
    path.write_text(good, "utf-8")
    watched.study.commit("Mend it")
    assert audited(watched.study)[0].holds


def test_decisions_of_two_branches_are_whole_after_a_merge(watched: Watched) -> None:
    study = watched.study
    study.write("gates.yaml", RULE + RULE.removeprefix("live:\n").replace("the ", "all "))
    watched.monitor(oct=0.3)
    study.commit("Two incidents")
    first, second = store.read(study.root)
    study.git("checkout", "--quiet", "-b", "side")
    study.do("alert", "dismiss", first, "--reason", "one", who=BEN)
    study.git("checkout", "--quiet", "main")
    study.do("alert", "dismiss", second, "--reason", "two", who=EVE)
    study.git("merge", "--quiet", "--no-edit", "side")
    found, listed = audited(study)
    assert found.holds
    assert [entry.person for one in listed for entry in one.entries if entry.event == "dismissed"]
    assert found.count(Outcome.PASSED) == 2


def test_a_shallow_clone_says_that_it_cannot_tell(told: Watched, tmp_path: Path) -> None:
    words = ("git", "clone", "--quiet", "--depth", "1", told.root.as_uri(), "shallow")
    bake.run(tmp_path, *words)
    found = audit.audit_repository(tmp_path / "shallow")
    assert found.holds
    assert found.count(Outcome.UNCHECKED) == 2


def test_hostile_words_reach_no_terminal_and_no_markup(tmp_path: Path) -> None:
    named, do = json.dumps(EVIL + HOSTILE), json.dumps(HOSTILE)
    rules = RULE.replace("the predictions have moved", named).replace("Retrain", do)
    watched = Watched.make(tmp_path / "study", rules)
    one = watched.opened()
    watched.study.do("alert", "dismiss", one.id, "--reason", EVIL + "\x1b[31m", who=BEN)
    found, _ = audited(watched.study)
    for said in (terminal.render(found), watched.study.do("alert"), watched.said):
        assert "\x1b" not in said
    assert "<script>" not in page.render(found)
    assert "<script>" not in markdown.render(found)
    assert "@somebody" not in markdown.render(found)


def test_a_decision_of_a_word_that_nobody_knows_is_shown_as_one(watched: Watched) -> None:
    watched.opened()
    watched.study.do("alert", "dismiss", ID, "--reason", "fine", who=BEN)
    watched.rewrite('"dismiss"', '"<b>|"')
    watched.study.git("commit", "--quiet", "--all", "--amend", "--no-edit", who=BEN)
    found, (one,) = audited(watched.study)
    assert [entry.event for entry in one.entries] == ["opened", "decided"]
    assert "<b>" not in markdown.render(found)


def test_the_whole_year_stands_in_one_audit(watched: Watched) -> None:
    study = watched.study
    study.certify()
    study.do("register")
    study.promote("v1.0.0")
    watched.opened()
    study.do("alert", "decide", ID, "retrain", "--reason", "the season", who=BEN)
    study.version(0.9)
    study.promote("v1.0.1")
    study.do("rollback", *yes("too slow"), who=BEN)
    said = study.do("audit")
    assert " checks passed." in said
    assert "1 incident, 1 open, 1 decided by a person" in said
    assert said.index("incident") < said.index("model: ")
