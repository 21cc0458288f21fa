"""The layer in front of MiniStack's S3: one request's way through it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from ..asgi import Answer, App, Message, Receive, Scope, Send, as_signed, ask, read_body, respond
from . import batch, completion
from .callers import Callers, SecretOf
from .checks import check
from .errors import Ids, S3Error, read
from .mending import CHECKSUMS, mended
from .target import Target, asks_s3, is_anonymous_on_the_account

_LISTING = "list-type=2&max-keys=0"
_ENCRYPTED = (b"x-amz-server-side-encryption", b"AES256")  # what every bucket does since 2023
_TAIL_BYTES = 1024  # of a body sent in chunks: where its trailer stands


class S3Front:
    """Answers what S3 refuses and MiniStack does not, and puts MiniStack's other answers right."""

    def __init__(
        self,
        inner: App,
        secret_of: SecretOf,
        owner_access_key: str,
        age_of: Callable[[float], float] = lambda moment: time.time() - moment,
    ) -> None:
        """Ask nothing yet.

        Args:
            owner_access_key: of the account's owner, who may list the parts of every upload.
            age_of: how many seconds ago something is that was signed at a time (seconds since 1970) of the machine's
                clock, by which clients sign; decides when a presigned URL has expired.
        """
        self._inner = inner
        self._owner = owner_access_key
        self._callers = Callers(inner, secret_of)
        self._age_of = age_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = as_signed(scope)
        exchange = _Exchange(scope, Target(request), Ids.new())
        if is_anonymous_on_the_account(request):
            await respond(send, exchange.refused(S3Error(403, "AccessDenied", "Access Denied")))
            return
        if not asks_s3(request):
            await self._inner(scope, receive, send)
            return
        try:
            check(exchange.target, self._now(exchange.target))
        except S3Error as error:
            await respond(send, exchange.refused(error))
            return
        if exchange.target.is_batch_delete:
            await respond(send, await self._delete_batch(exchange, await read_body(receive)))
        elif exchange.target.is_completion:
            await respond(send, await self._complete(exchange, await read_body(receive)))
        else:
            await self._pass_on(exchange, receive, send)

    def _now(self, target: Target) -> datetime:
        """The time by which a request is judged: its own date, and how long that is ago."""
        stamp = target.query.get("X-Amz-Date") or target.headers.get("x-amz-date", "")
        try:
            signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            return datetime.now(UTC)
        return signed_at + timedelta(seconds=self._age_of(signed_at.timestamp()))

    async def _pass_on(self, exchange: "_Exchange", receive: Receive, send: Send) -> None:
        """Stream what succeeds; an error is read, and put right."""
        tail, failed, chunks = b"", Answer(0), []

        async def watched() -> Message:
            nonlocal tail
            message = await receive()
            tail = (tail + message.get("body", b"")[-_TAIL_BYTES:])[-_TAIL_BYTES:]
            return message

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                if message["status"] >= 400:
                    failed.status, failed.headers = message["status"], headers
                else:
                    await send({**message, "headers": exchange.completed(headers, tail)})
            elif failed.status:
                chunks.append(message.get("body", b""))
            else:
                await send(message)

        await self._inner(exchange.scope, watched, answered)
        if failed.status:
            failed.body = b"".join(chunks)
            await respond(send, await self._mended(exchange, failed))

    async def _mended(self, exchange: "_Exchange", failed: Answer) -> Answer:
        target = exchange.target
        if failed.status == 404 and target.method in ("GET", "HEAD") and target.key:
            denied = await self._may_not_know(exchange, failed)
            if denied is not None:
                return exchange.refused(denied)
        error = read(failed)
        if error is None:
            return Answer(failed.status, [*failed.headers, *exchange.missing_ids(failed.headers)], failed.body)
        return exchange.refused(mended(target, error, self._now(target)), failed.headers)

    async def _may_not_know(self, exchange: "_Exchange", failed: Answer) -> S3Error | None:
        """Who may not list the bucket is not told that a key is missing (S3-03)."""
        error = read(failed)
        if error is not None and error.code not in ("NoSuchKey", "NoSuchVersion"):
            return None
        listed = await self._as_caller(exchange, "GET", "", _LISTING)
        if listed is None or listed.status != 403:
            return None
        denied = read(listed)
        return mended(exchange.target, denied, self._now(exchange.target)) if denied else None

    async def _delete_batch(self, exchange: "_Exchange", body: bytes) -> Answer:
        answer = await ask(self._inner, exchange.scope, body)
        doomed, is_quiet = batch.doomed_of(body)
        error = read(answer) if answer.status == 403 else None
        if error is not None and error.code == "AccessDenied" and doomed:

            async def delete(each: batch.Doomed) -> Answer | None:
                query = f"versionId={quote(each.version_id, safe='')}" if each.version_id else ""
                return await self._as_caller(exchange, "DELETE", each.key, query)

            answer = await batch.delete_each(doomed, delete, is_quiet=is_quiet)
        return await self._finished(exchange, answer)

    async def _complete(self, exchange: "_Exchange", body: bytes) -> Answer:
        """Refuse parts that make no object, but only to a caller who may complete the upload."""
        parts = completion.parts_of(body)
        if parts is not None:
            refused = completion.refusal(parts, await self._sizes(exchange) if len(parts) > 1 else {})
            if refused is not None:
                other = await self._refusal_of_any(exchange)
                return await self._finished(exchange, other) if other else exchange.refused(refused)
        return await self._finished(exchange, await ask(self._inner, exchange.scope, body))

    async def _sizes(self, exchange: "_Exchange") -> dict[int, tuple[int, str]]:
        found: dict[int, tuple[int, str]] = {}
        target, marker = exchange.target, "0"
        while marker:
            query = f"{_upload(target)}&part-number-marker={marker}"
            listed = await self._callers.ask(self._owner, exchange.scope, target, "GET", target.key, query)
            page = completion.sizes_of(listed) if listed is not None and listed.status == 200 else {}
            marker = completion.next_marker(listed) if listed is not None and page.keys() - found.keys() else ""
            found |= page
        return found

    async def _refusal_of_any(self, exchange: "_Exchange") -> Answer | None:
        """What the caller is refused with whatever the parts are: no such upload, or no right to complete it."""
        target = exchange.target
        tried = await self._as_caller(exchange, "POST", target.key, _upload(target), completion.IMPOSSIBLE)
        error = read(tried) if tried is not None else None
        return tried if error is not None and error.code != "InvalidPart" else None

    async def _as_caller(
        self, exchange: "_Exchange", method: str, key: str, query: str, body: bytes = b""
    ) -> Answer | None:
        target = exchange.target
        return await self._callers.ask(target.access_key, exchange.scope, target, method, key, query, body)

    async def _finished(self, exchange: "_Exchange", answer: Answer) -> Answer:
        if answer.status >= 400:
            return await self._mended(exchange, answer)
        return Answer(answer.status, [*answer.headers, *exchange.missing_ids(answer.headers)], answer.body)


def _upload(target: Target) -> str:
    return f"uploadId={quote(target.query['uploadId'], safe='')}"


@dataclass(frozen=True)
class _Exchange:
    """One request, and the ids of its answer."""

    scope: Scope
    target: Target
    ids: Ids

    def refused(self, error: S3Error, headers: list[tuple[bytes, bytes]] | None = None) -> Answer:
        return error.answer(self.ids, headers or [], is_head=self.target.method == "HEAD")

    def missing_ids(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        there = {name.lower() for name, _ in headers}
        return [pair for pair in self.ids.headers() if pair[0] not in there]

    def completed(self, headers: list[tuple[bytes, bytes]], tail: bytes) -> list[tuple[bytes, bytes]]:
        """The headers of a success: with its encryption, and the checksum that was compared (S3-34)."""
        more: list[tuple[bytes, bytes]] = []
        if self.target.is_put_object:
            more = [*self._checksum(tail), _ENCRYPTED]
        elif self.target.method in ("GET", "HEAD") and self.target.key:
            more = [_ENCRYPTED]
        there = {name.lower() for name, _ in headers}
        return [*headers, *(pair for pair in more if pair[0] not in there)]

    def _checksum(self, tail: bytes) -> list[tuple[bytes, bytes]]:
        for name in CHECKSUMS:
            header = f"x-amz-checksum-{name}"
            value = self.target.headers.get(header, "").encode()
            if self.target.headers.get("x-amz-trailer", "").strip().lower() == header:
                value = tail.rpartition(header.encode() + b":")[2].partition(b"\r\n")[0].strip()
            if value:
                return [(header.encode(), value), (b"x-amz-checksum-type", b"FULL_OBJECT")]
        return []
