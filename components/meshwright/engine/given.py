"""What the user knows of the world outside a program: results of invokes and outputs of other stacks.

stacks:
  acme/network/prod:                      # organization/project/stack, as the StackReference names it
    vpc_id: vpc-0123
    kubeconfig: !secret "..."
invokes:
  - token: aws:index/getRegion:getRegion
    args: {id: eu-west-1}                 # optional: what the arguments must contain; the first match answers
    result: {id: eu-west-1, name: eu-west-1}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright.engine import goyaml
from meshwright.engine.graph import Secret
from meshwright.engine.redact import secrets_in
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (a public constant of the protocol)
_FORM: Final = {"stacks", "invokes"}
_INVOKE: Final = {"token", "args", "result"}


@dataclass(frozen=True, slots=True)
class Invoke:
    """The result of a function for arguments that contain ``args``."""

    token: str
    result: Mapping[str, Any]
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """What the user knows; values may be `Secret`."""

    stacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Full stack name to its outputs."""
    invokes: tuple[Invoke, ...] = ()

    def secrets(self) -> Iterator[str]:
        """The strings in all values that are secret."""
        for outputs in self.stacks.values():
            yield from secrets_in(outputs)
        for item in self.invokes:
            yield from secrets_in(item.args)
            yield from secrets_in(item.result)

    def to_message(self) -> dict[str, Any]:
        """The same as plain values, for the process of the program."""
        return {
            "stacks": {name: _plain(outputs) for name, outputs in self.stacks.items()},
            "invokes": [
                {"token": item.token, "args": _plain(item.args), "result": _plain(item.result)} for item in self.invokes
            ],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_SIGNATURE: _SECRET, "value": _plain(value.value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


class _Loader(goyaml.Loader):
    """Pulumi's YAML with ``!secret``."""


def _construct_secret(loader: goyaml.Loader, node: yaml.Node) -> Secret:
    if isinstance(node, yaml.MappingNode):
        return Secret(loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Secret(loader.construct_sequence(node, deep=True))
    return Secret(str(node.value))


_Loader.add_constructor("!secret", _construct_secret)


def load_given(path: Path) -> Given:
    """Reads a file for ``--with``. Raises `ConfigError` (MW-E069) with every mistake in it."""
    content = goyaml.load(path, Code.GIVEN_INVALID, _Loader).content
    problems = [Problem(Code.GIVEN_INVALID, *mistake, f"{path}") for mistake in _mistakes(content)]
    if problems:
        raise ConfigError(problems)
    stacks, invokes = _part(content, "stacks", {}), _part(content, "invokes", [])
    return Given(
        {name: outputs or {} for name, outputs in stacks.items()},
        tuple(Invoke(item["token"], item["result"], _part(item, "args", {})) for item in invokes),
    )


def _part(content: Mapping[str, Any] | None, key: str, nothing: Any) -> Any:
    """What stands under a key; nothing when it is absent or empty."""
    value = (content or {}).get(key)
    return nothing if value is None else value


def _mistakes(content: Any) -> list[tuple[str, str]]:
    if content is None:
        return []
    if not isinstance(content, dict):
        return [("is not a mapping", "write `stacks:` and `invokes:` at its top")]
    found = [(f"has the unknown key {key!r}", "one of: stacks, invokes") for key in content if key not in _FORM]
    stacks, invokes = _part(content, "stacks", {}), _part(content, "invokes", [])
    if not isinstance(stacks, dict):
        found.append(("stacks is not a mapping", "write `organization/project/stack: {output: value}`"))
    else:
        found += [
            (f"stacks.{name} is not a mapping", "write `{output: value}`")
            for name, outputs in stacks.items()
            if not isinstance(outputs, (dict, type(None))) or not isinstance(name, str)
        ]
    if not isinstance(invokes, list):
        return [*found, ("invokes is not a list", "write `- {token: ..., result: {...}}`")]
    for index, item in enumerate(invokes):
        found += [(f"invokes[{index}]{what}", right) for what, right in _invoke_mistakes(item)]
    return found


def _invoke_mistakes(item: Any) -> list[tuple[str, str]]:
    if not isinstance(item, dict):
        return [(" is not a mapping", "write `{token: ..., result: {...}}`")]
    found = [(f" has the unknown key {key!r}", "one of: token, args, result") for key in item if key not in _INVOKE]
    if not isinstance(item.get("token"), str):
        found.append((".token is missing", "name the function, such as aws:index/getRegion:getRegion"))
    if not isinstance(item.get("result"), dict):
        found.append((".result is not a mapping", "write the properties that the function returns"))
    if not isinstance(_part(item, "args", {}), dict):
        found.append((".args is not a mapping", "write the arguments that must match, or leave it out"))
    return found
