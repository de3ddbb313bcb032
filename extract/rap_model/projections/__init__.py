"""Projections: what the models look like elsewhere, written to files that are committed."""

from pathlib import Path

from rap_model.projections import cql, dbt, postgres, singer

__all__ = ["drift", "generate", "write"]

_PACKAGE = Path(__file__).parent.parent
_PROJECT = _PACKAGE.parent.parent
_GENERATED = _PACKAGE.relative_to(_PROJECT) / "generated"
_DBT = Path("transform/models/staging")


def generate() -> dict[Path, str]:
    """Return every generated file: `{path under the project's root: text}`."""
    ours = {**singer.files(), **postgres.files(), **cql.files()}
    return {
        **{_GENERATED / name: text for name, text in ours.items()},
        **{_DBT / name: text for name, text in dbt.files().items()},
    }


def drift(root: Path = _PROJECT) -> list[Path]:
    """Return the files under `root` that differ from the models: changed, missing or left over."""
    files = generate()
    differing = [
        path
        for path, text in files.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]
    present = (file for file in (root / _GENERATED).rglob("*") if file.is_file())
    left_over = [path for file in present if (path := file.relative_to(root)) not in files]
    return sorted([*differing, *left_over])


def write(root: Path = _PROJECT) -> list[Path]:
    """Make the files under `root` what the models say; return those that were not."""
    files = generate()
    differing = drift(root)
    for path in differing:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], encoding="utf-8")
        else:
            (root / path).unlink()
    return differing
