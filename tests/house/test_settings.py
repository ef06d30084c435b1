import os
from pathlib import Path

import pytest

from surveillance import settings
from surveillance.core.errors import ConfigurationError

SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "3f1c9a7d5b2e8f604a6b1d9c7e5f3a21",
    "PUBLIC_URL": "https://surveillance.example",
    "SMS_TRANSPORT": "twilio",
    "TWILIO_ACCOUNT_SID": "AC0123456789",
    "TWILIO_AUTH_TOKEN": "a-token",
    "TWILIO_FROM": "+12025550100",
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(variable)


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(settings.PREFIX + name, value)


def test_development_needs_no_setting() -> None:
    loaded = settings.load()
    assert (loaded.environment, loaded.sms_transport) == ("development", "console")
    assert loaded.database_url.startswith("sqlite:///data/")
    assert loaded.public_url == "http://localhost:8000"


def test_a_safe_production_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SAFE)
    assert settings.load().is_production


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": ""}, "SURVEILLANCE_SECRET_KEY"),
        ({"SECRET_KEY": settings.DEVELOPMENT_KEY}, "SURVEILLANCE_SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SURVEILLANCE_SECRET_KEY"),
        ({"SMS_TRANSPORT": "console"}, "SURVEILLANCE_SMS_TRANSPORT"),
        ({"PUBLIC_URL": "http://surveillance.example"}, "SURVEILLANCE_PUBLIC_URL"),
        ({"TWILIO_API_URL": "http://api.twilio.com"}, "SURVEILLANCE_TWILIO_API_URL"),
        ({"TWILIO_API_URL": "https://127.0.0.1:8443"}, "SURVEILLANCE_TWILIO_API_URL"),
        ({"TWILIO_API_URL": "https://eviltwilio.com"}, "SURVEILLANCE_TWILIO_API_URL"),
        ({"TWILIO_API_URL": "https://api.twilio.com@elsewhere.example"}, "SURVEILLANCE_TWILIO_API_URL"),
        ({"OIDC_ISSUER": "http://id.hospital.example", "OIDC_CLIENT_ID": "x"}, "SURVEILLANCE_OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://id.hospital.example"}, "SURVEILLANCE_OIDC_CLIENT_ID"),
        ({"OIDC_ISSUER": "id.hospital.example", "OIDC_CLIENT_ID": "x"}, "SURVEILLANCE_OIDC_ISSUER"),
    ],
)
def test_production_refuses_what_is_safe_in_development_only(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], named: str
) -> None:
    given(monkeypatch, **SAFE | change)
    with pytest.raises(ConfigurationError, match=named) as refused:
        settings.load()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"SMS_TRANSPORT": "pigeon"}, "SURVEILLANCE_SMS_TRANSPORT: .*'console' or 'twilio'"),
        ({"SMS_TRANSPORT": "twilio"}, "SURVEILLANCE_TWILIO_ACCOUNT_SID"),
        ({"PUBLIC_URL": "surveillance.example"}, "SURVEILLANCE_PUBLIC_URL: must be a full address"),
        ({"SMTP_URL": "mail.example"}, "SURVEILLANCE_SMTP_URL: must be an address like"),
        ({"SMTP_URL": "smtp://mail.example"}, "SURVEILLANCE_EMAIL_FROM"),
        ({"LOG_JSON": "perhaps"}, "SURVEILLANCE_LOG_JSON"),
        ({"SECRET_KEY_FILE": "no/such/file"}, "SURVEILLANCE_SECRET_KEY_FILE: cannot read no/such/file"),
        ({"SECRET_KEY": "a", "SECRET_KEY_FILE": "b"}, "both set"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], named: str
) -> None:
    given(monkeypatch, **values)
    with pytest.raises(ConfigurationError, match=named) as refused:
        settings.load()
    assert "\n" not in str(refused.value)


def test_a_wrong_value_is_never_repeated_as_it_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, SMTP_URL="http://user:hunter2@mail.example")
    with pytest.raises(ConfigurationError) as refused:
        settings.load()
    assert "hunter2" not in str(refused.value)


def test_every_setting_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number, name in enumerate(SAFE):
        file = tmp_path / str(number)
        file.write_text(SAFE[name] + "\n", encoding="utf-8")
        monkeypatch.setenv(f"{settings.PREFIX}{name}_FILE", str(file))
    loaded = settings.load()
    assert loaded.is_production
    assert loaded.secret_key.get_secret_value() == SAFE["SECRET_KEY"]
    assert loaded.twilio_auth_tokens == ("a-token",)


def test_two_tokens_count_while_one_is_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SAFE, TWILIO_AUTH_TOKEN_PREVIOUS="the-old-one")
    assert settings.load().twilio_auth_tokens == ("a-token", "the-old-one")


def test_no_secret_shows_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    given(
        monkeypatch,
        **SAFE,
        DATABASE_URL="postgresql://clinic:hunter2@db/clinic",
        SMTP_URL="smtp://clinic:hunter2@mail.example",
        EMAIL_FROM="clinic@clinic.example",
    )
    shown = repr(settings.load())
    assert "hunter2" not in shown
    assert SAFE["SECRET_KEY"] not in shown
    assert SAFE["TWILIO_AUTH_TOKEN"] not in shown
