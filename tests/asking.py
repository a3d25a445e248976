"""Every model asked once, over HTTP, as a caller who knows only the public contract."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from tests import plain_http
from tests.five import CARDS
from tests.serving import examples


def red_picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    return file.getvalue()


def versions_that_answer(url: str) -> dict[str, str]:
    """Model -> the version that answered its card's examples."""
    found: dict[str, str] = {}
    for name, card in CARDS.items():
        address = f"{url}/v1/{name}/predict"
        if card.media == "json":
            answer = plain_http.post(address, json={"inputs": examples(name)}, timeout=30)
        else:
            answer = plain_http.post(address, files=[("inputs", ("red.png", red_picture(), "image/png"))], timeout=30)
        assert answer.status_code == 200, f"{name}: {answer.text}"
        assert answer.json()["predictions"]
        found[name] = answer.json()["model"]["version"]
    return found
