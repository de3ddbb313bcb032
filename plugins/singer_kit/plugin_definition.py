"""What Meltano and readers are told of a connector, generated from its ``--about``.

``python -m singer_kit.plugin_definition --write`` fills the marked parts of each connector's
Meltano file and page of documentation; ``--check`` exits 1 where one is out of step. What stands
outside of the marks is written by hand and kept.

Marks are lines of their own::

    # begin generated from tap-files --about        <!-- begin generated from tap-files --about -->
    # end generated                                 <!-- end generated -->
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import click
import yaml
from singer_sdk.plugin_base import PluginBase

ROOT = Path(__file__).resolve().parents[2]
CONNECTORS = {
    "tap_files": ("extract/extractors.meltano.yml", "docs/connectors/tap-files.md"),
    "tap_mongodb": ("extract/extractors.meltano.yml", "docs/connectors/tap-mongodb.md"),
    "target_cassandra": ("plugins/loaders.meltano.yml", "docs/connectors/target-cassandra.md"),
    "target_postgres": ("plugins/loaders.meltano.yml", "docs/connectors/target-postgres.md"),
}
"""Package of each connector, and the files that speak of it."""

_KINDS = {"number": "decimal", "null": "string"}


@click.command()
@click.option("--write/--check", "write", default=False, help="Bring the files into step.")
def main(*, write: bool) -> None:
    """Compare what Meltano and readers are told of each connector with its own word."""
    stale = []
    for package, files in CONNECTORS.items():
        plugin = plugin_of(package)
        for name in files:
            path = ROOT / name
            if not path.exists():
                stale.append(f"{name}: missing; write it with the marks in it")
                continue
            text = path.read_text(encoding="utf-8")
            try:
                wanted = filled(text, plugin)
            except ValueError as error:
                stale.append(f"{name}: {error}")
                continue
            if wanted != text and write:
                path.write_text(wanted, encoding="utf-8")
            elif wanted != text:
                stale.append(
                    f"{name}: out of step with {plugin.name} --about; "
                    "run: python -m singer_kit.plugin_definition --write"
                )
    for line in stale:
        click.echo(line, err=True)
    sys.exit(1 if stale else 0)


def plugin_of(package: str) -> type[PluginBase]:
    """Return the plugin class that a connector's package exports."""
    exported = vars(importlib.import_module(package)).values()
    (plugin,) = (
        value for value in exported if isinstance(value, type) and issubclass(value, PluginBase)
    )
    return plugin


def filled(text: str, plugin: type[PluginBase]) -> str:
    """Return the text with the plugin's marked parts generated anew.

    Raises:
        ValueError: there is no marked part.
    """
    marked = re.compile(
        rf"^( *)(# |<!-- )begin generated from {re.escape(plugin.name)} --about( -->)?\n"
        r"(?:.*\n)*?\1\2end generated\3?\n",
        re.MULTILINE,
    )

    def part(found: re.Match[str]) -> str:
        indent, opening, closing = found[1], found[2], found[3] or ""
        body = definition(plugin) if opening == "# " else table(plugin)
        lines = [
            f"{opening}begin generated from {plugin.name} --about{closing}",
            *body.splitlines(),
            f"{opening}end generated{closing}",
        ]
        return "".join(f"{indent}{line}\n" if line else "\n" for line in lines)

    result, parts = marked.subn(part, text)
    if not parts:
        raise ValueError(f"has no part marked 'begin generated from {plugin.name} --about'")
    return result


def definition(plugin: type[PluginBase]) -> str:
    """Return the plugin's capabilities and settings as Meltano writes them."""
    about = plugin._get_about_info()  # noqa: SLF001 - what --about prints
    required = about.settings.get("required", [])
    said: dict[str, Any] = {"capabilities": [str(each) for each in about.capabilities]}
    if required:
        said["settings_group_validation"] = [list(required)]
    said["settings"] = [
        _setting(name, schema) for name, schema in about.settings["properties"].items()
    ]
    text: Any = yaml.dump(
        said,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=95,
        default_flow_style=False,
    )
    return str(text)


def table(plugin: type[PluginBase]) -> str:
    """Return the plugin's settings as a Markdown table."""
    about = plugin._get_about_info()  # noqa: SLF001 - what --about prints
    required = about.settings.get("required", [])
    lines = ["| setting | kind | default | meaning |", "|---|---|---|---|"]
    for name, schema in about.settings["properties"].items():
        kind = "/".join(f"`{value}`" for value in schema.get("enum", ())) or _kind(schema)
        default = schema.get("default")
        said = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        if name in required:
            said = "required"
        elif default in (None, {}, [], ""):
            said = ""
        description = str(schema.get("description", "")).replace("|", "\\|")
        secret = " (secret)" if schema.get("secret") else ""
        lines.append(f"| `{name}` | {kind}{secret} | {said} | {description} |")
    return "\n".join(lines)


def _setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    kind = _kind(schema)
    # Meltano 4 breaks off on a decimal that comes from the environment, for JSON has none; text is
    # read as a number by the connector.
    setting: dict[str, Any] = {"name": name, "kind": "string" if kind == "decimal" else kind}
    if schema.get("secret"):
        setting["sensitive"] = True
    if "enum" in schema:
        setting["kind"] = "options"
        setting["options"] = [{"label": value, "value": value} for value in schema["enum"]]
    if "default" in schema:
        setting["value"] = schema["default"]
    if "description" in schema:
        setting["description"] = schema["description"]
    return setting


def _kind(schema: dict[str, Any]) -> str:
    """Return Meltano's word for a setting's type."""
    types = schema.get("type", "string")
    first = types[0] if isinstance(types, list) else types
    if schema.get("format") == "date-time":
        return "date_iso8601"
    return _KINDS.get(first, str(first))


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as yamllint asks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - the base's signature
        return super().increase_indent(flow, indentless=False)


if __name__ == "__main__":
    main()
