"""A real browser: the system's Chromium, at a phone's or a desk's width, in light or dark."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "chromedriver": ("chromedriver",),
}
PATIENCE = 30.0
PHONE, DESK = 390, 1_280

#: Elements with text of their own whose colour is less than 4.5 times as light or dark as what is behind them.
TOO_FAINT = """
const light = (colour) => {
  const [red, green, blue] = colour.match(/[\\d.]+/g).map((part) => Number(part) / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const behind = (node) => {
  for (let one = node; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
return [...document.querySelectorAll("body *")].filter((node) =>
  node.checkVisibility() && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())
).flatMap((node) => {
  const [one, other] = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
  const ratio = (one + 0.05) / (other + 0.05);
  return ratio < 4.5 ? [`${ratio.toFixed(2)} ${node.tagName} ${node.textContent.trim().slice(0, 40)}`] : [];
});
"""


def found(program: str) -> str | None:
    return next((path for name in PROGRAMS[program] if (path := shutil.which(name))), None)


MISSING = ", ".join(program for program in PROGRAMS if not found(program))


class Browser:
    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = found("chromium") or ""
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # it refuses root otherwise
        self.driver = webdriver.Chrome(options=options, service=Service(found("chromedriver")))

    def view(self, width: int, *, dark: bool = False) -> Self:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        return self

    def open(self, url: str) -> Self:
        """A new page, also where only what follows # is another; with an empty log."""
        self.driver.get("about:blank")
        self.log()
        self.driver.get(url)
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def ask(self, script: str, *arguments: Any) -> Any:
        """The same for a script that must wait: the body of an asynchronous function."""
        return self.driver.execute_async_script(
            "const tell = arguments[arguments.length - 1];"
            f"(async (...arguments) => {{ {script} }})(...arguments).then(tell, (error) => tell(String(error)));",
            *arguments,
        )

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def until(self, selector: str, words: str) -> str:
        """Wait for words to stand somewhere, and say all that stands there."""
        try:
            WebDriverWait(self.driver, PATIENCE, 0.1).until(lambda _: words in self.text(selector))
        except Exception as error:
            raise AssertionError(f"{words!r} is not in {selector}: {self.text(selector)!r}; {self.log()}") from error
        return self.text(selector)

    def until_not(self, selector: str, words: str) -> None:
        """Wait for something else to stand there."""
        self.wait(lambda: self.text(selector) != words)

    def wait(self, until: Callable[[], bool]) -> None:
        WebDriverWait(self.driver, PATIENCE, 0.1).until(lambda _: until())

    def log(self) -> list[str]:
        """What the browser complained of since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def loaded(self) -> list[str]:
        """Every address that the page asked for."""
        addresses: list[str] = self.run("return performance.getEntriesByType('resource').map((one) => one.name)")
        return addresses

    @property
    def overhang(self) -> int:
        """By how many pixels the page is wider than the window."""
        wider: int = self.run("return document.documentElement.scrollWidth - innerWidth")
        return wider

    def too_faint(self) -> list[str]:
        texts: list[str] = self.run(TOO_FAINT)
        return texts

    def picture(self, file: Path) -> None:
        """What is seen, whole."""
        height = self.run("return document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": self.run("return innerWidth"), "height": height, "scale": 1}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        file.write_bytes(base64.b64decode(taken["data"]))

    def close(self) -> None:
        self.driver.quit()
