"""Which examinations a patient's safety flags concern, and why a clinician has to confirm them (facts: clinical).

An implant that is not safe in a scanner concerns every MRI; an allergy and weak kidneys concern what is done with
contrast medium. Nothing is ever called off for a flag: a clinician confirms with a reason, or what the protocol names
as substitute is done instead.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from surveillance.core.dates import days
from surveillance.core.protocols.protocol import Item, Substitute
from surveillance.core.words import Flag

LOW: Final = 30  # mL/min/1.73 m²: below, gadolinium and iodine are a clinician's decision (facts: clinical)
REDUCED: Final = 60  # mL/min/1.73 m²: below, the value must be a recent one; proposed, to be signed by a clinician
RECENT: Final = 180  # days for which a reduced value is recent; proposed, to be signed by a clinician
MRI: Final = "MR"
CHEST: Final = "chest"  # where CT is done without contrast medium (American College of Radiology, appendix 2015)


class Flags(NamedTuple):
    """What is known of a patient. eGFR in mL/min/1.73 m², with the day on which it was measured."""

    mri_unsafe: bool = False
    contrast_allergy: bool = False
    egfr: float | None = None
    egfr_on: date | None = None


class Concern(NamedTuple):
    """A flag that speaks against an examination. ``token`` names the flag with its value: what a person confirms is
    this and no later value. ``why`` is a clause."""

    flag: Flag
    token: str
    why: str


def concerns(flags: Flags, item: Item, substitute: Substitute | None, day: date) -> list[Concern]:
    """What speaks against doing an item, or what is done instead of it, on a day."""
    modalities = (substitute.modality,) if substitute else item.modalities
    found = []
    if flags.mri_unsafe and MRI in modalities:
        found.append(Concern(Flag.MRI_UNSAFE, Flag.MRI_UNSAFE.value, "the patient is MRI-unsafe"))
    if with_contrast(item, substitute):
        found.extend(_of_contrast(flags, day))
    return found


def with_contrast(item: Item, substitute: Substitute | None = None) -> bool:
    """Whether contrast medium is given. Where the protocol does not say, it is for MRI and for CT beyond the chest."""
    if substitute is not None:
        return substitute.contrast
    usual = {MRI} if item.body_region == CHEST else {MRI, "CT"}
    given = usual if item.contrast is None else set(item.contrast)
    return bool(given & set(item.modalities))


def _of_contrast(flags: Flags, day: date) -> Iterator[Concern]:
    if flags.contrast_allergy:
        why = "the patient is allergic to contrast medium"
        yield Concern(Flag.CONTRAST_ALLERGY, Flag.CONTRAST_ALLERGY.value, why)
    if flags.egfr is None or flags.egfr >= REDUCED:
        return
    value = f"{flags.egfr:g} on {flags.egfr_on}" if flags.egfr_on else f"{flags.egfr:g} (nobody knows when)"
    if flags.egfr < LOW:
        yield Concern(Flag.LOW_EGFR, f"{Flag.LOW_EGFR} {value}", f"eGFR {value} is below {LOW}")
    elif flags.egfr_on is None or flags.egfr_on + days(RECENT) < day:
        why = f"eGFR {value} is more than {RECENT} days old by then" if flags.egfr_on else f"eGFR {value} may be old"
        yield Concern(Flag.OLD_EGFR, f"{Flag.OLD_EGFR} {value}", why)


def substitutes(item: Item, standing: Sequence[Concern]) -> list[Substitute]:
    """What the protocol names instead of the item for one of the flags that speak against it."""
    flags = {each.flag for each in standing}
    return [each for each in item.substitutes if flags & set(each.flags)]
