import re
import subprocess
import sys
from pathlib import Path

import yaml

from surveillance.settings import PREFIX, Settings

TOP = Path(__file__).parents[2]
COMPOSE = TOP / "docker-compose.yml"


def services() -> dict[str, dict[str, object]]:
    loaded: dict[str, dict[str, object]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return loaded


def test_the_compose_file_keeps_the_published_schema() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_variable_of_the_compose_and_image_files_is_a_setting() -> None:
    text = COMPOSE.read_text(encoding="utf-8") + (TOP / "Dockerfile").read_text(encoding="utf-8")
    named = {name.removesuffix("_FILE").lower() for name in re.findall(rf"{PREFIX}([A-Z_]+)", text)}
    assert named
    assert named <= set(Settings.model_fields)


def test_no_secret_stands_in_an_environment() -> None:
    for service in services().values():
        for name in service["environment"]:  # type: ignore[attr-defined]
            assert name.endswith("_FILE") or not re.search("TOKEN|SECRET|PASSWORD|DATABASE_URL", name), name


def test_web_and_workers_wait_for_the_migrated_database() -> None:
    wanted = {"db": {"condition": "service_healthy"}, "migrate": {"condition": "service_completed_successfully"}}
    assert services()["web"]["depends_on"] == wanted
    assert services()["worker"]["depends_on"] == wanted
    assert services()["worker"]["deploy"] == {"replicas": 2}


def test_every_lasting_service_is_watched_and_started_again() -> None:
    for name in ("db", "web", "worker"):
        assert services()[name]["restart"] == "unless-stopped"
        assert "test" in services()[name]["healthcheck"]  # type: ignore[operator]
