import io

import numpy as np
from matplotlib.image import imread
from music_examples import tune
from seqloom_runtime.signal.music import Piece, ordered

from seqloom.tasks.composition import Composition, pitch_name


def pixels(content: bytes) -> np.ndarray:
    return imread(io.BytesIO(content))


def test_instruments_have_colours_and_the_prompt_is_paler() -> None:
    image = pixels(Composition(tune(0)).picture("a title"))
    red, blue = (0.70, 0.28, 0.18), (0.18, 0.44, 0.56)
    for colour in (red, blue):
        assert (np.abs(image[..., :3] - colour).max(2) < 0.06).sum() > 500
    with_prompt = pixels(Composition(tune(0), prompt_end=64).picture())
    assert (np.abs(with_prompt[..., :3] - red).max(2) < 0.02).sum() < 500


def test_the_same_piece_gives_the_same_bytes() -> None:
    assert Composition(tune(0)).picture() == Composition(tune(0)).picture()


def test_silence_has_a_picture() -> None:
    assert pixels(Composition(Piece("none", 4, ordered([]))).picture()).size


def test_long_pieces_are_not_wider_than_a_page() -> None:
    image = pixels(Composition(tune(0, bars=300)).picture())
    assert image.shape[1] < 2600


def test_the_melody_is_the_highest_notes() -> None:
    assert Composition(tune(0, bars=2)).melody() == "C4 D4 E4 F4 | F4 G4 F4 E4 |"
    assert Composition(tune(0, bars=9)).melody(3) == "C4 D4 E4 …"
    assert pitch_name(21) == "A0"
