"""The rules' pages, written from their records: ``python -m meshwright_policy.docs [docs/rules]``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from meshwright_policy.catalogue import RULES
from meshwright_policy.examples import JUDGED_ON
from meshwright_policy.record import Rule
from meshwright_policy.waivers import ANNOTATION

_GENERATED = "<!-- Written by `python -m meshwright_policy.docs` from the rule's record. -->\n"


def pages() -> dict[str, str]:
    """File name -> text, the index included."""
    return {"README.md": _index()} | {f"{rule.id}.md": "\n".join(_page(rule)) for rule in RULES}


def _page(rule: Rule) -> Iterator[str]:
    yield f"# {rule.id}  {rule.title}\n"
    yield _GENERATED
    tokens = ", ".join(f"`{token}`" for token in rule.applies_to) or "the waivers in its config and its annotations"
    before = f" · before: {', '.join(rule.aliases)}" if rule.aliases else ""
    yield f"{rule.level.capitalize()} · severity {rule.severity} · `{rule.slug}`{before}\n"
    when = "each resource, before it is created or changed" if rule.check else "the stack as a whole"
    yield fill(f"It looks at {when}: {tokens}.", 118, break_long_words=False, break_on_hyphens=False) + "\n"
    if rule.context:
        beside = ", ".join(f"`{token}`" for token in rule.context)
        yield fill(f"Beside it, it takes into account: {beside}.", 118, break_long_words=False, break_on_hyphens=False)
        yield ""
    yield f"## Why\n\n{_prose(rule.why)}\n"
    yield f"## What to do\n\n{_prose(_sentence(rule.remedy))}\n"
    if rule.notes:
        yield f"## How it decides\n\n{_prose(rule.notes)}\n"
    yield f"## Examples\n\nJudged on {JUDGED_ON}. In the form of Pulumi YAML's `resources`.\n"
    yield f"Bad:\n\n```yaml\n{rule.bad.text}```\n\n> {rule.bad.says}\n"
    yield f"Good:\n\n```yaml\n{rule.good.text}```\n"
    if rule.config:
        yield "## Options\n"
        yield "| Option | Type | Default | Meaning |\n|---|---|---|---|"
        for name, schema in rule.config.items():
            yield f"| `{name}` | {schema['type']} | `{schema['default']}` | {schema['description']} |"
        yield ""
    if rule.applies_to:
        yield from _to_waive_it(rule)
    if rule.frameworks:
        yield "## Requirements that it answers\n"
        for requirement in rule.frameworks:
            name = f"[{requirement.framework} {requirement.version}]({requirement.source})"
            yield f"- {name}, {requirement.id}: {requirement.why}."
        yield ""
    if rule.references:
        yield "## References\n"
        yield from (f"- <{url}>" for url in rule.references)
        yield ""


def _to_waive_it(rule: Rule) -> Iterator[str]:
    yield "## To waive it\n"
    yield f"""In the stack's config, for one resource:

```yaml
config:
  meshwright:waivers:
    - {{rule: {rule.id}, resource: "<name>", reason: "<why>", owner: "<who>", expires: "<YYYY-MM-DD>"}}
```
"""
    if any(token.startswith("kubernetes:") for token in rule.applies_to):
        yield f"""Or on the Kubernetes object:

```yaml
metadata:
  annotations:
    {ANNOTATION}{rule.id}: "<why>; owner=<who>; expires=<YYYY-MM-DD>"
```
"""


def _index() -> str:
    rows = (f"| [{rule.id}]({rule.id}.md) | {rule.title} | {rule.level} | {rule.severity} |" for rule in RULES)
    head = (
        "# Rules\n",
        _GENERATED.replace("the rule's record", "the rules' records"),
        _prose(
            "Mandatory rules stop a change: what they find fails open or cuts traffic, or nobody answers for it any "
            "more. The others advise. No rule mends by itself: which version, phase or policy is meant, only its owner "
            "knows. At the level `remediate` a rule is therefore mandatory."
        )
        + "\n",
        _prose(
            "A waiver lets one finding stand: of one rule, about one resource, for a reason and until a day. It stands "
            "in the stack's config or, for a Kubernetes object, in an annotation of its own. Each is shown in every "
            "report. The finding stands again when its last day has passed."
        )
        + "\n",
        "| Rule | What holds where it passes | Level | Severity |\n|---|---|---|---|",
    )
    return "\n".join((*head, *rows, ""))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _prose(text: str) -> str:
    return fill(text, 118, break_long_words=False, break_on_hyphens=False)


def main(folder: Path) -> None:
    """Write the pages, and remove those of rules that are no more."""
    written = pages()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.glob("MW-*.md")) - {folder / name for name in written}:
        stale.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["docs/rules"]))
