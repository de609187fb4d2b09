# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.plugins.plugin_utils._files.report_directory import (
    report_directory,
)

pytestmark = pytest.mark.machines


@pytest.fixture
def installed(tmp_path):
    root = tmp_path / "ansible_collections" / "exasol_community" / "network"
    (root / "playbooks").mkdir(parents=True)
    (root / "MANIFEST.json").touch()
    return root


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    (root / "playbooks").mkdir(parents=True)
    (root / "galaxy.yml").touch()
    return root


def test_a_relative_directory_is_below_the_one_where_ansible_was_started_whatever_pwd_says(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", "/elsewhere")
    assert report_directory("report") == tmp_path / "report"
    monkeypatch.delenv("PWD")
    assert report_directory("report") == tmp_path / "report"


def test_an_absolute_directory_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert report_directory("/srv/reports") == type(tmp_path)("/srv/reports")


@pytest.mark.parametrize(
    "inside", ["report", "playbooks/report", ""], ids=["top", "beside the playbooks", "the root itself"]
)
def test_nothing_is_written_into_an_installed_collection(installed, inside):
    with pytest.raises(
        NetworkError,
        match=r"is inside the collection .*: "
        r"start Ansible in another directory, or set exasol_report_directory",
    ):
        report_directory(str(installed / inside))


def test_a_link_into_a_collection_is_inside_it_too(installed, tmp_path):
    (tmp_path / "link").symlink_to(installed / "playbooks")
    with pytest.raises(NetworkError, match="is inside the collection"):
        report_directory(str(tmp_path / "link" / "report"))


def test_a_checkout_keeps_reports_at_its_top_and_not_beside_its_playbooks(checkout):
    assert report_directory(str(checkout / "report")) == checkout / "report"
    with pytest.raises(NetworkError, match="is inside the collection"):
        report_directory(str(checkout / "playbooks" / "report"))


def test_a_manifest_alone_makes_no_collection(tmp_path):
    (tmp_path / "MANIFEST.json").touch()
    assert report_directory(str(tmp_path / "report")) == tmp_path / "report"


def test_a_directory_that_was_removed_is_named(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(
        NetworkError,
        match="'report' is relative, but the directory in which Ansible was started no longer exists",
    ):
        report_directory("report")
    monkeypatch.chdir(tmp_path)
