"""An OpenID provider on loopback: a real HTTP server with a real RSA key that keeps the rules of the code flow.

In a test: ``with OidcProvider() as provider: ...``. Whoever comes to its authorization endpoint is ``person`` without
being asked. ``token`` changes what the ID token says, ``signer`` and ``algorithm`` what it is signed with.

Source: OpenID Connect Core 1.0 sections 3.1 and 5.3, Discovery 1.0 section 4, RFC 7636 section 4.6.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "surveillance", "s:ecret +1, long enough to sign with"
PERSON = {"sub": "u-17", "preferred_username": "grace", "email": "grace@clinic.example", "email_verified": True}
_KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})


@dataclass
class OidcProvider:
    person: dict[str, Any] = field(default_factory=lambda: dict(PERSON))
    token: dict[str, Any] = field(default_factory=dict)  # claims of the ID token that are other than they should be
    metadata: dict[str, Any] = field(default_factory=dict)
    signer: Any = field(default_factory=lambda: _KEY)
    algorithm: str = "RS256"
    denies: bool = False
    down: bool = False
    thin: bool = False  # the ID token names the subject alone; the rest is told by the userinfo endpoint
    now: float | None = None
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __enter__(self) -> "OidcProvider":
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._answer(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                provider._answer(self, {name: values[0] for name, values in parse_qs(body).items()})

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(parts.path)
        if self.down:
            return _write(request, 503, None)
        match request.command, parts.path:
            case "GET", "/.well-known/openid-configuration":
                return _write(request, 200, self._offered())
            case "GET", "/authorize":
                return self._authorize(request, query)
            case "POST", "/token":
                return _write(request, *self._redeem(request.headers.get("authorization", ""), form))
            case "GET", "/keys":
                return _write(request, 200, {"keys": [_KEY.as_dict(private=False), {"kty": "OKP-unknown", "kid": "x"}]})
            case "GET", "/userinfo":
                allowed = request.headers.get("authorization") == "Bearer for-userinfo"
                return _write(request, 200 if allowed else 401, self.person if allowed else {"error": "invalid_token"})
        return _write(request, 404, {"error": "not found"})

    def _offered(self) -> dict[str, Any]:
        endpoints = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        addresses = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in endpoints.items()}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **addresses} | self.metadata

    def _authorize(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        assert query["client_id"] == CLIENT_ID, query
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256"), query
        assert "openid" in query["scope"].split(), query
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {"error": "access_denied"} if self.denies else {"code": code}
        request.send_response(302)
        request.send_header("Location", f"{query['redirect_uri']}?{urlencode(answer | {'state': query['state']})}")
        request.end_headers()

    def _redeem(self, credentials: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """A code is good once, for its own client, address and verifier."""
        query = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if not self._knows(credentials, form):
            return 401, {"error": "invalid_client"}
        if query is None or form.get("redirect_uri") != query["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if challenge.decode().rstrip("=") != query["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "for-userinfo", "token_type": "Bearer", "id_token": self._id_token(query["nonce"])}

    def _knows(self, credentials: str, form: dict[str, str]) -> bool:
        if not credentials:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        name, _, secret = base64.b64decode(credentials.removeprefix("Basic ")).decode().partition(":")
        return (unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)

    def _id_token(self, nonce: str) -> str:
        now = int(self.now if self.now is not None else time.time())
        told = {"sub": self.person["sub"]} if self.thin else self.person
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **told}
        kept = {name: value for name, value in (claims | self.token).items() if value is not None}
        if self.algorithm == "none":
            parts = [{"alg": "none"}, kept]
            return (
                ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
                + "."
            )
        return jwt.encode({"alg": self.algorithm, "kid": "first"}, kept, self.signer, algorithms=[self.algorithm])


def _write(request: BaseHTTPRequestHandler, status: int, value: Any) -> None:
    body = json.dumps(value).encode() if value is not None else b"<html>gone</html>"
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
