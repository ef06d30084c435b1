"""What an OpenID provider says is believed only when all of it is as it must be."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from joserfc.jwk import OctKey, RSAKey

from surveillance.cli.service import doctor
from surveillance.cli.service.doctor import Verdict
from surveillance.core.errors import ForbiddenError, UnavailableError
from surveillance.core.people.identity import Flow, Identity
from surveillance.providers.oidc import OpenIdProvider

NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
BACK = "http://localhost/sign-in/oidc/callback"
FLOW = Flow("a-state", "a-nonce", "a-verifier-that-is-long-enough-for-rfc-7636-to-like-it")


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider(now=NOW.timestamp()) as provider:
        yield provider


def ours(provider: OidcProvider, secret: str = CLIENT_SECRET) -> OpenIdProvider:
    return OpenIdProvider(provider.issuer, CLIENT_ID, secret, BACK)


def code(provider: OidcProvider, flow: Flow = FLOW) -> str:
    """The code that a browser brings back."""
    back = httpx.get(ours(provider).address(flow)).headers["location"]
    return parse_qs(urlsplit(back).query)["code"][0]


def signed_in(provider: OidcProvider) -> Identity:
    return ours(provider).identity(code(provider), FLOW, NOW)


def test_a_whole_sign_in_names_a_person(provider: OidcProvider) -> None:
    found = signed_in(provider)
    assert found == Identity(provider.issuer, "u-17", "grace", "grace@clinic.example", email_verified=True)
    assert found.key == f"{provider.issuer} u-17"


def test_doctor_asks_whether_it_answers(provider: OidcProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ISSUER": provider.issuer, "CLIENT_ID": CLIENT_ID}.items():
        monkeypatch.setenv(f"SURVEILLANCE_OIDC_{name}", value)
    for down, verdict in ((False, Verdict.OK), (True, Verdict.FAIL)):
        provider.down = down
        [found] = [finding for finding in doctor.findings() if finding.subject == "single sign-on"]
        assert found.verdict is verdict


def test_the_address_binds_the_answer_to_who_asks(provider: OidcProvider) -> None:
    query = parse_qs(urlsplit(ours(provider).address(FLOW)).query)
    assert (query["state"], query["nonce"], query["redirect_uri"]) == (["a-state"], ["a-nonce"], [BACK])
    assert FLOW.verifier not in str(query)
    assert CLIENT_SECRET not in str(query)


def test_claims_that_the_token_leaves_out_are_asked_for(provider: OidcProvider) -> None:
    provider.thin = True
    assert signed_in(provider).username == "grace"
    provider.token["sub"] = "u-18"  # the other answer is about somebody else
    assert signed_in(provider) == Identity(provider.issuer, "u-18")


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic", "client_secret_post"]])
def test_the_client_proves_itself_as_the_provider_wants(provider: OidcProvider, methods: list[str]) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert signed_in(provider).subject == "u-17"


def hour_old(provider: OidcProvider) -> None:
    provider.now = (NOW - timedelta(hours=1)).timestamp()


def token(**claims: Any) -> Callable[[OidcProvider], None]:
    return lambda provider: provider.token.update(claims)


def signed(algorithm: str, key: Any) -> Callable[[OidcProvider], None]:
    def change(provider: OidcProvider) -> None:
        provider.algorithm, provider.signer = algorithm, key

    return change


@pytest.mark.parametrize(
    "mischief",
    [
        token(nonce="another"),
        token(nonce=None),
        token(iss="https://elsewhere.example"),
        token(aud="another-client"),
        token(aud=["another-client", CLIENT_ID], azp="another-client"),
        token(sub=None),
        token(exp=None),
        hour_old,
        signed("none", None),
        signed("HS256", OctKey.import_key(CLIENT_SECRET)),
        signed("RS256", RSAKey.generate_key(2048, {"kid": "first"})),
    ],
)
def test_a_token_that_is_not_as_it_must_be_is_refused(
    provider: OidcProvider, mischief: Callable[[OidcProvider], None]
) -> None:
    mischief(provider)
    with pytest.raises(ForbiddenError, match="cannot be trusted"):
        signed_in(provider)


def test_a_code_is_good_once_and_for_its_own_verifier_and_client(provider: OidcProvider) -> None:
    given = code(provider)
    assert ours(provider).identity(given, FLOW, NOW)
    for attempt in (
        lambda: ours(provider).identity(given, FLOW, NOW),
        lambda: ours(provider).identity(code(provider), Flow("a-state", "a-nonce", "another" * 8), NOW),
        lambda: ours(provider, "wrong").identity(code(provider), FLOW, NOW),
    ):
        with pytest.raises(ForbiddenError):
            attempt()


def test_a_provider_that_does_not_answer_or_speaks_of_another_is_unavailable(provider: OidcProvider) -> None:
    provider.metadata = {"issuer": "https://elsewhere.example"}
    with pytest.raises(UnavailableError, match="not set up rightly"):
        ours(provider).address(FLOW)
    provider.metadata, provider.down = {}, True
    with pytest.raises(UnavailableError, match="does not answer"):
        ours(provider).address(FLOW)
    nobody = OpenIdProvider("http://127.0.0.1:9", CLIENT_ID, CLIENT_SECRET, BACK)
    with pytest.raises(UnavailableError, match="does not answer"):
        nobody.address(FLOW)
