"""`meshwright rules`: what policy asks, rule by rule."""

from textwrap import fill, indent
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import completion, options
from meshwright.cli.output import columns, line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.output import Line
    from meshwright_policy import Rule

app = typer.Typer(help="List the rules of meshwright's policy pack, or explain one.", no_args_is_help=True)

_WIDTH = 100


@app.command("list")
def list_rules(*, as_json: options.Json = False) -> int:
    """List all rules: id, level, severity, and what holds where the rule passes."""
    from meshwright_policy.catalogue import RULES

    if as_json:
        show_json({"command": "rules list", "rules": [_as_json(rule) for rule in RULES]})
        return 0
    rows = [(rule.id, rule.level.value, rule.severity.value, rule.title) for rule in RULES]
    show([line(row) for row in columns(rows)])
    return 0


@app.command("show")
def show_rule(
    name: Annotated[
        str,
        typer.Argument(metavar="ID", help="The rule's id, or one that it had before.", autocompletion=completion.rules),
    ],
    *,
    as_json: options.Json = False,
) -> int:
    """Explain one rule: why it is there, how it decides, what to do, and an example of each kind."""
    rule = _find(name)
    if as_json:
        show_json({"command": "rules show", "rule": _as_json(rule)})
    else:
        show(_explained(rule))
    return 0


def _find(name: str) -> "Rule":
    """A rule by its id or an alias, in any case.

    Raises:
        PolicyPackError: there is none (MW-E086).
    """
    from difflib import get_close_matches

    from meshwright.errors import Code, PolicyPackError, Problem
    from meshwright_policy.catalogue import BY_NAME

    if rule := BY_NAME.get(name.upper()):
        return rule
    near = get_close_matches(name.upper(), BY_NAME, n=1, cutoff=0.8)
    remedy = f"did you mean {near[0]}?" if near else "see meshwright rules list"
    raise PolicyPackError(Problem(Code.UNKNOWN_RULE, f"there is no rule {name!r}", remedy))


def _explained(rule: "Rule") -> "Iterator[Line]":
    yield line((f"{rule.id}  {rule.title}", "bold"))
    before = f", before: {', '.join(rule.aliases)}" if rule.aliases else ""
    yield line((f"{rule.level}, severity {rule.severity}, {rule.slug}{before}", "dim"))
    yield from _part("Why", rule.why)
    yield from _part("What to do", rule.remedy)
    yield from _part("How it decides", rule.notes)
    yield from _part("It looks at", ", ".join(rule.applies_to) or "the stack's waivers")
    for name, schema in rule.config.items():
        yield from _part(f"Option {name}", f"{schema['description']} Default: {schema['default']!r}.")
    yield from _block("Bad", f"{rule.bad.text}→ {rule.bad.says}")
    yield from _block("Good", rule.good.text)
    for answered in rule.frameworks:
        yield from _part(f"{answered.framework} {answered.version}, {answered.id}", answered.why)
    yield from _block("Read more", "\n".join((rule.url, *rule.references)))


def _part(title: str, text: str) -> "Iterator[Line]":
    if text:
        yield from _block(title, fill(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False))


def _block(title: str, text: str) -> "Iterator[Line]":
    yield line("")
    yield line((title, "bold"))
    yield from (line(each) for each in indent(text.rstrip("\n"), "  ").split("\n"))


def _as_json(rule: "Rule") -> dict[str, Any]:
    return {
        "id": rule.id,
        "aliases": list(rule.aliases),
        "slug": rule.slug,
        "title": rule.title,
        "level": rule.level.value,
        "severity": rule.severity.value,
        "subject": rule.subject,
        "scope": "resource" if rule.check else "stack",
        "applies_to": list(rule.applies_to),
        "why": rule.why,
        "remedy": rule.remedy,
        "notes": rule.notes,
        "options": {name: dict(schema) for name, schema in rule.config.items()},
        "bad": {"yaml": rule.bad.text, "says": rule.bad.says},
        "good": {"yaml": rule.good.text},
        "references": list(rule.references),
        "frameworks": [
            {
                "framework": answered.framework,
                "version": answered.version,
                "requirement": answered.id,
                "why": answered.why,
                "source": answered.source,
            }
            for answered in rule.frameworks
        ],
        "url": rule.url,
    }
