"""An S3 of one bucket on loopback, in memory, for what the embedded stack cannot be made to do: lose answers, break
off, damage bytes, change a file in between. It judges checksums and conditions as AWS does (S3-26 to S3-36).
"""

import base64
import hashlib
import re
import secrets
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

MODIFIED = "Mon, 23 Nov 2026 12:00:00 GMT"


def crc32(content: bytes) -> str:
    """A CRC-32 as S3 writes it; not the SDK's code."""
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


@dataclass
class Kept:
    """One object."""

    content: bytes
    etag: str
    checksum: str | None
    metadata: dict[str, str] = field(default_factory=dict)
    part_bytes: int | None = None


@dataclass
class Begun:
    """One multipart upload."""

    key: str
    metadata: dict[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Asked:
    """One request: the operation by S3's name, its key, and the bytes of both bodies."""

    operation: str
    key: str
    received: int
    sent: int = 0


@dataclass
class Answer:
    """What goes back; `cut` ends the connection after that many bytes of the body, `lost` before the first."""

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    lost: bool = False


Meddle = Callable[[Asked, Answer], None]


class LoopbackS3:
    """The bucket's content, what was asked, and `meddle`, which may change each answer before it is sent."""

    def __init__(self) -> None:
        self.objects: dict[str, Kept] = {}
        self.uploads: dict[str, Begun] = {}
        self.asked: list[Asked] = []
        self.meddle: Meddle = lambda asked, answer: None
        self.lock = threading.Lock()
        self.url = ""

    def operations(self) -> list[str]:
        """The operations that were asked for, in order."""
        return [asked.operation for asked in self.asked]

    def bytes_of(self, operation: str) -> int:
        """How many bytes of content came or went with an operation."""
        return sum(asked.received + asked.sent for asked in self.asked if asked.operation == operation)

    def keep(self, key: str, content: bytes, **changes: Any) -> Kept:
        """Put an object there, as another device would."""
        kept = Kept(content, hashlib.md5(content).hexdigest(), crc32(content))
        for name, value in changes.items():
            setattr(kept, name, value)
        self.objects[key] = kept
        return kept

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[Asked, Answer]:
        """Answer one request."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        key = unquote(parts.path).removeprefix("/bucket").removeprefix("/")
        operation = _operation(method, query, headers)
        with self.lock:
            answer = getattr(self, f"_{operation}")(key, query, headers, body)
            asked = Asked(operation, key, len(body))
            self.asked.append(asked)
        self.meddle(asked, answer)
        return asked, answer

    def _refused(self, status: int, code: str) -> Answer:
        return Answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _problem(self, key: str, headers: dict[str, str], body: bytes | None = None) -> Answer | None:
        there = self.objects.get(key)
        if headers.get("if-none-match") == "*" and there:
            return self._refused(412, "PreconditionFailed")
        wanted = headers.get("if-match")
        if wanted is not None and there is None:
            return self._refused(404, "NoSuchKey")
        if wanted is not None and there and wanted.strip('"') != there.etag:
            return self._refused(412, "PreconditionFailed")
        said = headers.get("x-amz-checksum-crc32")
        return self._refused(400, "BadDigest") if body is not None and said and said != crc32(body) else None

    def _PutObject(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        problem = self._problem(key, headers, body)
        if problem:
            return problem
        kept = self.keep(key, body, metadata=_metadata(headers))
        return Answer(headers={"ETag": f'"{kept.etag}"'})

    def _CopyObject(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        source = self.objects.get(unquote(headers["x-amz-copy-source"]).removeprefix("bucket/"))
        if source is None:
            return self._refused(404, "NoSuchKey")
        if headers.get("x-amz-copy-source-if-match", f'"{source.etag}"').strip('"') != source.etag:
            return self._refused(412, "PreconditionFailed")
        kept = self.keep(key, source.content, metadata=source.metadata)
        return Answer(content=f"<CopyObjectResult><ETag>{kept.etag}</ETag></CopyObjectResult>".encode())

    def _CreateMultipartUpload(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        upload_id = secrets.token_hex(8)
        self.uploads[upload_id] = Begun(key, _metadata(headers))
        said = f"<UploadId>{upload_id}</UploadId>"
        return Answer(content=f"<InitiateMultipartUploadResult>{said}</InitiateMultipartUploadResult>".encode())

    def _UploadPart(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        begun = self.uploads.get(query["uploadId"])
        if begun is None:
            return self._refused(404, "NoSuchUpload")
        if headers["x-amz-checksum-crc32"] != crc32(body):
            return self._refused(400, "BadDigest")
        begun.parts[int(query["partNumber"])] = body
        return Answer(headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def _ListParts(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        begun = self.uploads.get(query["uploadId"])
        if begun is None:
            return self._refused(404, "NoSuchUpload")
        entries = "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{hashlib.md5(part).hexdigest()}"</ETag>'
            f"<Size>{len(part)}</Size><ChecksumCRC32>{crc32(part)}</ChecksumCRC32></Part>"
            for number, part in sorted(begun.parts.items())
        )
        return Answer(content=f"<ListPartsResult>{entries}</ListPartsResult>".encode())

    def _CompleteMultipartUpload(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        begun = self.uploads.get(query["uploadId"])
        if begun is None:
            return self._refused(404, "NoSuchUpload")
        problem = self._problem(key, headers)
        if problem:
            return problem
        numbers = [int(number) for number in re.findall(r"<PartNumber>(\d+)</PartNumber>", body.decode())]
        parts = [begun.parts[number] for number in numbers]
        if any(len(part) < 5 * 1024 * 1024 for part in parts[:-1]):
            return self._refused(400, "EntityTooSmall")
        etag = f"{hashlib.md5(b''.join(hashlib.md5(part).digest() for part in parts)).hexdigest()}-{len(parts)}"
        sums = b"".join(zlib.crc32(part).to_bytes(4, "big") for part in parts)
        content = b"".join(parts)
        self.objects[key] = Kept(content, etag, f"{crc32(sums)}-{len(parts)}", begun.metadata, len(parts[0]))
        del self.uploads[query["uploadId"]]
        said = f'<ETag>"{etag}"</ETag>'
        return Answer(content=f"<CompleteMultipartUploadResult>{said}</CompleteMultipartUploadResult>".encode())

    def _AbortMultipartUpload(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        known = self.uploads.pop(query["uploadId"], None)
        return Answer(204) if known else self._refused(404, "NoSuchUpload")

    def _HeadObject(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        return self._read(key, query, headers)

    def _GetObject(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        return self._read(key, query, headers)

    def _read(self, key: str, query: Any, headers: dict[str, str]) -> Answer:
        kept = self.objects.get(key)
        if kept is None:
            return self._refused(404, "NoSuchKey")
        problem = self._problem(key, headers)
        if problem:
            return problem
        answer = Answer(content=kept.content, headers={"ETag": f'"{kept.etag}"', "Last-Modified": MODIFIED})
        answer.headers |= {f"x-amz-meta-{name}": value for name, value in kept.metadata.items()}
        if kept.checksum is not None and "x-amz-checksum-mode" in headers:
            answer.headers["x-amz-checksum-crc32"] = kept.checksum
        if "partNumber" in query:
            answer.status, answer.content = 206, kept.content[: kept.part_bytes]
        if "range" in headers:
            start = int(headers["range"].removeprefix("bytes=").rstrip("-"))
            answer.status, answer.content = 206, kept.content[start:]
            answer.headers["Content-Range"] = f"bytes {start}-{len(kept.content) - 1}/{len(kept.content)}"
        return answer

    def _DeleteObject(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        problem = self._problem(key, headers)
        if problem is None:
            self.objects.pop(key, None)
        return problem or Answer(204)

    def _DeleteObjects(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        for found in re.findall(r"<Key>(.*?)</Key>", body.decode()):
            self.objects.pop(unescape(found), None)
        return Answer(content=b"<DeleteResult></DeleteResult>")

    def _ListObjectsV2(self, key: str, query: Any, headers: dict[str, str], body: bytes) -> Answer:  # noqa: N802
        entries = "".join(
            f"<Contents><Key>{escape(quote(name, safe='/'))}</Key><Size>{len(kept.content)}</Size>"
            f'<ETag>"{kept.etag}"</ETag><LastModified>2026-11-23T12:00:00.000Z</LastModified></Contents>'
            for name, kept in sorted(self.objects.items())
            if name.startswith(query["prefix"])
        )
        encoding = "<EncodingType>url</EncodingType>"
        return Answer(content=f"<ListBucketResult>{encoding}{entries}</ListBucketResult>".encode())


def _operation(method: str, query: dict[str, str], headers: dict[str, str]) -> str:
    if method == "POST":
        return (
            "CreateMultipartUpload"
            if "uploads" in query
            else "DeleteObjects"
            if "delete" in query
            else "CompleteMultipartUpload"
        )
    if "uploadId" in query:
        return {"PUT": "UploadPart", "GET": "ListParts", "DELETE": "AbortMultipartUpload"}[method]
    if "list-type" in query:
        return "ListObjectsV2"
    if "x-amz-copy-source" in headers:
        return "CopyObject"
    return {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}[method]


def _metadata(headers: dict[str, str]) -> dict[str, str]:
    start = "x-amz-meta-"
    return {name.removeprefix(start): value for name, value in headers.items() if name.startswith(start)}


@contextmanager
def serving(s3: LoopbackS3) -> Iterator[LoopbackS3]:
    """Serve it on loopback; `s3.url` tells where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked, answer = s3.answer(self.command, self.path, headers, body)
            self.close_connection = answer.lost or answer.cut is not None
            if answer.lost:
                return
            self.send_response_only(answer.status)
            for name, value in {"Content-Length": str(len(answer.content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD" and answer.status != 204:
                content = answer.content if answer.cut is None else answer.content[: answer.cut]
                asked.sent = len(content)
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815, the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the library's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        s3.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield s3
        server.shutdown()
        thread.join()
