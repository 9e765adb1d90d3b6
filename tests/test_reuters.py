"""Articles of Reuters-21578: fields, topics and the ModApte split."""

from pathlib import Path

import pytest

from seqloom.config import DataSettings
from seqloom.data.labels import infer_labels
from seqloom.data.records import read_records
from seqloom.data.reuters import read_articles, read_topics
from seqloom.data.source import open_source


def article(
    topics: str = "<D>earn</D>",
    split: str = "TRAIN",
    seen: str = "YES",
    text: str = "<TITLE>A TITLE</TITLE><DATELINE>    BASLE, March 3 - </DATELINE><BODY>A body.\n"
    " Reuter\n&#3;</BODY>",
) -> str:
    return (
        f'<REUTERS TOPICS="{seen}" LEWISSPLIT="{split}" CGISPLIT="TRAINING-SET" OLDID="1" '
        f'NEWID="7">\n<DATE> 3-MAR-1987 09:18:21.26</DATE>\n<TOPICS>{topics}</TOPICS>\n'
        f"<PLACES><D>usa</D></PLACES>\n<UNKNOWN> \n&#5;f0288&#31;reute</UNKNOWN>\n"
        f"<TEXT>&#2;\n{text}</TEXT>\n</REUTERS>\n"
    )


def written(folder: Path, *articles: str) -> tuple[Path, ...]:
    path = folder / "0.sgm"
    path.write_bytes(("<DATA>\n" + "".join(articles) + "</DATA>\n").encode("latin-1"))
    return (path,)


def test_the_fields_of_an_article(tmp_path: Path) -> None:
    (record,) = read_articles(written(tmp_path, article("<D>acq</D><D>oil</D>")))
    assert record == {
        "title": "A TITLE",
        "body": "A body.",
        "text": "A TITLE\nA body.",
        "topics": ["acq", "oil"],
        "lewissplit": "train",
        "cgisplit": "training-set",
        "indexed": True,
        "date": "3-MAR-1987 09:18:21.26",
        "newid": "7",
    }


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<TITLE>BRIEF &lt;IBM> &amp; CO</TITLE>Blah blah blah.", "BRIEF <IBM> & CO"),
        ("<BODY>A body alone. REUTER\n&#3;</BODY>", "A body alone."),
        ("\nRAW REPORT\n  M-1..736.7\n&#3;", "RAW REPORT\n  M-1..736.7"),
        ("<TITLE>caf\xe9</TITLE>", "caf\xe9"),
        ("<TITLE>Ends with a Reuterman</TITLE>", "Ends with a Reuterman"),
        ("", ""),
    ],
)
def test_articles_without_some_of_the_parts(tmp_path: Path, inside: str, text: str) -> None:
    (record,) = read_articles(written(tmp_path, article(text=inside)))
    assert record["text"] == text


def test_one_frequent_topic_of_a_part(tmp_path: Path) -> None:
    frequent = [article(f"<D>t{number:02}</D>") * 2 for number in range(46)]
    others = [
        article("<D>rare</D>"),
        article("<D>rare</D>", "TEST"),
        article("<D>t00</D><D>t01</D>"),
        article("<D>t00</D>", seen="NO"),
        article("<D>t00</D>", "NOT-USED"),
        article(""),
        article("<D>t03</D>", "TEST"),
    ]
    files = written(tmp_path, *frequent, *others)
    train, test = (list(read_topics(files, part)) for part in ("train", "test"))
    assert len(train) == 92 and len({record["topic"] for record in train}) == 46
    assert [record["topic"] for record in test] == ["t03"]
    assert sorted(test[0]) == ["body", "date", "newid", "text", "title", "topic"]


def test_a_folder_of_such_files_holds_articles_of_several_topics(tmp_path: Path) -> None:
    articles = [article(f"<D>{topic}</D>") for topic in ("earn", "acq", "earn</D><D>acq")]
    written(tmp_path, *(articles * 20))
    source = open_source(tmp_path)
    assert source.format == "sgml"
    assert len(list(read_records(source))) == 60
    plan = infer_labels(source, DataSettings(text="text", label="topics"))
    assert plan.multi


def test_the_real_collection_is_the_published_one(data_folder: Path) -> None:
    files = tuple(sorted((data_folder / "reuters21578").glob("*.sgm.gz")))
    seen: dict[str, int] = {}
    single: dict[tuple[str, str], int] = {}
    for record in read_articles(files):
        if record["indexed"]:
            part = record["lewissplit"]
            seen[part] = seen.get(part, 0) + 1
            if len(record["topics"]) == 1:
                key = part, record["topics"][0]
                single[key] = single.get(key, 0) + 1
    # ModApte: 9,603 and 3,299; R52, single topics that are in both parts: 6,532 and 2,568.
    assert (seen["train"], seen["test"]) == (9_603, 3_299)
    topics = [{topic for part, topic in single if part == own} for own in ("train", "test")]
    both = topics[0] & topics[1]
    r52 = [sum(single[part, topic] for topic in both) for part in ("train", "test")]
    assert (len(both), r52) == (52, [6_532, 2_568])
