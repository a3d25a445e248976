"""Made pictures have the truth that is claimed; real ones are read, or every reason why not is listed."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bentos.image.card import COLOURS, ImageRow
from bentos.image.model import ImageModel
from jubako.training.recipe import DataRefused, Dataset
from training.data import albums, pictures, scenes
from training.data.colours import REGIONS, UNNAMED, names, rgb, shares


@pytest.fixture(scope="module")
def made() -> Dataset:
    return pictures.made(7, 400)


@pytest.mark.slow
def test_the_same_seed_makes_the_same_files_in_another_process(made: Dataset) -> None:
    program = "from training.data import pictures; print(pictures.made(7, 400).sha256)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == made.sha256
    assert pictures.made(8, 20).sha256 != pictures.made(7, 20).sha256


def test_a_smaller_set_is_the_beginning_of_a_larger_one(made: Dataset) -> None:
    assert pictures.made(7, 12).rows == list(made.rows[:12])


def test_all_colours_are_equally_frequent(made: Dataset) -> None:
    assert set(np.bincount(made.truth).tolist()) == {40}


def test_every_made_file_is_accepted_by_the_decoder_and_by_the_card(made: Dataset) -> None:
    assert len(ImageModel.encode([ImageRow.model_validate(row.model_dump()) for row in made.rows])) == len(made)


def test_formats_sizes_and_ways_to_hold_a_camera_vary(made: Dataset) -> None:
    files = [Image.open(BytesIO(row.data)) for row in made.rows if isinstance(row, ImageRow)]
    formats = Counter(file.format for file in files)
    assert set(formats) == {"PNG", "JPEG", "WEBP", "BMP"}
    assert min(formats.values()) >= 10
    assert {"P", "RGB", "RGBA"} <= {file.mode for file in files}
    assert min(min(file.size) for file in files) >= scenes.SMALLEST
    assert max(max(file.size) for file in files) <= scenes.LARGEST
    assert len({file.getexif().get(0x0112) for file in files}) > 4


@pytest.mark.parametrize("colour", range(len(COLOURS)))
def test_the_truth_of_a_scene_is_the_name_that_covers_most_by_a_margin(colour: int) -> None:
    for seed in range(8):
        covered = shares(scenes.draw(np.random.default_rng(seed), colour).picture)
        assert covered.argmax() == colour
        assert covered[colour] - np.sort(covered)[-2] >= scenes.LEAD


def test_no_two_colours_overlap() -> None:
    """Every colour of a fine grid has at most one name; the boxes alone decide, whatever their order."""
    steps = np.linspace(0, 1, 25)
    hsv = np.array(list(itertools.product(np.linspace(0, 1, 120, endpoint=False), steps, steps)))
    inside = np.zeros(len(hsv), int)
    for region in REGIONS.values():
        turn = (hsv[:, 0] - region.hue[0]) % 1
        fits = (turn <= region.hue[1] - region.hue[0] + 1e-9) | (region.hue == (0.0, 1.0))
        fits &= (hsv[:, 1] >= region.saturation[0]) & (hsv[:, 1] <= region.saturation[1])
        inside += fits & (hsv[:, 2] >= region.value[0]) & (hsv[:, 2] <= region.value[1])
    assert inside.max() == 1


def test_a_drawn_colour_has_its_name() -> None:
    chance = np.random.default_rng(0)
    for place, colour in enumerate(COLOURS):
        drawn = np.stack([REGIONS[colour].draw(chance) for _ in range(200)])
        assert (names(drawn) == place).all(), colour


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#ff0000", "red"),
        ("#0000ff", "blue"),
        ("#008000", "green"),
        ("#ffff00", "yellow"),
        ("#ffa500", "orange"),
        ("#800080", "purple"),
        ("#808080", "grey"),
        ("#8b4513", "brown"),
        ("#000000", "black"),
        ("#ffffff", "white"),
        ("#ffc0cb", None),
        ("#00ffff", None),
        ("#808000", None),
    ],
)
def test_the_colours_that_everybody_knows_have_the_names_that_everybody_gives_them(
    colour: str, name: str | None
) -> None:
    pixel = np.array(Image.new("RGB", (1, 1), colour), np.float32)[0] / 255
    assert (*COLOURS, None)[names(pixel)[0]] == name


def test_hue_saturation_and_value_become_the_colours_that_pillow_makes_of_them() -> None:
    chance = np.random.default_rng(1)
    for hsv in chance.integers(0, 256, (50, 3)):
        image = Image.new("HSV", (1, 1), tuple(hsv.tolist())).convert("RGB")
        assert rgb(hsv / (256, 255, 255)) * 255 == pytest.approx(np.array(image)[0, 0], abs=6)


def test_transparent_parts_are_measured_as_white_and_hide_another_colour() -> None:
    for seed in range(400):
        scene = scenes.draw(np.random.default_rng(seed), COLOURS.index("white"))
        if scene.seen is not None:
            assert (scene.picture[~scene.seen] == 1).all()
            return
    pytest.fail("no scene of 400 was cut out")


def album(folder: Path, **files: int) -> Path:
    for colour, count in files.items():
        (folder / colour).mkdir(parents=True)
        for place in range(count):
            Image.new("RGB", (30, 20 + place), colour if colour != "shoe" else "red").save(
                folder / colour / f"{place}.png"
            )
    return folder


def complaints(source: str | Path) -> list[str]:
    with pytest.raises(DataRefused) as caught:
        albums.fetch(source) if isinstance(source, str) else albums.read(source)
    return list(caught.value.complaints)


def test_a_folder_of_pictures_by_class_is_read(tmp_path: Path) -> None:
    album(tmp_path, red=3, blue=2)
    (tmp_path / "red" / "deeper").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "red" / "deeper" / "a.jpg")
    for left_behind in ("red/.DS_Store", "blue/Thumbs.db", "README.txt"):
        (tmp_path / left_behind).write_bytes(b"?")
    (tmp_path / ".git").mkdir()
    (tmp_path / "blue").rename(tmp_path / "Blue")
    found = albums.read(tmp_path)
    assert Counter(COLOURS[place] for place in found.truth) == {"red": 4, "blue": 2}
    assert found.source == str(tmp_path)
    assert found.sha256 == albums.read(tmp_path).sha256


def test_american_grey_is_grey(tmp_path: Path) -> None:
    found = albums.read(album(tmp_path, gray=1, red=1))
    assert [COLOURS[place] for place in found.truth] == ["grey", "red"]


def test_everything_that_is_wrong_with_a_folder_is_listed(tmp_path: Path) -> None:
    album(tmp_path, red=1, blue=1, shoe=1)
    (tmp_path / "green").mkdir()
    (tmp_path / "red" / "b.gif").write_bytes(b"GIF89a")
    (tmp_path / "red" / "c.gif").write_bytes(b"GIF89a")
    (tmp_path / "blue" / "d.png").write_bytes(b"")
    assert complaints(tmp_path) == [
        "the file is empty: send a PNG, JPEG, WebP or BMP file (1, for example blue/d.png)",
        "a class folder without files (1, for example green)",
        "this is a GIF: send a PNG, JPEG, WebP or BMP file (2, for example red/b.gif)",
        f"unknown class, known are {', '.join(COLOURS)} (1, for example shoe)",
    ]


def test_a_folder_of_one_class_or_of_none_cannot_teach(tmp_path: Path) -> None:
    assert complaints(tmp_path) == ["pictures of at least two classes are needed"]
    assert complaints(album(tmp_path, red=3)) == ["pictures of at least two classes are needed"]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b")
    expected = ["expected is a folder that holds a folder of pictures for each colour"]
    assert complaints(tmp_path / "a.csv") == complaints(tmp_path / "nothing") == expected


def test_more_pictures_than_fit_in_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "MOST_BYTES", 100)
    assert complaints(album(tmp_path, red=3, blue=3)) == ["more than 100 bytes of pictures: make them smaller"]


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hub's library keeps of a set goes where the test ends."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)


@pytest.mark.usefixtures("_own_cache")
def test_a_public_set_is_read_from_a_local_folder_of_pictures(tmp_path: Path) -> None:
    folder = album(tmp_path / "album", red=2, blue=1)
    found = albums.fetch(f"hf:{folder}")
    assert Counter(COLOURS[place] for place in found.truth) == {"red": 2, "blue": 1}
    assert {row.model_dump_json() for row in found.rows} == {row.model_dump_json() for row in albums.read(folder).rows}


@pytest.mark.usefixtures("_own_cache")
def test_a_public_set_is_read_from_tables_with_pictures_inside(tmp_path: Path) -> None:
    import datasets

    images = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue", "red")]
    table = datasets.Dataset.from_dict({"photo": images, "colour": ["red", "blue", "teal"]})
    for name, rows in (("bad", range(3)), ("good", range(2))):
        (tmp_path / name).mkdir()
        table.select(rows).to_parquet(tmp_path / name / "train.parquet")
    assert complaints(f"hf:{tmp_path / 'bad'}") == [
        f"unknown class, known are {', '.join(COLOURS)} (1, for example teal)"
    ]
    found = albums.fetch(f"hf:{tmp_path / 'good'}")
    assert found.truth.tolist() == [COLOURS.index("red"), COLOURS.index("blue")]


@pytest.mark.usefixtures("_own_cache")
def test_a_public_set_without_pictures_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "train.csv").write_text("text,label\nhello,red\n")
    assert complaints(f"hf:{tmp_path / 'texts'}") == [
        "it needs a column of pictures and one of classes; its columns are text, label"
    ]
    assert complaints(f"hf:{tmp_path / 'nothing'}")[0].startswith("cannot be fetched: ")


def test_a_made_picture_is_never_named_by_what_has_no_name() -> None:
    assert scenes.leading(np.full((4, 4, 3), (1.0, 0.75, 0.8), np.float32)) is None
    assert names(np.float32([[1.0, 0.75, 0.8]]))[0] == UNNAMED
