import pytest

from frontdesk.desk.tongues import code_of, name_of
from frontdesk.voice.languages import joined, written_in

ALL = ("en", "ko", "ja", "zh", "es", "de", "fr", "ru", "pt")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("네", "ko"),
        ("LG TV 주문했어요", "ko"),
        ("注文を確認したいです。", "ja"),
        ("我想查一下订单", "zh"),
        ("Где мой заказ?", "ru"),
        ("Where is my order, please?", "en"),
        ("Wo ist meine Bestellung?", "de"),
        ("Où est ma commande, s'il vous plaît ?", "fr"),
        ("¿Dónde está mi pedido?", "es"),
        ("Hallo, ich möchte eine Lampe.", "de"),
        ("4711", None),
        ("", None),
        ("...?!", None),
        ("Marigold", None),
        ("para", None),  # Spanish, Portuguese
    ],
)
def test_what_a_text_is_written_in(text: str, code: str | None) -> None:
    assert written_in(text, ALL) == code


def test_only_the_languages_that_it_may_be_are_found() -> None:
    assert written_in("注文を確認したいです。", ("en", "zh")) is None
    assert written_in("我想查一下订单", ("en", "ja")) == "ja"
    assert written_in("Wo ist meine Bestellung?", ("en", "ko")) is None
    assert written_in("안녕하세요", ("en", "de")) is None
    assert written_in("안녕하세요", ()) is None


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("ko", "ko"),
        ("ko-KR", "ko"),
        ("PT_br", "pt"),
        ("Korean", "ko"),
        ("mandarin", "zh"),
        ("yue", "yue"),
        ("", None),
        ("Klingonish!", None),
    ],
)
def test_languages_go_by_many_names(told: str, code: str | None) -> None:
    assert code_of(told) == code


def test_a_language_without_a_name_is_its_code() -> None:
    assert (name_of("ko"), name_of("yue")) == ("Korean", "yue")


def test_pieces_are_joined_as_the_script_has_it() -> None:
    assert joined(["I want", "", "two lamps."]) == "I want two lamps."
    assert joined(["주문을", "확인해 주세요"]) == "주문을 확인해 주세요"
    assert joined(["注文を", "確認したいです。"]) == "注文を確認したいです。"
