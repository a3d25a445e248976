"""The console as people use it: in a real browser, before a real service with all five models."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests import plain_http
from tests.browsing import DESK, PHONE, Browser
from tests.five import CARDS
from tests.serving import RunningService, examples

pytestmark = pytest.mark.slow

JSON = [name for name, card in CARDS.items() if card.media == "json"]

#: What a person does who lets a file fall onto the page.
DROP = """
const bytes = Uint8Array.from(atob(arguments[1]), (letter) => letter.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
for (const kind of ["dragover", "drop"]) {
  const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: files });
  document.querySelector(arguments[0]).dispatchEvent(event);
}
"""
#: Nobody sees the page (true), or somebody does again (false).
HIDE = """
Object.defineProperty(document, "hidden", { configurable: true, value: arguments[0] });
document.dispatchEvent(new Event("visibilitychange"));
"""
#: Fields and buttons that a screen reader could not name.
NAMELESS = """
return [...document.querySelectorAll("input, select, textarea, button")]
  .filter((one) => !(one.labels?.[0] ?? one).textContent.trim()).map((one) => one.outerHTML);
"""


@pytest.fixture
def console(browser: Browser, service_url: str) -> Browser:
    browser.open(f"{service_url}/console").until("#lead", "serve")
    return browser


def chosen(console: Browser, name: str) -> Browser:
    console.run("location.hash = arguments[0]", name)
    console.until("#chosen h2", name)
    return console


def test_it_shows_what_serves_without_a_complaint_or_a_request_elsewhere(console: Browser, service_url: str) -> None:
    models = plain_http.get(f"{service_url}/v1/models").json()["models"]
    for model in models:
        console.until("#models", model["version"])
    console.until("#basis", "requests a second")
    assert all(address.startswith(service_url) for address in console.loaded())
    assert console.log() == []


def test_the_accounting_is_that_of_the_whole_service(console: Browser, service: RunningService) -> None:
    console.until("#basis", "requests a second")
    for _ in range(20):
        assert service.predict("housing", examples("housing")).status_code == 200
    chosen(console, "housing")
    console.until("#models", "ms")

    def agrees() -> bool:
        """Other tests may still send some rows."""
        received = service.metrics()['jubako_profile_rows_total{model="housing",state="received"}']
        return received >= 40 and f"received\t{received:,.0f}" in console.text(".facts")

    console.wait(agrees)
    assert console.log() == []


@pytest.mark.parametrize("name", JSON)
def test_the_form_of_its_card_predicts_and_says_where_the_answer_comes_from(
    console: Browser, service_url: str, name: str
) -> None:
    chosen(console, name)
    console.one(".try button.main").click()
    told = console.until(".answer", "training run")
    versions = {one["name"]: one["version"] for one in plain_http.get(f"{service_url}/v1/models").json()["models"]}
    version = versions[name]
    manifest = plain_http.get(f"{service_url}/v1/models/{name}/versions/{version}").json()
    for fact in (f"{name}:{version}", manifest["run_id"], manifest["git_commit"], manifest["data_hash"], "answered in"):
        assert fact in told
    assert console.log() == []


def test_a_second_example_fills_the_form_with_other_values(console: Browser) -> None:
    chosen(console, "churn")
    second = console.all(".buttons button")[2]
    assert second.text == "Example 2"
    second.click()
    console.one(".try button.main").click()
    console.until(".answer", "will churn")
    values = console.run("return [...document.querySelectorAll('.try select, .try input')].map((one) => one.value)")
    given = [str(value) for value in CARDS["churn"].examples[1].values()]
    assert [value.strip('"') for value in values] == [value.removesuffix(".0") for value in given]


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (20, 60, 210)).save(file, "PNG")
    return file.getvalue()


def test_a_picture_that_is_dropped_is_shown_and_judged(console: Browser) -> None:
    chosen(console, "image")
    console.run(DROP, ".drop", base64.b64encode(picture()).decode())
    console.until(".try", "dropped.png")
    console.one(".try button.main").click()
    told = console.until(".answer", "training run")
    assert all(category in told for category in CARDS["image"].classes)
    assert console.run("return document.querySelector('.preview img').naturalWidth") == 40
    assert console.log() == []


def test_a_picture_that_is_chosen_is_judged(console: Browser, tmp_path: Any) -> None:
    file = tmp_path / "chosen.png"
    file.write_bytes(picture())
    chosen(console, "image")
    console.one("#picture").send_keys(str(file))
    console.until(".try", "chosen.png")
    console.one(".try button.main").click()
    console.until(".answer", "training run")


def test_a_wrong_value_is_told_at_its_field(console: Browser) -> None:
    chosen(console, "iris")
    field = console.all(".try input")[2]
    field.clear()
    field.send_keys("2000")
    console.one(".try button.main").click()
    console.until(".answer", "422")
    wrong = console.run("return document.activeElement.closest('.field').innerText")
    assert "petal length" in wrong
    assert "less than or equal to 100" in wrong
    assert field.get_attribute("aria-invalid") is not None


def test_a_hidden_page_asks_for_nothing(console: Browser) -> None:
    """And goes on when somebody looks again."""
    console.run(HIDE, True)
    console.ask("await new Promise((later) => setTimeout(later, 500))")  # the round that runs may end
    before = len(console.loaded())
    console.ask("await new Promise((later) => setTimeout(later, 3000))")
    assert len(console.loaded()) == before
    clock = console.text("#when")
    console.run(HIDE, False)
    console.until_not("#when", clock)
    assert len(console.loaded()) > before


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_everything_fits_and_can_be_read(console: Browser, width: int, dark: bool) -> None:
    """At both widths nothing hangs over, and every text stands out from what is behind it (AA: 4.5 to 1)."""
    console.view(width, dark=dark)
    for name in CARDS:
        chosen(console, name)
        console.one(".try button.main").click()
        console.until(".answer", "training run")
        assert console.overhang <= 0, name
        assert console.too_faint() == []


def test_it_can_be_used_without_a_mouse_or_eyes(console: Browser) -> None:
    chosen(console, "iris")
    assert console.run(NAMELESS) == []
    console.run("[...document.querySelectorAll('.models a')].at(-1).focus()")
    last = console.one(".models tbody tr:last-child a")
    name = last.text
    last.send_keys("\n")
    console.until("#chosen h2", name)
    assert console.run(NAMELESS) == []
    assert console.run("return document.activeElement.getAttribute('aria-current')") == "true"


def test_the_counters_are_read_as_prometheus_reads_them(console: Browser, service_url: str) -> None:
    exposition = plain_http.get(f"{service_url}/metrics").text + 'odd{text="a \\"b\\" \\\\ c\\n}"} +Inf\n'
    script = """
    const { series } = await import("./console/counting.js");
    return [...series(arguments[0])].map((one) => [one.name, one.labels, String(one.value)]);
    """
    read = {
        (name, *sorted(labels.items())): repr(float(value)) for name, labels, value in console.ask(script, exposition)
    }
    expected = {
        (sample.name, *sorted(sample.labels.items())): repr(float(sample.value))  # NaN is not equal to itself
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }
    assert read == expected


def test_a_quantile_lies_where_prometheus_puts_it(console: Browser) -> None:
    """Straight between the bounds of its bucket; above the last bound nothing is known but that bound."""
    script = """
    const { quantile } = await import("./console/counting.js");
    const spread = { bounds: [1, 2, 4, Infinity], below: [0, 50, 90, 100], count: 100 };
    return [...[0.25, 0.5, 0.7, 0.99].map((share) => quantile(spread, share)), quantile({ ...spread, count: 0 }, 0.5)];
    """
    assert console.ask(script) == [1.5, 2, 3, 4, None]
