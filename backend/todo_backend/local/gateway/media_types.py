"""Binary media types: which requests and answers travel to and from a function as base64 (AG-37, AG-38). No I/O."""

from collections.abc import Iterable


def is_binary(media_type: str, binary_media_types: Iterable[str]) -> bool:
    """Whether the API declares the media type (without parameters, lower-case) as binary."""
    group = media_type.partition("/")[0] + "/*"
    return any(declared in ("*/*", media_type, group) for declared in binary_media_types)


def first_accepted(accept: str | None) -> str:
    """The first media type of an Accept header, without parameters, lower-case."""
    return (accept or "").split(",")[0].split(";")[0].strip().lower()
