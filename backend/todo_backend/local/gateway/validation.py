"""Request validators: required parameters, and bodies against JSON Schema draft 4 models. No I/O.

A schema's `$ref` reaches the API's other models and nothing else: no address is ever fetched.
"""

import json
from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Any, Final

from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

from .configuration import Api, Method
from .messages import Request
from .model_faults import fault_text
from .refusals import RefusalError

MODEL_ADDRESS: Final = "https://apigateway.amazonaws.com/restapis/{api}/models/{name}"
MAX_DETAILS: Final = 20


class BodyModels:
    """The models of one API, ready to judge bodies."""

    def __init__(self, api: Api) -> None:
        self._api = api
        resources = [(self._address(name), DRAFT4.create_resource(schema)) for name, schema in self._schemas().items()]
        self._registry: Registry[Any] = Registry[Any]().with_resources(resources)
        self._validator = cache(self._make)

    def faults(self, name: str, body: bytes) -> list[str]:
        """What is wrong with the body under the model; empty when it is good."""
        try:
            value = json.loads(body, parse_constant=_no_constant) if body else None
        except (ValueError, RecursionError):
            return ["Unable to parse the body as JSON"]
        validator = self._validator(name)
        if validator is None:
            return ["Invalid model specified"]
        return _first_faults(validator, value)

    def _schemas(self) -> Mapping[str, Any]:
        return {name: schema for name, schema in self._api.models.items() if isinstance(schema, dict)}

    def _address(self, name: str) -> str:
        return MODEL_ADDRESS.format(api=self._api.id, name=name)

    def _make(self, name: str) -> Draft4Validator | None:
        schema = self._schemas().get(name)
        if schema is None:
            return None
        try:
            Draft4Validator.check_schema(schema)
        except (SchemaError, RecursionError):
            return None
        return Draft4Validator({"$ref": self._address(name)}, registry=self._registry)


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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _first_faults(validator: Draft4Validator, value: Any) -> list[str]:
    try:
        errors = islice(validator.iter_errors(value), MAX_DETAILS)
        return list(dict.fromkeys(fault_text(error) for error in errors))
    except (Unresolvable, RecursionError):
        return ["Invalid model specified"]
