"""Whom the SDK believes to be who they say: a private authority in the profile counts for the API, Cognito and S3."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from todo_sdk import Config, ConfigError, TransportError, write_profile
from todo_sdk._aws import make_client
from todo_sdk._http import Http, Request
from todo_sdk._retry import Retries

from .conftest import config_for

GET = Request("GET", "/v1/config")


def signed(name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
    """A certificate for this machine, or of an authority."""
    now = dt.datetime.now(dt.UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not ca:
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(here, critical=False)
    return builder.sign(by, hashes.SHA256())


@dataclass
class Private:
    """A server on loopback whose certificate only `ca` vouches for."""

    url: str
    ca: str
    other_ca: str


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    folder = tmp_path_factory.mktemp("tls")
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    pem = serialization.Encoding.PEM
    server = signed("127.0.0.1", keys[0], keys[1], ca=False)
    files = {
        "ca": signed("authority", keys[1], keys[1], ca=True),
        "other": signed("authority", keys[2], keys[2], ca=True),
    }
    for name, certificate in files.items():
        (folder / name).write_bytes(certificate.public_bytes(pem))
    private_key = keys[0].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server").write_bytes(server.public_bytes(pem) + private_key)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response_only(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"{}")

        do_GET = do_POST = do_HEAD = answer  # noqa: N815, the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the library's name
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not trust us hangs up; that is what is tested."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server")
    with Quiet(("127.0.0.1", 0), Handler) as https:
        https.socket = context.wrap_socket(https.socket, server_side=True)
        thread = threading.Thread(target=https.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield Private(f"https://127.0.0.1:{https.server_address[1]}", str(folder / "ca"), str(folder / "other"))
        https.shutdown()
        thread.join()


def ask_the_api(config: Config) -> None:
    http = Http(config.api_url, trusted=config.trusted, retries=Retries(sleep=lambda _: None))
    try:
        http.ask(GET)
    finally:
        http.close()


@pytest.mark.parametrize("name", ["ca", "other_ca"])
@pytest.mark.parametrize("who", ["api", "cognito-idp", "cognito-identity", "s3"])
def test_only_the_authority_of_the_profile_vouches_for_the_other_side(
    private: Private, tmp_path: Path, who: str, name: str
) -> None:
    bundle = getattr(private, name)
    config = config_for(tmp_path, api_url=private.url, endpoint_url=private.url, ca_bundle=bundle)

    def ask() -> None:
        if who == "api":
            return ask_the_api(config)
        client = make_client(who, config, repeats=False)
        try:
            if who == "s3":
                client.head_bucket(Bucket="bucket")
            elif who == "cognito-idp":
                client.revoke_token(Token="t", ClientId="client1")
            else:
                client.get_id(IdentityPoolId=config.identity_pool_id)
        finally:
            client.close()
        return None

    if name == "ca":
        ask()
    else:
        with pytest.raises(Exception, match="certificate"):
            ask()


def test_a_server_that_nobody_vouches_for_is_one_sentence(private: Private, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="certificate was not accepted"):
        ask_the_api(config_for(tmp_path, api_url=private.url, ca_bundle=None))


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"TODO_CONFIG_DIR": str(tmp_path / "config"), "TODO_DATA_DIR": str(tmp_path / "data")}


def test_the_authorities_are_ones_own_variable_then_the_profile_then_what_requests_goes_by(
    env: dict[str, str],
) -> None:
    write_profile("mine", {"api_url": "https://a.example.com", "ca_bundle": "/profile.pem"}, environ=env)
    write_profile("plain", {"api_url": "https://a.example.com"}, environ=env)
    for_requests = {"REQUESTS_CA_BUNDLE": "/requests.pem", "CURL_CA_BUNDLE": "/curl.pem"}

    def found(profile: str, **variables: str) -> tuple[str | None, str]:
        config = Config.load(profile, environ={**env, **variables})
        return config.ca_bundle, config.sources["ca_bundle"]

    assert found("mine", TODO_CA_BUNDLE="/own.pem", **for_requests) == ("/own.pem", "environment")
    assert found("mine", **for_requests) == ("/profile.pem", "profile mine")
    assert found("plain", **for_requests) == ("/requests.pem", "REQUESTS_CA_BUNDLE")
    assert found("plain", CURL_CA_BUNDLE="/curl.pem") == ("/curl.pem", "CURL_CA_BUNDLE")
    assert found("plain") == (None, "default")


def test_another_deployment_is_not_vouched_for_by_the_profiles_authority(env: dict[str, str]) -> None:
    write_profile("mine", {"api_url": "https://a.example.com", "ca_bundle": "/profile.pem"}, environ=env)
    assert Config.load(api_url="https://b.example.com", environ=env).ca_bundle is None


def test_a_file_of_authorities_that_is_not_there_is_said_before_any_request(tmp_path: Path) -> None:
    config = config_for(tmp_path, ca_bundle=str(tmp_path / "gone.pem"))
    with pytest.raises(ConfigError, match=r"ca_bundle .*gone\.pem.* is not a file"):
        ask_the_api(config)
    with pytest.raises(ConfigError, match="is not a file"):
        make_client("s3", config, repeats=False)


def test_a_file_that_holds_no_authority_is_one_sentence(private: Private, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing here")
    with pytest.raises(TransportError, match="certificate was not accepted"):
        ask_the_api(config_for(tmp_path, api_url=private.url, ca_bundle=str(tmp_path / "empty.pem")))
