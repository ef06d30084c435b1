"""What stands in the tree, and what of it reaches those who install it."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-node.lock")

PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", re.MULTILINE)


def files() -> list[Path]:
    """The files that are committed or could be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=TOP, capture_output=True, check=True, text=True)
    return [TOP / name for name in listed.stdout.split("\0") if (TOP / name).is_file()]


# One letter of each is a set, so that this file does not hold what it looks for.
@pytest.mark.parametrize(
    "unwanted",
    [
        pytest.param(r"pypi[.]org|python[h]osted|registry[.]npmjs|deb[.]debian[.]org", id="address-of-a-registry"),
        pytest.param(r"\b(TOD[O]|FIXM[E])\b", id="unfinished-work"),
        pytest.param(r"/wor[k]/|/roo[t]/|/hom[e]/[a-z]", id="folder-of-somebodys-machine"),
    ],
)
def test_no_file_holds(unwanted: str) -> None:
    found = [file for file in files() if re.search(unwanted, file.read_text(encoding="utf-8", errors="ignore"))]
    assert found == []


def pins(lock: str) -> dict[str, str]:
    found = PIN.findall((TOP / lock).read_text(encoding="utf-8"))
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_pins_every_package_by_hash_and_names_no_source(lock: str) -> None:
    text = (TOP / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text)
    assert entries
    assert all(PIN.match(entry) and "--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links", text)


@pytest.mark.parametrize(
    ("lock", "groups"), [(LOCKS[0], ["build"]), (LOCKS[1], ["build", "test", "lint"]), (LOCKS[2], ["node"])]
)
def test_a_lock_file_meets_every_declared_requirement(lock: str, groups: list[str]) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [] if lock == LOCKS[2] else list(project["project"]["dependencies"])
    for group in groups:
        declared += project["dependency-groups"][group]
    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(pins(lock)[canonicalize_name(requirement.name)]), requirement


def test_both_lock_files_agree() -> None:
    runtime, everything = map(pins, LOCKS[:2])
    assert runtime.items() <= everything.items()


def test_a_wheel_carries_config_and_migrations_and_finds_them(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=TOP,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site-packages")
    code = "from surveillance import paths; print(paths.config_folder(), paths.alembic_folder(), sep='\\n')"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "site-packages", check=True, capture_output=True, text=True
    )
    carried = [Path(line) for line in told.stdout.split()]
    assert carried == [tmp_path / "site-packages" / "surveillance" / "_data" / name for name in ("config", "alembic")]
    for folder in carried:
        source = {file.relative_to(TOP / folder.name) for file in files() if file.is_relative_to(TOP / folder.name)}
        assert source <= {file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}
    vendor = tmp_path / "site-packages" / "surveillance" / "web" / "static" / "vendor"
    assert {file.name for file in vendor.iterdir()} >= {"app.css", "htmx.js", "nhsuk.js"}


def test_the_lock_of_the_front_end_pins_what_it_declares_and_names_no_source() -> None:
    folder = TOP / "frontend"
    package, lock = (json.loads((folder / name).read_text()) for name in ("package.json", "package-lock.json"))
    wanted = package["dependencies"] | package["devDependencies"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in wanted.values())
    assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not any("resolved" in entry for entry in lock["packages"].values())
    assert "omit-lockfile-registry-resolved=true" in (folder / ".npmrc").read_text()


def test_the_checks_hold_the_layers() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["type"] for contract in project["tool"]["importlinter"]["contracts"]}
    assert contracts >= {"layers", "forbidden"}
    told = subprocess.run(["make", "--dry-run", "check"], cwd=TOP, capture_output=True, text=True, check=True)
    for tool in ("ruff check", "ruff format --check", "mypy", "lint-imports", "alembic check"):
        assert tool in told.stdout
