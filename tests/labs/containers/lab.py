# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab: what it consists of, bringing it up, and taking it down."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import socket
import subprocess
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import yaml

from . import images, networks
from .engine import BOOT, CACHE, NETWORK, REMOVE, ROOT, Engine, EngineError, find, made_once

PREFIX = "exanet-"
# Every checkout has its own labs: what one takes down is not what another brought up.
_CHECKOUT = hashlib.sha256(str(ROOT).encode()).hexdigest()[:4]
_BOOT_SECONDS = 180  # against what hangs; a machine with other work needs more than 60
_SSH_ARGS = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=5"
)
# systemd ends at once, or boots forever, where it gets no inotify instance. It takes seven, of which root has
# 128 by default on many machines: too few for two labs at a time.
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
_ENOUGH = 1024
_CROWDED = "with many containers, look at fs.inotify.max_user_instances of this machine"
# Waits for the end of the boot, and lets us in as root and as an ordinary user. In the first moments systemd
# does not answer, and then its command does not wait.
_LET_IN = """
timeout {seconds} sh -c '
until systemctl is-system-running --wait | grep -qxE "running|degraded|maintenance"; do sleep 0.1; done
' || {{
    echo 'it did not boot within {seconds} s' >&2
    exit 1
}}
for home in /root /home/ordinary; do
    mkdir -p -m 700 $home/.ssh
    echo '{key}' > $home/.ssh/authorized_keys
    chown -R $(stat -c %u:%g $home) $home/.ssh
done
"""
# Python on the host keeps what it compiles of Ansible's modules, which come on its standard input: then
# sys.orig_argv, from Python 3.10 on, has its name alone. Python runs the line of a .pth file when it starts.
_COMPILED = ROOT / "tests" / "labs" / "namespaces" / "compiled" / "sitecustomize.py"
_CACHE = "/var/cache/exanet"
_LINE = (
    'import os, sys; len(getattr(sys, "orig_argv", ())) == 1 and '
    f'(os.environ.setdefault("EXANET_COMPILED", "{_CACHE}"), __import__("exanet_compiled"))'
)
_KEEP_COMPILED = """
place=$(python3 -c 'import site; print(site.getsitepackages()[0])')
mkdir -p $place {cache}
cat > $place/exanet_compiled.py <<'END'
{compiled}
END
cat > $place/exanet.pth <<'END'
{line}
END
python3 -c 'import exanet_compiled'  # compiled now: no run of the role changes anything there
"""
# Where a script in a container finds its commands.
_ENVIRONMENT = ("HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def _make_room() -> None:
    """Permit root enough inotify instances, until the machine starts anew."""
    with contextlib.suppress(OSError):  # where a limit must not be changed, it may do as it is
        if int(_INSTANCES.read_text(encoding="ascii")) < _ENOUGH:
            _INSTANCES.write_text(str(_ENOUGH), encoding="ascii")


class Host(t.NamedTuple):
    """A container of a lab, as its description has it."""

    name: str
    address: int  # in each of its networks
    networks: tuple[str, ...]
    flavour: str = images.PLAIN
    groups: tuple[str, ...] = ()
    boots: bool = True  # with systemd and SSH; without them a host is only a place to send from
    router: str = ""  # the host that joins its network with the others
    external: tuple[str, ...] = ()  # those of its networks at which all but the nodes of its cluster reach it
    variables: t.Mapping[str, t.Any] = MappingProxyType({})


class Lab:
    """The containers, networks and files of one lab.

    Its description is a file, what was chosen for it lies in the cache. C(copy) tells labs of one description
    apart that are up at the same time.
    """

    def __init__(
        self, description: Path, release: str = "bookworm", keep_compiled: bool = True, copy: str = ""
    ):
        content = yaml.safe_load(description.read_text())
        self.name, self.release = "-".join(filter(None, (content["name"], copy))), release
        self.title = f"{PREFIX}{self.name}-{_CHECKOUT}"  # how its network is called, and its containers begin
        self.folder = CACHE / self.name
        self.inventory_path = self.folder / "inventory.yml"
        self.variables = content.get("variables", {})
        self._networks = tuple(content["networks"])
        self._versions = set(content.get("versions", (4, 6)))
        self.hosts = {name: _host(name, values, self._networks) for name, values in content["hosts"].items()}
        self.engine: Engine = find()
        self._key = _key()
        self._keep_compiled = keep_compiled
        self._processes: dict[str, int] = {}  # the first of each container that runs
        self._digest = hashlib.sha256((description.read_text() + release).encode()).hexdigest()[:12]

    def container(self, host: str) -> str:
        """Return the container's name."""
        return f"{self.title}-{host}"

    def addresses(self, host: str, networks: t.Iterable[str] = ()) -> list[str]:
        """Return a host's addresses in all or some of its networks, IPv4 before IPv6, in their order."""
        return [
            str(subnet[self.hosts[host].address])
            for network in networks or self.hosts[host].networks
            for subnet in self._subnets[network]
        ]

    def controller(self) -> list[str]:
        """Return the addresses that this machine has in the first network."""
        return [str(subnet[1]) for subnet in self._subnets[self._networks[0]]]

    def execute(self, host: str, script: str, check: bool = True) -> str:
        """Run a shell script in a container and return what it prints.

        It enters the container by itself: to ask the engine for that costs more than most scripts do.
        """
        done = subprocess.run(
            [
                *("nsenter", f"--target={self.process(host)}", "--all"),
                *("env", "--ignore-environment", *_ENVIRONMENT, "/bin/sh", "-eu"),
            ],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise EngineError(
                f"a script in {self.container(host)} failed with code {done.returncode}: "
                f"{done.stderr.strip()}"
            )
        return done.stdout

    def everywhere(self, scripts: dict[str, str]) -> dict[str, str]:
        """Run a script in each of some containers, at the same time."""
        return _together(self.execute, scripts)

    def restart(self, *hosts: str, is_power_cut: bool = False) -> None:
        """Restart containers, as if their machines were shut down and started, and wait until they answer.

        At a power cut no service ends in good order: all processes are gone at once.
        """
        ending = self._cut_power if is_power_cut else self._shut_down
        _together(ending, {host: self.container(host) for host in hosts})
        _together(self._start, {host: self.container(host) for host in hosts})
        # A restarted container has new link-layer addresses, and everybody may remember the old ones for half
        # a minute.
        self.everywhere(dict.fromkeys(self.hosts, "ip neigh flush all"))
        for address in itertools.chain.from_iterable(map(self.addresses, hosts)):
            subprocess.run(["ip", "neigh", "flush", "to", address], check=False, capture_output=True)
        self._finish(hosts)

    def _cut_power(self, host: str, name: str) -> None:
        del host
        self.engine.run("kill", "--signal=KILL", name)
        self.engine.run("wait", name)

    def _shut_down(self, host: str, name: str) -> None:
        del host
        # On a busy machine a container may end by itself in the moment when it is killed, which podman takes
        # for an error.
        self.engine.run("stop", "-t", "20", name, check=False)
        self.engine.run("wait", name)

    def _start(self, host: str, name: str) -> None:
        self._processes.pop(host, None)
        self.engine.run("start", name)

    def process(self, host: str) -> int:
        """Return the id of a container's first process, to enter its network namespace."""
        if host not in self._processes:
            found = self.engine.run("container", "inspect", "--format={{.State.Pid}}", self.container(host))
            self._processes[host] = int(found)
        return self._processes[host]

    def is_up(self) -> bool:
        """Tell whether the lab runs as it is described."""
        template = '--format={{index .Config.Labels "exanet.digest"}} {{.State.Running}}'
        found = (
            self.engine.run("container", "inspect", template, self.container(host), check=False).split()
            for host in self.hosts
        )
        return bool(self._subnets) and all(state == [self._digest, "true"] for state in found)

    def up(self) -> None:
        """Bring the lab up, unless it is, and wait until every host answers."""
        if not self.is_up():
            tags = images.ensure(self.engine, self.release, {host.flavour for host in self.hosts.values()})
            self.down()
            _make_room()
            self._make_network()
            _together(self._make, {host.name: tags[host.flavour] for host in self.hosts.values()})
        self._finish(self.hosts)

    def write_inventory(self, left: t.Container[str] = ()) -> None:
        """Write the inventory; the hosts in C(left) are in none of their groups any more."""
        self.inventory_path.write_text(yaml.safe_dump(self.inventory(left=left), sort_keys=False))

    def down(self) -> None:
        """Remove the lab's containers and networks, and nothing else."""
        self._processes.clear()
        for is_last in (False, False, True):
            containers = self._ours("ps", "--all", "--format={{.Names}}")
            if not containers:
                break
            # On a busy machine, podman does not wait until the last process of a container is gone.
            self.engine.run(*REMOVE[self.engine.name], *containers, check=is_last)
        for network in self._ours("network", "ls", "--format={{.Name}}"):
            self.engine.run("network", "rm", network)

    def status(self) -> str:
        """Return a line for each container of the lab."""
        lines = self.engine.run(
            "ps", "--all", f"--filter=label=exanet.lab={self.title}", "--format={{.Names}}\t{{.Status}}"
        ).splitlines()
        return "\n".join(lines) or f"lab {self.name} is down"

    def inventory(self, without: t.Container[str] = (), left: t.Container[str] = ()) -> dict[str, t.Any]:
        """Return an inventory of the lab's hosts."""
        hosts = {name: self._variables(host) for name, host in self.hosts.items() if name not in without}
        groups: dict[str, t.Any] = {}
        for name in hosts:
            for group in ("left",) if name in left else self.hosts[name].groups:
                groups.setdefault(group, {"hosts": {}})["hosts"][name] = {}
        return {"all": {"vars": {**self._connection(), **self.variables}, "hosts": hosts, "children": groups}}

    def _connection(self) -> dict[str, str]:
        return {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self._key),
            "ansible_ssh_common_args": _SSH_ARGS,
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def _variables(self, host: Host) -> dict[str, t.Any]:
        own = [network for network in host.networks if network not in host.external]
        addresses: dict[str, t.Any] = {"exasol_address": self.addresses(host.name, own)}
        if host.external:
            addresses["exasol_external_address"] = self.addresses(host.name, host.external)
        return {"ansible_host": self.addresses(host.name)[0], **addresses, **host.variables}

    @property
    def _whole(self) -> networks.Subnets | None:
        path = self.folder / "network.json"
        return networks.parse(json.loads(path.read_text())) if path.exists() else None

    @property
    def _subnets(self) -> dict[str, list[networks.Subnet]]:
        parts = networks.split(self._whole, len(self._networks)) if self._whole else ()
        return {
            name: [subnet for subnet in part if subnet.version in self._versions]
            for name, part in zip(self._networks, parts, strict=False)
        }

    def _ours(self, *listing: str) -> list[str]:
        return self.engine.run(*listing, f"--filter=label=exanet.lab={self.title}").split()

    def _make_network(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for pair in networks.free(self.engine):
            try:
                self.engine.run(
                    "network",
                    "create",
                    f"--label=exanet.lab={self.title}",
                    *NETWORK[self.engine.name],
                    "--ipv6",
                    *(f"--subnet={subnet}" for subnet in pair),
                    self.title,
                )
            except EngineError as error:
                if not networks.taken(error):  # by another lab that came up in this moment
                    raise
                continue
            (self.folder / "network.json").write_text(json.dumps([str(subnet) for subnet in pair]))
            return
        raise EngineError("no subnet is free for the lab")

    def _make(self, name: str, tag: str) -> None:
        host = self.hosts[name]
        routes = (
            ("--sysctl=net.ipv4.ip_forward=1", "--sysctl=net.ipv6.conf.all.forwarding=1")
            if len(host.networks) > 1
            else ()
        )
        boot, command = (
            (BOOT[self.engine.name], ("/sbin/init",)) if host.boots else ((), ("sleep", "infinity"))
        )
        whole = self._whole
        assert whole, "the network of the lab was created before its hosts"
        four, six = networks.split(whole, len(self._networks))[self._networks.index(host.networks[0])]
        self.engine.run(
            # A name that does not resolve fails at once, and no question about it leaves the lab.
            "run",
            "--detach",
            f"--name={self.container(name)}",
            f"--hostname={name}",
            "--dns=127.0.0.1",
            *routes,
            *boot,
            f"--label=exanet.lab={self.title}",
            f"--label=exanet.digest={self._digest}",
            f"--network={self.title}",
            f"--ip={four[host.address]}",
            f"--ip6={six[host.address]}",
            tag,
            *command,
        )

    def _finish(self, hosts: t.Iterable[str]) -> None:
        _together(self._settle, {host: self._routes(host) for host in hosts})

    def _settle(self, name: str, routes: str) -> None:
        boots = self.hosts[name].boots
        key = self._key.with_suffix(".pub").read_text().strip()
        script = routes + _LET_IN.format(seconds=_BOOT_SECONDS, key=key) if boots else routes
        if boots and self._keep_compiled:
            script += _KEEP_COMPILED.format(cache=_CACHE, compiled=_COMPILED.read_text(), line=_LINE)
        try:
            self.execute(name, script)
        except EngineError as error:
            raise EngineError(f"{error}; {_CROWDED}") from error
        if boots:
            _await_ssh(self.addresses(name)[0])

    def _routes(self, name: str) -> str:
        host = self.hosts[name]
        lines = [
            "ip route flush default",
            "ip -6 route flush default",
        ]  # nothing that is sent in the lab leaves it
        lines += self._addressing(host) if len(self._networks) > 1 or len(self._versions) == 1 else []
        if host.router:
            shared = next(network for network in host.networks if network in self.hosts[host.router].networks)
            lines += [
                f"ip route replace {subnet} via {gateway[self.hosts[host.router].address]}"
                for network in self._networks
                if network not in host.networks
                for subnet, gateway in zip(self._subnets[network], self._subnets[shared], strict=True)
            ]
        return "\n".join(lines) + "\n"

    def _addressing(self, host: Host) -> list[str]:
        # The engine's network is one wire; a host's prefixes and routes make networks of it that only a
        # router joins, and redirects would undo that.
        flush = ["ip address flush dev eth0 scope global"]
        quiet = [
            f"sysctl -qw net.ipv{version}.conf.{each}.{word}_redirects=0"
            for version, word in ((4, "accept"), (4, "send"), (6, "accept"))
            for each in ("all", "eth0")
        ]
        own = [
            f"ip address add {subnet[host.address]}/{subnet.prefixlen} dev "
            f"eth0{' nodad' if subnet.version == 6 else ''}"
            for network in host.networks
            for subnet in self._subnets[network]
        ]
        return flush + quiet + own + [f"ip route replace {address} dev eth0" for address in self.controller()]


def _host(name: str, values: dict[str, t.Any], known: tuple[str, ...]) -> Host:
    lists: dict[str, t.Any] = {
        key: tuple(values[key]) for key in ("networks", "groups", "external") if key in values
    }
    fields: dict[str, t.Any] = {"networks": known[:1], **values, **lists}
    return Host(name, **fields)


def _together(function: t.Callable[[str, str], t.Any], arguments: dict[str, str]) -> dict[str, t.Any]:
    with ThreadPoolExecutor(max_workers=max(len(arguments), 1)) as pool:
        return dict(zip(arguments, pool.map(function, arguments, arguments.values()), strict=True))


def _key() -> Path:
    """Return the private key of all labs; the public one is beside it."""
    command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "exanet lab", "-f")
    return made_once("id_ed25519", lambda path: subprocess.run([*command, str(path)], check=True))


def _await_ssh(address: str) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.1)
    raise EngineError(f"no SSH server answers at {address} within {_BOOT_SECONDS} s")
