"""What messages cost and what patients answered, by month: rows from what the database groups (section 4 rule 11).

A text of GSM letters has 160 characters to the part, any other 70 (see ``encoding``): the letters decide the price.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from surveillance.core.plain import CHANNEL, STEP
from surveillance.core.replies.vocabulary import Meaning
from surveillance.core.reports.counting import Column, Kind, Row
from surveillance.core.texts.prices import Prices
from surveillance.core.words import Channel, Step

TOP: Final = 3  # reasons of failure that are named
_MONTH: Final = (Column("month", "Month", Kind.MONTH), Column("site", "Clinic", Kind.TEXT))


class Kindred(NamedTuple):
    """The messages that are counted together."""

    month: int
    site: str
    channel: Channel
    step: Step
    language: str


class Tally(NamedTuple):
    """``counted`` of the parts were counted from the text, as the provider had not told. ``ucs`` are the parts of
    UCS-2 messages, ``as_gsm`` what these would be if all of their letters were in the GSM alphabet.
    """

    messages: int
    attempts: int
    delivered: int
    failed: int
    parts: int
    counted: int
    ucs: int
    as_gsm: int


COSTS: Final = (
    *_MONTH,
    Column("channel", "Channel", Kind.TEXT),
    Column("step", "What for", Kind.TEXT),
    Column("language", "Language", Kind.TEXT),
    Column("messages", "Messages"),
    Column("attempts", "Attempts"),
    Column("delivered", "Delivered"),
    Column("failed", "Not delivered"),
    Column("parts", "SMS parts"),
    Column("cost", "Cost", Kind.MONEY),
    Column("gsm_parts", "GSM-7 parts"),
    Column("ucs_parts", "UCS-2 parts"),
    Column("ucs_as_gsm", "These in GSM-7"),
    Column("counted", "Counted here"),
    Column("reasons", "Most frequent reasons", Kind.TEXT),
)
COSTS_RULES: Final = (
    (
        "Counted is each call to a provider, by the month in which it was made (local time of the site). A message"
        " counts once, by its first attempt."
    ),
    (
        "Delivered: the provider said so; email stays without a word. Not delivered: refused, certainly not sent, or"
        " taken and failed later. The reasons are the provider's codes, with how often they came."
    ),
    (
        "Parts are what SMS are billed by: the provider's number where it told one, else counted here from the text."
        " Refused messages have none."
    ),
    (
        "A text of GSM letters has 160 characters in one part and 153 in each of several; one other letter makes it"
        " UCS-2 with 70 and 67. Some languages cannot be written without."
    ),
    "Cost is parts times the price of a part (SURVEILLANCE_SMS_PRICE); the provider's bill decides.",
)
REPLIES: Final = (
    *_MONTH,
    Column("received", "Received"),
    Column("confirmed", "Confirmed"),
    Column("another_day", "Another day"),
    Column("opted_out", "Opted out"),
    Column("opted_in", "Opted in"),
    Column("unclear", "Perhaps an opt-out"),
    Column("other", "Anything else"),
    Column("answers", "Answers written"),
    Column("parts", "Parts received"),
    Column("cost", "Cost of receiving", Kind.MONEY),
)
REPLIES_RULES: Final = (
    (
        "Counted are messages from phones by the month in which they came (local time of the site), for what they were"
        " taken to mean. What a person made of an unclear one stands on the reply itself."
    ),
    (
        "A reply belongs to the site of the patient that it is about, else to each site where a patient has the number."
        " Messages from numbers that nobody has are not counted."
    ),
    "Answers written: by the service and by staff; their cost stands in the report on costs, as “answer”.",
    "Cost is parts times the price of a received part (SURVEILLANCE_SMS_PRICE_INBOUND).",
)
_COLUMN: Final[Mapping[str, int]] = {
    Meaning.CONFIRM: 0,
    Meaning.ANOTHER_DAY: 1,
    Meaning.STOP: 2,
    Meaning.START: 3,
    Meaning.MIGHT_BE_STOP: 4,
}
_OTHER: Final = 5


def cost_rows(counted: Mapping[Kindred, Tally], codes: Mapping[tuple[Kindred, str], int], prices: Prices) -> list[Row]:
    """By month, site, channel, step and language; ``codes`` tell how often an error came."""
    reasons: dict[Kindred, Counter[str]] = {}
    for (kindred, code), number in codes.items():
        reasons.setdefault(kindred, Counter())[code or "no code"] += number
    return [
        _cost_row(kindred, counted[kindred], reasons.get(kindred, Counter()), prices) for kindred in sorted(counted)
    ]


def _cost_row(kindred: Kindred, tally: Tally, reasons: Counter[str], prices: Prices) -> Row:
    top = ", ".join(f"{code} ×{number}" for code, number in _most(reasons))
    sms = kindred.channel is Channel.SMS
    money = prices.out(tally.parts) if sms else None
    cost = None if money is None else float(money)
    priced = (tally.parts, cost, tally.parts - tally.ucs, tally.ucs, tally.as_gsm, tally.counted)
    return (
        kindred.month,
        kindred.site,
        CHANNEL[kindred.channel],
        STEP[kindred.step],
        kindred.language,
        *tally[:4],
        *(priced if sms else (None,) * len(priced)),
        top,
    )


def _most(reasons: Counter[str]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda each: (-each[1], each[0]))[:TOP]


def said_of_costs(tallies: Iterable[Tally], prices: Prices) -> str:
    """The whole in a sentence or two, with what other letters would have saved."""
    all_ = list(tallies)
    parts, ucs, as_gsm = (
        sum(column) for column in ([t.parts for t in all_], [t.ucs for t in all_], [t.as_gsm for t in all_])
    )
    price, less = prices.out(parts), prices.out(ucs - as_gsm)
    cost = f"cost {prices.told(price)}" if price is not None else "were handed over; no price of a part is set"
    said = f"{parts:,} SMS parts {cost}."
    if ucs > as_gsm:
        saved = f", {prices.told(less)} less" if less is not None else ""
        said += f" {ucs:,} of them were UCS-2; written in GSM-7 they would have been {as_gsm:,}{saved}."
    return said


def reply_rows(
    received: Mapping[tuple[int, str, str], tuple[int, int]], answers: Mapping[tuple[int, str], int], prices: Prices
) -> list[Row]:
    """``received``: (month, site, meaning) → messages, parts. ``answers``: (month, site) → messages written."""
    rows: list[Row] = []
    for month, site in sorted({*((month, site) for month, site, _ in received), *answers}):
        columns, parts = [0] * (_OTHER + 1), 0
        for meaning in {meaning for at, of, meaning in received if (at, of) == (month, site)}:
            number, these = received[month, site, meaning]
            columns[_COLUMN.get(meaning, _OTHER)] += number
            parts += these
        money = prices.received(parts)
        cost = None if money is None else float(money)
        rows.append((month, site, sum(columns), *columns, answers.get((month, site), 0), parts, cost))
    return rows


def said_of_replies(rows: Iterable[Row]) -> str:
    numbers = [[int(cell or 0) for cell in row[2:6]] for row in rows]  # type: ignore[arg-type]  # counts
    received, confirmed, another, out = (sum(column) for column in zip(*numbers, strict=True)) if numbers else (0,) * 4
    said = f"{confirmed:,} confirmed a visit, {another:,} asked for another day and {out:,} opted out"
    return f"Of {received:,} {'reply' if received == 1 else 'replies'} {said}."
