"""What a part of a text message costs: set by whoever pays the provider, as prices differ by contract and country."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """Per part, out and in, in ``currency``; None where nobody has set it, so that nothing is guessed."""

    sms: Decimal | None = None
    inbound: Decimal | None = None
    currency: str = "USD"

    def out(self, parts: int) -> Decimal | None:
        return None if self.sms is None else self.sms * parts

    def received(self, parts: int) -> Decimal | None:
        return None if self.inbound is None else self.inbound * parts

    def told(self, money: Decimal) -> str:
        return f"{money:,.2f} {self.currency}"
