"""Promises of the page of `headrace audit`, kept in a real browser."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import browser
import pytest
from hostile_text import EVIL, LONG
from monitored_year import monitored_year
from page_checks import CONTRAST, Tags
from registered_study import BEN, Registered, yes

from headrace.gates.live import Level, Light, Rule
from headrace.registry import audit, page
from headrace.registry.audit import ArtifactHistory, Audit, StageHolder
from headrace.registry.check import CheckResult, Outcome
from headrace.registry.incidents import IncidentHistory
from headrace.registry.live_batches import Batch, LiveBatches
from headrace.registry.timeline import Entry

LINKS = (
    CheckResult("tag", Outcome.PASSED, "The tag holds evidence."),
    CheckResult("previous", Outcome.FAILED, "it follows model#dev#1, and that tag is gone"),
    CheckResult("bytes-kept", Outcome.UNCHECKED, "the bundle's bytes are not at hand"),
)
HIDDEN = (
    "[...document.querySelectorAll('details > :not(summary)')]"
    ".filter(one => !one.checkVisibility({contentVisibilityAuto: true})"
    " || !one.getBoundingClientRect().height).length"
)
OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"


def an_audit(text: str, *, broken: bool = True) -> Audit:
    """Return an audit in which all that people may write is this text."""
    links = LINKS if broken else LINKS[:1]
    facts = (("reason", text), ("commit", text), ("metrics", text))
    words = ("trained", "verified", "registered", "promoted", "overridden", "rolled back", "gone")
    entries = tuple(
        Entry(1_700_000_000 + 60 * at, word, text, text, text, text, text, facts, links,
              marked=word in ("overridden", "gone"))
        for at, word in enumerate((*words, "restored", "demoted", "assigned"))
    )  # fmt: skip
    holders = tuple(
        StageHolder(text, text, 1_700_000_000, text, text, sound=not broken) for _ in range(3)
    )
    lives = (
        ArtifactHistory(text, 1, holders, entries, deprecated=True),
        ArtifactHistory("calm", 0, (), ()),
    )
    return Audit(text, lives, tuple(incidents(text)), (live(text),))


def live(text: str) -> LiveBatches:
    """Return a study's batches in which all that people may write is this text."""
    failed = Entry(1_700_000_000, "dismissed", text, text, results=LINKS)
    incident = IncidentHistory(
        text, text, "act", True, text, text, (failed,), "decided", text, study=text
    )
    marks = tuple(Rule(text, text, 1.0, True, level, text) for level in Level)
    batches = tuple(
        Batch(
            text, text, 7.0, 0.5, 1e300, -1.0, 1e300, False, marks, {text: light}, (incident,) * 2
        )
        for light in Light
    )
    return LiveBatches(text, text, text, (text,), batches, (text,))


def incidents(text: str) -> Iterator[IncidentHistory]:
    """Yield incidents, open and closed, loud and calm, in which all is this text."""
    facts = (("reason", text), ("shows", text))
    words = ("opened", "dismissed", "roll back", "retrain", "decided", "closed")
    entries = tuple(
        Entry(1_700_000_000 + at, word, text, text, facts=facts) for at, word in enumerate(words)
    )
    for level, still in (("act", True), ("notice", True), ("act", False)):
        yield IncidentHistory(text, text, level, still, text, text, entries, "decided", study=text)


def write_page(audit: Audit, folder: Path) -> Path:
    path = folder / "audit.html"
    path.write_text(page.render(audit), "utf-8")
    return path


def test_hostile_text_never_becomes_markup() -> None:
    calm, evil = (Tags(page.render(an_audit(text))) for text in ("calm", EVIL))
    assert evil.tags <= calm.tags | {"wbr"}
    assert {name for name, _ in evil.attributes} <= {name for name, _ in calm.attributes}
    assert not evil.tags & {"script", "iframe", "object", "form", "base", "link", "img"}
    assert not [name for name, _ in evil.attributes if name.startswith("on")]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", page.render(an_audit(EVIL)))


def test_nothing_on_the_page_leads_elsewhere() -> None:
    tags = Tags(page.render(an_audit(EVIL)))
    addresses = [value for name, value in tags.attributes if name in {"src", "href", "action"}]
    assert addresses
    assert all(re.fullmatch(r"#e\d+-\d+", address) for address in addresses)
    places = {value for name, value in tags.attributes if name == "id"}
    assert {address[1:] for address in addresses} <= places
    policies = [value for name, value in tags.attributes if name == "content"]
    assert "default-src 'none'" in [value.split(";")[0] for value in policies]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("text", [EVIL, LONG, "v1.0.0 to prod"], ids=list("abc"))
def test_the_page_never_scrolls_sideways(
    chromium: browser.Browser, tmp_path: Path, width: int, dark: bool, text: str
) -> None:
    chromium.show(write_page(an_audit(text), tmp_path), width, dark=dark)
    chromium.ask(OPEN)
    assert chromium.ask("document.documentElement.scrollWidth") <= width


def test_a_browser_runs_nothing_and_asks_nobody(chromium: browser.Browser, tmp_path: Path) -> None:
    chromium.requests.clear()
    path = write_page(an_audit(EVIL), tmp_path)
    chromium.show(path, 800)
    chromium.ask(OPEN)
    chromium.picture(tmp_path / "seen.png")
    assert [request for request in chromium.requests if not request.startswith("data:")] == [
        path.as_uri()
    ]
    assert chromium.said == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("broken", [False, True], ids=["holds", "broken"])
def test_every_word_stands_out_from_its_ground(
    chromium: browser.Browser, tmp_path: Path, dark: bool, broken: bool
) -> None:
    chromium.show(write_page(an_audit("plain", broken=broken), tmp_path), 800, dark=dark)
    chromium.ask(OPEN)
    assert chromium.ask(CONTRAST) >= 4.5


def test_paper_shows_what_is_folded(chromium: browser.Browser, tmp_path: Path) -> None:
    path = write_page(an_audit("plain"), tmp_path)
    chromium.show(path, 800)
    assert chromium.ask(HIDDEN) > 5
    chromium.show(path, 800, media="print", dark=True)
    assert chromium.ask(HIDDEN) == 0
    assert chromium.ask("document.documentElement.scrollWidth") <= 800
    assert chromium.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_link_in_the_verdict_leads_to_the_event(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    chromium.show(write_page(an_audit("plain"), tmp_path), 800)
    chromium.ask("document.querySelector('.verdict a').click()")
    assert chromium.ask("document.querySelector(':target .event') !== null")


def test_the_newest_event_comes_first() -> None:
    text = page.render(an_audit("plain")).partition('aria-label="plain"')[2]
    words = re.findall(r'<div class="event"><span[^>]*>([^<]+)', text)
    assert (words[0], words[-1]) == ("assigned", "trained")


def test_the_verdict_says_what_is_broken_and_what_was_not_checked() -> None:
    text = Tags(page.render(an_audit("plain"))).text
    verdict = text[text.index("10 of 20 checks failed.") : text.index("1 version, ")]
    assert "it follows model#dev#1, and that tag is gone" in verdict
    assert "Not checked here" in verdict
    assert "the bundle's bytes, 10 times" in verdict
    assert "Nothing is registered here yet" in page.render(Audit("x", ()))


def test_the_whole_story_stands_on_the_page(tmp_path: Path) -> None:
    study = Registered.make(tmp_path / "study")
    study.version(0.8)
    study.promote("v1.0.0")
    study.version(0.9)
    study.promote("v1.0.1")
    study.do("rollback", *yes("too slow"), person=BEN)
    study.do("audit", "--html", "../audit.html")
    text = Tags((tmp_path / "audit.html").read_text("utf-8")).text
    for word in ("trained", "verified", "registered", "promoted", "retrained", "rolled back"):
        assert word in text
    assert "v1.0.0 is in prod again" in text
    assert "too slow" in text
    result = study.run("audit", "--html", "pyproject.toml/audit.html")
    assert (result.code, "Next: " in result.text) == (1, True)


def test_an_incident_that_does_not_hold_is_seen_at_once_and_unfolded() -> None:
    (first, *_) = incidents("plain")
    entry = Entry(1_700_000_000, "dismissed", "plain", "Ben", results=LINKS)
    text = page.render(Audit("x", (), (replace(first, entries=(entry,)),)))
    assert "1 of 2 checks failed." in text
    assert "<details open>" in text
    assert '<a href="#e0-0">dismissed' in text
    assert 'id="e0-0"' in text
    assert "<details open>" not in page.render(Audit("x", (), (first,)))


def test_open_incidents_come_before_the_versions_and_are_counted() -> None:
    text = Tags(page.render(an_audit("plain"))).text
    assert "3 incidents, 2 open, 3 decided by a person" in text
    assert text.index("3 incidents") < text.index("1 version, ")


# Live batches


@pytest.fixture(scope="module")
def monitored_study(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """Four months, two incidents, a second version after October; not to be changed."""
    return monitored_year(tmp_path_factory.mktemp("year") / "study")


BOTTOM = "document.querySelector('{}').getBoundingClientRect().bottom"


def test_verdict_batches_and_stages_fit_one_screen(
    chromium: browser.Browser, monitored_study: Registered, tmp_path: Path
) -> None:
    chromium.show(write_page(audit.audit_repository(monitored_study.root), tmp_path), 1280)
    ends = [chromium.ask(BOTTOM.format(batch)) for batch in (".verdict", ".batches", ".stages")]
    assert ends == sorted(ends)
    assert 0 < ends[0] < ends[-1] < 900


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 400, 800, 1000, 1100, 1280])
def test_nothing_scrolls_sideways_and_all_can_be_read(
    chromium: browser.Browser, monitored_study: Registered, tmp_path: Path, width: int, dark: bool
) -> None:
    chromium.show(
        write_page(audit.audit_repository(monitored_study.root), tmp_path), width, dark=dark
    )
    assert chromium.ask("document.documentElement.scrollWidth") <= width
    inside = (
        "(one => one.scrollWidth - one.clientWidth)(document.querySelector('.batches .scroll'))"
    )
    assert chromium.ask(inside) <= 0
    assert chromium.ask(CONTRAST) >= 4.5


def test_every_light_has_a_word(
    chromium: browser.Browser, monitored_study: Registered, tmp_path: Path
) -> None:
    chromium.show(write_page(audit.audit_repository(monitored_study.root), tmp_path), 1280)
    words = chromium.ask(
        "[...document.querySelectorAll('.batches .badge')].map(one => one.innerText)"
    )
    assert {*words} == {
        *("✓ ok", "✗ act", "! notice", "✗ above 15000"),
        *("act, closed", "! notice, open"),
    }


def test_an_incident_of_a_batch_leads_to_its_events(
    chromium: browser.Browser, monitored_study: Registered, tmp_path: Path
) -> None:
    chromium.show(write_page(audit.audit_repository(monitored_study.root), tmp_path), 1280)
    chromium.ask("document.querySelector('.batches a').click()")
    assert "late flights cost far more" in chromium.ask(
        "document.querySelector(':target').innerText"
    )
    assert chromium.ask("document.querySelector(':target').closest('details').open") is True
