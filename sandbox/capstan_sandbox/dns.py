"""The sandbox's own DNS server: CoreDNS at the API address."""
from __future__ import annotations

from pathlib import Path

from capstan_sandbox import files
from capstan_sandbox.paths import Addresses
from capstan_sandbox.supervisor import Service, tcp

#: Names under which the cloud itself can be reached.
NAMES = ("api.sandbox", "mirror.sandbox", "dns.sandbox")


def corefile(addresses: Addresses) -> str:
    """Answers the names of the sandbox and says NXDOMAIN to everything else at once.

    Without an answer every look-up inside a server would hang for its time-out (kubeadm: a minute).
    """
    names = f'"^({"|".join(n.partition(".")[0] for n in NAMES)})[.]sandbox[.]$"'
    authority = '". 60 IN SOA dns.sandbox. nobody.sandbox. 1 60 60 60 60"'
    return f"""\
. {{
    bind {addresses.api}
    template IN A sandbox {{
        match {names}
        answer "{{{{ .Name }}}} 60 IN A {addresses.api}"
        fallthrough
    }}
    template IN ANY sandbox {{
        match {names}
        rcode NOERROR
        authority {authority}
        fallthrough
    }}
    template ANY ANY {{
        rcode NXDOMAIN
        authority {authority}
    }}
    errors
}}
"""


def service(coredns: Path, root: Path, addresses: Addresses) -> Service:
    file = root / "etc/coredns/Corefile"
    files.write(file, corefile(addresses))
    return Service("coredns", (str(coredns), "-conf", str(file)), probe=tcp(53, addresses.api))
