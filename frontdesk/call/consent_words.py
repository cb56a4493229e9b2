"""Words of yes and no, as callers say them in English, Korean, German, Spanish, French, Japanese
and Chinese. The last two are written without spaces: what is said there in one breath is one word
here, and what is not listed as it stands is unclear.

No word is a yes in one of these languages and a no in another, so all are read at once: a
transcriber does not always know which it heard.
"""

import re
import unicodedata


def phrases(text: str) -> frozenset[tuple[str, ...]]:
    """One phrase a line, as words in their plain form."""
    return frozenset(tuple(plain(line).split()) for line in text.splitlines() if line.strip())


def plain(text: str) -> str:
    """Small letters without accents, apostrophes or punctuation: ``Sí, d'accord!`` as ``si d
    accord``. Hangul stays whole."""
    spread = unicodedata.normalize("NFD", text.casefold())
    bare = "".join(sign for sign in spread if not unicodedata.combining(sign))
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFC", bare)))


YES = phrases(
    """
    yes
    yeah
    yep
    yup
    sure
    certainly
    absolutely
    definitely
    of course
    correct
    exactly
    that is right
    that s right
    that is correct
    that s correct
    go ahead
    go for it
    do it
    do that
    do so
    please do
    confirmed
    i confirm
    i approve
    approved
    affirmative
    i agree
    agreed
    ja
    jawohl
    genau
    richtig
    korrekt
    stimmt
    das stimmt
    einverstanden
    natürlich
    selbstverständlich
    auf jeden fall
    mach das
    machen sie das
    tun sie das
    bestätigt
    ich bestätige
    gerne
    sí
    claro
    claro que sí
    por supuesto
    desde luego
    correcto
    exacto
    de acuerdo
    adelante
    hazlo
    hágalo
    confirmo
    confirmado
    afirmativo
    así es
    oui
    ouais
    d'accord
    bien sûr
    exactement
    tout à fait
    absolument
    c'est ça
    c'est exact
    c'est correct
    allez-y
    vas-y
    faites-le
    fais-le
    je confirme
    confirmé
    volontiers
    네
    네네
    넵
    예
    예예
    맞아요
    맞습니다
    네 맞아요
    그럼요
    물론이죠
    물론입니다
    좋아요
    좋습니다
    그렇게 해 주세요
    그렇게 해주세요
    그렇게 하세요
    해 주세요
    해주세요
    진행해 주세요
    진행해주세요
    진행하세요
    동의해요
    동의합니다
    승인합니다
    확인했습니다
    はい
    ええ
    はいはい
    そうです
    はいそうです
    その通りです
    お願いします
    はいお願いします
    いいです
    はいいいです
    いいですよ
    はいいいですよ
    大丈夫です
    はい大丈夫です
    進めてください
    はい進めてください
    是
    是的
    是的是的
    对
    对的
    没错
    可以
    可以的
    是可以
    是的可以
    确认
    同意
    请办理
    """
)

NO = phrases(
    """
    no
    nope
    nah
    not
    never
    don t
    dont
    do not
    don t do it
    don t do that
    do not do it
    do not do that
    don t go ahead
    do not go ahead
    doesn t
    won t
    can t
    cannot
    isn t
    stop
    cancel
    abort
    wrong
    incorrect
    nein
    ne
    nee
    nö
    nicht
    kein
    keine
    keinen
    niemals
    auf keinen fall
    falsch
    abbrechen
    stopp
    halt
    nunca
    jamás
    tampoco
    cancela
    cancelar
    cancelo
    incorrecto
    detente
    non
    pas
    jamais
    annule
    annulez
    annuler
    arrête
    arrêtez
    faux
    아니
    아니요
    아니오
    아뇨
    아닙니다
    안
    안돼
    안돼요
    안됩니다
    안 돼
    하지마
    하지마요
    하지마세요
    하지 마
    하지 마세요
    하지 말아 주세요
    마세요
    말아
    취소
    취소해
    취소해요
    취소해 주세요
    취소해주세요
    싫어
    싫어요
    싫습니다
    그만
    됐어요
    됐습니다
    いいえ
    いや
    いやです
    いいえいいえ
    違います
    いいえ違います
    だめ
    だめです
    やめて
    やめてください
    いいえやめてください
    やめます
    しないでください
    キャンセル
    キャンセルしてください
    キャンセルします
    不
    不是
    不是的
    不对
    不行
    不要
    不用
    不可以
    不同意
    别
    取消
    算了
    """
)

OPEN = phrases(
    """
    no problem
    no doubt
    no question
    why not
    not sure
    don t know
    do not know
    don t understand
    do not understand
    didn t hear
    didn t catch
    did not hear
    can t hear
    kein problem
    keine ahnung
    keine frage
    weiß nicht
    nicht sicher
    nicht verstanden
    warum nicht
    no sé
    no estoy seguro
    no estoy segura
    no entiendo
    no hay problema
    sin problema
    por qué no
    pas de problème
    pas de souci
    je ne sais pas
    sais pas
    pas sûr
    pas sûre
    pourquoi pas
    pas compris
    comprends pas
    글쎄요
    わかりません
    分かりません
    そうですか
    いいですか
    大丈夫ですか
    不知道
    不确定
    不清楚
    没听清
    没问题
    是吗
    对吗
    可以吗
    is that correct
    is that right
    is it correct
    ist das richtig
    ist das korrekt
    stimmt das
    es correcto
    es eso correcto
    est ce correct
    c'est correct ou
    """
)
"""What has a negation or an affirmation in it, and is neither a no nor a yes."""

BESIDE = phrases(
    """
    please
    thanks
    thank you
    very much
    okay
    ok
    right
    alright
    all right
    great
    good
    perfect
    fine
    well
    so
    oh
    uh
    um
    and
    then
    now
    just
    that
    the
    it
    is
    is fine
    for me
    i do
    bitte
    bitte schön
    danke
    gut
    prima
    super
    also
    ähm
    und
    dann
    jetzt
    por favor
    gracias
    vale
    bueno
    bien
    pues
    y
    entonces
    ahora
    s'il vous plaît
    s'il te plaît
    merci
    bon
    très bien
    parfait
    alors
    et
    le
    그래
    그래요
    부탁해요
    부탁드려요
    부탁드립니다
    부탁합니다
    감사합니다
    고마워요
    ありがとう
    ありがとうございます
    えっと
    すみません
    好
    好的
    谢谢
    麻烦您
    嗯
    음
    어
    """
)
"""Courtesies and fillers: they may stand beside a yes, and are none."""
