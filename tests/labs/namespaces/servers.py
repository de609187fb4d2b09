# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers, as Debian packages them, in a namespace.

Each in the foreground, with a folder and a log of its own.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..waiting import until
from . import oracles
from .lines import CLIENT
from .namespaces import Machine, run, with_file, with_hosts

# ProFTPD and vsftpd cannot both be installed as packages, nor can Exim and Postfix, or NTPsec and chrony, so
# one of them is unpacked there (.ci/run).
_PATH = (
    "/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin:/usr/lib/dovecot:/opt/proftpd/usr/sbin:"
    "/opt/exim/usr/sbin:/opt/ntpsec/usr/sbin"
)
_UNPACKED = "/opt/{0}/usr/{1}"  # what no test shall install beside others
# A site of Django that serves the names of one domain alone.
_DJANGO = """
import sys
from wsgiref.simple_server import make_server
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
settings.configure(
    ALLOWED_HOSTS=[".example.com"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="none",
)
urlpatterns = []
make_server(sys.argv[1], int(sys.argv[2]), get_wsgi_application()).serve_forever()
"""
_APACHE_MODULES = "/usr/lib/apache2/modules"
PACKAGES = {
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "vsftpd": "vsftpd",
    "nginx": "nginx-light",
    "slapd": "slapd",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "dnsmasq": "dnsmasq-base",
    "chronyd": "chrony",
    "openssl": "openssl",
    "proftpd": "proftpd-core",
    "dovecot": "dovecot-imapd, dovecot-submissiond, dovecot-lmtpd",
    "postfix": "postfix",
    "exim4": "exim4-daemon-light",
    "apache2": "apache2-bin",
    "redis-server": "redis-server",
    "pgbouncer": "pgbouncer",
    "unbound": "unbound",
    "named": "bind9",
    "haproxy": "haproxy",
    "gnutls-serv": "gnutls-bin",
    "lmtp": "dovecot-lmtpd",
    "ntpd": "ntpsec",
    "socat": "socat",
    "java": "default-jre-headless",
    "derby.jar": "libderby-java",
    "django": "python3-django",
}


def find(name: str) -> str:
    """Return the path of a server, or nothing; PostgreSQL keeps its own in a folder for each release."""
    if name in _LIBRARIES:
        return _library(name)
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(newest[-1]) if newest else shutil.which(name, path=_PATH) or ""


_LIBRARIES = {
    "derby.jar": ("derby", "share/java/derbynet.jar"),
    "django": ("django", "lib/python3/dist-packages/django"),
}


def _library(name: str) -> str:
    """Return the folder of a server that is no program of its own, or nothing."""
    unpacked, file = _LIBRARIES[name]
    places = [Path("/usr", file), Path(_UNPACKED.format(unpacked, file))]
    return next((str(place.parent) for place in places if place.exists()), "")


def missing(*names: str) -> str:
    """Return why these servers cannot be started, or nothing."""
    absent = [name for name in names if not find(name)]
    packages = sorted({PACKAGES.get(name, "postgresql") for name in absent})
    return f"needs {', '.join(absent)} (Debian: {', '.join(packages)})" if absent else ""


@functools.cache
def ssh_penalises() -> bool:
    """Return whether this OpenSSH refuses whoever often connects without a login: 9.8 and newer."""
    if not find("sshd"):
        return False
    version = subprocess.run([find("sshd"), "-V"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", version)
    return found is not None and tuple(map(int, found.groups())) >= (9, 8)


class Server:
    """A server's process."""

    def __init__(
        self,
        machine: Machine,
        folder: Path,
        command: Sequence[str],
        user: str = "",
        hosts: Path | None = None,
        resolver: Path | None = None,
    ):
        self.log = folder / "log"
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        with machine.inside(), self.log.open("w") as log:
            whole = [*as_user, find(command[0]), *command[1:]]
            whole = with_file("/etc/resolv.conf", resolver, whole) if resolver else whole
            self._command = with_hosts(hosts, whole) if hosts else whole
            self._process = subprocess.Popen(
                self._command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def wait_for(self, machine: Machine, port: int, protocol: str = "tcp") -> Server:
        """Return when the server listens."""

        def ready() -> bool:
            assert self._process.poll() is None, self.log.read_text(errors="replace")
            return any(
                sock.port == port and sock.protocol == protocol for sock in oracles.waiting_sockets(machine)
            )

        until(ready, f"{self._command} on port {port}")
        return self

    def said(self) -> list[str]:
        """Return the lines of the log."""
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()

    def until_it_says(self, words: str) -> Server:
        """Return when some words are in the log: some servers listen before they are ready."""
        until(lambda: words in "\n".join(self.said()), f"{words!r} of {self._command}")
        return self

    def stop(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Hall:
    """Starts servers in a namespace, in folders that their users may enter, and ends them all."""

    def __init__(self, machine: Machine, address: str):
        self.machine, self.address = machine, address
        self._root = Path(tempfile.mkdtemp(prefix="exanet-"))
        self._root.chmod(0o755)
        self._servers: list[Server] = []

    def __enter__(self) -> Hall:
        return self

    def __exit__(self, *unused: object) -> None:
        for server in self._servers:
            server.stop()
        shutil.rmtree(self._root)

    def folder(self, name: str, user: str = "") -> Path:
        """Make a folder, of a user if one is named."""
        folder = self._root / name
        folder.mkdir()
        if user:
            shutil.chown(folder, user, user)
        return folder

    def start(
        self,
        folder: Path,
        command: Sequence[str],
        port: int,
        *,
        user: str = "",
        protocol: str = "tcp",
        hosts: Path | None = None,
        resolver: Path | None = None,
    ) -> Server:
        """Start a server and wait until it listens.

        C(hosts) is its /etc/hosts, C(resolver) its /etc/resolv.conf.
        """
        server = Server(self.machine, folder, command, user, hosts, resolver)
        self._servers.append(server)
        return server.wait_for(self.machine, port, protocol)

    @staticmethod
    def certificate(folder: Path, name: str = "db.example.com") -> tuple[Path, Path]:
        """Make a key and a certificate for a name."""
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        run(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
            "-days",
            "100",
            "-subj",
            f"/O=Example/CN={name}",
            "-addext",
            f"subjectAltName=DNS:{name},DNS:*.example.com,IP:192.0.2.11",
        )
        return key, certificate

    def ssh(self, address: str = "0.0.0.0", port: int = 22, **settings: t.Any) -> Server:
        """Start OpenSSH, without its penalties unless they are set.

        A test probes more often than a run ever does.
        """
        folder = self.folder(f"ssh-{port}")
        os.makedirs("/run/sshd", exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
        options = {
            "Port": port,
            "PidFile": "none",
            "ListenAddress": address,
            "LogLevel": "VERBOSE",
            "HostKey": folder / "key",
            **settings,
        }
        if ssh_penalises():
            options.setdefault("PerSourcePenalties", "no")
        (folder / "conf").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        return self.start(folder, ["sshd", "-D", "-e", "-f", str(folder / "conf")], port)

    def ssh_of_a_host(self, port: int = 2222) -> tuple[Server, dict[str, t.Any]]:
        """Start OpenSSH with a host's own /run and /var/lib behind it.

        Returns it and the variables with which Ansible logs in.
        """
        folder = self.folder("host")
        for key in ("key", "login"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
        script = (
            'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && mkdir /run/sshd && exec "$0" "$@"'
        )
        server = self.start(
            folder,
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                script,
                find("sshd"),
                "-D",
                "-e",
                "-f",
                "/dev/null",
                "-h",
                str(folder / "key"),
                "-p",
                str(port),
                "-o",
                "PidFile=none",
                "-o",
                f"ListenAddress={self.address}",
                "-o",
                "StrictModes=no",
                "-o",
                f"AuthorizedKeysFile={folder / 'login.pub'}",
                "-o",
                "LogLevel=VERBOSE",
            ],
            port,
        )
        return server, {
            "ansible_connection": "ssh",
            "ansible_host": self.address,
            "ansible_port": port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(folder / "login"),
            "ansible_control_path_dir": str(folder),
            "ansible_ssh_common_args": (
                "-F none -o BatchMode=yes -o IdentitiesOnly=yes"
                " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
            ),
        }

    def ftp(self, port: int = 21, implicit: bool = False, **settings: t.Any) -> Server:
        """Start vsftpd, for anonymous users."""
        folder = self.folder(f"ftp-{port}")
        empty = self.folder(f"ftp-{port}-empty")
        options = {
            "listen": "YES",
            "background": "NO",
            "listen_port": port,
            "anonymous_enable": "YES",
            "local_enable": "NO",
            "anon_root": empty,
            "secure_chroot_dir": empty,
            "log_ftp_protocol": "YES",
            "vsftpd_log_file": folder / "protocol",
            "xferlog_enable": "YES",
            "seccomp_sandbox": "NO",
            "ssl_enable": "NO",
            "connect_from_port_20": "YES",
            **settings,
        }
        if implicit or options["ssl_enable"] == "YES":
            key, certificate = self.certificate(folder)
            options.update(
                ssl_enable="YES",
                allow_anon_ssl="YES",
                implicit_ssl="YES" if implicit else "NO",
                rsa_cert_file=certificate,
                rsa_private_key_file=key,
                force_local_data_ssl="NO",
                force_local_logins_ssl="NO",
                require_ssl_reuse="YES",
            )
        (folder / "conf").write_text("".join(f"{name}={value}\n" for name, value in options.items()))
        return self.start(folder, ["vsftpd", str(folder / "conf")], port)

    def web(
        self,
        port: int = 80,
        tls_port: int = 443,
        address: str = "0.0.0.0",
        more: str = "",
        answer: str = 'return 200 "hello";',
    ) -> Server:
        """Start nginx, plain and inside TLS, where C(more) is set."""
        folder = self.folder(f"web-{port}")
        key, certificate = self.certificate(folder)
        (folder / "conf").write_text(f"""
daemon off; pid {folder}/pid; error_log {folder}/errors info; user root;
events {{}}
http {{ access_log {folder}/access; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
  fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;
  scgi_temp_path {folder}/e; server {{ listen {address}:{port}; {answer} }}
  server {{ listen {address}:{tls_port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
    {more.format(certificate=certificate)} {answer} }} }}
""")
        return self.start(
            folder, ["nginx", "-c", str(folder / "conf"), "-e", str(folder / "errors")], tls_port
        )

    def ldap(self, port: int = 389, tls_port: int = 636, more: str = "") -> Server:
        """Start OpenLDAP, plain and inside TLS, where C(more) is set."""
        folder = self.folder(f"ldap-{port}")
        key, certificate = self.certificate(folder)
        (folder / "data").mkdir()
        (folder / "conf").write_text(
            f"include /etc/ldap/schema/core.schema\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile "
            f"{key}\n"
            f"{more.format(certificate=certificate)}\n"
            f"database ldif\nsuffix dc=example,dc=com\ndirectory {folder}/data\n"
        )
        urls = f"ldap://{self.address}:{port}/ ldaps://{self.address}:{tls_port}/"
        return self.start(folder, ["slapd", "-d", "256", "-h", urls, "-f", str(folder / "conf")], tls_port)

    def mysql(self, port: int = 3306, resolver: Path | None = None, **settings: t.Any) -> Server:
        """Start MariaDB with an ordinary user who may come from everywhere.

        With a resolver it looks up names there alone.
        """
        folder = self.folder(f"mysql-{port}", "mysql")
        run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={folder}/data",
            "--user=mysql",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        )
        (folder / "users").write_text("CREATE USER ordinary@'%' IDENTIFIED BY 'ordinary';\n")
        # It counts errors only of hosts whose names it can look up.
        (folder / "hosts").write_text(
            "127.0.0.1 localhost\n" + ("" if resolver else f"{CLIENT[4]} client.example.com\n")
        )
        words = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        return self.start(
            folder,
            [
                "mariadbd",
                "--no-defaults",
                f"--datadir={folder}/data",
                f"--port={port}",
                f"--bind-address={self.address}",
                f"--socket={folder}/socket",
                f"--init-file={folder}/users",
                *words,
            ],
            port,
            user="mysql",
            hosts=folder / "hosts",
            resolver=resolver,
        )

    def postgresql(self, port: int = 5432, ssl: bool = True) -> Server:
        """Start PostgreSQL."""
        folder = self.folder(f"postgresql-{port}", "postgres")
        key, certificate = self.certificate(folder)
        for path in (key, certificate):
            shutil.chown(path, "postgres", "postgres")
            path.chmod(0o600)
        run(
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            find("initdb"),
            "-D",
            str(folder / "data"),
            "-A",
            "scram-sha-256",
            "--pwfile=/etc/hostname",
            "--no-sync",
        )
        settings = {
            "listen_addresses": self.address,
            "port": port,
            "ssl": "on" if ssl else "off",
            "ssl_key_file": key,
            "ssl_cert_file": certificate,
            "unix_socket_directories": folder,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self.start(
            folder, ["postgres", "-D", str(folder / "data"), *words], port, user="postgres"
        ).until_it_says("ready to accept connections")

    def dns(self, port: int = 53) -> Server:
        """Start dnsmasq."""
        return self.start(
            self.folder("dns"),
            [
                "dnsmasq",
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--bind-interfaces",
                f"--listen-address={self.address}",
                f"--port={port}",
                "--pid-file=",
                "--user=root",
                "--ptr-record=1.0.0.127.in-addr.arpa,localhost",
                "--log-facility=-",
                "--log-queries",
            ],
            port,
        )

    def ntp(self, port: int = 123, local: str = "local stratum 8") -> Server:
        """Start chrony, which answers and leaves the clock alone."""
        folder = self.folder(f"ntp-{port}")
        (folder / "conf").write_text(
            f"allow all\n{local}\nport {port}\nbindaddress {self.address}\ncmdport 0\nbindcmdaddress "
            f"/\npidfile {folder}/pid\n"
        )
        return self.start(
            folder, ["chronyd", "-d", "-x", "-u", "root", "-f", str(folder / "conf")], port, protocol="udp"
        )

    def ntpsec(self) -> Server:
        """Start NTPsec, which leaves the clock alone and tells whoever asks twice to ask less often."""
        folder = self.folder("ntpsec")
        (folder / "conf").write_text(
            f"disable ntp\nserver 127.127.1.0\nrestrict default limited kod\n"
            f"limit average 0.1 burst 1 kod 100\n"
            f"driftfile {folder}/drift\n"
        )
        command = ["ntpd", "-n", "-c", str(folder / "conf"), "-p", str(folder / "pid")]
        # Its first sockets are those of all addresses, one for each family, and drop what comes.
        return self.start(folder, command, 123, protocol="udp").until_it_says(f" {self.address}:123")

    def echo(self, port: int) -> Server:
        """Start what repeats every word."""
        folder = self.folder(f"echo-{port}")
        listening = f"TCP-LISTEN:{port},bind={self.address},reuseaddr,fork"
        return self.start(folder, ["socat", listening, "PIPE"], port)

    def derby(self, port: int) -> Server:
        """Start Apache Derby, which speaks the protocol of Db2."""
        folder = self.folder(f"derby-{port}")
        jars = ":".join(map(str, sorted(Path(find("derby.jar")).glob("derby*.jar"))))
        main = "org.apache.derby.drda.NetworkServerControl"
        options = ["-h", self.address, "-p", str(port), "-noSecurityManager"]
        return self.start(folder, ["java", "-cp", jars, main, "start", *options], port)

    def django(self, port: int) -> Server:
        """Start a site of Django."""
        folder = self.folder(f"django-{port}")
        (folder / "site.py").write_text(f"import sys\nsys.path.append({find('django')!r})\n{_DJANGO}")
        return self.start(folder, ["python3", "-I", str(folder / "site.py"), self.address, str(port)], port)

    def proftpd(self, port: int, *settings: str, resolver: Path | None = None) -> Server:
        """Start ProFTPD."""
        folder = self.folder(f"proftpd-{port}")
        lines = [
            "ServerType standalone",
            f"Port {port}",
            f"DefaultAddress {self.address}",
            f"PidFile {folder}/pid",
            f"ScoreboardFile {folder}/board",
            f"SystemLog {folder}/system",
            "WtmpLog off",
            "UseIPv6 off",
            "User nobody",
            "Group nogroup",
            *settings,
        ]
        (folder / "conf").write_text("\n".join(lines) + "\n")
        return self.start(folder, ["proftpd", "-n", "-c", str(folder / "conf")], port, resolver=resolver)

    def gnutls(self, port: int, priority: str) -> Server:
        """Start the web server of GnuTLS, which can be as old as wished."""
        folder = self.folder(f"gnutls-{port}")
        key, certificate = self.certificate(folder)
        return self.start(
            folder,
            [
                "gnutls-serv",
                "--http",
                "--port",
                str(port),
                "--priority",
                priority,
                "--x509keyfile",
                str(key),
                "--x509certfile",
                str(certificate),
                "--disable-client-cert",
            ],
            port,
        )

    def dovecot(self, imap: int, submission: int, lmtp: int = 0) -> Server:
        """Start Dovecot for IMAP, submission and, where it is wished, LMTP, with its own greetings."""
        folder = self.folder(f"dovecot-{submission}")
        more = f"service lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}\n" if lmtp else ""
        (folder / "conf").write_text(f"""protocols = imap submission{" lmtp" if lmtp else ""}
{more}base_dir = {folder}/run
log_path = {folder}/said
listen = {self.address}
ssl = no
submission_relay_host = {self.address}
hostname = mail.example.com
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
}}
""")
        return self.start(folder, ["dovecot", "-F", "-c", str(folder / "conf")], submission)

    def postfix(self, port: int, *settings: str) -> Server:
        """Start Postfix with a queue of its own."""
        folder = self.folder(f"postfix-{port}")
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix", "postfix")
        (folder / "etc" / "main.cf").write_text(
            "\n".join(
                [
                    "compatibility_level = 3.6",
                    f"queue_directory = {folder}/queue",
                    f"data_directory = {folder}/data",
                    "myhostname = mail.example.com",
                    f"maillog_file = {folder}/said",
                    "maillog_file_prefixes = /tmp",
                    f"inet_interfaces = {self.address}",
                    "inet_protocols = ipv4",
                    "smtpd_peername_lookup = no",
                    "local_recipient_maps =",
                    "alias_maps =",
                    "alias_database =",
                    *settings,
                ]
            )
            + "\n"
        )
        services = [
            f"{port} inet n - n - - smtpd",
            "anvil unix - - n - 1 anvil",
            "rewrite unix - - n - - trivial-rewrite",
            "postlog unix-dgram n - n - 1 postlogd",
            "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr",
        ]
        (folder / "etc" / "master.cf").write_text("\n".join(services) + "\n")
        return self.start(folder, ["postfix", "-c", str(folder / "etc"), "start-fg"], port)

    def exim(self, port: int, *settings: str) -> Server:
        """Start Exim, which its package gives a user of its own, on a host without a domain."""
        folder = self.folder(f"exim-{port}")
        users, groups = folder / "passwd", folder / "group"
        users.write_text(Path("/etc/passwd").read_text() + "Debian-exim:x:997:997::/:/bin/false\n")
        groups.write_text(Path("/etc/group").read_text() + "Debian-exim:x:997:\n")
        lines = [
            "primary_hostname = mail",
            f"spool_directory = {folder}/spool",
            f"log_file_path = {folder}/%s",
            f"daemon_smtp_ports = {port}",
            f"local_interfaces = {self.address}",
            "exim_user = root",
            "exim_group = root",
            "never_users =",
            "host_lookup =",
            *settings,
        ]
        (folder / "conf").write_text("\n".join(lines) + "\n")
        command = [find("exim4"), "-C", str(folder / "conf"), "-bdf", "-oP", f"{folder}/pid"]
        command = with_file("/etc/group", groups, with_file("/etc/passwd", users, command))
        return self.start(folder, command, port)

    def apache(self, ports: Mapping[str, int]) -> Server:
        """Start Apache: C(http), C(https), and two that ask for a certificate late, C(tls12) and C(tls13)."""
        folder = self.folder("apache")
        key, certificate = self.certificate(folder)
        asks = f"SSLCACertificateFile {certificate}\n<Location />\nSSLVerifyClient require\n</Location>\n"
        kinds = {
            "http": "",
            "https": "SSLEngine on\n",
            "tls12": f"SSLEngine on\nSSLProtocol TLSv1.2\n{asks}",
            "tls13": f"SSLEngine on\nSSLProtocol TLSv1.3\n{asks}",
        }
        lines = [
            f"ServerRoot {folder}",
            "ServerName db.example.com",
            f"PidFile {folder}/pid",
            f"ErrorLog {folder}/errors",
            f"Mutex file:{folder}",
        ]
        modules = ("mpm_event", "authz_core", "ssl", "socache_shmcb")
        lines += [f"LoadModule {name}_module {_APACHE_MODULES}/mod_{name}.so" for name in modules]
        lines += [f"SSLCertificateFile {certificate}", f"SSLCertificateKeyFile {key}"]
        for name, port in ports.items():
            place = f"{self.address}:{port}"
            lines += [
                f"Listen {place}",
                f"<VirtualHost {place}>",
                "ServerName db.example.com",
                kinds[name],
                "</VirtualHost>",
            ]
        (folder / "conf").write_text("\n".join(lines) + "\n")
        return self.start(folder, ["apache2", "-X", "-f", str(folder / "conf")], list(ports.values())[-1])

    def redis(self, port: int, tls_port: int) -> Server:
        """Start Redis, plain and inside TLS."""
        folder = self.folder("redis")
        key, certificate = self.certificate(folder)
        return self.start(
            folder,
            [
                "redis-server",
                "--port",
                str(port),
                "--tls-port",
                str(tls_port),
                "--bind",
                self.address,
                "--protected-mode",
                "no",
                "--save",
                "",
                "--tls-cert-file",
                str(certificate),
                "--tls-key-file",
                str(key),
                "--tls-ca-cert-file",
                str(certificate),
                "--tls-auth-clients",
                "no",
            ],
            tls_port,
        )

    def pgbouncer(self, port: int, *settings: str) -> Server:
        """Start PgBouncer, whose database is not there."""
        folder = self.folder(f"pgbouncer-{port}", "postgres")
        key, certificate = self.certificate(folder)
        for path in (key, certificate):
            shutil.chown(path, "postgres", "postgres")
        lines = [
            "[databases]",
            f"* = host={self.address} port=1",
            "[pgbouncer]",
            f"listen_addr = {self.address}",
            f"listen_port = {port}",
            "unix_socket_dir =",
            "auth_type = any",
            *(setting.format(key=key, certificate=certificate) for setting in settings),
        ]
        (folder / "conf").write_text("\n".join(lines) + "\n")
        return self.start(folder, ["pgbouncer", str(folder / "conf")], port, user="postgres")

    def unbound(self, port: int, access: str) -> Server:
        """Start Unbound, which may ask nobody."""
        folder = self.folder(f"unbound-{port}")
        (folder / "conf").write_text(f"""server:
  interface: {self.address}
  port: {port}
  access-control: 0.0.0.0/0 {access}
  username: ""
  chroot: ""
  directory: {folder}
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  root-hints: ""
remote-control:
  control-enable: no
""")
        return self.start(folder, ["unbound", "-d", "-c", str(folder / "conf")], port)

    def named(self, port: int, *settings: str) -> Server:
        """Start BIND, with the zones of loopback that Debian gives it."""
        folder = self.folder(f"named-{port}")
        (folder / "conf").write_text(f"""options {{ directory "{folder}";
  listen-on port {port} {{ {self.address}; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; dnssec-validation no; {" ".join(settings)} }};
controls {{ }};
zone "127.in-addr.arpa" {{ type master; file "/etc/bind/db.127"; }};
""")
        return self.start(folder, ["named", "-g", "-c", str(folder / "conf")], port).until_it_says(
            "all zones loaded"
        )

    def haproxy(self, ports: Mapping[str, Sequence[int]]) -> Server:
        """Start HAProxy without a server behind it: as a proxy for C(http), C(https), C(tcp) and C(tls)."""
        folder = self.folder("haproxy")
        key, certificate = self.certificate(folder)
        (folder / "both.pem").write_text(certificate.read_text() + key.read_text())
        kinds = {
            "http": ("http", ""),
            "https": ("http", f" ssl crt {folder}/both.pem"),
            "tcp": ("tcp", ""),
            "tls": ("tcp", f" ssl crt {folder}/both.pem"),
        }
        lines = ["defaults", "  timeout connect 1s", "  timeout client 30s", "  timeout server 30s"]
        for name, of_name in ports.items():
            mode, more = kinds[name]
            lines += [
                f"listen {name}",
                f"  mode {mode}",
                *(f"  bind {self.address}:{port}{more}" for port in of_name),
                f"  server none {self.address}:1",
            ]
        (folder / "conf").write_text("\n".join(lines) + "\n")
        last = [port for of_name in ports.values() for port in of_name][-1]
        return self.start(folder, ["haproxy", "-db", "-f", str(folder / "conf")], last)
