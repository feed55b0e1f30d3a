"""The OpenAPI document is one: checked by openapi-spec-validator where that is installed, else, as Debian 12 has no validator
of OpenAPI 3.1, schema by schema against JSON Schema 2020-12, which those schemas are, with what stands around them.

  check_openapi.py openapi.json
"""

import json
import re
import sys

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def check_wholly(document: dict) -> bool:
    """False when no validator is installed; raises what is wrong."""
    try:
        from openapi_spec_validator import validate
    except ImportError:
        return False
    validate(document)
    return True


def schemas(node, is_schema: bool = False):
    """Every schema of the document, the outermost ones."""
    if is_schema:
        yield node
    elif isinstance(node, dict):
        for key, below in node.items():
            if key == "schemas":
                yield from below.values()
            else:
                yield from schemas(below, key == "schema")
    elif isinstance(node, list):
        for below in node:
            yield from schemas(below)


def check_around(document: dict):
    names = set()
    for path, item in document["paths"].items():
        placeholders = set(re.findall(r"{(\w+)}", path))
        for method, operation in item.items():
            if method == "parameters":
                continue
            assert method in METHODS, f"{path}: no method {method}"
            assert operation.get("operationId"), f"{method} {path} has no operationId"
            assert operation["operationId"] not in names, f"{operation['operationId']} is there twice"
            names.add(operation["operationId"])
            assert operation["responses"], f"{method} {path} has no responses"
            for status, answer in operation["responses"].items():
                assert re.fullmatch("[1-5][0-9X]{2}|default", status), f"{method} {path}: no status {status}"
                assert "$ref" in answer or answer.get("description"), f"{method} {path} {status}: no description"
            parameters = [resolve(document, each) for each in [*item.get("parameters", []), *operation.get("parameters", [])]]
            assert all("schema" in each and each["in"] in ("path", "query", "header") for each in parameters), path
            named = {each["name"] for each in parameters if each["in"] == "path" and each["required"]}
            assert named == placeholders, f"{method} {path}: {named} and {placeholders}"


def resolve(document: dict, node: dict) -> dict:
    while "$ref" in node:
        target = document
        for word in node["$ref"].removeprefix("#/").split("/"):
            target = target[word]
        node = target
    return node


def main() -> int:
    with open(sys.argv[1]) as file:
        document = json.load(file)
    check_around(document)
    if check_wholly(document):
        print("openapi-spec-validator finds no fault")
        return 0
    from jsonschema import Draft202012Validator  # python3-jsonschema, which scripts/install-deps installs
    count = 0
    for schema in schemas(document):
        Draft202012Validator.check_schema(schema)
        count += 1
    assert count > 50, count
    print(f"jsonschema finds no fault in {count} schemas")
    return 0


if __name__ == "__main__":
    sys.exit(main())
