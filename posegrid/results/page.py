"""The report as one HTML page: pictures inside it, videos beside it."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from posegrid.files import write_text
from posegrid.results.draw import Picture

_STYLE = r"""
body { margin: 0; background: #fff; color: #28282d; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 44px 0 8px; }
p { margin: 6px 0 10px; }
.quiet, figcaption { color: #656a73; font-size: 14px; }
.tiles { display: flex; flex-wrap: wrap; gap: 28px; margin: 24px 0 8px; }
.tiles b { display: block; font-size: 28px; font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles span { color: #656a73; font-size: 14px; }
figure { margin: 14px 0 22px; }
img, video { display: block; max-width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 0 5px 16px; border-bottom: 1px solid #e6e8eb; }
th { font-weight: 600; border-color: #b9bec6; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.sortable button { font: inherit; font-weight: 600; border: 0; background: none; padding: 0; color: inherit; }
.sortable th, .sortable td { padding-left: 10px; white-space: nowrap; }
.sortable img { width: 330px; max-width: none; }
.sortable button:hover { text-decoration: underline; }
[aria-sort=ascending]::after { content: " \2191"; } [aria-sort=descending]::after { content: " \2193"; }
.warning { border-left: 3px solid #d55e00; padding-left: 12px; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin: 0 4px 0 10px; }
"""


@dataclass(frozen=True)
class Tile:
    """One figure at the top of the page."""

    figure: str
    meaning: str


def write_page(path: Path, title: str, subtitle: str, tiles: list[Tile], parts: list[str]) -> None:
    """The whole document as a file; `parts` is HTML from the functions below. OutputError where it
    cannot be written.
    """
    write_text(path, page(title, subtitle, tiles, parts))


def page(title: str, subtitle: str, tiles: list[Tile], parts: list[str]) -> str:
    """The whole document. `parts` is HTML from the functions below."""
    row = "".join(
        f"<div><b>{escape(tile.figure)}</b><span>{escape(tile.meaning)}</span></div>"
        for tile in tiles
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f'<p class="quiet">{escape(subtitle)}</p>\n<div class="tiles">{row}</div>\n'
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def warning(text: str) -> str:
    return f'<p class="warning">{escape(text[:1].upper() + text[1:])}</p>'


def picture_file(path: Path, caption: str) -> str:
    """A PNG file, inlined; an SVG file of the same name beside it is linked to."""
    data = base64.b64encode(path.read_bytes()).decode()
    picture = f'<img src="data:image/png;base64,{data}" alt="{escape(caption)}">'
    if (drawn := path.with_suffix(".svg")).is_file():
        files = f'<a href="{escape(drawn.name)}">SVG</a> <a href="{escape(path.name)}">PNG</a>'
        picture += f'<p class="quiet">{files}</p>'
    return _figure(picture, caption)


def video_file(path: Path, poster: Picture, caption: str) -> str:
    """A video beside the page, by its name; the poster is inlined."""
    with io.BytesIO() as file:
        Image.fromarray(poster).save(file, format="JPEG", quality=90)
        data = base64.b64encode(file.getvalue()).decode()
    height, width = poster.shape[:2]
    attributes = f'width="{width}" height="{height}" controls autoplay loop muted playsinline'
    return _figure(
        f'<video {attributes} poster="data:image/jpeg;base64,{data}" src="{escape(path.name)}"></video>',
        caption,
    )


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table whose first column is text and whose others are figures."""
    first = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    return f"<table>\n<tr>{first}</tr>\n{body}</table>"


@dataclass(frozen=True, eq=False)
class Sample:
    """A row of a table that can be sorted."""

    cells: tuple[str | float, ...]
    picture: Picture | None


def sortable_table(head: tuple[str, ...], rows: Sequence[Sample]) -> str:
    """A table whose columns are sorted by a click on their heads, with a picture at the end of each
    row. Numbers are shown to a tenth.
    """
    buttons = "".join(f"<th><button>{escape(name)}</button></th>" for name in head)
    body = "".join(
        "<tr>"
        + "".join(map(_sortable_cell, row.cells))
        + f"<td>{_inlined(row.picture)}</td></tr>\n"
        for row in rows
    )
    head_row = f"<thead><tr>{buttons}<th>poses</th></tr></thead>"
    return f'<table class="sortable">{head_row}\n<tbody>{body}</tbody></table>{_SORTING}'


def _sortable_cell(value: str | float) -> str:
    if isinstance(value, str):
        return f'<td data-value="{escape(value)}">{escape(value)}</td>'
    return f'<td data-value="{value!r}">{value:.1f}</td>'


def _inlined(picture: Picture | None) -> str:
    if picture is None:
        return ""
    with io.BytesIO() as file:
        Image.fromarray(picture).save(file, format="JPEG", quality=88)
        data = base64.b64encode(file.getvalue()).decode()
    height, width = picture.shape[:2]
    return f'<img src="data:image/jpeg;base64,{data}" width="{width}" height="{height}" alt="">'


_SORTING = """<script>
for (const [column, button] of document.querySelectorAll("table.sortable th button").entries()) {
  button.addEventListener("click", () => {
    const head = button.parentElement, body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    const value = (row) => row.cells[column].dataset.value;
    const ordered = [...body.rows].sort((a, b) => value(a).localeCompare(value(b), "en", { numeric: true }));
    const numbers = [...body.rows].every((row) => !Number.isNaN(Number(value(row))));
    if (numbers) ordered.sort((a, b) => value(a) - value(b));
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...(down ? ordered.reverse() : ordered));
  });
}
</script>"""


def sides_legend() -> str:
    """Which colour is which side."""
    swatches = (
        ("#d55e00", "right side"),
        ("#0072b2", "left side"),
        ("#5f5f69", "middle"),
        ("#141414", "true pose"),
    )
    return (
        '<p class="quiet">'
        + "".join(
            f'<span class="swatch" style="background:{colour}"></span>{name}'
            for colour, name in swatches
        )
        + "</p>"
    )


def _figure(content: str, caption: str) -> str:
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>"
