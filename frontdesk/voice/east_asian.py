"""How turns end in Korean, Japanese and Chinese, as far as the last syllables tell.

The verb stands last in Korean and Japanese, so that its ending closes a sentence and a particle
leaves it open; Chinese has particles that close. A syllable that is as often the end of a noun as a
particle is in no list.
"""

import re

from frontdesk.voice.wording import Wording

_CLOSE = " \t\"'.!?…。！？」』"
_COMMA = (",", "、", "，", "...", "…")

_KOREAN_OPEN = re.compile(
    r"(^|\s)(음|어|그|저|저기|그리고|그래서|그런데|근데|그러니까|하지만|혹시|제가|저는|제|우리|왜냐하면)$"
    r"|(을|를|는|에서|에게|한테|으로|부터|까지|하고|이랑|라고|다고|려고|해서|아서|어서|라서|는데|은데|지만|"
    r"하면|으면|려면|다가|거나|면서)$"
)
_KOREAN_REASON = re.compile(r"(.)니까$")
_KOREAN_CLOSED = re.compile(r"(요|니다|세요|네요|까|죠|십시오)$")
_KOREAN_ANSWERS = frozenset(
    "네 예 아니요 아니오 아뇨 응 맞아요 그래요 감사합니다 괜찮아요 좋아요".split()
)
_KOREAN_FINAL_B = 17
"""Number of the final consonant ㅂ in a Hangul syllable (Unicode 3.12)."""

_JAPANESE_OPEN = re.compile(
    r"(ええと|えーと|えっと|あのー?|そのー?|まあ|それで|でも|だから|そして|を|が|は|へ|と|も|って|たら|れば|ので|し)$"
)
_JAPANESE_CLOSED = re.compile(
    r"(です|ます|ました|ません|でした|でしょう|ください|下さい|お願いします|か|よ|ね|たい|ない)$"
)
_JAPANESE_ANSWERS = frozenset("はい いいえ ええ うん そうです 大丈夫です 結構です".split())

_CHINESE_OPEN = re.compile(
    r"(嗯|呃|和|跟|或者|但是|可是|因为|因為|所以|如果|而且|然后|然後|还有|還有|就是|把|被|从|從|一个|一個|是)$"
)
_CHINESE_CLOSED = re.compile(r"(吗|嗎|呢|吧|啊|呀|了|谢谢|謝謝)$")
_CHINESE_ANSWERS = frozenset("是 是的 对 對 不是 没有 沒有 好 好的 可以 不用 行".split())


def korean(text: str) -> Wording:
    """How a Korean text stands."""
    said = text.rstrip(_CLOSE + ",")
    if said in _KOREAN_ANSWERS:
        return Wording.CLOSED
    reason = _KOREAN_REASON.search(said)
    if reason is not None and _final_consonant(reason[1]) != _KOREAN_FINAL_B:
        return Wording.DOUBTFUL  # "because", where 합니까 is a question
    return _judge(text, said, _KOREAN_OPEN, _KOREAN_CLOSED)


def japanese(text: str) -> Wording:
    """How a Japanese text stands."""
    said = text.rstrip(_CLOSE + "、")
    if said in _JAPANESE_ANSWERS:
        return Wording.CLOSED
    return _judge(text, said, _JAPANESE_OPEN, _JAPANESE_CLOSED)


def chinese(text: str) -> Wording:
    """How a Chinese text stands."""
    said = text.rstrip(_CLOSE + "，,")
    if said in _CHINESE_ANSWERS:
        return Wording.CLOSED
    return _judge(text, said, _CHINESE_OPEN, _CHINESE_CLOSED)


def _judge(text: str, said: str, is_open: re.Pattern[str], closed: re.Pattern[str]) -> Wording:
    if not said:
        return Wording.UNKNOWN
    if is_open.search(said):
        return Wording.OPEN
    if said[-1].isdigit():
        return Wording.SPELLED
    if text.rstrip().endswith(_COMMA):
        return Wording.DOUBTFUL
    return Wording.CLOSED if closed.search(said) else Wording.UNKNOWN


def _final_consonant(syllable: str) -> int | None:
    index = ord(syllable) - 0xAC00
    return index % 28 if 0 <= index < 11172 else None
