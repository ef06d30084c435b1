"""The settings: environment variables with the prefix ``SURVEILLANCE_``, read once, when ``load`` is called.

Each variable may also be given as ``NAME_FILE``, the path of a file that holds the value (secrets of
containers are files). Development works with no setting at all; production refuses what is safe there only.
"""

import hmac
import os
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from surveillance.core.errors import ConfigurationError

PREFIX: Final = "SURVEILLANCE_"
DEVELOPMENT_KEY: Final = "for development only, known to everyone"
SETUP_CODE: Final = 12  # hexadecimal digits
SHORTEST_KEY: Final = 32  # characters; 128 bits even when written as hexadecimal digits


class _FileSource(PydanticBaseSettingsSource):
    """Values from the files that ``SURVEILLANCE_…_FILE`` variables point to; a line break at the end is dropped."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        variable = f"{PREFIX}{field_name.upper()}"
        path = os.environ.get(f"{variable}_FILE")
        if not path:
            return None, field_name, False
        if os.environ.get(variable):
            raise ConfigurationError(f"{variable} and {variable}_FILE are both set; keep one of them")
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigurationError(f"{variable}_FILE: cannot read {path}: {reason}") from error

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """All that can be set from outside. Addresses that may hold a password are kept out of the repr."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True)

    environment: Literal["development", "production"] = "development"
    database_url: str = Field(default="sqlite:///data/surveillance.sqlite3", repr=False)
    public_url: str = "http://localhost:8000"  # where patients' and calendars' links lead; no slash at the end
    secret_key: SecretStr = SecretStr(DEVELOPMENT_KEY)
    config_dir: Path | None = None  # None: the folder that is shipped
    log_json: bool = False
    second_factor: bool | None = None  # must staff have one? None: in production
    metrics_token: SecretStr | None = None  # None: /metrics answers nobody

    sms_transport: Literal["console", "twilio"] = "console"
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_auth_token_previous: SecretStr | None = None  # callbacks signed with it still count while one is rotated
    twilio_from: str | None = None
    twilio_messaging_service_sid: str | None = None
    twilio_api_url: str = "https://api.twilio.com"

    sms_price: Decimal | None = Field(default=None, ge=0)  # of a part sent; None: reports show parts and no cost
    sms_price_inbound: Decimal | None = Field(default=None, ge=0)  # of a part received
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")  # ISO 4217, of both prices

    smtp_url: str | None = Field(default=None, repr=False)
    email_from: str | None = None
    bounces_to: str | None = None  # where mail servers report failures; None: to email_from

    oidc_issuer: str | None = None  # None: no single sign-on; exactly as the provider writes it
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = "single sign-on"  # what the button on the page "Sign in" calls it

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def setup_code(self) -> str:
        """Proves that whoever makes the first administrator can read the settings; ``doctor`` shows it until then."""
        key = self.secret_key.get_secret_value().encode()
        return hmac.new(key, b"first run", sha256).hexdigest()[:SETUP_CODE]

    @property
    def needs_second_factor(self) -> bool:
        return self.is_production if self.second_factor is None else self.second_factor

    @property
    def twilio_auth_tokens(self) -> tuple[str, ...]:
        """The tokens with which a callback may be signed, the current one first."""
        tokens = (self.twilio_auth_token, self.twilio_auth_token_previous)
        return tuple(token.get_secret_value() for token in tokens if token)

    @field_validator("public_url", "twilio_api_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a full address like https://surveillance.example")
        return value.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is not None:
            cls._is_web_address(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: str | None) -> str | None:
        if value is not None and (
            urlsplit(value).scheme not in {"smtp", "smtps", "smtp+starttls"} or not urlsplit(value).hostname
        ):
            raise ValueError("must be an address like smtp+starttls://user:password@mail.example:587")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        faults = list(_missing(self)) + (list(_unsafe(self)) if self.is_production else [])
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _missing(settings: Settings) -> list[str]:
    """What a chosen way of sending lacks."""
    faults = []
    if settings.sms_transport == "twilio":
        needed = {
            "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
            "TWILIO_AUTH_TOKEN": settings.twilio_auth_token,
            "TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID": settings.twilio_from
            or settings.twilio_messaging_service_sid,
        }
        faults += [f"{PREFIX}SMS_TRANSPORT=twilio needs {PREFIX}{name}" for name, value in needed.items() if not value]
    if settings.smtp_url and not settings.email_from:
        faults.append(f"{PREFIX}SMTP_URL needs {PREFIX}EMAIL_FROM, the address that patients see")
    if settings.oidc_issuer and not settings.oidc_client_id:
        faults.append(f"{PREFIX}OIDC_ISSUER needs {PREFIX}OIDC_CLIENT_ID, as it was registered there")
    return faults


def _unsafe(settings: Settings) -> list[str]:
    """What production refuses (design: public interface)."""
    faults = []
    if len(settings.secret_key.get_secret_value()) < SHORTEST_KEY or (
        settings.secret_key.get_secret_value() == DEVELOPMENT_KEY
    ):
        faults.append(f"production needs {PREFIX}SECRET_KEY: {SHORTEST_KEY} random characters or more")
    if settings.sms_transport == "console":
        faults.append(f"production refuses {PREFIX}SMS_TRANSPORT=console: no patient would be reached")
    if not _is_twilio(settings.twilio_api_url):
        faults.append(f"production refuses a {PREFIX}TWILIO_API_URL that is not https at twilio.com")
    if urlsplit(settings.public_url).scheme != "https":
        faults.append(f"production needs an https address in {PREFIX}PUBLIC_URL")
    if settings.oidc_issuer and urlsplit(settings.oidc_issuer).scheme != "https":
        faults.append(f"production needs an https address in {PREFIX}OIDC_ISSUER")
    return faults


def _is_twilio(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" and (host == "twilio.com" or host.endswith(".twilio.com"))


def load() -> Settings:
    """The settings of this process's environment.

    Raises:
        ConfigurationError: in one line, every variable that is not usable and why, never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError("; ".join(map(_told, error.errors()))) from None


def _told(fault: Any) -> str:
    reason = fault["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{str(fault['loc'][0]).upper()}: {reason}" if fault["loc"] else reason
