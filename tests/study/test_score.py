"""A file of rows is scored as the server answers; refused rows are written with their reasons."""

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from headrace.bundle import archive, golden
from headrace.core import tables
from headrace.errors import DataError
from headrace.schema import json_schema, validation_errors
from headrace.schema import row_reader as rows
from headrace.schema.validate import validate
from headrace.score import command
from lab import bake

BUNDLE = "models/bundle.tar"


@pytest.fixture(scope="module")
def predicted_rows(quick: Path) -> pd.DataFrame:
    """The golden rows with their answers, and a column that the model does not know."""
    files = archive.unseal((quick / BUNDLE).read_bytes(), "b")
    found = json.loads(files["golden.json"])
    table = golden.frame(found, json.loads(files["schema.json"]))
    return table.assign(answer=[row[golden.PREDICTION] for row in found], id=range(len(found)))


def score_file(study: Path, source: Path, target: Path) -> tuple[int, str]:
    """Run `headrace score`; return its exit code and its output."""
    process = bake.run(study, "headrace", "score", str(source), str(target), check=False)
    return process.returncode, process.stdout


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_gets_the_predictions_of_the_server(
    quick: Path, predicted_rows: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    write = {".csv": predicted_rows.to_csv, ".parquet": predicted_rows.to_parquet}[suffix]
    write(source, index=False)
    code, output = score_file(quick, source, target)
    assert (code, output) == (0, f"100 rows scored by bundle.tar: {target}\n")
    found = pd.read_csv(target) if suffix == ".csv" else pd.read_parquet(target)
    assert (found["prediction"] == found["answer"]).all()
    assert found["id"].tolist() == list(range(100))
    assert found["positive"].dtype == bool
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, target.name]


def test_refused_rows_are_written_beside_with_number_and_reason(
    quick: Path, predicted_rows: pd.DataFrame, tmp_path: Path
) -> None:
    invalid_rows = predicted_rows.astype(object)
    invalid_rows.loc[3, "temp"] = "hot"
    invalid_rows.loc[7, "origin"] = "SFO"
    invalid_rows.loc[9, "weekday"] = None
    invalid_rows.loc[11, "distance"] = 10.5
    invalid_rows.to_csv(tmp_path / "in.csv", index=False)
    code, output = score_file(quick, tmp_path / "in.csv", tmp_path / "out.csv")
    assert code == 1
    assert "96 rows scored" in output
    assert "4 rows refused, each with its reason" in output
    aside = pd.read_csv(tmp_path / "out.refused.csv")
    assert list(zip(aside["row"], aside["reason"], strict=True)) == [
        (4, "temp: not a number"),
        (8, "origin: not one of EWR, JFK, LGA"),
        (10, "weekday: missing value"),
        (12, "distance: not an integer"),
    ]
    assert aside["id"].tolist() == [3, 7, 9, 11]
    fine = pd.read_csv(tmp_path / "out.csv")
    assert (fine["prediction"] == fine["answer"]).all()


def test_a_file_of_many_parts_is_scored_as_one(
    quick: Path, predicted_rows: pd.DataFrame, tmp_path: Path
) -> None:
    many = pd.concat([predicted_rows] * 1_100, ignore_index=True)
    assert len(many) > tables.ROWS
    many.to_parquet(tmp_path / "in.parquet", index=False, row_group_size=7_000)
    code, _ = score_file(quick, tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert code == 0
    assert (found["prediction"].to_numpy() == many["answer"].to_numpy()).all()


BAD = {
    "in.txt": ("a\n1\n", "in.txt is neither .csv nor .parquet"),
    "none.csv": (None, "none.csv is missing"),
    "empty.csv": ("", "empty.csv cannot be read"),
    "broken.parquet": ("PAR1", "broken.parquet cannot be read"),
    "lacks.csv": ("carrier,orign\nAA,JFK\n", "have no column origin. Did you mean orign?"),
    "ragged.csv": ("a,b\n1\n", "ragged.csv cannot be read"),
    "twice.csv": ("carrier,origin,carrier\nAA,JFK,AA\n", "have the column carrier twice. Next:"),
    "latin.csv": (b"caf\xe9\n1\n", "latin.csv cannot be read: its header is not in UTF-8. Next:"),
    "row.csv": ("row,carrier\n1,AA\n", "have a column row already. Next: rename it"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_words_and_nothing_is_written(
    quick: Path, tmp_path: Path, name: str
) -> None:
    text, says = BAD[name]
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "out.csv").write_text("old", "utf-8")
    code, output = score_file(quick, tmp_path / name, tmp_path / "out.csv")
    assert code == 1
    assert says in output
    assert "Traceback" not in output
    assert output.count("Next:") == 1
    assert (tmp_path / "out.csv").read_text("utf-8") == "old"
    assert {path.name for path in tmp_path.iterdir()} <= {name, "out.csv"}


def test_a_column_with_the_name_of_an_output_is_refused(
    quick: Path, predicted_rows: pd.DataFrame, tmp_path: Path
) -> None:
    predicted_rows.assign(prediction=0).to_csv(tmp_path / "in.csv", index=False)
    code, output = score_file(quick, tmp_path / "in.csv", tmp_path / "out.csv")
    assert code == 1
    assert "The rows have a column prediction already. Next: rename it" in output


def test_a_file_that_is_read_is_never_overwritten(
    quick: Path, predicted_rows: pd.DataFrame, tmp_path: Path
) -> None:
    source = tmp_path / "x.refused.csv"
    predicted_rows.to_csv(source, index=False)
    before = source.read_bytes()
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "other.csv").hardlink_to(source)
    (tmp_path / "folder.csv").mkdir()
    refused = {
        "x.csv": "would be overwritten with the refused rows",
        "x.refused.csv": "would be overwritten while it is read",
        "link.csv": "would be overwritten while it is read",
        "other.csv": "would be overwritten while it is read",
        "folder.csv": "is a folder",
    }
    for name, says in refused.items():
        with pytest.raises(DataError, match=f"{says}. Next: name another OUT"):
            command.refused_path(source, tmp_path / name)
    assert command.refused_path(source, tmp_path / "y.csv") == tmp_path / "y.refused.csv"
    code, output = score_file(quick, source, tmp_path / "x.csv")
    assert (code, source.read_bytes()) == (1, before)
    assert "would be overwritten" in output
    assert not (tmp_path / "x.csv").exists()


def test_predictions_and_refused_rows_cannot_be_one_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    (tmp_path / "x.refused.csv").symlink_to(tmp_path / "x.csv")
    with pytest.raises(DataError, match="are the same file"):
        command.refused_path(tmp_path / "in.csv", tmp_path / "x.csv")


def test_a_full_disk_is_reported_and_leaves_the_old_files(
    quick: Path, predicted_rows: pd.DataFrame, tmp_path: Path
) -> None:
    pd.concat([predicted_rows] * 300).to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "out.csv").write_text("old", "utf-8")
    limited = 'ulimit -f 40; headrace score "$0" "$1"'
    words = ("bash", "-c", limited, str(tmp_path / "in.csv"), str(tmp_path / "out.csv"))
    process = bake.run(quick, *words, check=False)
    assert process.returncode == 1
    assert "out.csv cannot be written" in process.stdout
    assert "Nothing was written. Next: free disk space, or name another OUT" in process.stdout
    assert "Traceback" not in process.stdout
    assert (tmp_path / "out.csv").read_text("utf-8") == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


def test_an_index_of_pandas_is_a_column(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a", "b"], "number": [2**53 + 1, None]}, dtype=object)
    table.astype({"number": "Int64"}).set_index("name").to_parquet(tmp_path / "in.parquet")
    [(part, share)] = tables.parts(tmp_path / "in.parquet")
    found = tables.frame(part)
    assert share == 1
    assert sorted(found.columns) == ["name", "number"]
    assert found["number"][0] == 2**53 + 1


def test_a_csv_value_may_hold_line_breaks_at_the_end_of_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "BLOCK", 1_000)
    table = pd.DataFrame({"id": [str(number) for number in range(500)], "note": 'a "b"\n\n,c\n'})
    table.to_csv(tmp_path / "in.csv", index=False)
    found = [tables.frame(part) for part, _ in tables.parts(tmp_path / "in.csv")]
    assert len(found) == 10
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), table, check_dtype=False)


SCHEMA: dict[str, Any] = {
    "properties": {
        "whole": {"type": "integer", "minimum": 0, "exclusiveMaximum": 10},
        "part": {"type": ["number", "null"], "exclusiveMinimum": -1, "maximum": 1},
        "place": {"type": "string", "enum": ["a", "b"]},
        "code": {"type": ["string", "null"], "minLength": 2, "maxLength": 3, "pattern": "^x"},
        "flag": {"type": "boolean"},
    }
}


NUMBERS = [-(2**63), -(2**53) - 1, -1, 0, 1, 2, 5, 2013, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 10**30]
VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.sampled_from([*NUMBERS, -(10**30), 10**400])
    | st.integers(-3, 12)
    | st.sampled_from([0.5, 2.0, -0.0, 1e16, 1e300, 5e-324, 0.1 + 0.2, 9007199254740991.0])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", " ", "  ", "a", "ab", "AB", "AB\n", "é", "7", "true", 'x,"\n'])
    | st.text("abAB7 ", max_size=4)
)
"""What a client may send, or a file may hold."""
ENDS = st.sampled_from([*NUMBERS, 0.5, 2.5, -0.5, 1e6, float("inf"), float("-inf")])


def range_checks(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[pa.Check]:
    """Draw a check of a number."""
    kinds = [pa.Check.ge, pa.Check.gt, pa.Check.le, pa.Check.lt, pa.Check.eq, pa.Check.ne]
    pairs = st.lists(ends, min_size=2, max_size=2, unique=True).map(sorted)
    spans = st.tuples(pairs, st.booleans(), st.booleans()).map(
        lambda drawn: pa.Check.in_range(*drawn[0], *drawn[1:])
    )
    single = st.builds(lambda kind, end: kind(end), st.sampled_from(kinds), ends)
    return single | spans | st.lists(ends, min_size=1, max_size=4).map(pa.Check.isin)


def text_checks() -> st.SearchStrategy[pa.Check]:
    """Draw a check of a text."""
    forms = [r"[A-Z]+$", r"\w", r"a|b", r"[^\d]*$", r".{2}"]
    return (
        st.sampled_from(forms).map(pa.Check.str_matches)
        | st.tuples(st.integers(0, 2), st.integers(2, 4)).map(lambda of: pa.Check.str_length(*of))
        | st.integers(1, 2).map(lambda exact: pa.Check.str_length(exact_value=exact))
        | st.lists(st.sampled_from(["", "a", "ab", "AB"]), min_size=1).map(pa.Check.isin)
        | st.sampled_from(["a", "AB", "7"]).map(pa.Check.eq)
        | st.just(pa.Check.str_startswith("a"))
    )


TYPES: dict[str, st.SearchStrategy[pa.Check]] = {
    **dict.fromkeys(("int64", "Int64", "int8", "uint16", "uint64"), range_checks(ENDS)),
    **dict.fromkeys(("float64", "float32"), range_checks(ENDS)),
    **dict.fromkeys(("str", "category"), text_checks()),
    "bool": st.booleans().map(pa.Check.eq) | st.just(pa.Check.isin([True, False])),
}


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the JSON Schema of a pandera contract of one column, of those that can be kept."""
    kind = draw(st.sampled_from([*TYPES]))
    checks = draw(st.lists(TYPES[kind], max_size=2))
    column = pa.Column(kind, checks, nullable=kind != "bool" and draw(st.booleans()))
    try:
        return json_schema.from_pandera(pa.DataFrameSchema({"x": column}, name="drawn"))
    except DataError as error:
        if "x has rules that no value satisfies. Next:" not in str(error):
            raise
        reject()


def read_by_server(reader: rows.Reader, schema: dict[str, Any], value: Any) -> pd.DataFrame | None:
    """Return the inputs that the server makes of a value; None where it refuses it."""
    text = json.dumps({"x": value})
    found = []
    for body in (text, f"[{text}]"):
        try:
            found.append(golden.columns(zip(*reader.read(body.encode()), strict=True), schema))
        except validation_errors.Refused:
            found.append(None)
    assert (found[0] is None) == (found[1] is None)
    if found[0] is not None:
        pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)
    return found[0]


def read_by_file(schema: dict[str, Any], table: pd.DataFrame) -> pd.DataFrame | None:
    """Return the inputs that a file's one row gives; None where it is refused."""
    inputs, [reason] = validate(table, schema)
    return None if reason else inputs


def csv_table(value: Any, kinds: list[str]) -> pd.DataFrame | None:
    """Return a value as a CSV's text; None where text of this type would mean something else."""
    typed = {"integer": int | float, "number": int | float, "boolean": bool, "string": str}
    if value == "" or not isinstance(value, typed[kinds[0]] | None):
        return None
    if isinstance(value, bool) is not (kinds[0] == "boolean") and value is not None:
        return None
    target = io.StringIO()
    text = json.dumps(value) if isinstance(value, bool) else value
    pd.DataFrame({"x": [text], "id": [1]}, dtype=object).to_csv(target, index=False)
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_text(target.getvalue(), "utf-8", newline="")
        [(part, _)] = tables.parts(Path(file.name))
    return tables.frame(part)[["x"]]


def parquet_tables(value: Any, kinds: list[str]) -> Iterator[pd.DataFrame]:
    """Yield a value as a table may hold it; text for a number is read as a CSV's is."""
    if isinstance(value, str) and kinds[0] != "string":
        return
    yield pd.DataFrame({"x": [value]}, dtype=object)
    yield pd.DataFrame({"x": [value]})
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        yield pd.DataFrame({"x": pd.array([value], dtype="Int64")})


ONE_CHOICE = {"properties": {"x": {"type": "number", "enum": [2.0**53]}}}


@settings(max_examples=400, deadline=None)
@example(ONE_CHOICE, [2**53, 2**53 + 1, 10**400, True])
@given(contracts(), st.lists(VALUES, min_size=1, max_size=6))
def test_a_file_and_the_server_read_any_value_alike(
    schema: dict[str, Any], values: list[Any]
) -> None:
    reader = rows.Reader(schema, 10)
    kinds = json_schema.value_types(schema["properties"]["x"])
    for value in values:
        answered = read_by_server(reader, schema, value)
        tables_of_it = [*parquet_tables(value, kinds)]
        text = csv_table(value, kinds)
        for table in [*tables_of_it, *([] if text is None else [text])]:
            found = read_by_file(schema, table)
            assert (found is None) == (answered is None), (value, table.dtypes.iloc[0])
            if found is not None:
                pd.testing.assert_frame_equal(found, answered, check_exact=True)


def test_rows_are_validated_independently() -> None:
    rule = {"type": ["integer", "null"], "minimum": 0}
    column = [2**53 + 1, None, "5.0", 5, 10**400, "x", 1.5, True, 2**53]
    table = pd.DataFrame({"n": pd.Series(column, dtype=object)})
    together, reasons = validate(table, {"properties": {"n": rule}})
    alone = [validate(table[at : at + 1], {"properties": {"n": rule}}) for at in range(len(table))]
    assert reasons.tolist() == [reason for _, [reason] in alone]
    assert together["n"].equals(pd.concat([inputs["n"] for inputs, _ in alone]))
    assert [at for at, reason in enumerate(reasons) if not reason] == [1, 2, 3, 8]


def test_each_reason_is_given_in_words() -> None:
    table = pd.DataFrame(
        {
            "whole": ["1", "x", "1.5", "inf", "", "99", "1", "1", "1", "1"],
            "part": ["", "", "", "", "", "", "-5", "", "", ""],
            "place": ["a", "a", "a", "a", "a", "a", "a", "z", "a", "a"],
            "code": ["", "", "", "", "", "", "", "", "yyyyy", ""],
            "flag": ["true", *["false"] * 8, "maybe"],
        }
    ).replace("", None)
    assert validate(table, SCHEMA)[1].tolist() == [
        "",
        "whole: not a number",
        "whole: not an integer",
        "whole: not finite",
        "whole: missing value",
        "whole: not below 10",
        "part: not above -1",
        "place: not one of a, b",
        "code: longer than 3",
        "flag: neither true nor false",
    ]
    with pytest.raises(DataError, match=r"no column flag\. Did you mean flags\?"):
        validate(table.rename(columns={"flag": "flags"}), SCHEMA)


def test_numbers_of_any_type_are_read_exactly() -> None:
    schema = {"properties": {"n": {"type": "number"}}}
    for kind in ("int8", "uint64", "float32", "Int64"):
        inputs, reasons = validate(pd.DataFrame({"n": pd.array([1, 0], dtype=kind)}), schema)
        assert (reasons == "").all(), kind
        assert inputs["n"].tolist() == [1.0, 0.0]
    assert np.isinf(validate(pd.DataFrame({"n": [np.inf]}), schema)[0]["n"]).all()


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "string"])
def test_a_date_is_neither_a_number_nor_a_text(kind: str) -> None:
    dates = pd.DataFrame({"n": pd.to_datetime(["2013-01-01", "2013-01-02"])})
    _, reasons = validate(dates, {"properties": {"n": {"type": kind}}})
    assert reasons.str.contains("^n: (?:not a number|neither true nor false|not a text)$").all()
