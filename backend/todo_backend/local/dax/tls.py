"""TLS for `daxs://`: a private CA, made on first use, and a certificate of its for the cluster.

Clients check the certificate against the name they discovered the cluster by (the DAX protocol notes, section 5.3).
"""

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_FILE = "ca.pem"
_CA_KEY_FILE = "ca-key.pem"
_SERVER_FILE = "server.pem"
_CA_DAYS, _SERVER_DAYS = 3650, 397
_CLOCK_SLACK = timedelta(hours=1)


def server_context(directory: Path, names: tuple[str, ...], now: datetime | None = None) -> ssl.SSLContext:
    """A context that serves a certificate for the names; clients trust `ca.pem` in the directory.

    Args:
        now: aware; the machine's time by default.
    """
    now = now or datetime.now(UTC)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca, ca_key = _authority(directory, now)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(names, key, ca, ca_key, now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    file = directory / _SERVER_FILE  # OpenSSL reads files only; nobody needs this one afterwards
    try:
        _write_private(file, _key_bytes(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(file)
    finally:
        file.unlink(missing_ok=True)
    return context


def _authority(directory: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The kept CA, or a new one: where there is none, where it is damaged, and before it expires."""
    return _kept_authority(directory, now) or _new_authority(directory, now)


def _kept_authority(directory: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    try:
        certificate = x509.load_pem_x509_certificate((directory / CA_FILE).read_bytes())
        key = serialization.load_pem_private_key((directory / _CA_KEY_FILE).read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    is_young = certificate.not_valid_after_utc > now + timedelta(days=_SERVER_DAYS)
    # A new key beside an old certificate: the process that made them was interrupted.
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key() or not is_young:
        return None
    return certificate, key


def _new_authority(directory: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "todo-sdk: private CA of this machine")])
    builder = _builder(name, name, key, (now, _CA_DAYS)).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    _write_private(directory / _CA_KEY_FILE, _key_bytes(key))
    (directory / CA_FILE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _certificate(
    names: tuple[str, ...],
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "todo-sdk: this machine")])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = (
        _builder(subject, ca.subject, key, (now, _SERVER_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(identifier, critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: tuple[datetime, int]
) -> x509.CertificateBuilder:
    now, days = validity
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, from its first moment on."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(content)
