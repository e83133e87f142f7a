"""Write params.schema.json, by which an editor completes and checks params.yaml. Usage: python src/schema.py."""

import json
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from sparsefaces.base.script import run
from sparsefaces.base.params import Params

SCHEMA_FILE = Path("params.schema.json")


def schema_text() -> str:
    """Return the schema of params.yaml as the file holds it."""
    schema = {"$schema": GenerateJsonSchema.schema_dialect, **Params.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    """Write the file."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    run(main)
