"""What every channel of messages needs, wherever it stands: who adds one is told of each place."""

import pytest

from surveillance.core.messages.policy import BY_PERSON
from surveillance.core.words import Channel
from surveillance.operations.fhir.codes import MEDIUM
from surveillance.operations.job_context import PACE
from surveillance.store.tables import ADDRESSES, Contact


@pytest.mark.parametrize("channel", Channel)
def test_a_channel_has_an_address_and_a_pace_unless_a_person_carries_it(channel: Channel) -> None:
    assert (channel in ADDRESSES) == (channel in PACE) == (channel not in BY_PERSON)
    assert channel in MEDIUM


def test_an_address_is_a_column_of_a_contact_of_its_own() -> None:
    assert len(set(ADDRESSES.values())) == len(ADDRESSES)
    assert set(ADDRESSES.values()) <= set(Contact.model_fields)
    contact = Contact(phone="+12025550123", email="ann@mail.example")
    assert [contact.address(channel) for channel in Channel] == ["+12025550123", "ann@mail.example", None, None]
