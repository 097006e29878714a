"""What the doctor says of the model server: whether it is there, has the models, and whether they will do."""

import pytest

from drift_e3.config import load
from drift_e3.drill.ollama_acts import GOOD_ANSWER, Act, refuses, says
from drift_e3.drill.scripted_ollama import scripted_ollama
from drift_e3.wiring.doctor.report import Check, Status
from drift_e3.wiring.doctor.services import model


async def seen(url: str, advisor: str = "ollama", **variables: str) -> Check:
    """The doctor's check of this server, with the models ``one`` and ``two``."""
    environment = {
        "DRIFT_E3_ADVISOR": advisor,
        "DRIFT_E3_OLLAMA__URL": url,
        "DRIFT_E3_OLLAMA__MODELS": "one,two",
    }
    environment |= {f"DRIFT_E3_OLLAMA__{name}": value for name, value in variables.items()}
    return await model(load(environment=environment).settings)


async def test_models_that_answer_by_the_schema_pass() -> None:
    async with scripted_ollama(
        {"one": says(), "two": says()}, {"one:latest": "a", "two:latest": "b"}
    ) as server:
        check = await seen(server.url)
        assert server.models_asked == ["two", "one"]
    assert check.status is Status.PASS
    assert "0.0.0-scripted has one (answers by the schema in 0." in check.detail
    assert "two (answers by the schema in 0." in check.detail


async def test_a_model_that_is_not_installed_is_a_warning_with_its_remedy() -> None:
    async with scripted_ollama({"one": says()}, {"one:latest": "a"}) as server:
        check = await seen(server.url)
    assert (check.status, check.remedy) == (Status.WARN, "ollama pull two")
    assert "has one (answers by the schema" in check.detail
    assert check.detail.endswith("; not installed: two")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (says("I would rather not."), "two (its answers are no advice: no_answer)"),
        (says(f"Sure: {GOOD_ANSWER}"), "two (does not keep to the JSON schema)"),
        (refuses(500), "two (does not answer: http_error)"),
    ],
)
async def test_a_model_that_will_not_do_is_a_warning(act: Act, told: str) -> None:
    installed = {"one:latest": "a", "two:latest": "b"}
    async with scripted_ollama({"one": says(), "two": act}, installed) as server:
        check = await seen(server.url)
    assert check.status is Status.WARN
    assert told in check.detail
    assert "advice ask" in check.remedy


async def test_no_server_is_a_warning_and_the_rules_go_on() -> None:
    async with scripted_ollama({}) as server:
        pass
    check = await seen(server.url)
    assert check.status is Status.WARN
    assert "unreachable" in check.detail
    assert "the rules go on alone" in check.detail


async def test_without_an_advisor_nobody_is_asked() -> None:
    assert (await seen("http://127.0.0.1:9", advisor="off")).status is Status.PASS
