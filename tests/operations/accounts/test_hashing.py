"""What it costs to guess a password from its hash."""

from pwdlib import PasswordHash


def test_a_password_is_hashed_at_the_cost_of_the_second_option_of_rfc_9106_or_more(quick_hashes: PasswordHash) -> None:
    """RFC 9106 section 4, for where memory is scarce: Argon2id, 3 passes, 4 lanes, 64 MiB."""
    assert quick_hashes.hash("follow-up for life").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
