"""No file makes a decoder take more memory than its pixels need, and none of it is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc are Linux's")

#: What both programs below begin with: files that look small, and the memory of this process.
COMMON = """
import resource, sys, zlib
from pathlib import Path
from PIL import Image
from jubako.pictures import PictureRefused, encode_one
from tests.collection.models.picture_files import *

def memory(kind):
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[kind].split()[0]) / 1024

def answer(data):
    try:
        return encode_one(data)
    except PictureRefused as refused:
        return str(refused)

warm = [saved(halves(), kind) for kind in ("PNG", "JPEG", "WEBP", "BMP")]
"""

#: 60 MB are a hundredth of what these files would unpack to.
REFUSED = """
for data in warm:
    answer(data)
bomb = zlib.compress(bytes(200_000_000))
jpeg = saved(halves(), "JPEG")
large = [
    png_header(20_000, 20_000),
    png_header(2**31 - 1, 2**31 - 1),
    webp_header(16_384, 16_384),
    webp_header(16_000, 16_000, b"VP8L"),
    webp_header(16_000, 16_000, b"VP8 "),
    with_segments(jpeg, segment(0xC2, b"\\x08\\xff\\xff\\xff\\xff\\x03")),
    bmp_header(30_000, 30_000, 1),
    bmp_header(5_000, 5_000),
]
small = [png(4, 4, chunk(name, b"a\\0\\0" + bomb)) for name in (b"zTXt", b"iCCP")] + [
    png(4, 4, lines=bytes(200_000_000)),
    with_segments(jpeg, segment(0xFE, bytes(65_000)) * 60),
]
limit = int((memory("VmSize") + 60) * 1024 * 1024)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for data in large:
    words = answer(data)
    assert isinstance(words, str) and ("too many" in words or "cut off" in words), words
for data in small:
    assert not isinstance(answer(data), str)
"""

#: What each kind of the largest picture may take at most, in MB, and that it is given back.
GIVEN_BACK = """
def largest(kind, mode, **options):
    return saved(Image.new(mode, (4_000, 6_250)), kind, **options)

files = [
    (png(5_000, 5_000, depth=1), 60),
    (largest("PNG", "P"), 130),
    (largest("PNG", "RGB", compress_level=1), 110),
    (largest("JPEG", "RGB"), 20),
    (largest("WEBP", "RGB", method=0), 420),
]
for data in warm:
    answer(data)
for data, most in files:
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = memory("VmRSS")
    assert not isinstance(answer(data), str)
    assert memory("VmHWM") - before < most, (data[:16], memory("VmHWM") - before)
before = memory("VmRSS")
for _ in range(3):
    for data, _most in files:
        answer(data)
assert memory("VmRSS") - before < 10, memory("VmRSS") - before
for data in warm * 300:
    answer(data)
    answer(data[:-9])
assert memory("VmRSS") - before < 10, memory("VmRSS") - before
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [REFUSED, GIVEN_BACK], ids=["refused", "given back"])
def test_memory_stays_within_what_the_pixels_need(program: str) -> None:
    """In a process of its own: limits cannot be taken back, and other tests have filled this one."""
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", COMMON + program], cwd=root, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
