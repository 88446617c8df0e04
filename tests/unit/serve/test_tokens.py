"""Tokens, and the file that holds their hashes."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from headrace.errors import HeadraceError
from headrace.serve import tokens


def test_a_tokens_file_holds_hashes_and_a_malformed_line_is_named(tmp_path: Path) -> None:
    token, line = tokens.create_token("ada", ["predict", "metrics"])
    assert token not in line
    assert line.split()[2] == hashlib.sha256(token.encode()).hexdigest()
    file = tmp_path / "tokens"
    file.write_text(f"{line}\nada predict short\n", "utf-8")
    with pytest.raises(HeadraceError, match=r"tokens:2 is not NAME SCOPES SHA256\. Next: "):
        tokens.Tokens(file)
    for strange in ("é" * 64, "g" * 64, "٣" * 64):
        file.write_text(f"ada predict {strange}\n", "utf-8")
        with pytest.raises(HeadraceError, match=r"tokens:1 is not NAME SCOPES SHA256"):
            tokens.Tokens(file)
    with pytest.raises(HeadraceError, match="none is missing"):
        tokens.Tokens(tmp_path / "none")
    with pytest.raises(HeadraceError, match="No scope all"):
        tokens.create_token("ada", ["all"])
    with pytest.raises(HeadraceError, match="Invalid token name"):
        tokens.create_token("a b", ["predict"])


def test_a_token_is_made_without_a_study_and_its_line_alone_goes_into_the_file() -> None:
    result = CliRunner().invoke(tokens.main, ["ada", "predict", "metrics"])
    assert result.exit_code == 0
    name, scopes, digest = result.stdout.split()
    assert (name, scopes) == ("ada", "predict,metrics")
    token = result.stderr.split()[-1]
    assert digest == hashlib.sha256(token.encode()).hexdigest()
    refused = CliRunner().invoke(tokens.main, ["ada", "all"])
    assert (refused.exit_code, "Traceback" in refused.output) == (1, False)
