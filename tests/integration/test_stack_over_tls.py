"""`todo up --tls`: HTTPS on the one address, from sign-up to files, and what happens to whoever does not trust it."""

import json
import socket
import ssl
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import certifi
import pytest
import requests
from cryptography import x509

from todo_backend import local
from todo_backend.local.dax.tls import server_context
from todo_cli.checks.people import Inbox, People
from todo_cli.checks.registry import all_checks
from todo_cli.checks.runner import run
from todo_cli.checks.world import Deployment, World
from todo_sdk import Config, MemoryTokenStore, TodoClient, TransportError, fetch_config

PASSWORD = "Right-password-1!"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of a stack that runs with TLS."""
    place = tmp_path_factory.mktemp("tls") / "stack"
    local.start(local.StackOptions(place, port=0, tls=True))
    try:
        yield place
    finally:
        local.stop(place)


@pytest.fixture(scope="module")
def trusted(data_dir: Path) -> str:
    """The CA's certificate."""
    found = local.ca_bundle(data_dir)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def config(data_dir: Path, trusted: str) -> Config:
    """The settings of a client that trusts the CA."""
    return fetch_config(str(local.outputs(data_dir)["ApiUrl"]), ca_bundle=trusted)


def newest_code(data_dir: Path, email: str) -> str:
    text = [mail.text for mail in local.inbox(data_dir) if mail.to == email][-1]
    return next(word.strip(".") for word in text.split() if word.strip(".").isdigit())


def spoken(data_dir: Path, sent: bytes) -> bytes:
    """What the port says to these bytes, until it hangs up."""
    port = local.status(data_dir).port
    assert port is not None
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(sent)
        while piece := line.recv(4096):
            heard += piece
    return heard


def test_every_address_of_the_outputs_is_encrypted(data_dir: Path) -> None:
    outputs = local.outputs(data_dir)
    for name in ("ApiUrl", "EndpointUrl"):
        assert str(outputs[name]).startswith("https://127.0.0.1:")
    assert str(outputs["DaxEndpoint"]).startswith("daxs://")


def test_a_client_that_trusts_the_ca_does_the_main_job(data_dir: Path, config: Config, tmp_path: Path) -> None:
    assert str(config.endpoint_url).startswith("https://")
    with TodoClient(config, store=MemoryTokenStore()) as client:
        client.auth.sign_up("tls@example.com", PASSWORD)
        client.auth.confirm_sign_up("tls@example.com", newest_code(data_dir, "tls@example.com"))
        client.auth.sign_in("tls@example.com", PASSWORD)
        todo = client.todos.add("encrypted")
        assert client.todos.get(todo.id) == todo
        assert [found.title for found in client.todos.list()] == ["encrypted"]
        note = tmp_path / "note.txt"
        note.write_text("encrypted, too")
        client.files.upload(note, "note.txt")
        assert client.files.read("note.txt") == b"encrypted, too"
    assert "item cache 0 hits 0 misses" not in local.status(data_dir).dax  # the Lambda reads through DAX


def test_its_own_commands_reach_it(data_dir: Path) -> None:
    status = local.status(data_dir)
    assert status.api_cache is not None
    assert status.dax.startswith("on (daxs://")
    assert local.logs(data_dir)
    assert local.faults(data_dir).list() == []
    assert local.clock(data_dir).offset_seconds() == 0


def test_a_client_without_the_ca_is_refused_on_its_own_side(config: Config, data_dir: Path) -> None:
    url = str(local.outputs(data_dir)["EndpointUrl"])
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{url}/_ministack/health", timeout=20)
    stranger = replace(config, ca_bundle=None)
    with TodoClient(stranger, store=MemoryTokenStore()) as client, pytest.raises(TransportError, match="certificate"):
        client.auth.sign_in("tls@example.com", PASSWORD)
    with pytest.raises(TransportError, match="certificate"):
        fetch_config(config.api_url)


def test_a_ca_of_another_stack_is_not_trusted(config: Config, tmp_path: Path) -> None:
    server_context(tmp_path, ("localhost",))
    with pytest.raises(TransportError, match="certificate"):
        fetch_config(config.api_url, ca_bundle=str(tmp_path / "ca.pem"))


def test_the_certificate_is_for_the_names_of_this_machine(data_dir: Path, trusted: str) -> None:
    port = local.status(data_dir).port
    context = ssl.create_default_context(cafile=trusted)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("localhost", "127.0.0.1", "::1"):
        line = socket.create_connection(("127.0.0.1", port), timeout=20)
        with context.wrap_socket(line, server_hostname=name) as encrypted:
            assert encrypted.version() in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname="example.com"
        ).close()


def test_plain_http_is_told_to_speak_https(data_dir: Path) -> None:
    heard = spoken(data_dir, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert "speaks HTTPS" in json.loads(body)["message"]
    url = str(local.outputs(data_dir)["EndpointUrl"]).replace("https", "http")
    assert requests.post(url, data=b"x" * 1_000_000, timeout=20).status_code == 400


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x00\x05nonsense", b"\x16", b"\x00" * 100_000])
def test_what_is_neither_is_hung_up_on_and_the_stack_goes_on(data_dir: Path, config: Config, sent: bytes) -> None:
    port = local.status(data_dir).port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        try:
            while line.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert fetch_config(config.api_url, ca_bundle=config.ca_bundle).region == config.region


def test_the_keys_are_their_owners_only_and_the_servers_is_not_kept(data_dir: Path) -> None:
    folder = data_dir / "tls"
    assert {path.name for path in folder.iterdir()} == {"ca.pem", "ca-key.pem"}
    assert stat.S_IMODE((folder / "ca-key.pem").stat().st_mode) == 0o600
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_restart_keeps_the_ca_and_can_go_back_to_plain_http(tmp_path: Path) -> None:
    place = tmp_path / "stack"
    try:
        local.start(local.StackOptions(place, port=0, tls=True))
        authority = (place / "tls" / "ca.pem").read_bytes()
        local.stop(place)
        outputs = local.start(local.StackOptions(place, port=0))
        assert str(outputs["ApiUrl"]).startswith("http://")
        assert local.ca_bundle(place) is None
        assert fetch_config(str(outputs["ApiUrl"])).endpoint_url == outputs["EndpointUrl"]
        local.stop(place)
        local.start(local.StackOptions(place, port=0, tls=True))
        assert (place / "tls" / "ca.pem").read_bytes() == authority
    finally:
        local.stop(place)


def test_the_checks_from_outside_trust_whom_the_profile_trusts(
    data_dir: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a company's own bundle, which requests would let overrule what a session says
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    deployment = Deployment(config)
    people = People(deployment, lambda: Inbox(deployment, local, data_dir), tmp_path / "users.json")
    names = {"api-https", "account-tokens-are-signed", "folder-shared-link", "todo-main-job"}
    wanted = [check for check in all_checks() if check.name in names]
    found = {one.check.name: one.outcome for one in run(wanted, World(deployment, people), may_write=True)}
    assert found == dict.fromkeys(names, "passed")
    assert people.remove_all() == []
    deployment.http.close()
