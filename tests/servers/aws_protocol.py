"""VPC Lattice's REST protocol, as botocore's service model describes it: routes, constraints, answers.

The model is AWS's own, so name patterns, lengths, ranges and enumerations are AWS's, and an answer has no field that
AWS doesn't document. boto3 checks no patterns and no maxima before it sends: AWS does, and so does `Protocol.read`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from tests.servers.aws_account import LatticeError, invalid


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    body: bytes
    error: str = ""


class Protocol:
    """Reads requests and writes answers."""

    def __init__(self) -> None:
        self._model = ServiceModel(Loader().load_service_model("vpc-lattice", "service-2"), "vpc-lattice")
        operations = [self._model.operation_model(name) for name in self._model.operation_names]
        self._routes = [(operation, _pattern(operation.http["requestUri"])) for operation in operations]

    def operation(self, method: str, path: str) -> tuple[OperationModel, dict[str, str]]:
        """The operation that a request is for, and what its path says; `LatticeError` when there is none."""
        for operation, pattern in self._routes:
            if operation.http["method"] == method and (match := pattern.fullmatch(path)):
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
        raise LatticeError("UnknownOperationException", f"no operation of the API is {method} {path}")

    def read(self, operation: OperationModel, in_path: Mapping[str, str], query: str, body: bytes) -> dict[str, Any]:
        """The operation's input; 400 ValidationException when it breaks a constraint of the model."""
        shape = operation.input_shape
        given: dict[str, Any] = {**(json.loads(body) if body else {}), **in_path}
        for name, values in parse_qs(query).items():
            member = shape.members[name]
            given[name] = values if member.type_name == "list" else _scalar(member, values[0])
        check(shape, given, "")
        return given

    def write(self, operation: OperationModel, given: Mapping[str, Any], made: dict[str, Any]) -> Answer:
        """What an operation answers: only documented fields, lists in pages."""
        if isinstance(items := made.get("items"), list):
            made = _page(items, int(given.get("maxResults", 100)), int(given.get("nextToken", 0)))
        body = json.dumps(_only(operation.output_shape, made)).encode()
        status = operation.http["responseCode"]
        return Answer(status, b"" if status == 204 else body)

    def failure(self, error: LatticeError) -> Answer:
        """The answer for an error, with the status that the model gives it."""
        known = self._model.shape_for(error.name).metadata if error.name in self._model.shape_names else {}
        status = known.get("error", {}).get("httpStatusCode", 404)
        return Answer(status, json.dumps(error.fields).encode(), error.name)


def check(shape: Shape, value: Any, place: str) -> None:
    """400 ValidationException where a value breaks its shape's constraints; ``place`` is its path, such as ``name``."""
    limits = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    if not isinstance(value, bool) and not limits.get("min", size) <= size <= limits.get("max", size):
        raise _broken(place, f"be from {limits.get('min', 0)} to {limits.get('max')} in length or value")
    if isinstance(value, str):
        if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
            raise _broken(place, f"satisfy regular expression pattern: {limits['pattern']}")
        if value not in (getattr(shape, "enum", None) or [value]):
            raise _broken(place, f"satisfy enum value set: {', '.join(shape.enum)}")
    if shape.type_name == "structure":
        for name in set(shape.required_members) - set(value):
            raise _broken(f"{place}.{name}".strip("."), "not be null")
        for name, inner in value.items():
            check(shape.members[name], inner, f"{place}.{name}".strip("."))
    elif shape.type_name == "list":
        for index, inner in enumerate(value):
            check(shape.member, inner, f"{place}.{index}")


def _broken(place: str, constraint: str) -> LatticeError:
    return invalid(f"Value at '{place}' failed to satisfy constraint: Member must {constraint}")


def _pattern(uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", uri))


def _scalar(shape: Shape, text: str) -> int | bool | str:
    if shape.type_name == "boolean":
        return text == "true"
    return int(text) if shape.type_name == "integer" else text


def _page(items: list[Any], size: int, start: int) -> dict[str, Any]:
    page = {"items": items[start : start + size]}
    return {**page, "nextToken": str(start + size)} if start + size < len(items) else page


def _only(shape: Shape, value: Any) -> Any:
    """A value without what its shape doesn't know; unset fields are left out."""
    if shape.type_name == "structure":
        return {
            name: _only(shape.members[name], inner)
            for name, inner in value.items()
            if name in shape.members and inner is not None
        }
    if shape.type_name == "list":
        return [_only(shape.member, inner) for inner in value]
    return value
