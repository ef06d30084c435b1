"""A hospital's single sign-on: OpenID Connect 1.0, the authorization code flow with PKCE.

What the provider offers is asked for with every sign-in (its endpoints and keys change, and people sign in seldom).
Nothing that it says is believed before the signature, issuer, audience, age and nonce of the ID token are checked.
"""

import json
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from surveillance.core.errors import ForbiddenError, UnavailableError
from surveillance.core.people.identity import Flow, Identity

log = structlog.get_logger(__name__)

SCOPE: Final = "openid profile email"
SIGNED_WITH: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
LEEWAY: Final = 60  # seconds that two clocks may differ
SILENCE: Final = 10.0  # seconds after which the provider does not answer
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_REFUSED: Final = "the hospital's sign-in gave an answer that cannot be trusted; try again, or tell an administrator"


class OpenIdProvider:
    """Sends browsers to the issuer and makes an ``Identity`` of what comes back."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, redirect_uri: str) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri

    def offered(self) -> str:
        """The issuer, once it has answered. Raises UnavailableError."""
        with self._client() as client:
            return str(self._metadata(client)["issuer"])

    def address(self, flow: Flow) -> str:
        """Where the browser signs in. Raises UnavailableError where the issuer does not say so."""
        with self._client() as client:
            endpoint = self._metadata(client)["authorization_endpoint"]
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPE,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def identity(self, code: str, flow: Flow, now: datetime) -> Identity:
        """Who signed in, for the code that the browser brought back.

        Raises:
            UnavailableError: the issuer does not answer.
            ForbiddenError: the code is not accepted, or the answer is not to be trusted. The log says why.
        """
        with self._client() as client:
            offered = self._metadata(client)
            answer = self._redeem(client, offered, code, flow)
            claims = self._verified(client, offered, answer, flow, now)
            if not (claims.get("preferred_username") or claims.get("email")) and "userinfo_endpoint" in offered:
                claims = self._told(client, offered, answer, claims["sub"]) | claims
        return Identity(
            self._issuer,
            claims["sub"],
            str(claims.get("preferred_username") or ""),
            str(claims.get("email") or ""),
            claims.get("email_verified") is True,
        )

    # -- what is asked of the issuer -----------------------------------------------------------------------------

    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=SILENCE, headers={"Accept": "application/json"})

    def _metadata(self, client: httpx.Client) -> dict[str, Any]:
        """What the issuer offers (Discovery 1.0); it must speak of itself (section 4.3)."""
        found = self._json(client, "GET", self._issuer.rstrip("/") + _WELL_KNOWN)
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if found.get("issuer") != self._issuer or not all(isinstance(found.get(name), str) for name in needed):
            log.error("the single sign-on cannot be used", issuer=self._issuer, says=found.get("issuer"))
            raise UnavailableError("the hospital's sign-in is not set up rightly; tell an administrator")
        return found

    def _redeem(self, client: httpx.Client, offered: dict[str, Any], code: str, flow: Flow) -> dict[str, Any]:
        """The tokens for a code (RFC 6749 section 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": flow.verifier,
        }
        methods = offered.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._client_secret and "client_secret_basic" in methods:
            # Both are form-encoded first (section 2.3.1), which matters for the rare secret with a colon.
            auth: Any = (quote(self._client_id, safe=""), quote(self._client_secret, safe=""))
            return self._json(client, "POST", offered["token_endpoint"], data=form, auth=auth)
        form["client_id"] = self._client_id
        if self._client_secret:
            form["client_secret"] = self._client_secret
        return self._json(client, "POST", offered["token_endpoint"], data=form)

    def _told(
        self, client: httpx.Client, offered: dict[str, Any], answer: dict[str, Any], subject: str
    ) -> dict[str, Any]:
        """Claims that the ID token leaves out (Core 1.0 section 5.3), if they are about the same person."""
        headers = {"Authorization": f"Bearer {answer.get('access_token', '')}"}
        found = self._json(client, "GET", offered["userinfo_endpoint"], headers=headers)
        return found if found.get("sub") == subject else {}

    def _json(self, client: httpx.Client, method: str, url: str, **options: Any) -> dict[str, Any]:
        """Raises UnavailableError where nobody answers, ForbiddenError where the answer is a refusal."""
        try:
            answer = client.request(method, url, **options)
            found = answer.json() if answer.status_code < 500 else None
        except (httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError, UnicodeDecodeError) as error:
            log.error("the single sign-on does not answer", url=url, why=type(error).__name__)
            raise UnavailableError("the hospital's sign-in does not answer; try again in a while") from error
        if not isinstance(found, dict):
            log.error("the single sign-on does not answer", url=url, status=answer.status_code)
            raise UnavailableError("the hospital's sign-in does not answer; try again in a while")
        if answer.status_code != 200:
            log.warning("the single sign-on refused", url=url, status=answer.status_code, error=found.get("error"))
            raise ForbiddenError(_REFUSED)
        return found

    # -- what is believed ------------------------------------------------------------------------------------------

    def _verified(
        self, client: httpx.Client, offered: dict[str, Any], answer: dict[str, Any], flow: Flow, now: datetime
    ) -> dict[str, Any]:
        """The claims of the ID token (Core 1.0 section 3.1.3.7)."""
        keys = self._json(client, "GET", offered["jwks_uri"]).get("keys", [])
        try:
            # A set may also hold keys of kinds that sign nothing for us.
            usable = KeySet.import_key_set({"keys": [key for key in keys if key.get("kty") in ("RSA", "EC")]})
            token = jwt.decode(str(answer.get("id_token", "")), usable, algorithms=SIGNED_WITH)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={name: {"essential": True, "value": value} for name, value in self._expected().items()},
                params={
                    "nonce": flow.nonce,
                    "client_id": self._client_id,
                    "access_token": answer.get("access_token"),
                },
            )
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("an ID token was refused", issuer=self._issuer, why=f"{type(error).__name__}: {error}")
            raise ForbiddenError(_REFUSED) from error
        return dict(token.claims)

    def _expected(self) -> dict[str, str]:
        return {"iss": self._issuer, "aud": self._client_id}
