"""What a proof finds: one thing that must not be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """Which rule is broken, about whom, what is wrong, how to mend it."""

    rule: str
    site: str
    subject: str
    what: str
    mend: str

    def __str__(self) -> str:
        where = " ".join(part for part in (self.site, self.subject) if part)
        return f"{self.rule}: {where}: {self.what}; {self.mend}"
