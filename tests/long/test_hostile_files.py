"""The second tier: thousands of hostile files, each refused in words or read as what it is."""

import random
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.bundle import skops_io
from headrace.core import yaml
from headrace.errors import DataError, ProjectError
from study.model import TRUSTED_TYPES

WORDS = [
    "a",
    "b: ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&x ",
    "*x",
    "!!binary ",
    "!!python/name:os.system ",
    "? ",
]
WORDS += [
    "\n",
    "  ",
    "|\n",
    "'",
    '"',
    "#",
    "2013-09-01",
    "1e5",
    "007",
    ".nan",
    "yes",
    "null",
    "<<: ",
    "\t",
]
WORDS += [
    "\x00",
    "\ud800",
    "é",
    "🛫",
    "%YAML 1.1\n",
    "---\n",
    "=",
    "0x1F",
    "12:30:45",
    "1_000",
    "~",
]


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and _is_json(child) for key, child in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or type(value) in (str, int, float, bool)


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A params.yaml to write nonsense into."""
    return tmp_path_factory.mktemp("hostile") / "params.yaml"


@settings(max_examples=5000, deadline=None)
@given(text=st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=30).map("".join))
def test_any_text_as_params_is_json_s_types_or_refused_in_words(params: Path, text: str) -> None:
    params.write_bytes(text.encode("utf-8", "surrogatepass"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(ProjectError):
            assert _is_json(yaml.read(params))


@pytest.mark.parametrize("harm", ["a bit flipped", "cut short"])
@pytest.mark.filterwarnings("ignore")  # NumPy warns of what it then refuses
def test_a_model_file_that_was_harmed_is_refused_or_is_the_model(
    quick: Path, tmp_path: Path, harm: str
) -> None:
    whole = (quick / "models/model.skops").read_bytes()
    drawn = random.Random(0)
    refused = 0
    for _ in range(500):
        content = bytearray(whole)
        place = drawn.randrange(len(content))
        if harm == "cut short":
            del content[place:]
        else:
            content[place] ^= 1 << drawn.randrange(8)
        path = tmp_path / "model.skops"
        path.write_bytes(content)
        try:
            model = skops_io.read(path, trusted=TRUSTED_TYPES)
        except DataError:
            refused += 1
            continue
        skops_io.write(model, path)
        assert path.read_bytes() == whole
    assert refused > 400
