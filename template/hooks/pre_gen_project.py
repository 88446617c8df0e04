"""Refuse, in one sentence, answers that cannot become a project; change nothing."""

import re
import sys

TEXTS = {
    "project name": {{cookiecutter.project_name | tojson}},
    "author": {{cookiecutter.author | tojson}},
    "description": {{cookiecutter.description | tojson}},
}
SLUG = {{cookiecutter.project_slug | tojson}}

for name, text in TEXTS.items():
    # A character outside the basic plane arrives as two surrogates, which TOML refuses.
    if not (text.isprintable() and text.strip() and len(text) <= 200):
        sys.exit(f"The {name} must be one line of 1 to 200 plain characters (no emoji): {text!a}")

if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", SLUG) or len(SLUG) > 50:
    sys.exit(
        f"The folder name must be small letters, digits and single hyphens, at most 50: {SLUG!a}"
    )
