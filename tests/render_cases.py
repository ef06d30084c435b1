"""Writes the cases of tests/cases/ as pages to read: ``python tests/render_cases.py`` puts them into docs/cases/."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cases_read import Case, Data, Group, groups

FOLDER = Path(__file__).parents[1] / "docs" / "cases"
NOTE = "<!-- Written by tests/render_cases.py from tests/cases/; edit the cases, not this page. -->"

# Key of "given" → how a reader is told; every other key is a fact of one value.
LABELS = {
    "protocol": "Protocol",
    "items": "Follows",
    "anchor": "Anchor",
    "enrolled": "Enrolled",
    "until": "Horizon",
    "changes": "Changes",
    "studies": "Studies",
    "holds": "Holds",
    "bookings": "Booked",
    "extras": "Extra examinations",
    "moves": "Moved by a person",
    "skips": "Skipped by a person",
    "known_blank": "Known to have no earlier study",
    "ended": "Ended",
    "site": "Site",
}
DETAILS = ("interval", "order_from", "due_from", "overdue_from", "overdue_since", "moved", "timing", "late")
LINES = {
    "months": "Examinations that exist",
    "absent": "Examinations that do not exist",
    "trips_a_year": "Trips a year",
    "up_to_date": "Up to date",
    "rate": "Rate",
    "longest_gap": "Longest time without imaging",
    "changes": "The change",
    "refused": "Refused",
}


def pages() -> dict[str, str]:
    """The text of each page by file name."""
    return {"README.md": _index(), **{f"{group.name}.md": _page(group) for group in groups()}}


def _index() -> str:
    lines = [
        NOTE,
        "",
        "# Cases",
        "",
        "What the schedule rules mean, case by case: given these facts, this follows. The cases are data in",
        "`tests/cases/` and run as tests; its README tells their form, so that other schedulers can use them.",
        "",
        "| Group | Cases |",
        "|---|---|",
        *(f"| [{group.title}]({group.name}.md) | {len(group.cases)} |" for group in groups()),
        "",
        "By rule of the design:",
        "",
        "| Rule | Cases |",
        "|---|---|",
    ]
    for rule in range(1, 16):
        shown = [
            f"[{case.id}]({group.name}.md#{case.id})"
            for group in groups()
            for case in group.cases
            if rule in case.rules
        ]
        lines.append(f"| {rule} | {', '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _page(group: Group) -> str:
    lines = [NOTE, "", f"# {group.title}", "", group.about, "", f"Source: {group.source}."]
    lines += ["", "Unless a case says otherwise:", "", *_given(group.given)]
    for case in group.cases:
        lines += ["", *_case(case, group)]
    return "\n".join(lines) + "\n"


def _case(case: Case, group: Group) -> Iterator[str]:
    rules = ("Rule " if len(case.rules) == 1 else "Rules ") + ", ".join(map(str, case.rules))
    source = "" if case.source == group.source else f" · {case.source}"
    yield f'## <a id="{case.id}"></a>{case.id} · {case.title}'
    yield from ("", case.because, "", f"*{rules}{source}*")
    if group.own[case.id]:
        yield from ("", "Given:", "", *_given(group.own[case.id]))
    if case.afterwards:
        yield from ("", "Afterwards:", "", *_given(case.afterwards))
    yield from ("", "Then:" if "on_day" not in case.then else f"Then, on {case.then['on_day']}:", "")
    yield from _then(case)


def _given(given: Data) -> Iterator[str]:
    for key, value in given.items():
        yield f"- {LABELS[key]}: {_value(key, value)}"


def _value(key: str, value: Any) -> str:
    if key == "items":
        return "the protocol's defaults" if value is None else "; ".join(f"`{k}` {_every(v)}" for k, v in value.items())
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return "; ".join(map(_words, value))
    return _plain(value)


def _every(interval: Any) -> str:
    return f"every {interval} months" if isinstance(interval, int) else f"({interval})"


def _words(entry: Data) -> str:
    """One fact in a line: its name first, then its values with their keys."""
    name = f"`{entry['id']}` " if "id" in entry else ""
    rest = (f"{key.replace('_', ' ')} {_plain(value)}" for key, value in entry.items() if key != "id")
    return name + ", ".join(rest)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')}: {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) if value else "none"
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _then(case: Case) -> Iterator[str]:
    rows = case.then.get("examinations", [])
    if rows:
        yield from _table(rows)
    lines = list(_lines(case.then))
    if rows and lines:
        yield ""
    yield from lines


def _table(rows: list[Data]) -> Iterator[str]:
    """The expected examinations, with a column for each thing that any of them names."""
    columns: dict[str, Any] = {
        "Examination": lambda row: _name(row),
        "Target": lambda row: row.get("target", ""),
        "Window": lambda row: " – ".join(row.get("window", [])),
        "Cell": lambda row: " – ".join(row.get("cell", [])),
        "Study": lambda row: row.get("fulfilled_by", ""),
        "Booked": lambda row: row.get("booked", ""),
        "Proposed": _proposed,
        "Also": lambda row: "<br>".join(f"{key.replace('_', ' ')} {_plain(row[key])}" for key in DETAILS if key in row),
        "Status": _status,
    }
    shown = {title: cell for title, cell in columns.items() if any(cell(row) for row in rows)}
    yield f"| {' | '.join(shown)} |"
    yield "|" + "---|" * len(shown)
    for row in rows:
        yield f"| {' | '.join(cell(row) for cell in shown.values())} |"


def _name(row: Data) -> str:
    what = f"month {row['month']}" if "month" in row else f"extra `{row['extra']}`"
    return f"`{row['item']}` {what}" if "item" in row else what


def _proposed(row: Data) -> str:
    outside = row.get("proposed_outside_window")
    note = {None: "", True: " (outside the window)", False: " (inside the window)"}[outside]
    return f"{row.get('proposed', '')}{note}"


def _status(row: Data) -> str:
    value = row.get("status", "")
    if isinstance(value, str):
        return value.replace("_", " ")
    return "<br>".join(f"{on} {word.replace('_', ' ')}" for on, word in value.items())


def _lines(then: Data) -> Iterator[str]:
    for key, label in LINES.items():
        if key in then:
            yield f"- {label}: {_plain(then[key]) if then[key] else 'nothing changes'}".replace("_", " ")
    for finding in then.get("findings", []):
        details = {key: value for key, value in finding.items() if key != "kind"}
        yield f"- For a person: {finding['kind'].replace('_', ' ')} ({_words(details)})"
    for trip in then.get("trips", []):
        outside = " (outside the window)" if trip.get("outside_window") else ""
        done = ", ".join(f"`{item}` month {month}" for item, month in trip["examinations"].items())
        yield f"- Trip on {trip['day']}{outside}: {done}"
    for entry in then.get("moments", []):
        yield f"- {entry['local']} in {entry['zone']} is {entry['utc']}"
    for entry in then.get("local_days", []):
        yield f"- {entry['utc']} in {entry['zone']} is on {entry['day']}"
    for entry in then.get("at", []):
        yield f"- At {entry['utc']} in {entry['zone']} month {entry['month']} is {entry['status'].replace('_', ' ')}"


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
