"""The picture as a page: one file, no request to anywhere, readable without the picture."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from meshwright.graphview.cards import SIGNS, WORDS, Mark, short
from meshwright.graphview.svg import DARK, PALETTE, PHASES, STYLE, drawing, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.graphview.cards import View

_STYLE = f"""\
:root{{{PALETTE}color-scheme:light dark}}
@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}}
header,main>section{{max-width:1200px;margin:0 auto;padding:0 24px}}
header{{padding-top:28px}}
h1{{font-size:22px;line-height:1.25;margin:0;overflow-wrap:anywhere}}h2{{font-size:16px;margin:32px 0 10px}}
.about{{color:var(--dim);margin:4px 0 14px}}
.counts,.legend{{display:flex;flex-wrap:wrap;gap:8px 18px;list-style:none;margin:0 0 12px;padding:0}}
.counts b{{font-size:18px;margin-right:5px}}
.legend{{color:var(--dim);font-size:13px}}.legend i{{font-style:normal;font-weight:700;margin-right:5px}}
.dot{{display:inline-block;width:11px;height:11px;border-radius:6px;margin-right:6px;vertical-align:-1px;
border:2px solid}}
.frame{{overflow:auto;border:solid var(--line);border-width:1px 0;background:var(--paper)}}
.frame:focus-visible{{outline:2px solid var(--focus);outline-offset:-2px}}
.frame svg{{display:block;margin:0 auto}}
{STYLE}
.card{{outline:none}}.card:focus-visible .box{{stroke:var(--focus);stroke-width:2.5}}
.chosen .card:not(.near),.chosen .edge:not(.near){{opacity:.25}}.edge.near{{stroke:var(--focus);stroke-width:2.5}}
.scroll{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);font-size:14px}}
th,td{{text-align:left;padding:7px 12px;border-top:1px solid var(--line);vertical-align:top}}
th{{font-weight:600;color:var(--dim);white-space:nowrap}}td{{overflow-wrap:anywhere;min-width:8em}}
td.sign-cell,td.rule-cell{{white-space:nowrap;min-width:0}}td.sign-cell{{font-weight:600}}
.t-stops{{color:var(--stops)}}.t-warns{{color:var(--warns)}}.t-open{{color:var(--open)}}.t-waived{{color:var(--waived)}}
summary{{cursor:pointer;font-weight:600;font-size:16px;margin:32px 0 10px}}
summary:focus-visible{{outline:2px solid var(--focus);outline-offset:3px}}
footer{{max-width:1200px;margin:32px auto;padding:0 24px;color:var(--dim);font-size:13px}}
@media (max-width:600px){{header,main>section,footer{{padding-left:16px;padding-right:16px}}h1{{font-size:19px}}}}
@media print{{.frame{{overflow:visible}}.frame svg{{width:100%;height:auto}}}}"""

_SCRIPT = """\
const svg=document.querySelector('svg');
const cards=[...svg.querySelectorAll('.card')],edges=[...svg.querySelectorAll('.edge')];
function choose(card){
  svg.classList.toggle('chosen',!!card);
  for(const each of [...cards,...edges])each.classList.remove('near');
  if(!card)return;
  card.classList.add('near');
  for(const edge of edges){
    if(edge.dataset.from!==card.dataset.card&&edge.dataset.to!==card.dataset.card)continue;
    edge.classList.add('near');
    cards[edge.dataset.from].classList.add('near');
    cards[edge.dataset.to].classList.add('near');
  }
}
for(const card of cards){
  card.tabIndex=0;
  card.addEventListener('mouseenter',()=>choose(card));
  card.addEventListener('mouseleave',()=>choose(null));
  card.addEventListener('focus',()=>choose(card));
  card.addEventListener('blur',()=>choose(null));
}
"""
"""Shows what one card waits for, and who waits for it. The page says the same without it."""


def page(view: View) -> str:
    """The whole page; its content policy allows this script alone, and nothing from elsewhere."""
    allowed = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none'"
    title = f"{view.project}/{view.stack}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{text(title)}: resources</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<header>",
            f"<h1>{text(title)}</h1>",
            f'<p class="about">{view.resources} resources, as a preview plans them; judged by {text(view.as_of)}.</p>',
            *_counts(view),
            *_legend(view),
            "</header>",
            "<main>",
            '<div class="frame" role="region" aria-label="Graph of the resources" tabindex="0">',
            drawing(view).rstrip("\n"),
            "</div>",
            *_findings(view),
            *_resources(view),
            "</main>",
            "<footer>Made offline by meshwright. Nothing was changed, and no inputs are on this page.</footer>",
            f"<script>{_SCRIPT}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _counts(view: View) -> Iterator[str]:
    if view.counts:
        yield '<ul class="counts" aria-label="Rules by verdict">'
        yield from (
            f"<li><b>{number}</b>{text(verdict.replace('_', ' '))}</li>" for verdict, number in view.counts.items()
        )
        yield "</ul>"


def _legend(view: View) -> Iterator[str]:
    """The signs and colours that are there."""
    marks = {card.mark for card in view.cards} | {row.mark for card in view.cards for row in card.rows}
    phases = sorted({card.phase for card in view.cards if card.phase}, key=lambda phase: (PHASES.get(phase, 0), phase))
    yield '<ul class="legend" aria-label="Legend">'
    yield "<li>An arrow leads from what comes first to what waits for it.</li>"
    for mark in Mark:
        if mark and mark in marks:
            yield f'<li><i class="t-{mark.value}">{SIGNS[mark]}</i>{WORDS[mark]}</li>'
    for phase in phases:
        colour = PHASES.get(phase, 0)
        dot = f'<span class="dot" style="background:var(--p{colour}b);border-color:var(--p{colour})"></span>'
        yield f"<li>{dot}{text(phase)}</li>"
    yield "</ul>"


def _findings(view: View) -> Iterator[str]:
    if not view.findings:
        return
    yield '<section aria-labelledby="findings"><h2 id="findings">What policy says</h2><div class="scroll"><table>'
    yield "<thead><tr><th scope='col'>Verdict</th><th scope='col'>Rule</th><th scope='col'>Resource</th>"
    yield "<th scope='col'>Why, and what to do</th></tr></thead><tbody>"
    for each in view.findings:
        name = each.urn.rpartition("::")[2]
        remedy = f"<br>→ {text(each.remedy)}" if each.remedy and each.mark in (Mark.STOPS, Mark.WARNS) else ""
        yield (
            f'<tr><td class="sign-cell t-{each.mark.value}">{SIGNS[each.mark]} {WORDS[each.mark]}</td>'
            f'<td class="rule-cell">{text(each.rule)}</td><td>{text(name)}</td>'
            f"<td>{text(each.message)}{remedy}</td></tr>"
        )
    yield "</tbody></table></div></section>"


def _resources(view: View) -> Iterator[str]:
    """The graph as a table, for those who don't look at pictures, and for searching."""
    yield '<section><details><summary>All resources as a table</summary><div class="scroll"><table>'
    yield "<thead><tr><th scope='col'>Resource</th><th scope='col'>Type</th><th scope='col'>Waits for</th></tr></thead>"
    yield "<tbody>"
    for urn, waits in view.waits.items():
        name, token = urn.rpartition("::")[2], urn.split("::")[-2].rpartition("$")[2]
        named = ", ".join(f"{other.rpartition('::')[2]} ({short(other.split('::')[-2])})" for other in waits)
        yield f"<tr><td>{text(name)}</td><td>{text(token)}</td><td>{text(named)}</td></tr>"
    yield "</tbody></table></div></details></section>"
