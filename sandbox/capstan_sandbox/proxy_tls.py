"""Certificates of the proxy: a good one, and one for each way a certificate has to be refused."""
from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from capstan_sandbox import files
from capstan_sandbox.proxy_ports import BAD_TLS, TLS

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> str:
        key = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        return (self.certificate.public_bytes(serialization.Encoding.PEM) + key).decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: x509.Name, key, begin, end) -> x509.CertificateBuilder:
    return (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end))


def authority(name: str, now: datetime.datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    made = (_builder(name, _name(name), key, now - DAY, now + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
    return Pair(made.sign(key, hashes.SHA256()), key)


def leaf(ca: Pair, address: str, begin: datetime.datetime, end: datetime.datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = (_builder("sandbox", ca.certificate.subject, key, begin, end)
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False))
    return Pair(made.sign(ca.key, hashes.SHA256()), key)


def make(directory: Path, address: str) -> dict[int, ssl.SSLContext]:
    """Writes ca.crt into `directory` and returns the context of each TLS listener by the offset of its ports.

    `untrusted` is good but signed by an authority nobody knows, `name` is made out to another address, `expired`
    ended yesterday.
    """
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    known, unknown = authority("Capstan sandbox", now), authority("Somebody else", now)
    later = now + 365 * DAY
    pairs = {
        TLS: leaf(known, address, now - DAY, later),
        BAD_TLS["untrusted"]: leaf(unknown, address, now - DAY, later),
        BAD_TLS["name"]: leaf(known, "192.0.2.1", now - DAY, later),
        BAD_TLS["expired"]: leaf(known, address, now - 3 * DAY, now - DAY),
    }
    files.write(directory / "ca.crt", known.certificate.public_bytes(serialization.Encoding.PEM).decode())
    contexts = {}
    for offset, pair in pairs.items():
        file = directory / f"{offset}.pem"
        files.write(file, pair.pem(), 0o600)
        contexts[offset] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        contexts[offset].load_cert_chain(file)
    return contexts
