"""Languages by their codes and names."""

import re

NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "ms": "Malay",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""ISO-639-1 codes and the English names, as models are told them and tell them."""
COUNTRIES = {
    "cn": "zh",
    "cz": "cs",
    "dk": "da",
    "gb": "en",
    "gr": "el",
    "in": "hi",
    "jp": "ja",
    "kr": "ko",
    "se": "sv",
    "us": "en",
}
"""Codes of countries that are written for the language there, and name no other one."""

_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_CODES = {name.lower(): code for code, name in NAMES.items()} | {"mandarin": "zh", "nb": "no"}


def code_of(told: str) -> str | None:
    """The ISO-639 code of a language as people, clients and models name it: ``ko``, ``ko-KR``,
    ``Korean``. None for what names none."""
    plain = told.strip().lower().replace("_", "-")
    if plain in _CODES:
        return _CODES[plain]
    return plain.partition("-")[0] if _TAG.fullmatch(plain) else None


def name_of(code: str) -> str:
    """The English name of a language, or its code."""
    return NAMES.get(code, code)
