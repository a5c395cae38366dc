"""The page on the rules for Consul: it leaves no rule out, and names none that isn't there."""

import re
from pathlib import Path

from meshwright_policy.catalogue import BY_NAME

PAGE = (Path(__file__).parents[3] / "docs" / "consul" / "rules.md").read_text("utf-8")


def test_every_rule_about_consul_has_its_link() -> None:
    linked = re.findall(r"\[(\d{3})\]\(\.\./rules/(MW-CON-\d{3})\.md\)", PAGE)
    assert all(rule.endswith(number) for number, rule in linked)
    assert sorted(rule for _, rule in linked) == sorted(name for name in BY_NAME if name.startswith("MW-CON"))


def test_no_rule_is_named_that_is_not_there() -> None:
    assert set(re.findall(r"MW-[A-Z]{3}-\d{3}", PAGE)) <= set(BY_NAME)
