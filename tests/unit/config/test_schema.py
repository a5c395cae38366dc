import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshwright.config import KINDS, schema

OUR_SCHEMA = Path(__file__).parents[3] / "stacks" / "schema.json"


def test_the_file_is_current() -> None:
    assert OUR_SCHEMA.read_text("utf-8") == schema.schema_text(), "run: python -m meshwright.config.schema"


def test_the_module_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "SCHEMA_FILE", tmp_path / "schema.json")
    schema.main()
    assert (tmp_path / "schema.json").read_text("utf-8") == schema.schema_text()


def test_every_kind_is_there() -> None:
    definitions = schema.stack_schema()["$defs"]
    assert {model.__name__ for model in KINDS.values()} < set(definitions)


def properties(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            yield f"{place}.{name}", value
        for key, value in node.items():
            yield from properties(value, f"{place}.{key}")


def test_every_property_is_described_and_closed() -> None:
    whole = schema.stack_schema()
    found = dict(properties(whole))
    assert len(found) > 150
    assert [place for place, each in found.items() if not each.get("description")] == []
    assert [name for name, each in whole["$defs"].items() if each["additionalProperties"]] == []
    assert "title" not in json.dumps(whole["$defs"])


def test_keys_of_others_are_allowed() -> None:
    config = schema.stack_schema()["properties"]["config"]
    assert "additionalProperties" not in config
    assert config["required"] == ["meshwright:mesh"]


def test_the_stacks_name_the_schema() -> None:
    for path in OUR_SCHEMA.parent.glob("Pulumi.*.yaml"):
        assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=schema.json\n"), path.name
