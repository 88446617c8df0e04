"""A real bundle with any bit flipped is refused, and the part is named."""

import random
from pathlib import Path

from archives import flip_bit, part_at, refusal
from servers import BUNDLE

from headrace.bundle import archive


def test_a_thousand_random_bit_flips_in_a_real_bundle_are_refused_with_the_part(
    quick: Path,
) -> None:
    content = (quick / BUNDLE).read_bytes()
    rng = random.Random(0)
    for _ in range(1_000):
        bit = rng.randrange(8 * len(content))
        message = refusal(flip_bit(content, bit))
        part = part_at(content, bit // 8)
        is_in_its_name = content[: bit // 8].endswith(part[: bit // 8 % 512].encode())
        assert part in message or is_in_its_name or part == archive.SEAL, (bit, message)
