"""Whatever comes in, what comes out is a config or a ConfigError."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshwright.config import KINDS, StackConfig, load_stack, parse_config
from meshwright.config.complain import choose
from meshwright.errors import ConfigError, Problem
from tests.unit.config.conftest import Write

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
KEYS = sorted({field.alias or name for model in KINDS.values() for name, field in model.model_fields.items()})
WORDS = st.sampled_from([*KEYS, *KINDS, "strict", "1.31", "shop", "secure", "2026-10-12", "name", "phase", "for", ""])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | WORDS, inner, max_size=5),
    max_leaves=12,
)
MESHES = st.builds(
    lambda kind, rest: {**rest, "kind": kind},
    st.sampled_from([*KINDS, "x"]),
    st.dictionaries(WORDS, VALUES, max_size=6),
)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
PHASES = st.sampled_from(["unmeshed", "permissive", "strict"])
DAYS = st.dates(max_value=date(2026, 11, 23)).map(str)


def mistakes(read: Callable[[], StackConfig]) -> tuple[Problem, ...]:
    """The problems of a config; none where it is one."""
    try:
        assert isinstance(read(), StackConfig)
    except ConfigError as error:
        return error.problems
    return ()


class Quoting(yaml.SafeDumper):
    """Quotes all strings: PyYAML leaves some unquoted, such as 0E0, that are numbers to Pulumi."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@QUICK
@given(mesh=VALUES | MESHES, waivers=VALUES)
def test_any_object(mesh: Any, waivers: Any) -> None:
    for problem in mistakes(lambda: parse_config(mesh, waivers)):
        assert "pydantic" not in str(problem)
        assert "Input should" not in str(problem)


@QUICK
@given(mesh=VALUES | MESHES, waivers=VALUES)
def test_any_file(mesh: Any, waivers: Any, stack_file: Write) -> None:
    path = stack_file(yaml.safe_dump({"config": {"meshwright:mesh": mesh, "meshwright:waivers": waivers}}))
    for problem in mistakes(lambda: load_stack(path)):
        assert problem.place.startswith("stacks/Pulumi.prod.yaml")


@QUICK
@given(text=st.text(alphabet="ab:-[]{}&*!<>|'\"%@\n\t #,?~0\x00\ufeff", max_size=60) | st.text(max_size=40))
def test_any_text(text: str, stack_file: Write) -> None:
    with pytest.raises(ConfigError):
        load_stack(stack_file(text))


@QUICK
@given(data=st.binary(max_size=60))
def test_any_bytes(data: bytes, stack_file: Write) -> None:
    path = stack_file("")
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        load_stack(path)


ISTIO: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "kind": st.just("istio-ambient"),
        "version": st.sampled_from(["1.31", "1.30", "1.31.0"]),
        "cluster": st.fixed_dictionaries(
            {"context": st.text(min_size=1, max_size=9), "platform": st.sampled_from(["eks", "kind", "generic"])}
        ),
        "namespaces": st.lists(
            st.fixed_dictionaries(
                {"name": NAMES, "phase": PHASES},
                optional={"since": DAYS, "previous": st.fixed_dictionaries({"phase": PHASES}), "adopt": st.booleans()},
            ),
            max_size=4,
            unique_by=lambda each: each["name"],
        ),
    },
    optional={
        "mtls": st.sampled_from(["permissive", "strict"]),
        "workload": st.fixed_dictionaries({}, optional={"pods": st.integers(0, 9999), "async_share": st.floats(0, 1)}),
    },
)


@QUICK
@given(mesh=ISTIO)
def test_valid_configs_round_trip(mesh: dict[str, Any], stack_file: Write) -> None:
    stack = parse_config(mesh, [])
    again = parse_config(json.loads(stack.mesh.model_dump_json(by_alias=True, exclude_unset=True)), [])
    assert again == stack
    path = stack_file(yaml.dump({"config": {"meshwright:mesh": mesh}}, Dumper=Quoting))
    assert load_stack(path).mesh == stack.mesh
    assert load_stack(path).path == Path("stacks/Pulumi.prod.yaml")


@QUICK
@given(key=st.sampled_from([key for key in KEYS if len(key) > 4]), at=st.integers(1, 4), letter=st.sampled_from("xqz"))
def test_a_slip_of_the_finger_is_recognised(key: str, at: int, letter: str) -> None:
    assert choose(key[:at] + letter + key[at + 1 :], KEYS).endswith(f"Did you mean {key}?")
