"""CompleteMultipartUpload: parts that are too small, or none at all (S3-31, S3-32)."""

from typing import Final
from xml.etree import ElementTree  # read by expat, which expands no external entity

from ..asgi import Answer
from .errors import S3Error

MIN_PART_BYTES: Final = 5_242_880
IMPOSSIBLE: Final = (
    b"<CompleteMultipartUpload><Part><PartNumber>10000</PartNumber><ETag>&quot;none&quot;</ETag></Part>"
    b"</CompleteMultipartUpload>"
)
"""A completion that changes nothing, whoever sends it: it names a part that is not there."""


def parts_of(body: bytes) -> list[int] | None:
    """The numbers of the parts that the client names, in its order; None for a body that is no such list."""
    if b"<!" in body:
        return None
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
        numbers = [child.text or "" for child in root.iter() if child.tag.rpartition("}")[2] == "PartNumber"]
        return [int(number) for number in numbers]
    except (ElementTree.ParseError, ValueError):
        return None


def sizes_of(listed: Answer) -> dict[int, tuple[int, str]]:
    """Size in bytes and ETag of each part, from the answer to ListParts."""
    try:
        root = ElementTree.fromstring(listed.body)  # noqa: S314
    except ElementTree.ParseError:
        return {}
    found = {}
    for part in root:
        if part.tag.rpartition("}")[2] == "Part":
            told = {child.tag.rpartition("}")[2]: child.text or "" for child in part}
            found[int(told["PartNumber"])] = (int(told["Size"]), told.get("ETag", "").strip('"'))
    return found


def refusal(parts: list[int], sizes: dict[int, tuple[int, str]]) -> S3Error | None:
    """Why these parts are no object; None where they may be."""
    if not parts:
        return S3Error(400, "InvalidRequest", "You must specify at least one part")
    for number in parts[:-1]:
        size, etag = sizes.get(number, (MIN_PART_BYTES, ""))
        if size < MIN_PART_BYTES:
            details = {"ETag": etag, "MinSizeAllowed": str(MIN_PART_BYTES)}
            details |= {"ProposedSize": str(size), "PartNumber": str(number)}
            message = "Your proposed upload is smaller than the minimum allowed size"
            return S3Error(400, "EntityTooSmall", message, details)
    return None


def next_marker(listed: Answer) -> str:
    """Where the next page of ListParts begins; empty after the last one."""
    text = listed.body.decode("utf-8", "replace")
    if "<IsTruncated>true</IsTruncated>" not in text:
        return ""
    return text.partition("<NextPartNumberMarker>")[2].partition("<")[0]
