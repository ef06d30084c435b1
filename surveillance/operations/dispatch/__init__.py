"""Sending what is due so that every message goes out once, or is voided with a reason, or is work on the board."""

from surveillance.operations.dispatch.doubt import settle as settle_doubt
from surveillance.operations.dispatch.office import Limits, Office
from surveillance.operations.dispatch.sending import send_due

__all__ = ["Limits", "Office", "send_due", "settle_doubt"]
