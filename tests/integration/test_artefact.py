# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The artefact as users get it: what is in it, and that it works where there is nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    missing,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    DROPS,
    Done,
    compiling_once,
    executable,
    idle,
    play,
    warnings_in,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import SECONDS

pytestmark = pytest.mark.versions

NAME = "exasol_community.network"
PLACE = Path(".ansible", "collections", "ansible_collections", "exasol_community", "network")  # below a home
MADE = {"FILES.json", "MANIFEST.json"}  # by ansible-galaxy
SHIPPED = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "inventory",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}
LEFT_OUT = re.compile(r"changelogs/(config.yaml|fragments/)")
CODE = ("inventory", "meta", "playbooks", "plugins", "roles")
DOCUMENTED = {
    "module": "plugins/modules/*.py",
    "filter": "plugins/filter/*.yml",
    "inventory": "plugins/inventory/*.py",
    "role": "roles/*",
}


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the artefact to be published (EXANET_ARTEFACT), or one that is built here."""
    given = os.environ.get("EXANET_ARTEFACT")
    if given:
        return CHECKOUT / given
    folder = tmp_path_factory.mktemp("artefact")
    tool("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(CHECKOUT), home=folder)
    (built,) = folder.glob("*.tar.gz")
    return built


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a user who has nothing of ours but the artefact."""
    return {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(Path(executable()).parent), os.defpath, "/usr/sbin"]),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "80",
        **compiling_once(),
    }


def tool(name: str, *arguments: str, home: Path, code: int = 0) -> str:
    """Run a tool of ansible-core in an empty directory and return its output, with errors and warnings."""
    done = subprocess.run(
        [executable(name), *arguments],
        cwd=home,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert warnings_in(done.stderr) == [], done.stderr
    return done.stdout + done.stderr if code else done.stdout


class Installed(t.NamedTuple):
    """A home that holds the artefact and nothing else, and the inventory that is in the artefact."""

    home: Path
    inventory: Path

    def play(
        self, machine: Machine, directory: Path, playbook: str, *arguments: str, **options: t.Any
    ) -> Done:
        """Run a playbook of the collection by its full name in an empty directory."""
        directory.mkdir()
        return play(
            machine,
            directory,
            *arguments,
            playbook=f"{NAME}.{playbook}",
            cwd=directory,
            environment=environment(self.home),
            before=_without_checkout(self.home),
            inventory=self.inventory,
            **options,
        )


def _without_checkout(home: Path) -> list[str]:
    """Return a command that hides the checkout's code from another, so that none of it can be what runs."""
    if missing():
        return []
    empty = home / "empty"
    empty.mkdir(exist_ok=True)
    script = (
        "for folder in "
        + " ".join(CODE)
        + '; do mount --bind "$0" "$1/$folder" || exit; done; shift; exec "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", script, str(empty), str(CHECKOUT)]


@pytest.fixture(scope="module")
def installed(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the artefact in an empty home."""
    home = tmp_path_factory.mktemp("home")
    tool("ansible-galaxy", "collection", "install", "--offline", str(artefact), home=home)
    return Installed(home, home / PLACE / "inventory" / "loopback.yml")


@pytest.fixture
def bare(installed: Installed, tmp_path: Path) -> Installed:
    """Return the same with nothing but code: no documentation, no inventory."""
    home = tmp_path / "bare"
    shutil.copytree(installed.home / ".ansible", home / ".ansible")
    for path in (home / PLACE).iterdir():
        if path.name not in {*CODE, *MADE} - {"inventory"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Installed(home, installed.inventory)


# What is in it.


@pytest.fixture(scope="module")
def content(artefact: Path) -> dict[str, str]:
    """Return the artefact's files with their text, such as it is of pictures."""
    with tarfile.open(artefact) as tar:
        return {
            entry.name: t.cast(t.IO[bytes], tar.extractfile(entry)).read().decode(errors="replace")
            for entry in tar
            if entry.isfile()
        }


def test_it_holds_what_users_need_and_nothing_else(content: dict[str, str]) -> None:
    if not (CHECKOUT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs a git checkout, to tell what is ours")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    wanted = {
        name
        for name in tracked
        if name.partition("/")[0] in SHIPPED and not LEFT_OUT.match(name) and (CHECKOUT / name).exists()
    }
    assert set(content) - MADE == wanted


def test_its_metadata_are_complete(content: dict[str, str]) -> None:
    info = json.loads(content["MANIFEST.json"])["collection_info"]
    assert f"{info['namespace']}.{info['name']}" == NAME
    assert info["dependencies"] == {}
    assert info["version"] in yaml.safe_load(content["changelogs/changelog.yaml"])["releases"], (
        "the changelog does not tell of this version"
    )


def test_links_lead_to_what_is_in_it(content: dict[str, str]) -> None:
    for name in (name for name in content if name.endswith(".md")):
        for link in re.findall(r"\]\(([^)\s]+)\)", content[name]):
            if not re.match(r"[a-z]+:|#", link):
                path = os.path.normpath(os.path.join(os.path.dirname(name), link.partition("#")[0]))
                assert path in content or any(other.startswith(path + "/") for other in content), (
                    f"{name} leads to {link}, which is not in the artefact"
                )


# That it works.


def test_it_is_whole(installed: Installed, tmp_path: Path) -> None:
    assert "Successfully verified" in tool(
        "ansible-galaxy", "collection", "verify", "--offline", NAME, home=installed.home
    )
    shutil.copytree(installed.home / ".ansible", tmp_path / ".ansible")
    (tmp_path / PLACE / "README.md").write_text("changed", encoding="utf-8")
    assert "README.md" in tool(
        "ansible-galaxy", "collection", "verify", "--offline", NAME, home=tmp_path, code=1
    )


def test_nothing_else_is_installed(installed: Installed) -> None:
    listed = json.loads(
        tool("ansible-galaxy", "collection", "list", NAME, "--format", "json", home=installed.home)
    )
    assert list(listed) == [str((installed.home / PLACE).parents[1])]


def test_ansible_doc_knows_all_of_it(installed: Installed) -> None:
    dump = json.loads(
        tool("ansible-doc", "--metadata-dump", "--no-fail-on-errors", NAME, home=installed.home)
    )["all"]
    for kind, pattern in DOCUMENTED.items():
        assert set(dump[kind]) == {f"{NAME}.{path.stem}" for path in CHECKOUT.glob(pattern)}
        for name, documented in dump[kind].items():
            assert "error" not in documented, (name, documented)
        text = tool("ansible-doc", "-t", kind, *dump[kind], home=installed.home)
        assert all(name.upper() in text.upper() for name in dump[kind])


def test_site_is_green_where_there_is_nothing_else(bare: Installed, machine: Machine, tmp_path: Path) -> None:
    done = bare.play(machine, tmp_path / "empty", "site")
    assert done.code == 0, done.output
    assert "72 flows: 72 ok" in done.output
    assert done.warnings == [], done.output
    assert [path.name for path in done.directory.iterdir()] == ["report"]
    assert idle(machine)


def test_a_saved_report_is_rendered_where_there_is_nothing_else(
    installed: Installed, machine: Machine, tmp_path: Path
) -> None:
    red = installed.play(
        machine,
        tmp_path / "red",
        "verify",
        "--limit",
        "n11,n12",
        variables={"exasol_verify_listeners": False},
    )
    assert red.code == 2, red.output
    assert red.verdicts() == {"no_listener"}
    assert re.search(r"no_listener: \S.* tcp 20000-21000 of ", red.said), red.output
    done = installed.play(
        machine,
        tmp_path / "saved",
        "report",
        variables={"exasol_report_from": str(red.directory / "report" / "report.json")},
    )
    assert done.code == 0, done.output
    assert red.warnings + done.warnings == [], done.output
    assert (done.directory / "report" / "report.html").read_bytes() == (
        red.directory / "report" / "report.html"
    ).read_bytes()


def test_open_says_what_it_would_open_where_there_is_nothing_else(
    installed: Installed, namespace: Namespace, tmp_path: Path
) -> None:
    namespace.nft(DROPS)
    done = installed.play(
        namespace,
        tmp_path / "empty",
        "open",
        "--check",
        "--diff",
        "--limit",
        "n12",
        variables={
            "exasol_firewall_enabled": True,
            "exasol_firewall_provider": "nftables",
            "exasol_firewall_persist": False,
        },
    )
    assert done.code == 0, done.output
    assert "+accept in tcp 2580,8563 from 127.0.0.21  # bucketfs, sql_client" in done.output
    assert done.warnings == [], done.output
    assert not done.wrote_report


# What Galaxy and Automation Hub make of it: both run galaxy-importer.


def rebuilt(artefact: Path, folder: Path, change: t.Callable[[Path, dict[str, t.Any]], None]) -> Path:
    """Return the artefact built again after a change of its files and its metadata."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    # Python 3.11 of Debian 12 knows no filter of tarfile, and 3.12 warns without one.
    subprocess.run(["tar", "-xzf", artefact, "-C", tree], check=True)
    info = json.loads((tree / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]
    for name in MADE:
        (tree / name).unlink()
    metadata = {key: value for key, value in info.items() if value and key != "license_file"}
    change(tree, metadata)
    (tree / "galaxy.yml").write_text(yaml.safe_dump(metadata), encoding="utf-8")
    tool("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(tree), home=folder)
    (built,) = folder.glob("*.tar.gz")
    return built


def imported(artefact: Path, folder: Path, **configuration: str) -> tuple[int, list[str]]:
    """Import the artefact as Galaxy does; returns the exit code and what it complains of."""
    pytest.importorskip("galaxy_importer", reason="needs galaxy-importer")
    done = subprocess.run(
        [executable("python"), "-m", "galaxy_importer.main", str(artefact)],
        cwd=folder,
        env=environment(folder) | configuration,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=6 * SECONDS,
        check=False,
    )
    said = (done.stdout + done.stderr).splitlines()
    assert any(line.startswith("Importing with galaxy-importer") for line in said), said
    return done.returncode, [line for line in said if re.match(r"(WARNING|ERROR|CRITICAL)|Traceback", line)]


def test_galaxy_imports_it_without_a_complaint(artefact: Path, tmp_path: Path) -> None:
    assert imported(artefact, tmp_path) == (0, [])


def _long_author(_tree: Path, metadata: dict[str, t.Any]) -> None:
    metadata["authors"] = ["x" * 65]


def _role_without_page(tree: Path, _metadata: dict[str, t.Any]) -> None:
    (tree / "roles" / "verify" / "README.md").unlink()


def _role_without_description(tree: Path, _metadata: dict[str, t.Any]) -> None:
    (tree / "roles" / "verify" / "meta" / "main.yml").unlink()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(_long_author, "must not be greater than 64 characters", id="an author of 65 characters"),
        pytest.param(_role_without_page, "No role readme found", id="a role without a page"),
        pytest.param(_role_without_description, "role description", id="a role without a description"),
    ],
)
def test_galaxy_complains_of_what_it_does_not_take(
    artefact: Path,
    tmp_path: Path,
    change: t.Callable[[Path, dict[str, t.Any]], None],
    complaint: str,
) -> None:
    without_linting = {
        "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
        "GALAXY_IMPORTER_RUN_ANSIBLE_DOC": "false",
    }
    _code, complaints = imported(rebuilt(artefact, tmp_path, change), tmp_path, **without_linting)
    assert [line for line in complaints if complaint in line], complaints


@pytest.fixture
def galaxy_page() -> t.Callable[[str, str], str]:
    """Return the function that renders a page as Galaxy does."""
    markup = pytest.importorskip("galaxy_importer.utils.markup", reason="needs galaxy-importer")

    def render(name: str, text: str) -> str:
        return str(markup.get_html(markup.DocFile(name=name, text=text, mimetype="text/markdown", hash="")))

    return render


def misrendered(html: str) -> list[str]:
    """Return the lines of a rendered page in which code stands as text."""
    return [line for line in html.splitlines() if "```" in line or re.search(r"<p><code>[a-z]+$", line)]


def test_galaxy_renders_every_page(content: dict[str, str], galaxy_page: t.Callable[[str, str], str]) -> None:
    pages = {name: text for name, text in content.items() if name.endswith(".md")}
    assert {f"roles/{role}/README.md" for role in ("firewall", "verify", "report")} < set(pages)
    assert [name for name, text in pages.items() if misrendered(galaxy_page(name, text))] == []
    control = "1. Write it:\n\n   ```yaml\n   all: {}\n   ```\n"
    assert misrendered(galaxy_page("control.md", control))


# Who published it.


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a key that is thrown away; returns the keyring for those who verify."""
    if not shutil.which("gpg"):
        pytest.skip("needs gpg (Debian: gpg)")
    with tempfile.TemporaryDirectory() as short:  # the agent's socket has a short name
        monkeypatch.setenv("GNUPGHOME", short)
        gpg = ["gpg", "--batch", "--quiet"]
        subprocess.run(
            [*gpg, "--passphrase", "", "--quick-generate-key", "throw@away.example", "ed25519", "sign", "1d"],
            check=True,
        )
        ring = tmp_path / "keyring.gpg"
        ring.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
        yield ring
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True)


def test_a_signature_tells_who_published_it(artefact: Path, tmp_path: Path, keys: Path) -> None:
    signed = tmp_path / artefact.name
    shutil.copy(artefact, signed)
    subprocess.run([str(CHECKOUT / "tools" / "sign.sh"), str(signed)], check=True)
    altered = rebuilt(
        artefact, tmp_path / "altered", lambda _tree, metadata: metadata["authors"].append("Mallory")
    )
    # A file that is installed has no signature on a Galaxy server, so it is verified afterwards.
    proof = ["--signature", f"file://{signed}.asc", "--keyring", str(keys)]
    verify = ["collection", "verify", "--offline", *proof, "--required-valid-signature-count", "+all", NAME]
    tool("ansible-galaxy", "collection", "install", "--offline", str(signed), home=tmp_path)
    assert "Successfully verified" in tool("ansible-galaxy", *verify, home=tmp_path)
    tool("ansible-galaxy", "collection", "install", "--offline", "--force", str(altered), home=tmp_path)
    refused = tool("ansible-galaxy", *verify, home=tmp_path, code=1)
    assert "Successfully verified" not in refused
    assert "BADSIG" in refused or "Signature verification failed" in refused, refused
