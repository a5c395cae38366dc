"""The JSON Schema of a stack file, for editors.

The descriptions are the docstrings of the models' fields. They are read here from the source, one module at a time;
pydantic's own way (`use_attribute_docstrings`) would read it for each class at every start.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from meshwright.config.load import MESH, WAIVERS
from meshwright.config.stack import StackConfig

SCHEMA_FILE = Path(__file__).parents[3] / "stacks" / "schema.json"
"""Where the schema lies in a checkout."""


def stack_schema() -> dict[str, Any]:
    """The JSON Schema of `Pulumi.<stack>.yaml`. Keys that are not meshwright's are left to Pulumi."""
    schema = StackConfig.model_json_schema(schema_generator=_Generator)
    properties = schema.pop("properties")
    definitions = schema.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A meshwright stack",
        "description": "Pulumi.<stack>.yaml with the config of a mesh.",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "description": "The stack's config. Keys of other namespaces are Pulumi's and its providers'.",
                "required": [MESH],
                "properties": {MESH: properties["mesh"], WAIVERS: properties["waivers"]},
            }
        },
        "$defs": definitions,
    }


def schema_text() -> str:
    """The schema as the file has it."""
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Adds descriptions, and leaves out the titles that pydantic makes from names."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A model, with the docstrings of its fields."""
        result = super().model_schema(schema)
        result.pop("title", None)
        model = schema["cls"]
        described = dict(_described(model))
        for name, field in model.model_fields.items():
            if (shown := result.get("properties", {}).get(field.alias or name)) is not None:
                shown["description"] = described[name]
        return result

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Editors show the key itself."""
        return False


def _described(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The docstrings of a model's fields; those of a subclass come last."""
    for cls in reversed(model.__mro__):
        if cls.__module__.startswith(f"{__package__}."):
            yield from _docstrings(cls.__module__).get(cls.__name__.partition("_")[0], {}).items()


_READ: dict[str, Mapping[str, Mapping[str, str]]] = {}


def _docstrings(module: str) -> Mapping[str, Mapping[str, str]]:
    """Class -> field -> docstring, of one module."""
    if module not in _READ:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
        _READ[module] = {node.name: dict(_fields(node)) for node in tree.body if isinstance(node, ast.ClassDef)}
    return _READ[module]


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            yield field.target.id, " ".join(str(after.value.value).split())


def main() -> None:
    """Write the schema to its place in a checkout."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
