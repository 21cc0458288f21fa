"""The command: a DAX cluster in front of a DynamoDB endpoint, for DynamoDB Local and the like.

Clients have to sign with the credentials of this process's own environment; the same are used towards DynamoDB.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .auth import Credentials
from .backend import DynamoDb, HttpDynamoDb
from .cluster import DaxCluster
from .settings import MAX_NODES, DaxSettings


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(
        prog="python -m todo_backend.local.dax", description="A DAX cluster before any DynamoDB."
    )
    add = command.add_argument
    add("--dynamodb", required=True, metavar="URL", help="the DynamoDB endpoint, http://127.0.0.1:8000 say")
    add(
        "--listen",
        default="127.0.0.1:8111",
        metavar="HOST:PORT",
        help="address of the first node (default: %(default)s)",
    )
    add("--nodes", type=int, default=1, choices=range(1, MAX_NODES + 1), help="how many nodes, on ports that follow")
    add("--region", help="default: AWS_REGION, AWS_DEFAULT_REGION or us-east-1")
    add("--state", type=Path, metavar="FILE", help="keeps attribute-list ids, so that clients may outlive the cluster")
    add(
        "--tls",
        type=Path,
        metavar="FOLDER",
        help="serve daxs://; the private CA is made there, clients trust its ca.pem",
    )
    add("--tls-name", action="append", default=[], metavar="NAME", help="a further name or address for the certificate")
    add("--advertise", metavar="IP", help="address that clients are told to dial (default: that of --listen)")
    add("--item-ttl", type=float, default=300.0, metavar="SECONDS", help="0: never expires (default: %(default)s)")
    add("--query-ttl", type=float, default=300.0, metavar="SECONDS", help="0: no query cache (default: %(default)s)")
    add("--replication-lag", type=float, default=0.05, metavar="SECONDS", help="default: %(default)s")
    return command


def settings_of(arguments: argparse.Namespace, environment: Mapping[str, str]) -> DaxSettings:
    """The settings that arguments, then environment, then defaults make."""
    host, _, port = arguments.listen.rpartition(":")
    region = arguments.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return DaxSettings(
        host=host.strip("[]") or "127.0.0.1",
        port=int(port),
        nodes=arguments.nodes,
        region=region,
        attribute_file=arguments.state,
        tls_directory=arguments.tls,
        tls_names=tuple(arguments.tls_name),
        item_ttl_seconds=arguments.item_ttl,
        query_ttl_seconds=arguments.query_ttl,
        replication_lag_seconds=arguments.replication_lag,
        advertise_host=arguments.advertise,
    )


def credentials_of(environment: Mapping[str, str]) -> Credentials | None:
    """The credentials of the environment, if it has any."""
    access_key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not access_key_id or not secret:
        return None
    return Credentials(access_key_id, secret, environment.get("AWS_SESSION_TOKEN") or None)


async def serve(settings: DaxSettings, dynamodb: DynamoDb, credentials: Credentials) -> None:
    """Serve until the process is told to stop."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no handlers; Ctrl+C raises KeyboardInterrupt there
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    known = {credentials.access_key_id: credentials}
    async with DaxCluster(settings, dynamodb=dynamodb, credentials=known.get) as cluster:
        print(f"DAX cluster at {cluster.endpoint}", flush=True)  # noqa: T201
        await stopped.wait()


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 2 for wrong arguments or missing credentials."""
    command = parser()
    arguments = command.parse_args(words)
    credentials = credentials_of(os.environ)
    if credentials is None:
        command.error("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; clients have to use the same")
    try:
        settings = settings_of(arguments, os.environ)
        dynamodb = HttpDynamoDb(arguments.dynamodb, region=settings.region, credentials=credentials)
    except ValueError as error:
        command.error(str(error))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(settings, dynamodb, credentials))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        command.exit(1, f"cannot listen on {arguments.listen}: {error.strerror}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
