"""Bodies against JSON Schema draft 4 models. No I/O.

A schema's `$ref` reaches the API's other models and nothing else: no address is ever fetched. A module of its own since
importing jsonschema takes long; whoever needs it imports it then.
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

from .configuration import Api
from .model_faults import fault_text

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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _first_faults(validator: Draft4Validator, value: Any) -> list[str]:
    try:
        errors = islice(validator.iter_errors(value), MAX_DETAILS)
        return list(dict.fromkeys(fault_text(error) for error in errors))
    except (Unresolvable, RecursionError):
        return ["Invalid model specified"]
