"""Text in a drawing: how wide it is, and where it breaks."""

import unicodedata

MEAN_WIDTH = 0.56
"""Of a letter of a sans-serif font, in its size; East Asian letters are as wide as the size."""


def width(text: str, size: float) -> float:
    """About how wide ``text`` is in a font of ``size`` pixels."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (wide + (len(text) - wide) * MEAN_WIDTH)


def wrapped(text: str, size: float, room: float, most: int) -> list[str]:
    """``text`` in lines that fit into ``room`` pixels, ``most`` of them: the last one then ends in
    an ellipsis."""
    lines: list[str] = []
    for word in text.split():
        for piece in _pieces(word, size, room):
            longer = f"{lines[-1]} {piece}" if lines else piece
            if lines and width(longer, size) <= room:
                lines[-1] = longer
            else:
                lines.append(piece)
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1]} …"]


def _pieces(word: str, size: float, room: float) -> list[str]:
    """A word that is too long for a line, cut; East Asian text has no spaces to break at."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and width(pieces[-1] + letter, size) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces
