# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of each format, written from its public documentation, with all its kinds of secrets."""

SECRET = "s3cret-"

C4 = f"""# Three hosts, two networks
CCC_HOST_ADDRS="10.0.0.11 10.0.0.12 10.0.0.13"
CCC_HOST_EXTERNAL_ADDRS="203.0.113.11 203.0.113.12 203.0.113.13"  # in the same order

CCC_HOST_DATADISK=/dev/mapper/exasol_disk_1,/dev/mapper/exasol_disk_2
export CCC_HOST_IMAGE_USER=exasol
CCC_HOST_IMAGE_PASSWORD={SECRET}1
CCC_HOST_KEY_PAIR_FILE=id_rsa
CCC_PLAY_WORKING_COPY=@exasol-2025.1.11
CCC_PLAY_DB_PORT=9563
CCC_PLAY_DB_PASSWORD='{SECRET}2'\\''s "$HOME"'
CCC_PLAY_ADMIN_PASSWORD="{SECRET}3 \\"quoted\\"
{SECRET}4 in the next line"
CCC_ADMINUI_ADMIN_PASSWORD={SECRET}5
CCC_USER_PASSWORD='$({SECRET}8)'
CCC_PLAY_LICENSE=@license:{SECRET}6
CCC_AWS_SECRET_ACCESS_KEY={SECRET}7
CCC_ADMINUI_START_SERVER=true
"""

JSON = f"""{{
  "backend": "tofu",
  "deploymentId": "exasol-1234",
  "connection": {{"host": "db.example.com", "dbPort": 8563, "username": "sys", "password": "{SECRET}1"}},
  "nodes": {{
    "n12": {{
      "publicIp": "203.0.113.12", "privateIp": "10.0.0.12", "dnsName": "db2.example.com",
      "ssh": {{"username": "ubuntu", "keyFile": "node_access.pem", "port": "22", "command": "{SECRET}2"}},
      "tlsCert": "{SECRET}3",
      "database": {{"dbPort": "9563", "uiPort": "8443", "url": "https://sys:{SECRET}4@203.0.113.12:8443"}}
    }},
    "n11": {{
      "publicIp": "203.0.113.11", "privateIp": "10.0.0.11", "dnsName": "db1.example.com",
      "ssh": {{"username": "ubuntu", "keyFile": "node_access.pem", "port": "2222", "password": "{SECRET}5"}},
      "database": {{"dbPort": "9563", "uiPort": "8443", "password": "{SECRET}6"}}
    }}
  }},
  "dbPassword": "{SECRET}7", "adminUiPassword": "{SECRET}8"
}}
"""

EXACONF = f"""[Global]
    ClusterName = cl4
    SSHPort = 22
    XMLRPCPort = 443
    WebUIBackendPort = 4444
    AuthenticationToken = {SECRET}1
    Networks = private, public
    DBVersion = 8.29.13

[SSL]
    CertKey = {SECRET}2

[Users]
    [[root]]
        AuthorizedKeys = {SECRET}3
        Passwd = {SECRET}4

[Node : 11]
    PrivateNet = 10.10.10.11/24 # <-- replace with the real network
    PublicNet = 203.0.113.11/24
    Name = n11
    [[Disk : disk1]]
        Name = not-the-node

[Node : 12]
    PrivateNet = 10.10.10.12/24
    PublicNet =

[DB : DB1]
    Version = 8.29.13
    Port = 8888
    LDAPPassword = {SECRET}5
    [[JDBC]]
        Port = 1

# The default BucketFS
[BucketFS : bfsdefault]
    HttpPort = 2580
    # HTTPS port number (0 = disabled)
    HttpsPort = 2581
    SyncKey = {SECRET}6
    [[Bucket : default]]
        ReadPasswd = {SECRET}7
        WritePasswd = {SECRET}8

[BucketFS : second]
    HttpPort = 0
    HttpsPort = 6584
"""
