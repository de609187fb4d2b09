# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers, as Debian packages them, in a namespace: each in the foreground, with a folder and a log of its own."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Sequence
from pathlib import Path

from . import oracles
from .lines import CLIENT
from .namespaces import Machine, run, with_hosts

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin"
PACKAGES = {"sshd": "openssh-server", "vsftpd": "vsftpd", "nginx": "nginx-light", "slapd": "slapd", "mariadbd": "mariadb-server",
            "mariadb-install-db": "mariadb-server", "dnsmasq": "dnsmasq-base", "chronyd": "chrony", "openssl": "openssl"}


def find(name: str) -> str:
    """Return the path of a server, or nothing; PostgreSQL keeps its own in a folder for each release."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(newest[-1]) if newest else shutil.which(name, path=_PATH) or ""


def missing(*names: str) -> str:
    """Return why these servers cannot be started, or nothing."""
    absent = sorted({PACKAGES.get(name, "postgresql") for name in names if not find(name)})
    return f"needs {', '.join(absent)} (Debian packages)" if absent else ""


@functools.cache
def ssh_penalises() -> bool:
    """Return whether this OpenSSH refuses whoever often connects without a login: 9.8 and newer."""
    version = subprocess.run([find("sshd"), "-V"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", version)
    return bool(found) and tuple(map(int, found.groups())) >= (9, 8)


class Server:
    """A server's process."""

    def __init__(self, machine: Machine, folder: Path, command: Sequence[str], user: str = "", hosts: Path | None = None):
        self.log = folder / "log"
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        with machine.inside(), self.log.open("w") as log:
            whole = [*as_user, find(command[0]), *command[1:]]
            self._process = subprocess.Popen(with_hosts(hosts, whole) if hosts else whole, cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=subprocess.STDOUT)

    def wait_for(self, machine: Machine, port: int, protocol: str = "tcp") -> Server:
        """Return when the server listens."""
        def ready() -> bool:
            assert self._process.poll() is None, self.log.read_text(errors="replace")
            return any(sock.port == port and sock.protocol == protocol for sock in oracles.waiting_sockets(machine))
        oracles.until(ready, f"{self._process.args} on port {port}")
        return self

    def said(self) -> list[str]:
        """Return the lines of the log."""
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()

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

    def start(self, folder: Path, command: Sequence[str], port: int, *, user: str = "", protocol: str = "tcp", hosts: Path | None = None) -> Server:
        """Start a server and wait until it listens; C(hosts) is its /etc/hosts."""
        server = Server(self.machine, folder, command, user, hosts)
        self._servers.append(server)
        return server.wait_for(self.machine, port, protocol)

    @staticmethod
    def certificate(folder: Path, name: str = "db.example.com") -> tuple[Path, Path]:
        """Make a key and a certificate for a name."""
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "100",
            "-subj", f"/O=Example/CN={name}", "-addext", f"subjectAltName=DNS:{name},DNS:*.example.com,IP:192.0.2.11")
        return key, certificate

    def ssh(self, address: str = "0.0.0.0", port: int = 22, **settings: t.Any) -> Server:
        """Start OpenSSH, without its penalties unless they are set: a test probes more often than a run ever does."""
        folder = self.folder(f"ssh-{port}")
        os.makedirs("/run/sshd", exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
        options = {"Port": port, "PidFile": "none", "ListenAddress": address, "LogLevel": "VERBOSE", "HostKey": folder / "key", **settings}
        if ssh_penalises():
            options.setdefault("PerSourcePenalties", "no")
        (folder / "conf").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        return self.start(folder, ["sshd", "-D", "-e", "-f", str(folder / "conf")], port)

    def ssh_of_a_host(self, port: int = 2222) -> tuple[Server, dict[str, t.Any]]:
        """Start OpenSSH with a host's own /run and /var/lib behind it; returns it and the variables with which Ansible logs in."""
        folder = self.folder("host")
        for key in ("key", "login"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
        script = 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && mkdir /run/sshd && exec "$0" "$@"'
        server = self.start(folder, ["unshare", "--mount", "sh", "-c", script, find("sshd"), "-D", "-e", "-f", "/dev/null", "-h", str(folder / "key"),
                                     "-p", str(port), "-o", "PidFile=none", "-o", f"ListenAddress={self.address}", "-o", "StrictModes=no",
                                     "-o", f"AuthorizedKeysFile={folder / 'login.pub'}", "-o", "LogLevel=VERBOSE"], port)
        return server, {"ansible_connection": "ssh", "ansible_host": self.address, "ansible_port": port, "ansible_user": "root",
                        "ansible_ssh_private_key_file": str(folder / "login"), "ansible_control_path_dir": str(folder),
                        "ansible_ssh_common_args": "-F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"}

    def ftp(self, port: int = 21, implicit: bool = False, **settings: t.Any) -> Server:
        """Start vsftpd, for anonymous users."""
        folder = self.folder(f"ftp-{port}")
        empty = self.folder(f"ftp-{port}-empty")
        options = {"listen": "YES", "background": "NO", "listen_port": port, "anonymous_enable": "YES", "local_enable": "NO", "anon_root": empty,
                   "secure_chroot_dir": empty, "log_ftp_protocol": "YES", "vsftpd_log_file": folder / "protocol", "xferlog_enable": "YES",
                   "seccomp_sandbox": "NO", "ssl_enable": "NO", "connect_from_port_20": "YES", **settings}
        if implicit or options["ssl_enable"] == "YES":
            key, certificate = self.certificate(folder)
            options.update(ssl_enable="YES", allow_anon_ssl="YES", implicit_ssl="YES" if implicit else "NO", rsa_cert_file=certificate,
                           rsa_private_key_file=key, force_local_data_ssl="NO", force_local_logins_ssl="NO", require_ssl_reuse="YES")
        (folder / "conf").write_text("".join(f"{name}={value}\n" for name, value in options.items()))
        return self.start(folder, ["vsftpd", str(folder / "conf")], port)

    def web(self, port: int = 80, tls_port: int = 443, address: str = "0.0.0.0") -> Server:
        """Start nginx, plain and inside TLS."""
        folder = self.folder(f"web-{port}")
        key, certificate = self.certificate(folder)
        (folder / "conf").write_text(f"""
daemon off; pid {folder}/pid; error_log {folder}/errors info; user root;
events {{}}
http {{ access_log {folder}/access; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;
  scgi_temp_path {folder}/e; server {{ listen {address}:{port}; return 200 "hello"; }}
  server {{ listen {address}:{tls_port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; return 200 "hello"; }} }}
""")
        return self.start(folder, ["nginx", "-c", str(folder / "conf"), "-e", str(folder / "errors")], tls_port)

    def ldap(self, port: int = 389, tls_port: int = 636) -> Server:
        """Start OpenLDAP, plain and inside TLS."""
        folder = self.folder("ldap")
        key, certificate = self.certificate(folder)
        (folder / "data").mkdir()
        (folder / "conf").write_text(f"include /etc/ldap/schema/core.schema\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n"
                                     f"database ldif\nsuffix dc=example,dc=com\ndirectory {folder}/data\n")
        urls = f"ldap://{self.address}:{port}/ ldaps://{self.address}:{tls_port}/"
        return self.start(folder, ["slapd", "-d", "256", "-h", urls, "-f", str(folder / "conf")], tls_port)

    def mysql(self, port: int = 3306, **settings: t.Any) -> Server:
        """Start MariaDB with an ordinary user C(probe) who may come from everywhere."""
        folder = self.folder("mysql", "mysql")
        run("mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", "--user=mysql", "--skip-test-db", "--auth-root-authentication-method=normal")
        (folder / "users").write_text("CREATE USER ordinary@'%' IDENTIFIED BY 'ordinary';\n")
        # It counts errors only of hosts whose names it can look up.
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{CLIENT[4]} client.example.com\n")
        words = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        return self.start(folder, ["mariadbd", "--no-defaults", f"--datadir={folder}/data", f"--port={port}", f"--bind-address={self.address}",
                                   f"--socket={folder}/socket", f"--init-file={folder}/users", *words], port, user="mysql", hosts=folder / "hosts")

    def postgresql(self, port: int = 5432, ssl: bool = True) -> Server:
        """Start PostgreSQL."""
        folder = self.folder("postgresql", "postgres")
        key, certificate = self.certificate(folder)
        for path in (key, certificate):
            shutil.chown(path, "postgres", "postgres")
            path.chmod(0o600)
        run("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", find("initdb"), "-D", str(folder / "data"), "-A", "scram-sha-256",
            "--pwfile=/etc/hostname", "--no-sync")
        settings = {"listen_addresses": self.address, "port": port, "ssl": "on" if ssl else "off", "ssl_key_file": key, "ssl_cert_file": certificate,
                    "unix_socket_directories": folder}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self.start(folder, ["postgres", "-D", str(folder / "data"), *words], port, user="postgres")

    def dns(self, port: int = 53) -> Server:
        """Start dnsmasq."""
        return self.start(self.folder("dns"), ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
                                               f"--listen-address={self.address}", f"--port={port}", "--pid-file=", "--user=root",
                                               "--ptr-record=1.0.0.127.in-addr.arpa,localhost",
                                               "--log-facility=-", "--log-queries"], port)

    def ntp(self) -> Server:
        """Start chrony, which answers and leaves the clock alone."""
        folder = self.folder("ntp")
        (folder / "conf").write_text(f"allow all\nlocal stratum 8\nbindaddress {self.address}\ncmdport 0\nbindcmdaddress /\npidfile {folder}/pid\n")
        return self.start(folder, ["chronyd", "-d", "-x", "-u", "root", "-f", str(folder / "conf")], 123, protocol="udp")
