"""A command that is not called as it must be ends with 2, one line, and where its help is."""

from typing import Any

import pytest

from surveillance.cli.root import COMMANDS, command

BOOK = ("book", "00417", "--place", "MRI 2", "--yes")
HOLD = ("plan", "hold", "00417", "--because")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bok",), "No such command 'bok'. Did you mean 'book'?; see 'surveillance --help'"),
        (("plan", "hold", "00417"), "Missing option '--because'"),
        ((*BOOK, "--at", "10:30", "--on", "31.1.2026"), "'31.1.2026' is not a date; write it like 2026-12-01"),
        ((*BOOK, "--at", "10:30", "--on", "2026-02-30"), "'2026-02-30' is not a date"),
        ((*BOOK, "--at", "10:30", "--on", "20261201"), "'20261201' is not a date"),
        ((*BOOK, "--at", "10:30", "--on", "2026-W49-2"), "'2026-W49-2' is not a date"),
        ((*BOOK, "--at", "10:30", "--on", "9999-12-31"), "is not between the years 1890 and 2150"),
        ((*BOOK, "--at", "9.30", "--on", "2026-12-01"), "'9.30' is not a time of day; write it like 09:30"),
        ((*BOOK, "--at", "24:00", "--on", "2026-12-01"), "'24:00' is not a time of day"),
        ((*BOOK, "--at", "10:30", "--on", "2026-12-01", "--exam", "MRI 3"), "names no examination"),
        ((*BOOK, "--at", "10:30", "--on", "2026-12-01", "--minutes", "0"), "--minutes"),
        ((*HOLD, "holiday", "--review-on", "2027-01-01"), "holiday"),
        ((*HOLD, "away", "--review-on", "soon"), "'soon' is not a date"),
        ((*HOLD, "away", "--review-on", "2027-01-01", "--json"), "--json asks nobody: give --yes"),
        (("record", "00417"), "give a visit, or --study ITEM"),
        (("record", "00417", "2026-12-01", "--study", "mri_primary"), "give a visit, or --study ITEM"),
        (("visit", "move", "00417", "2026-12-01"), "say what changes"),
        (
            ("enrol", "00417", "--protocol", "asps-extremity", "--anchor", "2026-08-25", "--interval", "mri=x"),
            "ITEM=MONTHS",
        ),
        (
            ("enrol", "00417", "--protocol", "asps-extremity", "--anchor", "2026-08-25", "--study", "mri"),
            "ITEM[+ITEM]=DATE",
        ),
        (("plan", "move", "00417", "mri_primary", "--to", "2027-01-01", "--reason", "x"), "name one examination of it"),
        (("patient", "show"), "Missing argument 'MRN'"),
    ],
    ids=lambda value: " ".join(value)[-50:] if isinstance(value, tuple) else "",
)
def test_wrong_use_ends_with_two_and_one_line(clinic: Any, arguments: tuple[str, ...], words: str) -> None:
    before = clinic.dump()
    result = clinic.run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert clinic.dump() == before


def test_a_change_says_who_acts(clinic: Any) -> None:
    clinic.user = None
    result = clinic.run("plan", "no-earlier-scan", "00417", "mri_primary", "--reason", "asked")
    assert result.exit_code == 2
    assert "say who acts: --as USER" in result.stderr
    assert "Ada Okafor" in clinic("patient", "find", "okafor")  # a look needs no user, but is audited


def test_every_command_has_help_with_an_example() -> None:
    def leaves(command: Any, path: tuple[str, ...] = ()) -> Any:
        for name, child in getattr(command, "commands", {}).items():
            yield from leaves(child, (*path, name))
        if not hasattr(command, "commands"):
            yield path, command

    found = {path: leaf for name in COMMANDS for path, leaf in leaves(command(name), (name,))}
    assert {("book",), ("plan", "hold"), ("study", "rule"), ("db", "restore")} <= set(found)
    obvious = {"protocol", "demo", "explain", "check", "worklist", "export"}  # these say what they do without one
    without = [path for path, command in found.items() if "Example: surveillance" not in (command.help or "")]
    assert [path for path in without if path[0] not in obvious] == []
