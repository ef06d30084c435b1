"""From which day the months of a protocol count. Guidelines differ, and a month is a month from something."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Clock(StrEnum):
    """What happened on the anchor."""

    END_OF_TREATMENT = "end_of_treatment"
    END_OF_CHEMOTHERAPY = "end_of_chemotherapy"
    DIAGNOSIS = "diagnosis"
    SURGERY = "surgery"


# "Days count from the …", "The … cannot lie after today"
CLOCKS: Final = MappingProxyType(
    {
        Clock.END_OF_TREATMENT: "end of treatment",
        Clock.END_OF_CHEMOTHERAPY: "end of chemotherapy",
        Clock.DIAGNOSIS: "diagnosis",
        Clock.SURGERY: "surgery",
    }
)
# The beginning of a sentence that ends with the day.
BEGINNINGS: Final = MappingProxyType(
    {
        Clock.END_OF_TREATMENT: "Treatment ended on",
        Clock.END_OF_CHEMOTHERAPY: "Chemotherapy ended on",
        Clock.DIAGNOSIS: "The diagnosis was made on",
        Clock.SURGERY: "The surgery was on",
    }
)
HINTS: Final = MappingProxyType(
    {
        Clock.END_OF_TREATMENT: "Surgery, radiotherapy or chemotherapy, whichever ended last",
        Clock.END_OF_CHEMOTHERAPY: "The last day of chemotherapy, whatever came after it",
        Clock.DIAGNOSIS: "The day on which the diagnosis was made",
        Clock.SURGERY: "The day of the operation, whatever came after it",
    }
)
