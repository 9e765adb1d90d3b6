"""The server: what it answers, what it refuses and in which words, with models of no weight."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from seqloom_runtime.errors import SettingsError
from seqloom_runtime.serve.app import guarded, make_app
from seqloom_runtime.serve.asked import models_by_task
from seqloom_runtime.serve.checking import checked, schema_of, size_of
from seqloom_runtime.serve.guards import label_of
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.looks import MOST_ASIDE, LookStore, page_files
from seqloom_runtime.serve.metrics import Metrics
from seqloom_runtime.serve.refused import RefusedError
from seqloom_runtime.serve.served import Field
from seqloom_runtime.serve.waiting import Queue
from served import Dripping, Loud, eventually

SMALL = Limits(body=2_000, characters=100, request_rows=4, steps=10)
JSON = {"content-type": "application/json"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = guarded(make_app([Loud(), Dripping("drip")], SMALL))
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


def refusal(response: Any) -> str:
    """The one line of a refusal."""
    message = response.json()
    assert list(message) in (["error"], ["error", "code", "values"])
    assert "\n" not in message["error"]
    return str(message["error"])


def test_one_and_many(client: TestClient) -> None:
    one = client.post("/v1/translate", json={"model": "loud", "text": "a", "times": 2})
    assert one.json() == {"model": "loud", "text": "AA"}
    rows = [{"text": "a"}, {"text": "b"}]
    many = client.post("/v1/translate", json={"model": "loud", "rows": rows})
    assert many.json() == {"model": "loud", "rows": [{"text": "A"}, {"text": "B"}]}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "no JSON: line 1, column 2"),
        (b"\xff", 400, "not UTF-8"),
        (b'{"text": NaN}', 400, "NaN is no number"),
        (b'{"text": ' + b"[" * 900 + b"]" * 900 + b"}", 422, "too deep"),
        (b"[" * 1_500, 422, "too deep"),
        (b'["text"]', 422, "expected {"),
        (b'{"model": "loud"}', 422, '"text" is missing'),
        (b'{"model": "loud", "text": 3}', 422, "expected a text, received a number"),
        (b'{"model": "loud", "text": "  "}', 422, "the text is empty"),
        (b'{"model": "loud", "text": "\\ud800"}', 422, "surrogate"),
        (b'{"model": "loud", "txt": "a"}', 422, 'Did you mean "text"?'),
        (b'{"model": "loud", "text": "a", "times": 4}', 422, "expected a number from 1 up to 3"),
        (b'{"model": "loud", "text": "a", "times": 1.5}', 422, "expected a whole number"),
        (b'{"model": "loud", "text": "a", "times": true}', 422, "expected a whole number"),
        (b'{"model": "loud", "text": "a", "times": 1e999}', 422, "expected a whole number"),
        (b'{"model": "loud", "text": "' + b"a" * 101 + b'"}', 422, "101 characters; at most 100"),
        (b'{"model": "loud", "rows": []}', 422, "that is not empty"),
        (b'{"model": "loud", "rows": [1]}', 422, "Row 1: expected an object"),
        (b'{"model": "loud", "rows": [{"text": "a"}, {}]}', 422, 'Row 2: "text" is missing'),
        (b'{"model": "loud", "rows": [{},{},{},{},{}]}', 422, "received 5; at most 4"),
        (b'{"model": "lout", "text": "a"}', 404, 'There is no model "lout" here. Did you mean'),
        (b'{"model": "../../etc/passwd", "text": "a"}', 404, "There is no model"),
        (b'{"model": {}, "text": "a"}', 404, "something else than a text"),
        (b'{"text": "a"}', 422, '"model" is missing; expected one of loud, drip'),
        (b'{"model": "loud", "text": "a", "language": "xx"}', 422, '"language"'),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    client: TestClient, body: bytes, status: int, words: str
) -> None:
    found = client.post("/v1/translate", content=body, headers=JSON)
    assert found.status_code == status
    assert words in refusal(found)


def test_a_number_of_many_digits_is_refused(client: TestClient) -> None:
    body = b'{"model": "loud", "text": "a", "times": ' + b"9" * 1_500 + b"}"
    found = client.post("/v1/translate", content=body, headers=JSON)
    assert found.status_code in (400, 422)
    assert len(refusal(found)) < 200


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("", "has no Content-Type"),
        ("text/plain", 'is "text/plain"; expected application/json'),
        ("application/x-www-form-urlencoded", "expected application/json"),
        ("application/json; charset=latin-1", "expected UTF-8"),
    ],
)
def test_other_content_types_are_refused(client: TestClient, kind: str, words: str) -> None:
    found = client.post("/v1/translate", content=b"{}", headers={"content-type": kind})
    assert found.status_code == 415
    assert words in refusal(found)


def test_a_body_is_bounded_whether_it_says_its_length_or_not(client: TestClient) -> None:
    body = json.dumps({"model": "loud", "text": "a" * 10_000_000}).encode()
    assert client.post("/v1/translate", content=body, headers=JSON).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    found = client.post("/v1/translate", content=chunks(), headers=JSON)
    assert found.status_code == 413
    assert refusal(found) == "The request is larger than 2,000 bytes."


def test_paths_that_are_not_there(client: TestClient) -> None:
    assert "/openapi.json" in refusal(client.get("/nothing"))
    assert client.get("/v1/translate").status_code == 405
    assert client.post("/v1/classify", json={}).status_code == 404
    assert client.get("/page/..%2f..%2fapp.py").status_code == 404
    assert client.get("/page/app.py").status_code == 404
    assert client.get("/looks/guess").status_code == 404


def test_what_goes_wrong_with_one_row_does_not_touch_the_others(client: TestClient) -> None:
    found = client.post(
        "/v1/translate", json={"model": "loud", "rows": [{"text": "a"}, {"text": "bad"}]}
    )
    assert found.status_code == 422
    assert refusal(found) == "Row 2: bad cannot be said."
    fault = client.post("/v1/translate", json={"model": "loud", "text": "fault"})
    assert fault.status_code == 500
    assert "its log says more" in refusal(fault)
    fine = client.post("/v1/translate", json={"model": "loud", "text": "a"})
    assert fine.json()["text"] == "A"


def test_streams_of_events(client: TestClient) -> None:
    found = client.post("/v1/translate/stream", json={"model": "drip", "text": "ab"})
    assert found.headers["content-type"].startswith("text/event-stream")
    assert found.text.split("\n\n")[:3] == [
        *('data: {"text":"a"}', 'data: {"text":"b"}', "event: done\ndata: {}"),
    ]
    broken = client.post("/v1/translate/stream", json={"model": "drip", "text": "a!"})
    assert 'event: error\ndata: {"error":"no shouting."}' in broken.text
    whole = client.post("/v1/translate/stream", json={"model": "loud", "text": "ab"})
    assert whole.status_code == 404 and "answers at once" in refusal(whole)
    rows = client.post("/v1/translate/stream", json={"model": "drip", "rows": [{"text": "a"}]})
    assert rows.status_code == 422


def test_health_metrics_and_description(client: TestClient) -> None:
    client.post("/v1/translate", json={"model": "loud", "text": "a"})
    assert client.get("/health").json() == {"status": "ok", "models": 2}
    text = client.get("/metrics").text
    assert 'seqloom_requests_total{path="/v1/translate",status="200"} 1.0' in text
    assert 'seqloom_batch_rows_count{model="loud"} 1.0' in text
    models = client.get("/v1/models").json()["models"]
    assert [(one["name"], one["streams"]) for one in models] == [("loud", False), ("drip", True)]
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/translate", "/v1/translate/stream", "/v1/models", "/health"} <= set(paths)
    body = paths["/v1/translate"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "times" in json.dumps(body)


def test_no_other_site_may_ask(client: TestClient) -> None:
    asked = client.options(
        "/v1/translate",
        headers={"origin": "http://evil.example", "access-control-request-method": "POST"},
    )
    assert asked.status_code == 405
    answered = client.get("/health", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answered.headers
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_an_api_key_is_asked_for() -> None:
    with TestClient(guarded(make_app([Loud()]), api_key="schlüssel")) as client:
        asked = {"model": "loud", "text": "a"}
        key = "schlüssel".encode()
        for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}):
            found = client.post("/v1/translate", json=asked, headers=headers)
            assert found.status_code == 401 and "API key" in refusal(found)
        assert client.get("/metrics").status_code == 401
        assert client.get("/health").status_code == 200
        assert client.get("/").status_code == 200
        for name, value in (("x-api-key", key), ("authorization", b"Bearer " + key)):
            found = client.post("/v1/translate", json=asked, headers={name: value})
            assert found.status_code == 200


def test_a_name_that_was_made_to_mean_this_computer_is_not_answered() -> None:
    app = guarded(make_app([Loud()]), hosts=("localhost",))
    with TestClient(app, base_url="http://localhost:8000") as client:
        assert client.get("/health").status_code == 200
        found = client.get("/health", headers={"host": "evil.example"})
        assert found.status_code == 421


def test_two_models_of_one_name() -> None:
    other = Loud()
    other.place = "old/loud"
    with pytest.raises(SettingsError, match='runs/loud and old/loud are both called "loud"'):
        models_by_task([Loud(), other])
    with pytest.raises(SettingsError, match="nothing to serve"):
        models_by_task([])


def test_limits_are_above_zero() -> None:
    with pytest.raises(SettingsError, match="--queue-rows 0: expected a number above 0"):
        Limits(queue_rows=0)


def run(limits: Limits, model: Loud, texts: list[str], *others: dict[str, Any]) -> list[Any]:
    """Answers to texts asked for at the same time, each with the same options or with its own."""

    async def main() -> list[Any]:
        queue = Queue(model, limits, Metrics())
        options = others or ({"times": 1},)
        pairs = [(text, options[n % len(options)]) for n, text in enumerate(texts)]
        asked = [queue.answer([{"text": text}], one) for text, one in pairs]
        waiting = asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(0)  # all of them wait before the work begins
        queue.start()
        found = await waiting
        await queue.stop()
        return list(found)

    return asyncio.run(main())


def test_inputs_of_several_requests_are_answered_together() -> None:
    model = Loud()
    found = run(Limits(batch_rows=3), model, list("abcdefg"))
    assert [one[0]["text"] for one in found] == list("ABCDEFG")
    assert model.batches == [["a", "b", "c"], ["d", "e", "f"], ["g"]]


def test_a_batch_holds_only_so_much() -> None:
    model = Loud()
    run(Limits(batch_size=5), model, ["aaaa", "bb", "ccc", "dddddddd", "e"])
    assert model.batches == [["aaaa"], ["bb", "ccc"], ["dddddddd"], ["e"]]


def test_a_batch_is_of_about_one_size() -> None:
    model = Loud()
    texts = ["a" * size for size in (5, 50, 6, 49, 4, 51)]
    run(Limits(batch_rows=3), model, texts)
    assert [sorted(map(len, batch)) for batch in model.batches] == [[4, 5, 6], [49, 50, 51]]


def test_workers_share_what_waits() -> None:
    model = Loud(seconds=0.05)
    model.workers = 2
    found = run(Limits(), model, [str(n) for n in range(40)])
    assert [one[0]["text"] for one in found] == [str(n) for n in range(40)]
    assert [len(batch) for batch in model.batches[:2]] == [20, 20]


def test_other_options_are_another_batch() -> None:
    model = Loud()
    found = run(Limits(), model, list("abcd"), {"times": 1}, {"times": 2})
    assert [one[0]["text"] for one in found] == ["A", "BB", "C", "DD"]
    assert model.batches == [["a", "c"], ["b", "d"]]


def test_a_wrong_input_is_answered_alone() -> None:
    model = Loud()
    found = run(Limits(), model, ["a", "bad", "b"])
    assert [one[0]["text"] for one in (found[0], found[2])] == ["A", "B"]
    assert isinstance(found[1], RefusedError) and str(found[1]) == "bad cannot be said."


def test_too_much_that_waits_is_sent_away_with_a_time_to_come_back() -> None:
    found = run(Limits(queue_rows=2), Loud(), list("abc"))
    assert [type(one) for one in found] == [list, list, RefusedError]
    assert found[2].status == 429 and int(found[2].headers["Retry-After"]) >= 1


def test_too_many_requests_at_once() -> None:
    model = Loud(seconds=0.3)
    with TestClient(guarded(make_app([model], Limits(requests=2)))) as client:
        found: list[Any] = []

        def ask() -> None:
            found.append(client.post("/v1/translate", json={"text": "a"}))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [one for one in found if one.status_code == 503]
        assert refused and all(one.headers["retry-after"] for one in refused)
        assert sum(one.status_code == 200 for one in found) >= 2


def test_a_request_that_takes_too_long() -> None:
    model = Loud(seconds=0.5)
    with TestClient(guarded(make_app([model], Limits(seconds=0.1)))) as client:
        found = client.post("/v1/translate", json={"text": "a"})
        assert found.status_code == 503 and found.headers["retry-after"]
        assert "within 0.1 seconds" in refusal(found)


def test_only_so_many_streams() -> None:
    model = Dripping(seconds=0.2)
    with TestClient(guarded(make_app([model], Limits(streams=1)))) as client:
        first: list[Any] = []
        thread = threading.Thread(
            target=lambda: first.append(client.post("/v1/translate/stream", json={"text": "abc"}))
        )
        thread.start()
        found = client.post("/v1/translate/stream", json={"text": "b"})
        thread.join()
        both = sorted([found.status_code, first[0].status_code])
        assert both == [200, 503]
        again = client.post("/v1/translate/stream", json={"text": "c"})
        assert again.status_code == 200


class Deep(Loud):
    """Is looked into for as long as nobody says that it is enough."""

    def __init__(self) -> None:
        super().__init__()
        self.enough = threading.Event()

    def look(self, row: Any, language: str) -> str:
        assert self.enough.wait(30)
        return f"<p lang={language}>{row['text']}</p>"


def test_looks_neither_block_answers_nor_pile_up() -> None:
    model = Deep()
    with TestClient(guarded(make_app([model]))) as client:
        found: list[Any] = []

        def look() -> None:
            found.append(client.post("/v1/translate/look", json={"text": "a", "language": "ko"}))

        threads = [threading.Thread(target=look) for _ in range(MOST_ASIDE + 2)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(found) == 2)  # those that are too many
        assert client.post("/v1/translate", json={"text": "a"}).status_code == 200
        assert [one.status_code for one in found] == [429] * 2
        model.enough.set()
        for thread in threads:
            thread.join()
        assert sorted(one.status_code for one in found) == [200] * MOST_ASIDE + [429] * 2
        page = next(one.json()["page"] for one in found if one.status_code == 200)
        assert client.get(page).text == "<p lang=ko>a</p>"
        assert client.post("/v1/translate/weigh", json={"text": "a"}).status_code == 404


FIELDS = {
    "series": Field("series", "Numbers."),
    "table": Field("table", "Rows."),
    "words": Field("words", "Words."),
    "media": Field("media", "Bytes."),
    "flag": Field("boolean", "A flag."),
    "way": Field("choice", "A way.", default="a", choices=("a", "b")),
    "share": Field("number", "A share.", low=0, high=1, above=True),
}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("series", [], "not empty"),
        ("series", [1, "a"], "step 2 is 'a'"),
        ("series", [[1, 2], [3]], "step 2"),
        ("series", [1, float("inf")], "finite"),
        ("series", [1] * 11, "11 steps; at most 10"),
        ("series", [[]], "a step has 0 numbers"),
        ("table", [3], "row 1: expected an object"),
        ("table", [{"a": [1]}], "row 1 holds a list"),
        ("table", [{"a": "x" * 2_000}], "too long"),
        ("words", ["a", 3], "expected a text, received a number"),
        ("words", [], "the list of words is empty"),
        ("media", "%%%", "base64"),
        ("media", "", "there are no bytes"),
        ("flag", 1, "true or false"),
        ("way", "c", "expected one of a, b"),
        ("share", 0, "above 0 up to 1"),
        ("share", 10**400, "a number of many digits"),
    ],
)
def test_fields_are_checked(name: str, value: Any, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        checked({name: value}, FIELDS, SMALL)


def test_fields_that_are_right() -> None:
    given = {
        **{"series": [[1, 2], [3, 4]], "table": [{"a": 1, "b": None}], "words": ["a", "b"]},
        **{"media": "aGk=", "flag": True, "share": 1},
    }
    found = checked(given, FIELDS, SMALL)
    assert found == {**given, "media": b"hi", "way": "a"}
    assert size_of(found) == 4 + 2 + 2 + 2 + 1
    assert schema_of(FIELDS)["properties"]["share"]["exclusiveMinimum"] == 0


def test_looks_are_kept_for_a_while() -> None:
    store = LookStore(2)
    names = [store.keep(page) for page in "abc"]
    assert len(set(names)) == 3 and store.page(names[2]) == "c"
    with pytest.raises(RefusedError, match="gone"):
        store.page(names[0])


def test_metrics_have_few_names_whatever_is_asked_for() -> None:
    paths = ["/v1/classify", "/v1/classify/look", "/v1/x/y/z", "/v1/" + "a" * 99, "/looks/secret"]
    found = [label_of(path) for path in paths]
    assert found[:2] == paths[:2] and found[3:] == ["other", "/looks/"]


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for name, (content, _) in page_files().items():
        text = content.decode()
        places = text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in places and "https://" not in places, name
        assert "eval(" not in text and "innerHTML" not in text, name
