from datetime import datetime

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from frontdesk.desk.prompts import compile_template

VARIABLES = "variables: { city: Leipzig, hours: [ten, seven] }\n"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Hi\n{{ sity }}\n", "hello.md:2:4: unknown variable `sity` (did you mean `city`?)"),
        ("{{ caller_name }}", "(there are agent, city, hours, team, today)"),
        ("a\n{% if city %}\nb", "hello.md:3:1: not a valid template: Unexpected end of"),
        ("{{ city | shout }}", "hello.md:1:1: not a valid template: No filter named 'shout'"),
        ("x\n{% include 'other.md' %}", "hello.md:2:1: a template can't include or import"),
        (
            "x\n\n{{ team.nam }}",
            "hello.md:3:1: the template can't be filled in: 'dict object' has",
        ),
        ("x\n{{ city.__class__.__mro__ }}", "hello.md:2:1: the template can't be filled in"),
        ("{{ range(10 ** 9) }}", "the template can't be filled in"),
        ("{{ hours.append(city) }}", "the template can't be filled in"),
        ("{{ 1 / 0 }}", "the template can't be filled in: division by zero"),
        (
            "{{ team.items }}",
            "`.items` is a method of every mapping, not a value in it (write",
        ),
    ],
)
def test_a_mistake_in_a_prompt_is_found_in_the_prompt_file(desk, prompt: str, expected: str):
    desk.team(desk.team_file.read_text() + VARIABLES)
    desk.write("agents/hello.md", prompt)
    (problem,) = desk.found()
    assert problem.startswith("agents/hello.md:")
    assert expected in problem


def test_loops_own_variables_and_conditions_are_known(desk):
    desk.team(desk.team_file.read_text() + VARIABLES)
    text = "{% for h in hours %}\n{{ loop.index }} {{ h }}\n{% endfor %}\n{% set a = city %}{{ a }}"
    desk.write("agents/hello.md", text)
    assert desk.load().prompt("hello") == "1 ten\n2 seven\nLeipzig"


def test_a_prompt_that_is_not_text_or_too_large_is_reported(desk):
    (desk.root / "agents" / "hello.md").write_bytes(b"ok\n\xff")
    assert desk.found() == [
        "agents/hello.md:2:1: the file is not UTF-8 text (save it as UTF-8)",
    ]
    desk.write("agents/hello.md", "x" * 70_000)
    assert desk.found() == ["agents/hello.md:1:1: the file is over 64 KiB"]


def test_an_answer_template_is_checked_where_it_stands(desk):
    team = desk.team_file.read_text() + (
        "tools:\n  t:\n    call: tools.x:f\n    answer: 'It is {{ reslt.price }}'\n"
    )
    desk.team(team.replace("hello.md\n", "hello.md\n    tools: [t]\n"))
    desk.write("tools/x.py", "async def f(): ...\n")
    (problem,) = desk.found()
    assert problem == ("agents/shop.yaml:12:13: unknown variable `reslt` (did you mean `result`?)")


def test_a_template_can_reach_neither_internals_nor_the_process():
    for source in ("{{ ''.__class__ }}", "{{ x.__init__.__globals__ }}"):
        with pytest.raises((SecurityError, UndefinedError)):
            compile_template(source).render(x=compile_template)


def test_a_missing_value_is_an_error_not_empty_text():
    with pytest.raises(UndefinedError):
        compile_template("Hello {{ name }}").render()


def test_today_is_written_as_a_day_and_a_date(desk):
    desk.write("agents/hello.md", "{{ today }}")
    assert datetime.strptime(desk.load().prompt("hello"), "%A, %d %B %Y")  # noqa: DTZ007
