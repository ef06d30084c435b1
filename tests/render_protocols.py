"""Writes the shipped protocols as a page to read: ``python tests/render_protocols.py`` makes docs/protocols.md."""

from collections.abc import Iterator
from pathlib import Path

from surveillance import paths
from surveillance.catalogue import protocols
from surveillance.core.protocols.difference import END, every, months
from surveillance.core.protocols.protocol import KINDS, Item, ItemKind, Phase, Protocol
from surveillance.core.protocols.sources import GRADES, Source

PAGE = Path(__file__).parents[1] / "docs" / "protocols.md"
HEAD = """\
<!-- Written by tests/render_protocols.py from config/protocols/; edit the files, not this page. -->

# Protocols

What is shipped, interval by interval, each with the text it rests on: source, edition and year, and how it was read.
Nothing here is advice: a clinician of a site approves a version before anybody is enrolled on it, and reads the source
first where the grade is P-old or S or the edition is undated. Only the newest version of each is shown; earlier ones
stay in `config/protocols/earlier/` for the plans that follow them.
"""


def page() -> str:
    shipped = protocols.load_all(paths.config_folder() / "protocols")
    newest = (protocols.latest(shipped, name) for name in sorted({each.id for each in shipped.values()}))
    grades = [f"- **{grade.value}**: {words}" for grade, words in GRADES.items()]
    return "\n".join([HEAD, *grades, "", *(line for protocol in newest for line in _protocol(protocol))])


def _protocol(protocol: Protocol) -> Iterator[str]:
    yield f"## {protocol.title}"
    yield ""
    yield f"`{protocol.key}`. {protocol.description}"
    yield ""
    yield f"Months count from the {protocol.counts_from}. Final end: {END[protocol.end]}."
    yield ""
    yield "| What | When | How often | Grade | Source, edition, year |"
    yield "|---|---|---|---|---|"
    for item in protocol.items:
        yield from (_row(protocol, item, phase) for phase in item.phases)
    yield ""
    yield from (_source(source) for source in protocol.sources)
    yield ""


def _row(protocol: Protocol, item: Item, phase: Phase) -> str:
    what = item.title if item.what in (ItemKind.IMAGING, ItemKind.VISIT) else f"{item.title} ({KINDS[item.what]})"
    off = "" if item.enabled else ", off unless switched on"
    source = protocol.source_of(phase)
    basis = f"{phase.source}, {source.dated}" if source else phase.source
    note = f" {phase.note}" if phase.note else ""
    when = months(item, phase)
    return f"| {what}{off} | {when} | {every(phase)} | {protocol.grade_of(phase).value}.{note} | {basis} |"


def _source(source: Source) -> str:
    address = f" <{source.address}>" if source.address else ""
    read = f"; read on {source.read}" if source.read else ""
    again = f"; to be looked at again by {source.review_by}" if source.review_by else ""
    grade = f" ({source.grade.value}{read}{again})" if source.grade else ""
    return f"- *{source.id}*: {source.cited}{address}{grade}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
