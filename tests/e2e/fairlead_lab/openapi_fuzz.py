"""Requests made from the API's own description: right ones, nearly right ones, and rubbish.

    fuzz = OpenApiFuzz(document, ask, seed=1, hints={"service": ["web"]})
                                                # ask(method, target, body) gives (status, content type, text)
    fuzz.run(seconds=5, restore=reload)
    fuzz.faults, fuzz.counts                           # what was not as described; answers by status

An answer must be one that the document has for its operation, or one of those that any request may get; an error must be
a problem document with the right status. A success must have the members that its schema requires.
"""

import json
import random
import time
from urllib.parse import quote, urlencode

# What the server may say to any request, whatever the operation: RFC 9110 and docs/api.md.
ALWAYS = {400, 404, 413, 421, 422, 431, 503}
# The first replaces the process, the second does not end, the others wait for as long as they are asked to.
NEVER_ASKED = {"upgrade", "followEvents", "topClients", "topServices"}
STRINGS = ["", "web", "shop", "10.0.0.11:80", "10.0.0.11", "192.0.2.0/24", "::1", "tcp", "rr", "up", "30m", "-1", "null",
           "\x00", "é", "\udcff", "a" * 300, "../..", "%2e%2e", "'\"<>&", "{", "true", "1e999", "0x10", "99999999999999999999"]
NUMBERS = [0, 1, -1, 80, 65535, 65536, 2 ** 31, 2 ** 63, -2 ** 63, 1.5, 1e308, 10 ** 30]


class OpenApiFuzz:
    def __init__(self, document: dict, ask, seed: int, hints: dict):
        """`hints`: for members and parameters of a name, values that make sense of this director."""
        self.document, self.ask, self.random, self.hints = document, ask, random.Random(seed), hints
        self.operations = [(path, method, operation, shared.get("parameters", []))
                           for path, shared in document["paths"].items() for method, operation in shared.items()
                           if method != "parameters" and operation["operationId"] not in NEVER_ASKED]
        self.faults, self.counts, self.reached = [], {}, set()

    def resolve(self, node: dict) -> dict:
        while "$ref" in node:
            target = self.document
            for word in node["$ref"].removeprefix("#/").split("/"):
                target = target[word]
            node = target
        return node

    # ---- values ----

    def value(self, schema: dict, depth: int = 0, name: str = ""):
        """Of the schema, mostly."""
        pick, schema = self.random, self.resolve(schema)
        if name in self.hints and pick.random() < 0.7:
            return pick.choice(self.hints[name])
        if pick.random() < 0.12 or depth > 6:
            return self.rubbish(depth)
        if "enum" in schema:
            return pick.choice(schema["enum"])
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self.value(pick.choice(schema[word]), depth + 1)
        if "allOf" in schema:
            parts = [self.value(part, depth + 1) for part in schema["allOf"]]
            return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}
        kind = schema.get("type", "object" if "properties" in schema else "string")
        kind = pick.choice(kind) if isinstance(kind, list) else kind
        if kind == "object":
            required = schema.get("required", [])
            members = {key: self.value(its, depth + 1, key) for key, its in schema.get("properties", {}).items()
                       if (pick.random() < 0.95 if key in required else pick.random() < 0.3)}
            if pick.random() < 0.05:
                members[pick.choice(STRINGS)] = self.rubbish(depth)
            return members
        if kind == "array":
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(pick.choice([0, 1, 1, 2, 5]))]
        if kind in ("integer", "number"):
            low, high = schema.get("minimum", 0), min(schema.get("maximum", 1000), 10 ** 9)
            return pick.choice(NUMBERS) if pick.random() < 0.3 else pick.randint(low, max(low, high))
        return {"boolean": pick.random() < 0.5, "null": None}.get(kind, pick.choice(STRINGS))

    def rubbish(self, depth: int):
        pick = self.random
        kind = pick.randrange(6)
        if kind == 0:
            return pick.choice(STRINGS)
        if kind == 1:
            return pick.choice(NUMBERS)
        if kind == 2 and depth < 6:
            return [self.rubbish(depth + 1) for _ in range(pick.randrange(4))]
        if kind == 3 and depth < 6:
            return {pick.choice(STRINGS): self.rubbish(depth + 1) for _ in range(pick.randrange(4))}
        return pick.choice([None, True, False])

    @staticmethod
    def text(value) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return text.encode("utf-8", "surrogateescape").decode("latin-1")

    # ---- requests ----

    def request(self, path: str, operation: dict, shared: list):
        query = []
        for parameter in map(self.resolve, [*shared, *operation.get("parameters", [])]):
            value = self.text(self.value(parameter.get("schema", {}), 0, parameter["name"]))
            if parameter["in"] == "path":
                word = quote(value.encode("latin-1"), safe="") or "x"  # an empty one would be another path
                path = path.replace("{%s}" % parameter["name"], word)
            elif parameter["in"] == "query" and self.random.random() < 0.5:
                query.append((parameter["name"], value.encode("latin-1")))
        target = path + ("?" + urlencode(query) if query else "")
        body = b""
        content = operation.get("requestBody", {}).get("content", {})
        if content and self.random.random() < 0.97:
            schema = content.get("application/json", {"schema": {"type": "string"}})["schema"]
            whole = self.value(schema, 0, f"body of {operation['operationId']}")
            is_yaml = isinstance(whole, str) and whole.startswith("version:")
            body = whole.encode() if is_yaml else json.dumps(whole).encode()
        if body and self.random.random() < 0.1:
            at = self.random.randrange(len(body))
            body = body[:at] + bytes([self.random.randrange(256)]) + body[at + 1:]
        return target, body

    def run(self, seconds: float, restore):
        """`restore` undoes what the requests have done; called now and then, so that there is something to ask for."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(self.faults) < 20:
            path, method, operation, shared = self.random.choice(self.operations)
            target, body = self.request(path, operation, shared)
            status, kind, text = self.ask(method.upper(), target, body)
            self.counts[status] = self.counts.get(status, 0) + 1
            if sum(self.counts.values()) % 50 == 0:
                restore()
            if fault := self.fault(operation, status, kind, text):
                self.faults.append(f"{method.upper()} {target} {body[:300]!r}: {fault}; {text[:300]}")
            elif status < 300:
                self.reached.add(operation["operationId"])

    # ---- answers ----

    def fault(self, operation: dict, status: int, kind: str, text: str) -> str:
        described = operation["responses"].get(str(status))
        if described is None and status not in ALWAYS:
            return f"status {status} is not described"
        if status >= 400:
            return self.fault_of_problem(status, kind, text)
        content = self.resolve(described).get("content", {})
        if content and kind.split(";")[0] not in content:
            return f"content type {kind} is not described"
        if kind != "application/json":
            return ""
        try:
            document = json.loads(text)
        except ValueError as error:
            return f"no JSON: {error}"
        return self.lacks(content.get("application/json", {}).get("schema", {}), document)

    @staticmethod
    def fault_of_problem(status: int, kind: str, text: str) -> str:
        if kind != "application/problem+json":
            return f"status {status} with content type {kind}"
        try:
            problem = json.loads(text)
        except ValueError as error:
            return f"no JSON: {error}"
        if problem.get("status") != status or not problem.get("detail"):
            return "a problem document without its status or a detail"
        return "" if str(problem.get("type", "")).startswith("urn:fairlead:problem:") else "a problem without a type"

    def lacks(self, schema: dict, value, where: str = "") -> str:
        """The first member that the schema requires and the answer lacks, or that has another type."""
        schema = self.resolve(schema)
        for part in schema.get("allOf", []):
            if found := self.lacks(part, value, where):
                return found
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
                 "null": type(None)}
        if kinds and not any(isinstance(value, types[kind]) for kind in kinds):
            return f"{where or 'the answer'} is {type(value).__name__}, not {' or '.join(kinds)}"
        if isinstance(value, dict):
            for key in schema.get("required", []):
                if key not in value:
                    return f"{where}.{key} is missing"
            for key, its in schema.get("properties", {}).items():
                if key in value and (found := self.lacks(its, value[key], f"{where}.{key}")):
                    return found
        if isinstance(value, list):
            for index, item in enumerate(value[:20]):
                if found := self.lacks(schema.get("items", {}), item, f"{where}[{index}]"):
                    return found
        return ""
