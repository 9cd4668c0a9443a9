"""The page: one HTML file that needs nothing beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from html import escape

from pnn_keras.report.drawing import Drawing
from pnn_keras.report.table import Table, as_html


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        anchor: what links to it go to.
        title: its heading.
        words: paragraphs below the heading.
        tables: its tables; those for files alone are left out.
        drawings: its figures, each with its data URI.
        lines: commands, to be shown as they are.
        stamp: what its scores are worth, shown below the heading.
        sound: whether the stamp says that nothing of the test was heard or seen.
    """

    anchor: str
    title: str
    words: Sequence[str] = ()
    tables: Sequence[Table] = ()
    drawings: Sequence[tuple[Drawing, str]] = ()
    lines: Sequence[str] = ()
    stamp: str = ""
    sound: bool = False


def page(title: str, lead: Sequence[str], sections: Sequence[Section]) -> str:
    """The whole page, which is well-formed XML, too."""
    links = "".join(f'<li><a href="#{s.anchor}">{escape(s.title)}</a></li>' for s in sections)
    body = [
        f"<header><h1>{escape(title)}</h1>",
        *(f"<p>{escape(text)}</p>" for text in lead),
        "</header>",
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>',
        "<main>",
        *map(_section, sections),
        "</main>",
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8" />',
            '<meta name="viewport" content="width=device-width, initial-scale=1" />',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def _section(section: Section) -> str:
    parts = [f'<section id="{section.anchor}">', f"<h2>{escape(section.title)}</h2>"]
    if section.stamp:
        kind = "stamp sound" if section.sound else "stamp"
        parts.append(f'<p class="{kind}">{escape(section.stamp)}</p>')
    if section.words:
        said = "".join(f"<li>{escape(text)}</li>" for text in section.words)
        parts.append("<h3>What these numbers support, and what not</h3>")
        parts.append(f'<ul class="words">{said}</ul>')
    parts += [f"<pre><code>{escape(line)}</code></pre>" for line in section.lines]
    parts += [as_html(table) for table in section.tables if table.on_page]
    parts += [_figure(drawing, uri) for drawing, uri in section.drawings]
    return "\n".join([*parts, "</section>"])


def _figure(drawing: Drawing, uri: str) -> str:
    width, height = (round(96 * inches) for inches in drawing.figure.get_size_inches())
    name = escape(drawing.name)
    return (
        # Whoever has no mouse scrolls the box with the keyboard.
        f'<figure><div class="drawing" tabindex="0" role="region" aria-label="Figure {name}">'
        f'<img src="{uri}" alt="{escape(drawing.alt)}" '
        f'width="{width}" height="{height}" /></div>'
        f"<figcaption>{escape(drawing.caption)} <small>figures/{name}.svg, .png</small>"
        "</figcaption></figure>"
    )


_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1a1a1a;
  background: #fff; max-width: 74rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-top: 1px solid #bbb; padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p, li { max-width: 46rem; overflow-wrap: anywhere; }
nav { background: #f4f4f4; padding: .5rem 1rem; }
nav ul { margin: 0; padding: 0; list-style: none; }
.stamp { width: fit-content; font-weight: 600; background: #fff3cd; border: 1px solid #b58900;
  padding: .1rem .6rem; margin: 0; }
.sound { background: #e3f3e6; border-color: #2e7d4f; }
.words { padding-left: 1.25rem; }
.words li { margin-bottom: .35rem; }
/* Shadows at the edges where a box goes on: white ones that scroll along lie above them. */
.table, .drawing { overflow-x: auto; max-width: 100%;
  background: linear-gradient(to right, #fff 40%, #fff0) left / 2.5rem 100% local,
    linear-gradient(to left, #fff 40%, #fff0) right / 2.5rem 100% local,
    linear-gradient(to right, #0005, #0000) left / 1rem 100% scroll,
    linear-gradient(to left, #0005, #0000) right / 1rem 100% scroll;
  background-repeat: no-repeat; }
.drawing img { mix-blend-mode: multiply; }
summary { cursor: pointer; font-size: .82rem; font-weight: 600; margin: 1rem 0 0; }
details caption { position: absolute; clip-path: inset(50%); }
.whole { white-space: nowrap; }
table { border-collapse: collapse; font-size: .82rem; margin: 1.25rem 0 .25rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 2.5rem); }
th, td { text-align: right; padding: .22rem .45rem; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid #ddd; font-weight: 400; }
thead th { font-weight: 600; border-bottom: 2px solid #333; vertical-align: bottom;
  white-space: normal; }
th.marks, td.marks { padding-right: 1.2em; }
.mark { display: inline-block; width: 0; white-space: pre; }
th.group { text-align: left; font-weight: 600; background: #f4f4f4; }
.text { text-align: left; white-space: normal; min-width: 7rem; max-width: 26rem; }
.note, figcaption { font-size: .82rem; color: #444; max-width: 60rem; margin: .25rem 0 0; }
figure { margin: 1.5rem 0; }
figcaption small { color: #666; overflow-wrap: anywhere; }
img { display: block; max-width: 100%; height: auto; }
pre { background: #f4f4f4; padding: .6rem .8rem; overflow-x: auto; margin: .5rem 0; }
a { color: #0b57a4; }
@media (max-width: 40rem) {
  .drawing img { max-width: none; width: 38rem; }
  tbody th[scope="row"] { position: sticky; left: 0; background: #fff; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; orphans: 3; widows: 3; }
  nav { display: none; }
  h2 { margin-top: 1.5rem; }
  .table, .drawing, pre { overflow: visible; background: none; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  table { font-size: 7.5pt; max-width: 100%; margin-top: .75rem; }
  table.wide { font-size: 7pt; }
  caption span { max-width: 100%; }
  .note, figcaption { font-size: 8pt; }
  th, td { padding: .1rem .25rem; white-space: normal; }
  .text { min-width: 0; }
  tbody th.text { min-width: 6.5rem; }
  tbody, tr, li, figure { break-inside: avoid; }
  h2, h3, .stamp, caption, thead { break-after: avoid; }
  .note { break-before: avoid; }
  figure { margin: 1rem 0; }
  figure img { max-height: 21cm; width: auto; }
  @page { margin: 14mm 14mm 16mm; @bottom-right { content: counter(page) " / " counter(pages);
    font: 8pt system-ui, "DejaVu Sans", sans-serif; color: #444; } }
}
"""
