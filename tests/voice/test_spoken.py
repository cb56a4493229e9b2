from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.spoken import has_words, spoken
from frontdesk.voice.spoken.english import digits, ordinal


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Hello**, _dear_ caller", "Hello, dear caller"),
        ("## Your order\n- one\n* two\n1. three", "Your order one two 1. three"),
        ("See [our page](https://x.io/a) or ![a cat](c.png)", "See our page or a cat"),
        ("Use `reset` now:\n```bash\nreset\n```", "Use reset now: reset"),
        ("| Item | Price |\n|---|---|\n| Tea | 2 |", "Item, Price Tea, 2"),
        ("> quoted\n---\nend", "quoted end"),
        ("2 * 3 is 6 and snake_case stays", "2 * 3 is 6 and snake_case stays"),
        ("Done 👍 ✅!", "Done !"),
    ],
)
def test_markdown_and_emoji_are_not_read_out(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is €49.90.", "It is 49 euros and 90 cents."),
        ("$1", "1 dollar"),
        ("$1,250.00 in all", "1,250 dollars in all"),
        ("£0.01", "1 penny"),
        ("£3.5", "3 pounds and 50 pence"),
        ("$0.99", "99 cents"),
        ("$1.5 million", "1.5 million dollars"),
        ("¥500", "500 yen"),
        ("49.90 EUR", "49 euros and 90 cents"),
        ("12 €", "12 euros"),
        ("$48271", "48,271 dollars"),
    ],
)
def test_money_is_said_in_words(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Order 48271 is here.", "Order four eight two seven one is here."),
        ("Your order number is 482.", "Your order number is four eight two."),
        ("order #4827", "order four eight two seven"),
        ("Ticket #12", "Ticket number 12"),
        ("It is 0048271", "It is zero zero four eight two seven one"),
        ("ORD-4827", "O R D four eight two seven"),
        (
            "Call +44 20 7946 0958.",
            "Call plus four four, two zero, seven nine four six, zero nine five eight.",
        ),
        (
            "In 2026 we had 250000 calls and 1,250,000 words",
            "In 2026 we had 250000 calls and 1,250,000 words",
        ),
        ("3.14159 and 12.50", "3.14159 and 12.50"),
    ],
)
def test_identifiers_are_read_figure_by_figure_and_amounts_are_not(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Write to jane.doe@example.com.", "Write to jane dot doe at example dot com."),
        ("See https://www.example.com/help/?a=1.", "See example dot com slash help."),
        ("2026-05-05", "the fifth of May"),
        ("2027-05-21", "the twenty-first of May 2027"),
        ("2026-01-30T14:05:00Z", "the thirtieth of January at 14:05"),
        ("5% & more", "5 percent and more"),
        ("id 2026-13-40", "id 2026-13-40"),
    ],
)
def test_addresses_and_dates_are_said_as_people_say_them(written: str, said: str) -> None:
    assert spoken(written, today=date(2026, 1, 1)) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("-$5, $5-10 a day", "minus 5 dollars, 5 to 10 dollars a day"),
        ("$20/month or USD 20", "20 dollars per month or 20 dollars"),
        ("$1.2M and $3k", "1.2 million dollars and 3 thousand dollars"),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("AB12-9XK in room A4", "A B one two, nine X K in room A4"),
        ("COVID-19, MP3 and 4K", "COVID-19, MP3 and 4K"),
        ("5 km, 1 kg and 60W", "5 kilometers, 1 kilogram and 60 watts"),
        ("20°C or -4 °F", "20 degrees Celsius or minus 4 degrees Fahrenheit"),
        ("Pages 10–20, 3-5 days, 10-15%", "Pages 10 to 20, 3 to 5 days, 10 to 15 percent"),
        ("e.g. tea, i.e. that, etc.", "for example tea, that is, that, et cetera."),
        ("30 x 20 cm, No. 5, 24/7", "30 by 20 centimeters, number 5, twenty-four seven"),
        ("I'd pay $5.", "I'd pay 5 dollars."),
        ("We open at 9:30 am in the 1990s.", "We open at 9:30 am in the 1990s."),
        ("Visit marigold.com today.", "Visit marigold dot com today."),
    ],
)
def test_shorthand_measures_and_codes_are_said_in_words(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("사과 3개와 배 20개", "사과 세 개와 배 스무 개"),
        ("손님 2명, 21살, 105개", "손님 두 명, 스물한 살, 백다섯 개"),
        ("오후 3시 30분", "오후 세 시 삼십 분"),
        ("14:30에 만나요.", "십사 시 삼십 분에 만나요."),
        ("2026-05-05T14:30:00Z", "오월 오일 십사 시 삼십 분"),
        ("2027년 6월 10일, 10월에", "이천이십칠 년 유월 십일, 시월에"),
        ("15,000원과 $5", "만오천 원과 오 달러"),
        ("100만 명과 1만 5천원", "백만 명과 만 오천원"),
        ("전화 010-1234-5678입니다.", "전화 공일공, 일이삼사, 오육칠팔입니다."),
        ("주문 번호는 48271이고", "주문 번호는 사팔이칠일이고"),
        ("2번 말했고 1번을 누르세요. 402번 버스", "두 번 말했고 일번을 누르세요. 사백이번 버스"),
        ("3~5일, 3~5개", "삼에서 오 일, 세 개에서 다섯 개"),
        ("3.5kg, 20%, -5°C", "삼점오 킬로그램, 이십 퍼센트, 영하 오 도"),
        ("2시간, 3개월, 1층", "두 시간, 삼 개월, 일 층"),
        ("A4 용지 5장", "A4 용지 다섯 장"),
        ("https://example.com/help를 보세요.", "example 점 com 슬래시 help를 보세요."),
        ("**주문** 48271", "주문 사팔이칠일"),
    ],
)
def test_korean_counts_in_native_words_and_tells_dates_and_money_in_sino_korean(
    written: str, said: str
) -> None:
    assert spoken(written, language="ko", today=date(2026, 1, 1)) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("共2件，¥15.50。", "共两件，十五点五元。"),
        ("2026-05-05 14:05送达", "二零二六年五月五日 十四点零五分送达"),
        ("打20%的折扣，3-5天", "打百分之二十的折扣，三到五天"),
        ("10500元，第2次，-5°C", "一万零五百元，第二次，零下五摄氏度"),
        ("电话13812345678", "电话幺三八幺二三四五六七八"),
        ("ご注文番号は48271です。", "ご注文番号は四八二七一です。"),
        ("¥1,500で3〜5日", "千五百円で三から五日"),
        ("2026-05-05の14:30に", "二千二十六年五月五日の十四時三十分に"),
        ("電話は03-1234-5678へ", "電話はゼロ三、一二三四、五六七八へ"),
        ("10000000円で20%オフ", "一千万円で二十パーセントオフ"),
    ],
)
def test_chinese_and_japanese_figures_are_said_in_words(written: str, said: str) -> None:
    assert spoken(written) == said


def test_the_letters_decide_the_language_where_they_can() -> None:
    assert spoken("1,500원", language="en") == "천오백 원"
    assert spoken("1,500", language="ko") == "천오백"
    assert spoken("OK, 5 items are left.", language="ko") == "OK, 5 items are left."
    assert spoken("合計3点", language="ja") == "合計三点"
    assert spoken("Das kostet **€5**", language="de") == "Das kostet €5"


def test_code_of_several_lines_is_for_the_eye() -> None:
    assert spoken("```py\nfor x in y:\n    print(x)\n```\nDone.") == "Done."


def test_ordinals_are_right_for_every_day_of_a_month() -> None:
    said = [ordinal(day) for day in range(1, 32)]
    assert said[19:31:5] == ["twentieth", "twenty-fifth", "thirtieth"]
    assert said[20] == "twenty-first"
    assert said[30] == "thirty-first"
    assert len(set(said)) == 31


@given(st.text())
def test_any_text_is_taken_and_comes_out_on_one_line(text: str) -> None:
    out = spoken(text)
    assert out == " ".join(out.split())


@given(st.integers(10_000, 10**15).filter(lambda n: n % 1000))
def test_a_long_identifier_keeps_every_figure(number: int) -> None:
    assert spoken(f"It is {number} now.") == f"It is {digits(str(number))} now."


def test_marks_alone_have_no_words() -> None:
    assert not has_words("… --- !")
    assert has_words("예")
