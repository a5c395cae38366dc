"""The key `vault` of a Consul stack: what is refused, and that what docs/consul/vault.md shows loads."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from meshwright.config import load_stack
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import mesh

PAGE = (Path(__file__).parents[3] / "docs" / "consul" / "vault.md").read_text("utf-8")
SNIPPETS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ADDRESS = '  address: "https://vault.internal:8200"'


def refused(stack_file: Write, *lines: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load_stack(stack_file(mesh("consul", "vault:", ADDRESS, *lines)))
    return [f"{each.message}; {each.remedy} ({each.code})" for each in error.value.problems]


def test_there_are_four_examples() -> None:
    assert len(SNIPPETS) == 4


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_an_example_loads(stack_file: Write, snippet: str) -> None:
    assert load_stack(stack_file(mesh("consul", *dedent(snippet).splitlines()))).mesh.kind == "consul"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "  auth: {method: jwt, issuer_url: https://x}",
            "mesh.vault.auth: auth has no audience, and a service account's token has one; add the API server's audience",
        ),
        (
            "  auth: {public_keys: [a.pem]}",
            "mesh.vault.auth: auth.public_keys is not used with the method kubernetes; remove public_keys",
        ),
    ],
)
def test_a_login_that_cannot_be(stack_file: Write, line: str, message: str) -> None:
    assert refused(stack_file, line) == [f"{message} (MW-E018)"]


def test_what_vault_has_is_not_given(stack_file: Write) -> None:
    (message,) = refused(stack_file, "  existing_secrets: true", "  gossip_key: config:consul:gossip")
    assert message.startswith("mesh.vault.gossip_key is not used with existing_secrets; remove gossip_key")
