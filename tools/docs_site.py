#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation site without a network.

The site consists of the Markdown files of the checkout, and of the pages that antsibull-docs makes of
modules, filters and roles.
"""

from __future__ import annotations

import pathlib
import posixpath
import re
import shutil
import subprocess
import sys
import zlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
SITE = ROOT / ".cache" / "docs-site"
PAGES = SITE / "rst"  # antsibull-docs' name for it
COLLECTION = "exasol_community.network"
REPOSITORY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
ANSIBLE = "https://docs.ansible.com/ansible/latest/"

# The order of the files of docs/. Files that are not named here follow in alphabetical order.
ORDER = (
    "guide",
    "reference",
    "ports",
    "database",
    "controllers",
    "benchmarks",
    "design",
    "style",
    "inclusion",
)
PROJECT = ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md", "CHANGELOG.md")

# Labels of Ansible's own documentation that generated pages refer to, apart from modules.
LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}

SETTINGS = f"""
# From here on: tools/docs_site.py
extensions = ['sphinx.ext.intersphinx', 'sphinx_antsibull_ext', 'myst_parser']
intersphinx_mapping = {{'ansible': ('{ANSIBLE}', '../ansible.inv')}}
myst_heading_anchors = 4
html_static_path = ['static']
html_css_files = ['site.css']
html_show_sourcelink = False
html_title = '{COLLECTION}'
html_theme_options = {{
    'documentation_home_url': 'index.html', 'navigation_depth': 2, 'style_external_links': True,
    'show_extranav': False, 'show_rtd_ethical_ads': False,  # they need a network
}}
"""

# By default, the theme does not break lines in tables, which hides most of a sentence, and breaks lines of
# code on narrow screens.
STYLE = """
.rst-content .wy-table-responsive table.docutils :is(td, th) { white-space: normal; padding: 6px 8px; }
.rst-content table.docutils col { width: auto !important; }  /* equal widths fit no table of ours */
.rst-content h1, .rst-content h2 { overflow-wrap: anywhere; }
.rst-content :is(pre.literal-block, div[class^='highlight'] pre) { white-space: pre; overflow-x: auto; }
.wy-nav-content { max-width: 1300px; }
"""


def pages() -> dict[str, str]:
    """Return the Markdown files of the checkout that become pages, with the name of each page."""
    documents = sorted(
        (file.stem for file in (ROOT / "docs").glob("*.md")),
        key=lambda stem: (ORDER.index(stem) if stem in ORDER else len(ORDER), stem),
    )
    found = {"README.md": "index.md"} | {f"docs/{stem}.md": f"{stem}.md" for stem in documents}
    return found | {name: name.lower() for name in PROJECT if (ROOT / name).is_file()}


def relink(text: str, file: str, names: dict[str, str]) -> str:
    """Return the text of a page with its links changed to pages of the site, or to the repository."""

    def link(match: re.Match[str]) -> str:
        path, hash_, anchor = match["target"].partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file
        inside = names.get(target) or (
            posixpath.basename(target) if posixpath.dirname(target) == "docs" else None
        )
        if not (ROOT / target).exists():
            raise SystemExit(f"{file} links to {target}, which does not exist")
        return f"{match['before']}{inside or f'{REPOSITORY}/blob/main/{target}'}{hash_}{anchor})"

    return re.sub(r"(?P<before>\]\()(?![a-z]+:|#)(?P<target>[^)\s]+)\)", link, text)


def contents(title: str, entries: list[str]) -> str:
    """Return a part of the table of contents."""
    return "\n".join(["", "```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```", ""])


def reference() -> list[str]:
    """Return the pages that antsibull-docs made, with short names, because their titles are sentences."""
    kinds = ("module", "role", "filter", "inventory")
    found = [
        (kind, file.stem) for kind in kinds for file in sorted((PAGES / "reference").glob(f"*_{kind}.rst"))
    ]
    return [
        "Overview <reference/index>",
        *(f"{stem.removesuffix(f'_{kind}')} ({kind}) <reference/{stem}>" for kind, stem in found),
    ]


def write_pages() -> None:
    """Write the pages and the other files of docs/; the first page ends with the table of contents."""
    names = pages()
    for file, name in names.items():
        (PAGES / name).write_text(
            relink((ROOT / file).read_text(encoding="utf-8"), file, names), encoding="utf-8"
        )
    documents = [name.removesuffix(".md") for file, name in names.items() if file.startswith("docs/")]
    project = [name.removesuffix(".md") for file, name in names.items() if file in PROJECT]
    with (PAGES / "index.md").open("a", encoding="utf-8") as index:
        index.write(
            contents("Guides", documents) + contents("Reference", reference()) + contents("Project", project)
        )
    for path in (ROOT / "docs").iterdir():
        if path.is_file() and path.suffix != ".md":
            shutil.copy(path, PAGES)


def foreign_modules() -> dict[str, str]:
    """Return the labels of other collections' modules on the pages, and where they are documented."""
    texts = (file.read_text(encoding="utf-8") for file in (PAGES / "reference").glob("*.rst"))
    names = {
        name
        for text in texts
        for name in re.findall(r"<ansible_collections\.([a-z_]+\.[a-z_]+\.[a-z0-9_]+)_module>", text)
    }
    return {
        f"ansible_collections.{name}_module": f"collections/{name.replace('.', '/')}_module.html"
        for name in names
        if not name.startswith(COLLECTION)
    }


def inventory() -> bytes:
    """Return the part of Ansible's Sphinx inventory that the pages need, so that nothing is fetched."""
    head = (
        "# Sphinx inventory version 2\n# Project: Ansible\n# Version: latest\n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    lines = "".join(
        f"{label} std:label -1 {page} {label}\n"
        for label, page in sorted((LABELS | foreign_modules()).items())
    )
    return head.encode() + zlib.compress(lines.encode())


def initialise() -> None:
    """Let antsibull-docs write the configuration of the site, and add our settings."""
    shutil.rmtree(SITE, ignore_errors=True)
    PAGES.mkdir(parents=True, mode=0o755)
    subprocess.run(
        [
            "antsibull-docs",
            "sphinx-init",
            "--use-current",
            "--squash-hierarchy",
            "--fail-on-error",
            "--dest-dir",
            SITE,
            "--sphinx-theme",
            "sphinx_ansible_theme",
            "--project",
            COLLECTION,
            "--title",
            COLLECTION,
            "--copyright",
            f"{COLLECTION} contributors",
            COLLECTION,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with (SITE / "conf.py").open("a", encoding="utf-8") as configuration:
        configuration.write(SETTINGS)
    (SITE / "static").mkdir()
    (SITE / "static" / "site.css").write_text(STYLE, encoding="utf-8")
    (PAGES / "index.rst").unlink()


def write_reference() -> None:
    """Let antsibull-docs write the pages of modules, filters and roles."""
    target = PAGES / "reference"
    target.mkdir(mode=0o755)
    subprocess.run(
        [
            "antsibull-docs",
            "--config-file",
            SITE / "antsibull-docs.cfg",
            "collection",
            "--use-current",
            "--squash-hierarchy",
            "--fail-on-error",
            "--dest-dir",
            target,
            COLLECTION,
        ],
        check=True,
    )
    (SITE / "ansible.inv").write_bytes(inventory())


def main() -> int:
    """Build the site; warnings are errors."""
    initialise()
    write_reference()
    write_pages()
    done = subprocess.run(
        ["sphinx-build", "-M", "html", PAGES, SITE / "build", "-c", SITE, "-q", "-W", "--keep-going"],
        check=False,
    )
    if not done.returncode:
        print(f"The site is in {SITE.relative_to(ROOT)}/build/html.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
