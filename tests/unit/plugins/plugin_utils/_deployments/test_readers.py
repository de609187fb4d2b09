# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers of deployment files: what they return, what they refuse, and that no secret leaves them."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.plugins.plugin_utils._deployments.deployment import Node
from ansible_collections.exasol_community.network.plugins.plugin_utils._deployments.formats import (
    cluster_name,
    read_deployment,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._deployments import samples

C4, EXACONF, JSON, SECRET = samples.C4, samples.EXACONF, samples.JSON, samples.SECRET
ONE = 'CCC_HOST_ADDRS="10.0.0.11"\n'


def read(text):
    return read_deployment(text, "config")


def outcome(text):
    """Return what is read as text, or the text of the refusal."""
    try:
        return repr(read(text))
    except NetworkError as error:
        return str(error)


def test_c4():
    found = read(C4)
    assert found.nodes == tuple(
        Node(f"n{number}", f"10.0.0.{number}", f"203.0.113.{number}", user="exasol", key_file="~/.ssh/id_rsa")
        for number in (11, 12, 13)
    )
    assert (found.release, found.ports) == ("2025.1.11", {"sql_client": (9563,)})
    assert found.site_variables() == {"exasol_release": "2025.1.11", "exasol_overrides": {"sql_client": 9563}}


C4_YAML = f"""
# In the other forms, play.dir stands for CCC_PLAY_DIR.
host:
  addrs: 10.0.0.11 10.0.0.12 10.0.0.13
  external_addrs: [203.0.113.11, 203.0.113.12, 203.0.113.13]
  image_user: exasol
  image_password: {SECRET}1
  key_pair_file: id_rsa
play:
  working_copy: "@exasol-2025.1.11"
  db_port: 9563
  db_password: '{SECRET}2'
adminui.start_server: true
"""
C4_JSON = """{
  "host": {"addrs": "10.0.0.11 10.0.0.12 10.0.0.13", "image-user": "exasol", "key_pair": {"file": "id_rsa"},
           "external_addrs": "203.0.113.11 203.0.113.12 203.0.113.13", "image_password": "s3cret-1"},
  "play": {"working_copy": "@exasol-2025.1.11", "db_port": "9563"}
}"""


@pytest.mark.parametrize("text", [C4_YAML, C4_JSON, f"---{C4_YAML}"], ids=["yaml", "json", "yaml-document"])
def test_the_other_forms_of_c4_say_the_same(text):
    assert read(text) == read(C4)


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("host:\n  addrs: 10.0.0.11,10.0.0.12\n", ["config: line 2, host.addrs", "commas"]),
        (
            "host:\n  addrs: [10.0.0.11]\n  external_addrs: 1.1.1.1 2.2.2.2\n",
            ["line 3", "line 2, host.addrs"],
        ),
        ("host:\n  addrs: {n11: 10.0.0.11}\n", ["CCC_HOST_ADDRS is missing"]),
        ("host:\n  addrs: [[10.0.0.11]]\n", ["line 2, host.addrs", "neither a text nor a list"]),
        ("host:\n  addrs: 10.0.0.11\nhost.addrs: 10.0.0.12\n", ["line 3", "line 2, host.addrs sets it, too"]),
        ("host:\n  addrs: 10.0.0.11\n  addrs: 10.0.0.12\n", ["line 3, host.addrs", "remove one"]),
        ("host:\n  addrs: 10.0.0.11\nplay:\n  db_port: 70000\n", ["line 4, play.db_port", "70000"]),
        (f"host:\n  addrs: 10.0.0.11\n image_password: *{SECRET}\n", ["line 3", "neither YAML nor JSON"]),
        (f'{{"host": {{"addrs": "10.0.0.11", "password": "{SECRET}}}\n', ["line 2", "neither YAML nor JSON"]),
        (f"play:\n  db_password: {SECRET}\n", ["CCC_HOST_ADDRS is missing"]),
        ("host: &a\n  addrs: *a\n", ["CCC_HOST_ADDRS is missing"]),
    ],
    ids=[
        "commas",
        "counts",
        "object",
        "nested",
        "twice",
        "same-key",
        "port",
        "no-yaml",
        "no-json",
        "none",
        "loop",
    ],
)
def test_other_forms_of_c4_that_cannot_be_used_are_named(text, fragments):
    message = refusal(read, text)
    assert_names(message, fragments)
    assert SECRET not in message


def test_deployment_json():
    found = read(JSON)
    assert found.nodes == tuple(
        Node(f"n{number}", f"10.0.0.{number}", f"203.0.113.{number}", name, "ubuntu", "node_access.pem", port)
        for number, name, port in ((11, "db1.example.com", 2222), (12, "db2.example.com", 22))
    )
    assert (found.release, found.ports) == ("", {"sql_client": (9563,), "exasol_admin": (8443,)})
    assert found.site_variables() == {"exasol_overrides": {"sql_client": 9563}}


def test_exaconf():
    found = read(EXACONF)
    assert found.nodes == (Node("n11", "10.10.10.11", "203.0.113.11"), Node("n12", "10.10.10.12"))
    assert found.site_variables() == {
        "exasol_release": "8.29.13",
        "exasol_overrides": {
            "bucketfs_https": [2581, 6584],
            "confd": 443,
            "cos_ssh": 22,
            "sql_client": 8888,
        },
        "exasol_include": ["bucketfs_https"],
    }


def test_release_7_has_no_rows_of_release_8():
    found = read(EXACONF.replace("8.29.13", "7.1.30"))
    assert found.site_variables() == {"exasol_release": "7.1.30", "exasol_overrides": {"sql_client": 8888}}


@pytest.mark.parametrize("text", [C4, JSON, EXACONF], ids=["c4", "json", "exaconf"])
def test_no_secret_is_kept(text):
    assert text.count(SECRET) >= 8
    assert SECRET not in repr(read(text))


@pytest.mark.parametrize("text", [C4, JSON, EXACONF], ids=["c4", "json", "exaconf"])
def test_no_secret_is_shown_wherever_the_file_breaks_off(text):
    """Errors of files that were cut, or lost one character, show none of their other values."""
    for position in range(len(text)):
        for broken in (text[:position], text[:position] + text[position + 1 :]):
            assert SECRET not in outcome(broken)


SERVICES = {
    "admin ui is not started": (ONE + "CCC_ADMINUI_START_SERVER=false", {"exasol_exclude": ["exasol_admin"]}),
    "admin ui is not said": (ONE, {}),
    "bucketfs is switched off": (
        "[Node : 11]\nPrivateNet = 10.0.0.11\n[BucketFS : b]\nHttpPort = 0\nHttpsPort = 0",
        {"exasol_exclude": ["bucketfs"]},
    ),
    "two databases": (
        "[Node : 11]\nPrivateNet = 10.0.0.11\n[DB : a]\nPort = 8563\n[DB : b]\nPort = 8564",
        {"exasol_overrides": {"sql_client": [8563, 8564]}},
    ),
    "the default port": (ONE + "CCC_PLAY_DB_PORT=8563", {}),
}


@pytest.mark.parametrize("text, expected", SERVICES.values(), ids=SERVICES)
def test_services(text, expected):
    assert read(text).site_variables() == expected


WORKING_COPIES = {
    "@exasol-8.34.0": "8.34.0",
    "@exasol-2025.1.11": "2025.1.11",
    "/home/exasol/exasol-8.32.0.tar.gz": "8.32.0",
    "@latest": "",
    "": "",
}


@pytest.mark.parametrize("value, release", WORKING_COPIES.items())
def test_working_copies(value, release):
    assert read(f"{ONE}CCC_PLAY_WORKING_COPY={value}\n").release == release


KEY_FILES = {"id_rsa": "~/.ssh/id_rsa", "keys/one": "keys/one", "/root/key": "/root/key", "~/key": "~/key"}


@pytest.mark.parametrize("value, expected", KEY_FILES.items())
def test_key_files(value, expected):
    assert read(f"{ONE}CCC_HOST_KEY_PAIR_FILE='{value}'\n").nodes[0].key_file == expected


ADDRESSES = {
    "one network": (ONE, [("10.0.0.11", "")]),
    "one address for both networks": (ONE + ONE.replace("ADDRS", "EXTERNAL_ADDRS"), [("10.0.0.11", "")]),
    "IPv6": (
        'CCC_HOST_ADDRS="2001:DB8::0:11 [2001:db8::12]"',
        [("2001:db8::11", ""), ("2001:db8::12", "")],
    ),
    "IPv4 outside, IPv6 inside": (
        "CCC_HOST_ADDRS=fd00::11\nCCC_HOST_EXTERNAL_ADDRS=203.0.113.11",
        [("fd00::11", "203.0.113.11")],
    ),
    "names": ('CCC_HOST_ADDRS="N11.example.com"', [("n11.example.com", "")]),
    "no external ones": (ONE + 'CCC_HOST_EXTERNAL_ADDRS=""', [("10.0.0.11", "")]),
    "EXAConf, IPv6": ("[Node : 11]\nPrivateNet = fd00::11/64", [("fd00::11", "")]),
    "EXAConf, quoted": ("; c\n[Node : 11]\nPrivateNet = '10.0.0.11/24'", [("10.0.0.11", "")]),
    "JSON, byte order mark": ('\ufeff{"nodes": {"n1": {"privateIp": "10.0.0.11"}}}', [("10.0.0.11", "")]),
    "Windows": (ONE.replace("\n", "\r\n") + "# end\r\n", [("10.0.0.11", "")]),
}


@pytest.mark.parametrize("text, expected", ADDRESSES.values(), ids=ADDRESSES)
def test_addresses(text, expected):
    assert [(node.address, node.external_address) for node in read(text).nodes] == expected


def node(**values):
    fields = ", ".join(f'"{key}": {value}' for key, value in values.items())
    return f'{{"nodes": {{"n11": {{{fields}}}}}}}'


EXA = "[Node : 11]\nPrivateNet = 10.0.0.11/24\n"
REFUSED = {
    "empty": ("# nothing\n\n", ["config: the file is empty", "c4", "EXAConf"]),
    "c4, no addresses": ("CCC_PLAY_DB_PORT=8563\n", ["config: CCC_HOST_ADDRS is missing"]),
    "c4, no address at all": ('CCC_HOST_ADDRS=""\n', ["line 1, CCC_HOST_ADDRS: no node is named"]),
    "c4, not as many external ones": (
        'CCC_HOST_ADDRS="10.0.0.11 10.0.0.12"\n\nCCC_HOST_EXTERNAL_ADDRS="203.0.113.11"\n',
        ["line 3, CCC_HOST_EXTERNAL_ADDRS: 1 external addresses for 2 addresses", "line 1, CCC_HOST_ADDRS"],
    ),
    "c4, commas": (
        "CCC_HOST_ADDRS=10.0.0.11,10.0.0.12",
        ["line 1", "'10.0.0.11,10.0.0.12' has commas", "blanks"],
    ),
    "c4, no quotes": (
        "#\nCCC_HOST_ADDRS=10.0.0.11 10.0.0.12",
        ["line 2, CCC_HOST_ADDRS", "goes on after a blank", "in quotes"],
    ),
    "c4, open quote": (ONE + 'CCC_PLAY_DB_PASSWORD="abc', ["line 2, CCC_PLAY_DB_PASSWORD", "never closed"]),
    "c4, blanks around =": (
        ONE + "CCC_PLAY_DB_PORT = 1",
        ["line 2, CCC_PLAY_DB_PORT: blanks stand around the ="],
    ),
    "c4, no =": (ONE + "CCC_PLAY_DB_PORT", ["line 2, CCC_PLAY_DB_PORT: no = follows the key"]),
    "c4, no key": (ONE + "%", ["line 2: this is no assignment"]),
    "c4, variable": ('CCC_HOST_ADDRS="$ADDRESSES"', ["line 1, CCC_HOST_ADDRS", "not evaluated"]),
    "c4, command": ('CCC_HOST_ADDRS="`hostname -I`"', ["line 1, CCC_HOST_ADDRS", "not evaluated"]),
    "c4, twice": (ONE + "\n" + ONE, ["line 3, CCC_HOST_ADDRS: line 1 sets it, too"]),
    "c4, one address twice": (
        'CCC_HOST_ADDRS="10.0.0.11 10.0.0.11"',
        ["'n11' and 'n12' both have the address 10.0.0.11"],
    ),
    "c4, an address of both networks": (
        'CCC_HOST_ADDRS="10.0.0.11 10.0.0.12"\nCCC_HOST_EXTERNAL_ADDRS="10.0.0.12 10.0.0.11"',
        ["'n11' and 'n12' both have the address 10.0.0.12"],
    ),
    "c4, no address but something": (
        'CCC_HOST_ADDRS="10.0.0.256"',
        ["line 1, CCC_HOST_ADDRS: '10.0.0.256' is"],
    ),
    "c4, not one host": (
        'CCC_HOST_ADDRS="0.0.0.0"',
        ["line 1, CCC_HOST_ADDRS: '0.0.0.0' stands for all addresses"],
    ),
    "c4, a template": (
        ONE + "CCC_HOST_KEY_PAIR_FILE='{{ x }}'",
        ["line 2, CCC_HOST_KEY_PAIR_FILE", "template"],
    ),
    "c4, a user of two words": (ONE + "CCC_HOST_IMAGE_USER='a b'", ["line 2, CCC_HOST_IMAGE_USER: 'a b'"]),
    "c4, port": (
        ONE + "CCC_PLAY_DB_PORT=65536",
        ["line 2, CCC_PLAY_DB_PORT: '65536' is no port", "1 to 65535"],
    ),
    "c4, port 0": (ONE + "CCC_PLAY_DB_PORT=0", ["line 2, CCC_PLAY_DB_PORT: '0' is no port"]),
    "c4, two lines in one": (
        "CCC_HOST_ADDRS=10.0.0.11CCC_PLAY_DB_PASSWORD=abc",
        ["line 1, CCC_HOST_ADDRS: the value holds another ="],
    ),
    "exaconf, two lines in one": (
        "[Node : 11]\nPrivateNet = 10.0.0.11/24 Name = n11",
        ["line 2, PrivateNet of [Node : 11]: the value holds another ="],
    ),
    "c4, flag": (ONE + "CCC_ADMINUI_START_SERVER=maybe", ["line 2", "'maybe' is neither true nor false"]),
    "json, broken": ('{\n"nodes": {\n', ["config: line 3: this is no JSON"]),
    "json, no nodes": ('{"connection": {}}', ['the key "nodes" is missing']),
    "json, nodes are a list": ('{"nodes": []}', ["nodes is a list: expected an object"]),
    "json, no node": ('{"nodes": {}}', ["no node is named"]),
    "json, no private address": (node(publicIp='"203.0.113.1"'), ["nodes.n11.privateIp is missing"]),
    "json, an address that is a number": (node(privateIp="5"), ["nodes.n11.privateIp: 5 is no text"]),
    "json, ssh is a text": (node(privateIp='"10.0.0.1"', ssh='"x"'), ["nodes.n11.ssh is a text"]),
    "json, port": (
        node(privateIp='"10.0.0.1"', ssh='{"port": true}'),
        ["nodes.n11.ssh.port: 'True' is no port"],
    ),
    "json, twice": ('{"nodes": {"n1": {}, "n1": {}}}', ["the key 'n1' appears twice"]),
    "json, a name that is a template": (
        '{"nodes": {"{{ x }}": {"privateIp": "10.0.0.1"}}}',
        ["nodes: '{{ x }}' is no name of a host"],
    ),
    "json, two ports": (
        """{"nodes": {"n1": {"privateIp": "10.0.0.1", "database": {"dbPort": "1"}},
        "n2": {"privateIp": "10.0.0.2", "database": {"dbPort": "2"}}}}""",
        ["nodes.n2.database.dbPort is 2, and nodes.n1.database.dbPort is 1"],
    ),
    "exaconf, no node": ("[Global]\n", ["no section [Node : 11]"]),
    "exaconf, no address": ("[Node : 11]\nName = n11\n", ["line 1, [Node : 11]: PrivateNet is missing"]),
    "exaconf, a template of a file": (
        "[Node : 11]\nPrivateNet = {{ private_network }}\n",
        ["line 2, PrivateNet of [Node : 11]: '{{ private_network }}' is"],
    ),
    "exaconf, prefix": (
        "[Node : 11]\nPrivateNet = 10.0.0.11/33\n",
        ["line 2, PrivateNet of [Node : 11]: '10.0.0.11/33'", "prefix length"],
    ),
    "exaconf, a number that is none": ("[Node : x]\n", ["line 1", "'x'"]),
    "exaconf, node twice": (EXA + "[Node : 11]\n", ["line 3: line 1 begins [Node : 11], too"]),
    "exaconf, key twice": (EXA + "PrivateNet = 10.0.0.12\n", ["line 3, PrivateNet of [Node : 11]: line 2"]),
    "exaconf, one name for two": (
        EXA + "[Node : 12]\nPrivateNet = 10.0.0.12\nName = n11\n",
        ["the node 'n11' appears there twice"],
    ),
    "exaconf, open section": (EXA + "[DB : DB1\n", ["line 3: the section is not closed"]),
    "exaconf, no =": (EXA + "[DB : DB1]\nPort 8563\n", ["line 4: this is neither a section nor a setting"]),
    "exaconf, port": (EXA + "[DB : DB1]\nPort = x\n", ["line 4, Port of [DB : DB1]: 'x' is no port"]),
    "exaconf, version": (EXA + "[Global]\nDBVersion = latest\n", ["line 4, DBVersion of [Global]: 'latest'"]),
    "exaconf, two versions": (
        EXA + "[DB : a]\nVersion = 8.29.13\n[DB : b]\nVersion = 8.34.0\n",
        ["line 6, Version of [DB : b] is 8.34.0, and line 4, Version of [DB : a] is 8.29.13"],
    ),
}


@pytest.mark.parametrize("text, fragments", REFUSED.values(), ids=REFUSED)
def test_refused(text, fragments):
    message = refusal(read, text)
    assert_names(message, fragments)
    assert message.startswith("config: ")


PATHS = {
    "/etc/exasol/production/config": "production",
    "/srv/one/deployment.json": "one",
    "/srv/two/etc/EXAConf": "two",
    "/srv/north.conf": "north",
    "/srv/north/config.north": "north",
    "/srv/my.cluster.json": "my.cluster",
    "C:\\exasol\\production\\config": "production",
    "/config": "config",
}


@pytest.mark.parametrize("path, expected", PATHS.items())
def test_cluster_names(path, expected):
    assert cluster_name(path) == expected


# -- properties

# Ways to write one text in a shell.
QUOTES = [
    shlex.quote,
    lambda text: '"' + "".join("\\" + sign if sign in '"\\$`' else sign for sign in text) + '"',
    lambda text: "".join("\\" + sign for sign in text),
]
names = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)
addresses = st.lists(st.ip_addresses(v=4, network="10.0.0.0/8"), min_size=1, max_size=8, unique=True)


@given(texts, st.sampled_from(QUOTES))
def test_a_password_in_any_quotes_does_not_disturb_the_lines_after_it(password, quote):
    text = f"CCC_PLAY_DB_PASSWORD={quote(password)} # a comment\n{ONE}"
    assert [node.address for node in read(text).nodes] == ["10.0.0.11"]


@given(
    st.from_regex(r"[A-Za-z0-9 ._+@:/'\"\\$`;&-]{1,20}", fullmatch=True).map(str.strip),
    st.sampled_from(QUOTES),
)
def test_a_path_is_what_the_shell_reads(path, quote):
    text = f"CCC_HOST_KEY_PAIR_FILE=/{quote(path) if path else ''}\n{ONE}"
    assert read(text).nodes[0].key_file == f"/{path}"


@pytest.mark.parametrize("quote", QUOTES, ids=["shlex", "double", "escaped"])
def test_the_ways_to_quote_are_those_of_a_shell(quote):
    text = "a'b\"c\\d$e`f g#h"
    done = subprocess.run(
        ["sh", "-c", f'K={quote(text)} # comment\nprintf %s "$K"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == text


@given(addresses)
def test_the_formats_say_the_same(found):
    """The same nodes, written in each of the formats, are read as the same addresses in the same order."""
    texts = [str(address) for address in found]
    described = ", ".join(f'"n{11 + i}": {{"privateIp": "{text}"}}' for i, text in enumerate(texts))
    sections = "".join(f"[Node : {11 + i}]\n  PrivateNet = {text}/8\n" for i, text in enumerate(texts))
    shell, tree = f'CCC_HOST_ADDRS="{" ".join(texts)}"', f"host:\n  addrs: [{', '.join(texts)}]"
    for text in (shell, tree, f'{{"nodes": {{{described}}}}}', sections):
        nodes = read(text).nodes
        assert [node.address for node in nodes] == texts
        assert [node.name for node in nodes] == [f"n{11 + i}" for i in range(len(texts))]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    assert outcome(text).startswith(("Deployment(nodes=(Node(", "config: "))
