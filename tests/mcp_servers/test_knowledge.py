from pathlib import Path

import pytest

from mcp_servers.knowledge.article_index import ArticleIndex

QUESTIONS = [
    ("Hello. I would like to know what your return policy is.", "What is your return policy?"),
    ("can i send a lamp back if i don't like it", "What is your return policy?"),
    ("when will i get my refund", "When do I get my money back?"),
    ("the glass was cracked when it came", "My lamp arrived damaged. What should I do?"),
    ("how long is the guarantee on your lamps", "How long is the warranty?"),
    ("my lamp is flickering", "My lamp has stopped working. What now?"),
    ("can you fix my old lamp", "Do you repair lamps?"),
    ("my brass lamp is getting dark", "How do I care for brass?"),
    ("is it waterproof", "Can I use my lamp outside or in the bathroom?"),
    ("which light bulb do I need", "Which bulb fits my lamp?"),
    ("is the lamp dimmable", "Can I dim my lamp?"),
    ("is there free shipping", "What does delivery cost?"),
    ("do you ship to other countries", "Which countries do you deliver to?"),
    ("what if nobody is home", "What happens if I am not at home?"),
    ("do you take credit cards", "How can I pay?"),
    ("are you open on sunday", "When are you open?"),
    ("where is your shop", "Where is your shop?"),
    ("how do I install a ceiling light", "How do I mount a ceiling lamp?"),
]


@pytest.mark.parametrize(("spoken", "question"), QUESTIONS)
async def test_a_spoken_question_finds_its_passage(knowledge, spoken: str, question: str):
    found = await knowledge.call("search_articles", query=spoken)
    assert found["question"] == question
    assert found["passage"]


@pytest.mark.parametrize(
    "spoken",
    [
        "what's the weather in paris",
        "who won the football match",
        "tell me a joke",
        "can you book me a flight to rome",
        "the of and",
        "?!",
        '" OR NEAR(*) --',
    ],
)
async def test_a_question_about_something_else_finds_nothing(knowledge, spoken: str):
    found = await knowledge.call("search_articles", query=spoken)
    assert found == {
        "found": False,
        "article_id": "",
        "title": "",
        "question": "",
        "passage": "",
        "related": [],
    }


async def test_an_article_found_can_be_read_whole(knowledge):
    found = await knowledge.call("search_articles", query="how do I clean a linen lampshade")
    article = await knowledge.call("read_article", article_id=found["article_id"])
    assert article["found"]
    assert article["markdown"].startswith(f"# {found['title']}")
    assert "<!--" not in article["markdown"]


@pytest.mark.parametrize("name", ["nothing", "../server", "../../orders/server.py", ""])
async def test_what_is_no_article_is_not_read(knowledge, name: str):
    article = await knowledge.call("read_article", article_id=name)
    assert article == {"found": False, "article_id": name, "markdown": ""}


def test_every_question_of_the_articles_finds_itself(repository_articles: Path):
    index = ArticleIndex(repository_articles)
    assert len(index.articles) == 8
    lost = [p.question for p in index.passages if index.search(p.question)[0] != p]
    assert lost == []


def test_every_passage_can_be_read_aloud(repository_articles: Path):
    for passage in ArticleIndex(repository_articles).passages:
        assert passage.text.endswith((".", "!"))
        assert len(passage.text.split()) <= 65, passage.question
        assert not set("<>*_#|`") & set(passage.text)


def test_a_folder_without_articles_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="no articles in"):
        ArticleIndex(tmp_path)


@pytest.fixture
def repository_articles() -> Path:
    return Path(__file__).parents[2] / "mcp_servers" / "knowledge" / "articles"
