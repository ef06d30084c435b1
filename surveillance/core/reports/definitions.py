"""What each report asks, by which rule it counts, and its columns, in words.

The rules stand beside every report, since a number that nobody can explain is worth nothing.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from surveillance.core.reports.costs import COSTS, COSTS_RULES, REPLIES, REPLIES_RULES
from surveillance.core.reports.counting import GRACE_DAYS, Column, Kind, ReportName


class Words(NamedTuple):
    """``none`` is what stands in the place of a report without numbers."""

    title: str
    asks: str
    rules: tuple[str, ...]
    columns: tuple[Column, ...]
    none: str


_COUNTED = (
    "Only regular examinations count; extra ones stand beside the protocol.",
    "Left out: what a hold prevented or the end of a plan cut off, and scans from before the enrolment.",
)
_MONTH = Column("month", "Month", Kind.MONTH)

WORDS: Final[Mapping[ReportName, Words]] = {
    ReportName.UP_TO_DATE: Words(
        "Patients up to date",
        "How many patients had a recent enough study for everything that their plan repeats?",
        (
            (
                "Up to date on a day: for each item of the plan, the last study lies within one interval and its"
                " tolerance of that day."
            ),
            "The interval is the one in force on that day; any study of the item counts, whichever slot it fulfils.",
            (
                "Counted are patients with a plan in force on that day. Left out are items on hold, and items never"
                " examined whose first window has not closed yet."
            ),
            "Each point is the last day of a month, and the last day of the period.",
        ),
        (
            Column("day", "Day", Kind.DAY),
            Column("patients", "Patients"),
            Column("up_to_date", "Up to date"),
            Column("share", "Share up to date", Kind.SHARE),
        ),
        "No examination was owed in this period.",
    ),
    ReportName.ON_TIME: Words(
        "Examinations on time",
        "Of the examinations that fell in each month, how many were done in their window?",
        (
            "Share on time = done inside the window ÷ (done + missed), by the month of the target.",
            (
                "Missed: the next examination took its place and it was never done. Skipped ones are shown and not"
                " counted; what can still be done is not counted yet."
            ),
            *_COUNTED,
        ),
        (
            _MONTH,
            Column("on_time", "On time"),
            Column("early", "Early"),
            Column("late", "Late"),
            Column("missed", "Missed"),
            Column("skipped", "Skipped"),
            Column("share", "Share on time", Kind.SHARE),
        ),
        "No examinations were due in this period.",
    ),
    ReportName.DELAY: Words(
        "From target to examination",
        "How far from their target were examinations done?",
        (
            (
                "Counted are regular examinations done in the period, by whole weeks from the target: a week late is 4"
                " to 10 days late."
            ),
            "Early, on time and late are meant against the window, which is wider for longer intervals.",
            *_COUNTED,
        ),
        (
            Column("delay", "From the target", Kind.TEXT),
            Column("early", "Before the window"),
            Column("on_time", "In the window"),
            Column("late", "After the window"),
            Column("examinations", "All"),
        ),
        "No examinations were done in this period.",
    ),
    ReportName.OVERDUE: Words(
        "Overdue by age",
        "For how long have examinations been overdue that nobody has booked?",
        (
            (
                "Counted is what the board lists as overdue today, including rows that were put aside: open, past its"
                " window, not on hold and not booked."
            ),
            "Age counts from the day after the first window that nothing met.",
            "A patient counts once, by the examination that has been overdue the longest.",
        ),
        (
            Column("age", "Overdue for", Kind.TEXT),
            Column("examinations", "Examinations"),
            Column("patients", "Patients"),
        ),
        "Nothing is overdue.",
    ),
    ReportName.NO_SHOWS: Words(
        "No-shows",
        "To how many visits did patients not come?",
        (
            "Counted are visits whose outcome was recorded, by the month of the visit; cancelled ones are left out.",
            "A no-show: at least one examination of the visit was recorded as such.",
        ),
        (
            _MONTH,
            Column("visits", "Visits"),
            Column("came", "Came"),
            Column("no_shows", "No-shows"),
            Column("share", "Share of no-shows", Kind.SHARE),
        ),
        "No visit of this period has an outcome.",
    ),
    ReportName.MESSAGES: Words(
        "Messages",
        "Did the messages reach the patients, and how many parts were paid for?",
        (
            "Counted is each call to a provider, by the month in which it was made (local time of the site).",
            (
                "Delivered: the provider said so. Handed over: the provider took it and has not said more; email stays"
                " there. Undelivered: taken, and failed later. Failed: refused, or certainly not sent."
            ),
            "Parts are what SMS are billed by, as far as the provider told; those of refused messages are not counted.",
        ),
        (
            _MONTH,
            Column("channel", "Channel", Kind.TEXT),
            Column("delivered", "Delivered"),
            Column("undelivered", "Undelivered"),
            Column("failed", "Failed"),
            Column("in_doubt", "In doubt"),
            Column("handed_over", "Handed over"),
            Column("messages", "All"),
            Column("parts", "SMS parts"),
        ),
        "No messages were sent in this period.",
    ),
    ReportName.COSTS: Words(
        "Cost of messages",
        "What did messages cost in each month, by channel, purpose and language, and what did not arrive?",
        COSTS_RULES,
        COSTS,
        "No text messages were handed over in this period.",
    ),
    ReportName.REPLIES: Words(
        "Replies",
        "What did patients answer in each month, and what did it cost to receive?",
        REPLIES_RULES,
        REPLIES,
        "No replies came in this period.",
    ),
    ReportName.LOSS: Words(
        "Loss to follow-up",
        "In which year since treatment do patients get lost?",
        (
            (
                f"Lost: an examination has been overdue for {GRACE_DAYS} days or longer (so the last one lies"
                f" interval + tolerance + {GRACE_DAYS} days back), and for as long there was no sign of the patient:"
                " no study, no visit kept or booked, no reply. A call of ours is no sign, as it may not have been"
                " answered."
            ),
            "Not lost: who has a visit to come, is on hold, has a skip to be reviewed, or whose plan has ended.",
            (
                "Followed in a year: a plan was in force at any time in it. Years count from the end of treatment, for"
                " each plan; the year of a loss is that of the day on which the above became true."
            ),
            "Who comes back is lost no more.",
        ),
        (
            Column("year", "Year since treatment"),
            Column("followed", "Followed"),
            Column("stayed", "Not lost"),
            Column("lost", "Lost"),
            Column("share", "Share lost", Kind.SHARE),
        ),
        "Nobody has a plan yet.",
    ),
}
