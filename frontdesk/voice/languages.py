"""Which language a text is written in.

Scripts decide it where they can. What is written in Latin letters is told apart by its commonest
words, of the languages listed here only: a caller's few words are too short for statistics of
letters, and a wrong guess is worse than none.
"""

import re
import unicodedata
from collections.abc import Iterable

_SCRIPTS = {
    "ko": r"[\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e]",
    "ja": r"[\u3041-\u3096\u30a1-\u30fa]",
    "th": r"[\u0e01-\u0e5b]",
    "el": r"[\u0370-\u03ff\u1f00-\u1fff]",
    "he": r"[\u05d0-\u05ea]",
    "hi": r"[\u0900-\u097f]",
}
"""Scripts of one language."""
_SHARED = {
    r"[\u4e00-\u9fff]": ("zh", "ja"),
    r"[\u0400-\u04ff]": ("ru", "uk", "bg", "sr"),
    r"[\u0600-\u06ff]": ("ar", "fa"),
}
"""Scripts of several: it is the first of them that the team has."""
_WORDS = {
    "en": "the and no is are you my i'm it's what how can do does don't have please hello thanks "
    "yes where when which with for not want would could order to of a",
    "de": "der die das und ist sind ich sie mein meine nicht ein eine wie was wo wann kann können "
    "bitte danke hallo ja nein haben hätte möchte mit für auf noch guten",
    "fr": "le la les et est sont je vous mon ma mes ne pas un une des comment quoi où quand puis "
    "pouvez merci bonjour oui non avec pour avez voudrais c'est j'ai s'il au",
    "es": "el la los las y es son yo usted mi mis no un una cómo qué dónde cuándo puedo puede por "
    "favor gracias hola sí con para tengo quiero está quisiera buenos",
    "it": "il lo gli e è sono io lei mio mia non un una come cosa dove quando posso può per favore "
    "grazie ciao sì con ho vorrei buongiorno di che",
    "pt": "o os as e é são eu você meu minha não um uma como que onde quando posso pode por favor "
    "obrigado obrigada olá sim com para tenho quero bom",
    "nl": "de het een en is zijn ik u mijn niet hoe wat waar wanneer kan kunt alstublieft dank "
    "hallo ja nee met voor heb heeft wil graag",
}
_SETS = {code: frozenset(words.split()) for code, words in _WORDS.items()}
_NO_SPACES = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uff00-\uffef\u3000-\u303f]")


def written_in(text: str, among: Iterable[str]) -> str | None:
    """The language of a text, of those that it may be. None when nothing tells: there is no word,
    or they might be of another language as well."""
    codes = [*among]
    letters = [sign for sign in text if unicodedata.category(sign).startswith("L")]
    if not letters:
        return None
    joined_letters = "".join(letters)
    for code, script in _SCRIPTS.items():
        if code in codes and 4 * len(re.findall(script, joined_letters)) >= len(letters):
            return code
    for script, shared in _SHARED.items():
        if 2 * len(re.findall(script, joined_letters)) > len(letters):
            return next((code for code in shared if code in codes), None)
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text.casefold().replace("’", "'"))
    counts = {code: sum(word in _SETS[code] for word in words) for code in codes if code in _SETS}
    best = sorted(counts, key=lambda code: counts[code], reverse=True)
    if not best or not counts[best[0]] or any(ord(sign) > 0x24F for sign in letters):
        return None
    if len(best) > 1 and counts[best[0]] == counts[best[1]]:
        return None
    return best[0]


def joined(pieces: Iterable[str]) -> str:
    """Pieces of what was said, one after the other: without a space where the script has none."""
    whole = ""
    for piece in filter(None, pieces):
        apart = whole and not (_NO_SPACES.match(whole[-1]) and _NO_SPACES.match(piece[0]))
        whole += f" {piece}" if apart else piece
    return whole
