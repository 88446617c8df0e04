"""The page's sections of data, notebooks and code."""

from headrace.compare.model import (
    CellChange,
    ColumnChange,
    Commit,
    FileChange,
    NotebookChange,
    Shown,
    TableChange,
)
from headrace.report.page_parts import (
    ABSENT,
    badge,
    code,
    counted,
    difference,
    escape,
    fold,
    long_table,
    name,
    number,
    picture,
    row,
    section,
    share,
    signed,
    text,
)

CODE_LINES = 8
STATUS = {"A": "added", "M": "changed", "D": "deleted", "R": "renamed", "T": "changed in kind"}
FACTS = ("mean", "p05", "median", "p95")
SHIFT, STEADY = 0.25, 0.1
"""The habit of the field; see `headrace.stats.psi`."""
COLUMN = ("Column", "Drift", "Side", "Type", "Missing#", "Mean#", "5 %#", "Median#", "95 %#")
COMMIT = ("Commit", "Date", "Author", "Subject")
FILE = ("File", "It was", "Feeds the stages")


def tables(found: tuple[TableChange, ...]) -> str:
    """Return the section of the tables that changed, the longest first."""
    if not found:
        return ""
    ordered = sorted(found, key=lambda one: -max(one.old_rows or 0, one.new_rows or 0))
    says = counted(len(found), "table") + _shifted(found)
    return section("Data", says, "".join(map(_table, ordered)))


def _shifted(tables: tuple[TableChange, ...]) -> str:
    shifts = [one for each in tables for one in each.columns if (one.drift or 0) >= SHIFT]
    return f", {counted(len(shifts), 'column')} shifted" if shifts else ""


def _table(change: TableChange) -> str:
    note = f'<p class="soft small">{name(change.note)}</p>' if change.note else ""
    ordered = sorted(change.columns, key=lambda one: -(one.drift or 0))
    rows = [_column(one) for one in ordered]
    made = long_table(f"Columns of {change.path}", COLUMN, rows, "column")
    return fold(code(change.path), _rows(change), note + made)


def _rows(change: TableChange) -> str:
    if change.old_rows is None and change.new_rows is None:
        return "could not be compared" if change.note else ""
    if change.old_rows is None or change.new_rows is None:
        side, count = ("new", change.new_rows) if change.old_rows is None else ("gone", None)
        return f"{side}, {counted(count or change.old_rows or 0, 'row')}"
    says = counted(change.new_rows, "row")
    if change.old_rows != change.new_rows:
        says += f" ({signed(change.new_rows - change.old_rows)})"
    if change.columns:
        says += f", {counted(len(change.columns), 'column')} changed"
    most = max(change.columns, key=lambda one: one.drift or 0, default=None)
    drift = f", greatest drift {most.drift:.2f} ({most.name})" if most and most.drift else ""
    return says + drift


def _column(change: ColumnChange) -> str:
    """Return two rows: the column as it was, and as it is."""
    sides = ((change.old_type, change.old), (change.new_type, change.new))
    first, second = (_described(type_, facts) for type_, facts in sides)
    drift = f'<td rowspan="2" class="words">{_drift(change)}</td>'
    head = f'<th scope="rowgroup" rowspan="2">{code(change.name)}</th>'
    return (
        f'<tr>{head}{drift}<th scope="row" class="side">old</th>{first}</tr>'
        f'<tr class="second"><th scope="row" class="side">new</th>{second}</tr>'
    )


def _described(type_: str | None, facts: dict[str, object]) -> str:
    if type_ is None:
        return f'<td colspan="{len(FACTS) + 2}" class="soft">has no such column</td>'
    cells = f"<td>{escape(type_)}</td>" + f'<td class="number">{share(facts.get("missing"))}</td>'
    top = facts.get("top")
    if isinstance(top, list | tuple):
        told = ", ".join(f"{name(str(one)[:60])} {share(part)}" for one, part in top)
        return cells + f'<td colspan="{len(FACTS)}" class="wide">{told or ABSENT}</td>'
    infinite = facts.get("infinite")
    more = f'<br><span class="soft">{share(infinite)} infinite</span>' if infinite else ""
    told = "".join(f'<td class="number">{number(facts.get(key))}</td>' for key in FACTS)
    return cells + told.replace("</td>", f"{more}</td>", 1)


def _drift(change: ColumnChange) -> str:
    if change.old_type is None or change.new_type is None:
        return badge("calm", "new" if change.old_type is None else "gone")
    if change.drift is None:
        return badge("calm", "type changed") if change.old_type != change.new_type else ABSENT
    kind, says = ("bad", "shift") if change.drift >= SHIFT else ("calm", "moved")
    kind, says = ("", "steady") if change.drift < STEADY else (kind, says)
    return badge(kind, f"{change.drift:.2f} {says}")


def notebooks(found: tuple[NotebookChange, ...]) -> str:
    """Return the section of the runs that changed, and of each the cells that did."""
    if not found:
        return ""
    cells = sum(len(one.cells) for one in found)
    says = f"{counted(len(found), 'run')}, {counted(cells, 'cell')} changed"
    return section("Notebooks", says, "".join(map(_notebook, found)))


def _notebook(change: NotebookChange) -> str:
    note = f'<p class="soft small">{name(change.note)}</p>' if change.note else ""
    says = f"{counted(len(change.cells), 'cell')} changed" if change.cells else ""
    return fold(code(change.path), says, note + "".join(map(_cell, change.cells)))


def _cell(change: CellChange) -> str:
    under = f' <span class="soft">under “{name(change.heading)}”</span>' if change.heading else ""
    made = ""
    if change.source is not None:
        made += difference(*change.source)
    elif change.code:
        lines = change.code.splitlines()
        more = "\n…" if len(lines) > CODE_LINES else ""
        made += text("\n".join(lines[:CODE_LINES]) + more, "The cell's code")
    if change.outputs is not None:
        made += _outputs(*change.outputs)
    return f'<div class="cell"><h4>Cell {change.number}{under}</h4>{made}</div>'


def _outputs(old: tuple[Shown, ...], new: tuple[Shown, ...]) -> str:
    """Return pictures side by side, texts as their difference; what has no partner stands alone."""
    count = max(len(old), len(new))
    before, after = ([*side, *[None] * (count - len(side))] for side in (old, new))
    return "".join(map(_output, before, after))


def _output(old: Shown | None, new: Shown | None) -> str:
    if any(one is not None and one.picture for one in (old, new)):
        sides = "".join(_side(one, label) for one, label in ((old, "Old"), (new, "New")))
        return f'<div class="sides">{sides}</div>'
    return difference(old.text if old else "", new.text if new else "")


def _side(shown: Shown | None, label: str) -> str:
    if shown is None:
        content = '<p class="soft small">nothing</p>'
    elif shown.picture:
        content = picture(shown, f"{label} picture")
    else:
        content = text(shown.text, label)
    return f"<figure><figcaption>{label}</figcaption>{content}</figure>"


def history(commits: tuple[Commit, ...], files: tuple[FileChange, ...]) -> str:
    """Return the section of commits and files, those that feed a stage first."""
    if not files and not commits:
        return ""
    made = [
        row(code(one.hash[:10]), escape(one.date[:10]), name(one.author), name(one.subject))
        for one in commits
    ]
    ordered = sorted(files, key=lambda one: (not one.stages, one.path))
    fed = [row(code(one.path), _status(one), _fed(one.stages)) for one in ordered]
    content = long_table("Commits, the newest first", COMMIT, made, "commit")
    content += long_table("Files", FILE, fed, "file")
    counts = ((len(commits), "commit"), (len(files), "file"))
    says = ", ".join(counted(count, thing) for count, thing in counts if count)
    return section("Code", says, content)


def _status(change: FileChange) -> str:
    return f'<span class="whole">{escape(STATUS.get(change.status, change.status))}</span>'


def _fed(stages: tuple[str, ...]) -> str:
    return ", ".join(map(code, stages)) if stages else '<span class="soft">none</span>'
