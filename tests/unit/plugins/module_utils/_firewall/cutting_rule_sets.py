# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random firewalls of others, and random plans, for cutting.py.

Each function takes a random generator, and returns the shell commands that bring a host to such a firewall.
"""

ADDRESSES = {
    4: [f"192.0.2.{number}" for number in range(10, 16)],
    6: [f"2001:db8::{number}" for number in range(10, 13)],
}
# Behind the second interface, of a host that has two.
BESIDE = {
    4: [f"198.51.100.{number}" for number in range(10, 13)],
    6: [f"2001:db8:1::{number}" for number in range(10, 12)],
}
OTHERS = {version: ADDRESSES[version] + BESIDE[version] for version in (4, 6)}
DEVICES = ("uplink", "side", "eth9")  # of which no host has the last
SSH, FOREIGN = 22, 9998
SERVICES, PARTNERS, DATAGRAMS = (SSH, 8563, 2580, 20002, FOREIGN), (1521, 5432), (514,)


def some(rng, choices, most=3):
    choices = list(choices)
    return rng.sample(choices, rng.randint(1, min(most, len(choices))))


def one_of(rng, *choices):
    """Return one of weighted choices: each is a number between 0 and 1, and what it is the share of."""
    kind = rng.random()
    for share, choice in choices:
        kind -= share
        if kind < 0:
            return choice
    return ""


def nft_address(rng, incoming):
    """Return a condition of nft on the remote address, or nothing."""
    version = rng.choice((4, 4, 6))
    family, addresses = {4: "ip", 6: "ip6"}[version], OTHERS[version]
    first, last = sorted(rng.sample(range(len(addresses)), 2))
    what = one_of(
        rng,
        (0.24, "{ " + ", ".join(some(rng, addresses)) + " }"),
        (0.12, f"{addresses[first]}-{addresses[last]}"),
        (0.06, "!= " + rng.choice(addresses)),
        (0.06, "@some" if version == 4 else addresses[0]),
        (0.12, {4: "192.0.2.8/30", 6: "2001:db8::/120"}[version]),
    )
    return f"{family} {'saddr' if incoming else 'daddr'} {what}" if what else ""


# What a listing does not decide; all packets of a user may meet it, or none.
NFT_ODD = (
    "meta mark 7",
    "meta mark 0",
    "ct mark 0",
    "ip dscp cs0",
    "ip ttl 64",
    "ip6 hoplimit 64",
    "ip ttl != 64",
    "meta length < 1000",
    "meta pkttype unicast",
    'meta hour >= "00:00"',
    "ct original ip saddr 192.0.2.11",
    "tcp sport 1024-65535",
    "tcp sport 1024",
    "ct count over 0",
)


def nft_rule(rng, incoming):
    """Return one rule of a random chain of nft."""
    ports = SERVICES if incoming else PARTNERS
    device = rng.choice(DEVICES)
    meta = one_of(rng, (0.15, f'{"iifname" if incoming else "oifname"} "{device}"'), (0.1, "ct state new"))
    port = one_of(
        rng,
        (0.5, "tcp dport { " + ", ".join(str(port) for port in some(rng, ports)) + " }"),
        (0.05, "tcp dport != " + str(rng.choice(ports))),
        (0.05, "tcp dport 1024-10000"),
        (0.1, "udp dport 514"),
        (0.1, "meta l4proto " + rng.choice(("tcp", "udp", "{ tcp, udp }"))),
    )
    verdict = rng.choice(("accept", "accept", "accept", "drop", "reject", "return", "jump later"))
    if verdict == "jump later" and not incoming:
        verdict = "accept"
    odd = one_of(rng, (0.15, rng.choice(NFT_ODD))) if incoming else ""
    address = nft_address(rng, incoming)
    # A rule is about one IP version, and one protocol.
    if odd.startswith(("ip ", "ip6 ", "ct original")):
        address = ""
    if odd.startswith("tcp ") and "udp" in port:
        port = ""
    parts = (address, meta, port, odd, "counter", verdict)
    return " ".join(part for part in parts if part)


def nft_chain(rng, hook, priority, name):
    policy = rng.choice(("accept", "drop", "drop"))
    lines = [f"chain {name} {{ type filter hook {hook} priority {priority}; policy {policy};"]
    lines.append('iifname "lo" accept' if hook == "input" else 'oifname "lo" accept')
    # Without it neither an open connection nor a reply would pass.
    if rng.random() < 0.9:
        lines.append(
            rng.choice(
                (
                    "ct state established,related accept",
                    "ct state vmap { established : accept, invalid : drop }",
                )
            )
        )
    lines.append("meta l4proto ipv6-icmp accept")
    if hook == "input" and rng.random() < 0.8:
        lines.append(f"tcp dport {SSH} accept")
    lines += [nft_rule(rng, hook == "input") for unused in range(rng.randint(0, 6))]
    return "\n".join([*lines, "}"])


def nft_host(rng):
    """Return commands that load random tables."""
    later = [rule for rule in (nft_rule(rng, True) for unused in range(3)) if "jump" not in rule]
    members = ", ".join(some(rng, OTHERS[4]))
    parts = [f"table inet host {{\nset some {{ type ipv4_addr; elements = {{ {members} }} }}"]
    parts.append("chain later {\n" + "\n".join(later) + "\n}")
    parts.append(nft_chain(rng, "input", 0, "input"))
    if rng.random() < 0.3:
        marked = f"ip saddr {{ {', '.join(some(rng, OTHERS[4]))} }} meta mark set 7"
        parts.append(f"chain marking {{ type filter hook prerouting priority -150;\n{marked}\n}}")
    if rng.random() < 0.3:
        parts.append(nft_chain(rng, "output", 0, "output"))
    parts.append("}")
    if rng.random() < 0.25:
        parts.append("table ip second {\nset some { type ipv4_addr; }\nchain later { }")
        chain = nft_chain(rng, "input", rng.choice((-5, 5)), "guard")
        parts.append(
            "\n".join(line for line in chain.split("\n") if "ip6" not in line and "ipv6" not in line) + "\n}"
        )
    return "nft -f - <<'END'\n" + "\n".join(parts) + "\nEND"


IPTABLES_ODD = (
    "-m mark --mark 0x0",
    "-m mark --mark 0x7",
    "-m length --length 0:1500",
    "-m connlimit --connlimit-above 0",
    "-m pkttype --pkt-type unicast",
    "-m dscp --dscp 0x00",
    "-m time --timestart 00:00 --timestop 23:59",
)
IPTABLES_ODD_OF = {
    4: ("-m ttl --ttl-eq 64", "-m ttl --ttl-lt 65", "-m conntrack --ctorigsrc 192.0.2.11"),
    6: ("-m hl --hl-eq 64", "-m hl --hl-lt 65", "-m conntrack --ctorigsrc 2001:db8::11"),
}


def iptables_line(rng, chain, version, incoming):
    """Return one rule of a random chain of iptables."""
    end, way = ("-s", "--src-range") if incoming else ("-d", "--dst-range")
    addresses, ports = OTHERS[version], SERVICES if incoming else PARTNERS
    first, last = sorted(rng.sample(range(len(addresses)), 2))
    device = rng.choice((*DEVICES, "up+"))
    target = rng.choice(("ACCEPT", "ACCEPT", "ACCEPT", "DROP", "REJECT", "RETURN", "later"))
    parts = [
        "-A " + chain,
        one_of(
            rng,
            (0.5, f"{end} {rng.choice(addresses)}"),
            (0.1, f"! {end} {rng.choice(addresses)}"),
            (0.1, f"{end} " + {4: "192.0.2.8/30", 6: "2001:db8::/120"}[version]),
            (0.1, f"-m iprange {way} {addresses[first]}-{addresses[last]}"),
        ),
        one_of(rng, (0.15, f"{'-i' if incoming else '-o'} {device}")),
        one_of(
            rng,
            (0.25, f"-p tcp --dport {rng.choice(ports)}"),
            (0.05, f"-p tcp ! --dport {rng.choice(ports)}"),
            (0.2, "-p tcp -m multiport --dports " + ",".join(str(port) for port in some(rng, ports))),
            (0.1, "-p tcp --dport 1024:10000"),
            (0.1, "-p udp --dport 514"),
            (0.1, "-p " + rng.choice(("tcp", "udp"))),
        ),
        one_of(rng, (0.15, "-m conntrack --ctstate NEW")),
        one_of(rng, (0.15, rng.choice(IPTABLES_ODD + IPTABLES_ODD_OF[version]))) if incoming else "",
        "-j " + ("ACCEPT" if chain == target else target),
    ]
    return " ".join(part for part in parts if part)


def iptables_host(rng):
    """Return commands that load random filter tables."""
    texts = []
    for version, command in ((4, "iptables-restore"), (6, "ip6tables-restore")):
        lines = ["*filter", ":INPUT {0} [0:0]".format(rng.choice(("ACCEPT", "DROP", "DROP")))]
        lines += [
            ":FORWARD ACCEPT [0:0]",
            ":OUTPUT {0} [0:0]".format(rng.choice(("ACCEPT",) * 3 + ("DROP",))),
        ]
        lines += [":later - [0:0]"]
        for chain, device in (("INPUT", "-i"), ("OUTPUT", "-o")):
            lines.append(f"-A {chain} {device} lo -j ACCEPT")
            if rng.random() < 0.9:
                lines.append(f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
            if version == 6:
                lines.append(f"-A {chain} -p ipv6-icmp -j ACCEPT")
        if rng.random() < 0.8:
            lines.append(f"-A INPUT -p tcp --dport {SSH} -j ACCEPT")
        lines += [iptables_line(rng, "later", version, True) for unused in range(2)]
        lines += [iptables_line(rng, "INPUT", version, True) for unused in range(rng.randint(0, 6))]
        lines += [
            line
            for line in (iptables_line(rng, "OUTPUT", version, False) for unused in range(rng.randint(0, 3)))
            if "later" not in line
        ]
        texts.append(f"{command} <<'END'\n" + "\n".join([*lines, "COMMIT"]) + "\nEND")
    return "\n".join(texts)


def plan(rng):
    """Return random rules as a plan has them."""
    rules = []
    for name, direction, protocol, ports in (
        ("sql_client", "in", "tcp", "8563"),
        ("bucketfs", "in", "tcp", "2580,20000-20010"),
        ("log_source", "in", "udp", "514"),
        ("oracle", "out", "tcp", "1521"),
        ("postgresql", "out", "tcp", "5432"),
    ):
        if rng.random() < 0.6:
            addresses = some(rng, OTHERS[4] + OTHERS[6] + ["192.0.2.12/30", "2001:db8::/124"], most=5)
            if direction == "in" and rng.random() < 0.1:
                addresses = []
            rules.append(
                {
                    "direction": direction,
                    "protocol": protocol,
                    "ports": ports,
                    "addresses": addresses,
                    "services": [name],
                }
            )
    return rules


# Firewalls with a service


def ufw_rule(rng):
    """Return one command that adds a rule of a user, to files alone while ufw is inactive."""
    version = rng.choice((4, 4, 6))
    incoming = rng.random() < 0.8
    remote = rng.choice((*OTHERS[version], {4: "192.0.2.8/30", 6: "2001:db8::/120"}[version], "any"))
    ports = SERVICES if incoming else PARTNERS
    action = rng.choice(("allow", "allow", "allow", "deny", "reject", "limit"))
    protocol = rng.choice(("tcp", "tcp", "tcp", "udp"))
    port = ",".join(map(str, some(rng, DATAGRAMS if protocol == "udp" else ports)))
    if action == "limit":
        # It counts the connections of a source, and a turn opens several at once. Of what goes out, the source is
        # always the host.
        incoming, ports = True, SERVICES
        port = str(rng.choice(ports))
    device = f"on {rng.choice(DEVICES)}" if rng.random() < 0.2 else ""
    way = "in" if incoming else "out"
    ends = f"from {remote} to any port {port}" if incoming else f"from any to {remote} port {port}"
    if rng.random() < 0.1 and remote != "any":
        protocol, ends = "", f"from {remote}" if incoming else f"from any to {remote}"
    return " ".join(
        word
        for word in (
            "ufw",
            rng.choice(("", "", "prepend")),
            action,
            way if device or not incoming else "",
            device,
            f"proto {protocol}" if protocol else "",
            ends,
        )
        if word
    )


def ufw_line(rng, chain, version):
    """Return a line that an administrator adds to before.rules or after.rules."""
    return iptables_line(rng, chain, version, "-input" in chain).replace("later", "ACCEPT")


def ufw_host(rng):
    """Return commands that start ufw with random rules of its user, random defaults and lines before and after."""
    lines = [
        "ufw --force disable >/dev/null",
        "rm -rf /etc/ufw && cp -a /var/tmp/exanet-pristine/ufw /etc/ufw",
        "cp -a /var/tmp/exanet-pristine/default-ufw /etc/default/ufw",
    ]
    incoming, outgoing = (
        rng.choice(("deny", "deny", "reject", "allow")),
        rng.choice(("allow",) * 3 + ("deny",)),
    )
    commands = [f"ufw default {incoming} incoming", f"ufw default {outgoing} outgoing"]
    if rng.random() < 0.8:
        commands.append(f"ufw {rng.choice(('allow', 'limit'))} {SSH}/tcp")
    commands += [ufw_rule(rng) for unused in range(rng.randint(0, 6))]
    if rng.random() < 0.2:
        commands.append(f"ufw route allow proto tcp from any to any port {SERVICES[1]}")
    lines.append("{\n" + "\n".join(commands) + "\n} >/dev/null")
    for version, infix in ((4, ""), (6, "6")):
        for name in ("before", "after"):
            file = f"/etc/ufw/{name}{infix}.rules"
            if rng.random() < 0.1:
                lines.append(f"sed -i '/ctstate RELATED,ESTABLISHED/d' {file}")
            for way in ("input", "output"):
                if rng.random() < 0.25:
                    added = ufw_line(rng, f"ufw{infix}-{name}-{way}", version)
                    place = rng.choice(("/^# End required lines/a", "/^COMMIT/i"))
                    lines.append(f"sed -i '{place} {added}' {file}")
    return "\n".join([*lines, "ufw --force enable >/dev/null"])


def firewalld_rules(rng, incoming, count):
    """Return elements of a zone or a policy: ports, services and rich rules."""
    found = []
    for unused in range(count):
        version = rng.choice((4, 4, 6))
        protocol = rng.choice(("tcp", "tcp", "tcp", "udp"))
        port = rng.choice(DATAGRAMS if protocol == "udp" else SERVICES if incoming else PARTNERS)
        what = rng.choice(
            (f'<port port="{port}" protocol="{protocol}"/>',) * 4 + ("", '<service name="ssh"/>')
        )
        if rng.random() < 0.3 and what:
            found.append(what)
            continue
        end = "source" if incoming else "destination"
        remote = rng.choice((*OTHERS[version], {4: "192.0.2.8/30", 6: "2001:db8::/120"}[version]))
        invert = ' invert="True"' if rng.random() < 0.1 else ""
        address = f'<{end} address="{remote}"{invert}/>' if rng.random() < 0.8 or not what else ""
        priority = f' priority="{rng.randint(-9, 9)}"' if rng.random() < 0.3 else ""
        action = rng.choice(("<accept/>",) * 4 + ("<drop/>", "<reject/>"))
        if action == "<accept/>" and rng.random() < 0.1:
            action = '<accept><limit value="900/s"/></accept>'
        found.append(f'<rule family="ipv{version}"{priority}>{address}{what}{action}</rule>')
    # The same rule twice is an error.
    return "".join(sorted(set(found), key=found.index))


_NEIGHBOURS = "".join(
    f'<rule family="ipv6"><icmp-type name="neighbour-{name}"/><accept/></rule>'
    for name in ("solicitation", "advertisement")
)


def firewalld_host(rng):
    """Return commands that let firewalld load random zones and policies, and direct rules."""
    files = {}

    def zone(name, more):
        target = rng.choice(("", "", "", "DROP", "%%REJECT%%", "ACCEPT"))
        words = f' target="{target}"' if target else ""
        ssh = '<service name="ssh"/>' if rng.random() < 0.7 else ""
        files[f"zones/{name}.xml"] = (
            f"<zone{words}>{more}{ssh}{firewalld_rules(rng, True, rng.randint(0, 4))}</zone>"
        )

    zone("public", "")
    names = ["public"]
    if rng.random() < 0.5:
        sources = some(rng, (*OTHERS[4], *OTHERS[6], "192.0.2.12/30"))
        zone("near", "".join(f'<source address="{one}"/>' for one in sources))
        names.append("near")
    for device in DEVICES:
        if rng.random() < 0.3:
            zone(f"at-{device}", f'<interface name="{device}"/>')
            names.append(f"at-{device}")
    for number in range(rng.choice((0, 0, 1, 2))):
        incoming = rng.random() < 0.6
        there = rng.choice(("ANY", "ANY", rng.choice(names)))
        ingress, egress = (there, "HOST") if incoming else ("HOST", there)
        target = rng.choice(("CONTINUE", "CONTINUE", "ACCEPT", "DROP", "REJECT"))
        priority = rng.choice((-32768, -100, -1, 1, 100))
        files[f"policies/foreign-{number}.xml"] = (
            f'<policy priority="{priority}" target="{target}"><ingress-zone name="{ingress}"/>'
            f'<egress-zone name="{egress}"/>{_NEIGHBOURS}'
            f"{firewalld_rules(rng, incoming, rng.randint(0, 4))}</policy>"
        )
    if rng.random() < 0.2:
        version = rng.choice((4, 6))
        chain = rng.choice(("INPUT", "OUTPUT"))
        line = iptables_line(rng, chain, version, chain == "INPUT").replace(f"-A {chain} ", "")
        # No change is made beside an unconditional one: iptables would drop what ours accept.
        if not line.startswith("-j"):
            files["direct.xml"] = (
                f'<direct><rule priority="0" table="filter" ipv="ipv{version}" chain="{chain}">'
                f"{line.replace('later', 'DROP')}</rule></direct>"
            )
    lines = ["cd /etc/firewalld; rm -f zones/* policies/* direct.xml"]
    bus = "busctl --system call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1"
    # A reload keeps the interfaces of zones.
    lines += [f'{bus}.zone removeInterface ss "" {device} >/dev/null 2>&1 || true' for device in DEVICES]
    lines += [
        f'echo \'<?xml version="1.0" encoding="utf-8"?>{text}\' > {name}' for name, text in files.items()
    ]
    lines.append(f"{bus} reload >/dev/null")
    lines.append('test "$(firewall-cmd --state 2>&1)" = running')
    if rng.random() < 0.3:
        # What is only in the running firewall, as others add it.
        rich = f'rule family="ipv4" source address="{rng.choice(OTHERS[4])}" port port="{SERVICES[1]}" protocol="tcp"'
        lines.append(
            f"firewall-cmd --quiet --zone={rng.choice(names)} --add-rich-rule='{rich} {rng.choice(('accept', 'drop'))}'"
        )
    return "\n".join(lines)


HOSTS = {"nftables": nft_host, "iptables": iptables_host, "ufw": ufw_host, "firewalld": firewalld_host}
