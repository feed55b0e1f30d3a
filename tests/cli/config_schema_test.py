"""`fairlead config schema` against a validator of its own: files that load are valid, what the loader refuses is not.

    config_schema_test.py FAIRLEAD SOURCE_DIRECTORY
"""

import json
import re
import subprocess
import sys
import unittest

import jsonschema
import yaml

FAIRLEAD, SOURCE = sys.argv[1:3]


class Core(yaml.SafeLoader):
    """YAML 1.2, as editors and the director read it: `off` is a word and no bool."""

    yaml_implicit_resolvers = {}


for tag, pattern, first in (
    ("bool", r"^(true|false)$", "tf"),
    ("null", r"^(null|~)?$", ["n", "~", ""]),
    ("int", r"^[0-9]+$", "0123456789"),
    ("float", r"^[0-9]+\.[0-9]+$", "0123456789"),
):
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), list(first))

SCHEMA = json.loads(subprocess.run([FAIRLEAD, "config", "schema"], check=True, capture_output=True).stdout)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def faults(text: str) -> list:
    """Where the schema finds something wrong: "services.0.health"."""
    found = VALIDATOR.iter_errors(yaml.load(text, Loader=Core))
    return sorted({".".join(map(str, fault.absolute_path)) for fault in found})


def file(name: str) -> str:
    with open(f"{SOURCE}/config/{name}") as stream:
        return stream.read()


def check(health: str) -> str:
    return "version: 1\nservices: [{ mark: 1, health: " + health + " }]\n"


class ConfigSchema(unittest.TestCase):
    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        self.assertGreater(len(SCHEMA["$defs"]["check"]["properties"]), 30)

    def test_files_that_load_are_valid(self):
        for name in ("reference.yaml", "quickstart.yaml"):
            self.assertEqual(faults(file(name)), [], name)

    def test_each_key_of_the_reference_counts(self):
        """A wrong name in place of any key is found."""
        root = yaml.load(file("reference.yaml"), Loader=Core)
        keys = 0

        def walk(node, place: str):
            nonlocal keys
            children = node.items() if isinstance(node, dict) else enumerate(node)
            for key, value in list(children):
                if isinstance(node, dict) and place != ".prefix_sets":  # the names of sets are free
                    node["wrong"] = node.pop(key)
                    self.assertFalse(VALIDATOR.is_valid(root), f"{place}.{key}")
                    node[key] = node.pop("wrong")
                    keys += 1
                if isinstance(value, (dict, list)):
                    walk(value, f"{place}.{key}")

        walk(root, "")
        self.assertTrue(VALIDATOR.is_valid(root))
        self.assertGreater(keys, 150)

    def test_what_the_loader_refuses_is_not_valid(self):
        base = "version: 1\n"
        for text, place in (
            ("{}", ""),
            ("version: 2", "version"),
            (base + "servises: []", ""),
            (base + "director: { idle: nap }", "director.idle"),
            (base + "director: { workers: 0 }", "director.workers"),
            (base + "ports: [{ name: a }]", "ports.0"),
            (base + "log: { level: loud }", "log.level"),
            (base + "policy: { conn_reuse_mode: 4 }", "policy.conn_reuse_mode"),
            (base + "defaults: { timeouts: { tcp: 15 } }", "defaults.timeouts.tcp"),
            (base + "services: [{ port: 65536 }]", "services.0.port"),
            (base + "services: [{ reals: [{ weight: 1 }] }]", "services.0.reals.0"),
        ):
            self.assertEqual(faults(text), [place], text)

    def test_checks_have_the_keys_of_their_type(self):
        for health in (
            "{ type: tcp }",
            "[{ type: https, sni: a, min_tls: 1.3 }, { type: ping }]",
            "{ type: tcp, tls: true, verify: false, send: 'a\\n', receive: { matches: b } }",
            "{ type: tcp, steps: [{ receive: 220 }] }",
            "{ type: http, expect: [200-299, 302], expect_body: ready }",
            "{ type: agent, port: 9777 }",
        ):
            self.assertEqual(faults(check(health)), [], health)
        for health in (
            "{ port: 80 }",
            "{ type: htps }",
            "{ type: tcp, path: / }",
            "{ type: http, path: [/a] }",
            "{ type: smtp, helo: { a: b } }",
            "{ type: dns, tls: true }",
            "{ type: ping, port: 1 }",
            "{ type: mysql, sni: a }",
            "{ type: agent, port: 1, fall: 1 }",
            "{ type: script, command: /bin/true }",
            "{ type: http, expect_body: { sha256: ab } }",
            "{ type: tcp, receive: { sha256: ab } }",
            "{ type: tcp, interval: 2 }",
            "{ type: redis, password: a }",
            "[]",
        ):
            self.assertNotEqual(faults(check(health)), [], health)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
