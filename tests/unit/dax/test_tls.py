"""The private CA: made once, made anew when it cannot be used or will soon expire, its keys kept from others."""

import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from todo_backend.local.dax import tls

NAMES = ("localhost", "127.0.0.1")


def authority(folder: Path) -> bytes:
    tls.server_context(folder, NAMES)
    return (folder / "ca.pem").read_bytes()


def test_the_ca_is_made_once(tmp_path: Path) -> None:
    assert authority(tmp_path) == authority(tmp_path)


def test_only_the_ca_is_kept_and_its_key_is_private(tmp_path: Path) -> None:
    authority(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ca.pem", "ca-key.pem"}
    assert stat.S_IMODE((tmp_path / "ca-key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"])
def test_a_ca_that_is_damaged_is_made_anew(tmp_path: Path, name: str, content: bytes | None) -> None:
    before = authority(tmp_path)
    (tmp_path / name).unlink() if content is None else (tmp_path / name).write_bytes(content)
    assert authority(tmp_path) != before
    assert authority(tmp_path) == (tmp_path / "ca.pem").read_bytes()


def test_a_key_beside_another_certificate_is_not_used(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    before = authority(first)
    authority(second)
    (first / "ca-key.pem").write_bytes((second / "ca-key.pem").read_bytes())
    assert authority(first) != before


def test_a_ca_is_renewed_before_a_certificate_could_outlive_it(tmp_path: Path) -> None:
    before = authority(tmp_path)
    expires = x509.load_pem_x509_certificate(before).not_valid_after_utc
    tls.server_context(tmp_path, NAMES, expires - timedelta(days=398))
    assert (tmp_path / "ca.pem").read_bytes() == before
    tls.server_context(tmp_path, NAMES, expires - timedelta(days=397))
    after = (tmp_path / "ca.pem").read_bytes()
    assert x509.load_pem_x509_certificate(after).not_valid_after_utc > expires + timedelta(days=3000)


def test_clients_that_trust_the_ca_complete_a_handshake_even_strictly(tmp_path: Path) -> None:
    server_side = tls.server_context(tmp_path, NAMES)
    client_side = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass
    assert done == {client, server}
