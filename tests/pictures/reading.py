"""What a PDF says to a machine: its structure, and its text by the fonts' own tables."""

import re

import pikepdf

_PAIR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_BLOCK = re.compile(rb"beginbfchar(.*?)endbfchar", re.DOTALL)


def elements(node):
    """Every structure element under `node`, in reading order."""
    if isinstance(node, pikepdf.Array):
        for kid in node:
            yield from elements(kid)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from elements(node.K)


def text(pdf):
    """All text drawn, without its spaces and without headers and footers, in the order of the pages' streams."""
    return "".join("".join(_page(page).split()) for page in pdf.pages)


def _page(page):
    tables = {name: _table(font) for name, font in _fonts(page).items()}
    parts, table, marked = [], {}, []
    for instruction in pikepdf.parse_content_stream(page):
        operator = str(instruction.operator)
        if operator in {"BDC", "BMC"}:
            marked.append(str(instruction.operands[0]))
        elif operator == "EMC":
            marked.pop()
        elif "/Artifact" in marked:
            continue
        elif operator == "Tf":
            table = tables[str(instruction.operands[0])]
        elif operator in {"Tj", "TJ"}:
            shown = instruction.operands[0]
            for piece in shown if isinstance(shown, pikepdf.Array) else [shown]:
                if isinstance(piece, pikepdf.String):
                    raw = bytes(piece)
                    parts += [table.get(raw[i : i + 2], "\ufffd") for i in range(0, len(raw), 2)]
    return "".join(parts)


def _fonts(page):
    return {str(name): font for name, font in page.Resources.get("/Font", {}).items()}


def _table(font):
    if "/ToUnicode" not in font:
        return {}
    pairs = [pair for block in _BLOCK.findall(font.ToUnicode.read_bytes()) for pair in _PAIR.findall(block)]
    return {bytes.fromhex(code.decode()): bytes.fromhex(chars.decode()).decode("utf-16-be") for code, chars in pairs}
