"""The report as one HTML page: pictures inside it, videos beside it."""

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from posegrid.files import write_text
from posegrid.results.draw import Picture

_STYLE = """
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
    """A PNG file, inlined."""
    data = base64.b64encode(path.read_bytes()).decode()
    return _figure(f'<img src="data:image/png;base64,{data}" alt="{escape(caption)}">', caption)


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
