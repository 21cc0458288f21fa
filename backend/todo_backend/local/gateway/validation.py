"""Request validators: required parameters, and what becomes of a body's faults. No I/O."""

from collections.abc import Mapping

from .configuration import Method
from .messages import Request
from .refusals import RefusalError


def check_parameters(method: Method, request: Request, path_parameters: Mapping[str, str]) -> None:
    """Refuse a request without a required parameter, or with a blank one (AG-18)."""
    if not method.validates_parameters:
        return
    missing = [name for place, name in method.required if not _value(place, name, request, path_parameters).strip()]
    if missing:
        raise RefusalError("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")


def _value(place: str, name: str, request: Request, path_parameters: Mapping[str, str]) -> str:
    if place == "header":
        return request.header(name) or ""
    if place == "path":
        return path_parameters.get(name, "")
    return request.query.get(name, [""])[-1]


def model_for(method: Method, request: Request) -> str | None:
    """The model for the request's content type, when bodies are validated (AG-20)."""
    return method.models.get(request.media_type) if method.validates_body else None


def refuse_faults(faults: list[str]) -> None:
    """Refuse a body that has faults (AG-19)."""
    if faults:
        raise RefusalError("BAD_REQUEST_BODY", detail=f"[{', '.join(faults)}]")
