"""DeleteObjects by a caller who may not delete all of the keys: each is judged by itself (S3-11)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree  # read by expat, which expands no external entity

from ..asgi import Answer
from .errors import read

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class Doomed:
    """A key to delete, and perhaps which version."""

    key: str
    version_id: str = ""

    def elements(self) -> str:
        """As the answer names it."""
        version = f"<VersionId>{escape(self.version_id)}</VersionId>" if self.version_id else ""
        return f"<Key>{escape(self.key)}</Key>{version}"


Delete = Callable[[Doomed], Awaitable[Answer | None]]


def doomed_of(body: bytes) -> tuple[list[Doomed], bool]:
    """The keys, and whether only failures are to be told; no keys for a body that is no such list."""
    if b"<!" in body:
        return [], False
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError:
        return [], False
    found, is_quiet = [], False
    for child in root:
        told = {each.tag.rpartition("}")[2]: each.text or "" for each in child}
        if child.tag.endswith("Object") and "Key" in told:
            found.append(Doomed(told["Key"], told.get("VersionId", "")))
        is_quiet = is_quiet or (child.tag.endswith("Quiet") and child.text == "true")
    return found, is_quiet


async def delete_each(doomed: list[Doomed], delete: Delete, *, is_quiet: bool) -> Answer:
    """The answer to the batch after every key was tried."""
    lines = []
    for each in doomed:
        answer = await delete(each)
        if answer is not None and answer.status < 300:
            lines.append("" if is_quiet else f"<Deleted>{each.elements()}{_marker(answer)}</Deleted>")
        else:
            said = read(answer) if answer else None
            code, message = (said.code, said.message) if said else ("AccessDenied", "Access Denied")
            words = f"<Code>{escape(code)}</Code><Message>{escape(message, quote=False)}</Message>"
            lines.append(f"<Error>{each.elements()}{words}</Error>")
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="{_NAMESPACE}">{"".join(lines)}</DeleteResult>'
    )
    body = document.encode()
    return Answer(200, [(b"content-type", b"application/xml"), (b"content-length", str(len(body)).encode())], body)


def _marker(answer: Answer) -> str:
    told = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
    if told.get(b"x-amz-delete-marker") != "true":
        return ""
    version = escape(told.get(b"x-amz-version-id", ""))
    return f"<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{version}</DeleteMarkerVersionId>"
