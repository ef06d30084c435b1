"""What the board says about a study: how far it has come, what its result asks for, and since when that is late."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from surveillance.core import plain
from surveillance.core.words import ReportStatus, Result
from surveillance.operations.work import Work
from surveillance.store.tables import Site

Row = Mapping[str, Any]
Sentences = tuple[str, str, str]  # what, why, next action


def item_title(work: Work, code: str, key: str | None = None) -> str:
    """What a protocol calls an item: that of ``key``, or any that has it; the code in words where none does."""
    protocols = [work.protocol(key)] if key else work.catalogue.protocols.values()
    titles = (item.title for protocol in protocols for item in protocol.items if item.code == code)
    return next(titles, code.replace("_", " "))


class StudyWords:
    """The rows of the lists that a study goes through."""

    def __init__(self, work: Work, today: date) -> None:
        self.work, self.today = work, today

    def examination(self, row: Row) -> str:
        """The title that the patient's protocol gives an item, with its month; the code where there is none."""
        title, month = item_title(self.work, row["item"] or "", row.get("protocol_key")), row.get("month")
        return title if month is None else f"{title}, month {month}"

    def study(self, row: Row) -> str:
        accession = f", accession {row['accession']}" if row["accession"] else ""
        title = item_title(self.work, row["item"]) if row["item"] else "study"
        return f"{title} ({row['modality']}) of {row['performed_on']}{accession}"

    def _past(self, row: Row, limit: int) -> str:
        """How far a row is past the days that its site gives the step; empty where it is not."""
        late = (self.today - row["since"]).days - limit
        return f"; {late} day{'s' * (late > 1)} past the limit of {limit}" if late > 0 else ""

    def no_report(self, row: Row) -> Sentences:
        status = ReportStatus(row["report_status"]) if row["report_status"] else None
        if status is ReportStatus.CANCELLED:
            return self.study(row), "the report was cancelled", "have it reported, or sign that it is inadequate"
        why = "no report" if status is None else f"the report is {plain.REPORT[status]}, and no final one is there"
        days, limit = (self.today - row["since"]).days, self._site(row).report_days
        return self.study(row), f"{why}, {days} days after the study; {limit} are the limit", "ask for the report"

    def not_reviewed(self, row: Row) -> Sentences:
        which = plain.REPORT[ReportStatus(row["report_status"])]
        again = ", and the study was reviewed without it" if row["result"] else ""
        past = self._past(row, self._site(row).review_days)
        why = f"the {which} report of {row['since']} waits for a clinician{again}{past}"
        return self.study(row), why, "review it and record the result"

    def not_told(self, row: Row) -> Sentences:
        past = self._past(row, self._site(row).told_days)
        why = f"reviewed on {row['since']}: {plain.RESULT[Result(row['result'])]}; the patient does not know yet{past}"
        return self.study(row), why, "tell the patient and record the day"

    def no_next_action(self, row: Row) -> Sentences:
        wanted = row["next_action"] or "decide what follows"
        return self.study(row), f"the result is {row['result']} and nothing followed yet", wanted

    def result_task(self, row: Row) -> Sentences:
        past = row["due_on"] < self.today
        why = f"it came of a result and {'was' if past else 'is'} due on {row['due_on']}"
        return str(row["what"]), why, "do it, and record what came of it"

    def repeat_wanted(self, row: Row) -> Sentences:
        past = row["since"] < self.today
        why = f"the last study was inadequate; another one {'was' if past else 'is'} wanted by {row['since']}"
        return self.examination(row), why, "book the repeat"

    def _site(self, row: Row) -> Site:
        return self.work.site(row["site_id"])
