"""The few strokes that drawings are made of: elements whose text and attributes are always escaped."""

from xml.etree import ElementTree as ET

INK, SOFT, PALE, BAND, FILL = "#16242c", "#4c5c66", "#c3ccd2", "#f3f6f8", "#cfdfe8"
FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"

# XML 1.0 has no way to write these, escaped or not (section 2.2).
_NOT_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF])


def add(parent: ET.Element, tag: str, text: str = "", **attributes: str | float) -> ET.Element:
    """A new element in ``parent``; ``_`` in the name of an attribute stands for ``-``, numbers get one decimal."""
    element = ET.SubElement(parent, tag)
    put(element, **attributes)
    element.text = text.translate(_NOT_XML) or None
    return element


def put(element: ET.Element, **attributes: str | float) -> None:
    for name, value in attributes.items():
        shown = value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
        element.set(name.replace("_", "-"), shown.translate(_NOT_XML))


def write(
    parent: ET.Element,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    fill: str = INK,
    weight: str = "normal",
    anchor: str = "start",
) -> ET.Element:
    """A line of text with its baseline at ``y``."""
    element = add(parent, "text", text, x=x, y=y, font_size=size, fill=fill)
    if weight != "normal":
        put(element, font_weight=weight)
    if anchor != "start":
        put(element, text_anchor=anchor)
    return element
