import support  # noqa: F401, first: it makes the scripts importable

import json
import os
import unittest

import make_edge_events as generator


def parts(row):
    system, user, assistant = row["messages"]
    return system, user["content"], json.loads(assistant["content"])


class EdgeEvents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sets = {seed: generator.generate(seed, 1200, 100) for seed in (1, 2)}

    def test_the_committed_files_are_those_of_seed_1(self):
        for rows, name in zip(self.sets[1], ("train.jsonl", "test.jsonl")):
            with open(os.path.join(support.ROOT, "data", "edge_events", name), encoding="utf-8") as file:
                self.assertEqual([json.loads(line) for line in file], rows, name)

    def test_a_seed_always_makes_the_same_rows_and_another_makes_others(self):
        self.assertEqual(generator.generate(1, 1200, 100), self.sets[1])
        one = {parts(row)[1] for rows in self.sets[1] for row in rows}
        two = {parts(row)[1] for rows in self.sets[2] for row in rows}
        self.assertLess(len(one & two), 13)

    def test_templates_are_many_and_held_out_ones_are_new(self):
        train, test = generator.TRAIN_TEMPLATES, generator.TEST_TEMPLATES
        self.assertGreaterEqual(len(train), 40)
        self.assertEqual(len(set(train) | set(test)), len(train) + len(test))
        for template in train + test:
            for field in "dmvus":
                self.assertEqual(template.count("{" + field + "}"), 1, template)

    def test_held_out_devices_are_new_and_training_has_many(self):
        for train, test in self.sets.values():
            names = [{parts(row)[2]["device"].lower() for row in rows} for rows in (train, test)]
            self.assertGreaterEqual(len(names[0]), 60)
            self.assertGreaterEqual(len(names[1]), 30)
            self.assertFalse(names[0] & names[1])

    def test_no_line_is_held_out_and_trained_on(self):
        for train, test in self.sets.values():
            self.assertFalse({parts(row)[1] for row in train} & {parts(row)[1] for row in test})

    def test_records_follow_from_their_lines(self):
        words = {word: severity for severity, spelled in generator.SEVERITIES.items() for word in spelled}
        self.assertEqual(len(words), sum(map(len, generator.SEVERITIES.values())))
        for train, test in self.sets.values():
            for row in train + test:
                _, line, record = parts(row)
                self.assertEqual(list(record), ["device", "metric", "value", "unit", "severity", "action"])
                self.assertIn(record["device"], line)
                self.assertIn(row["messages"][2]["content"].split('"value":')[1].split(",")[0], line)
                rest = line.replace(record["device"], "\0")
                self.assertTrue(any(word in rest for word in generator.METRICS[record["metric"]][0]), line)
                self.assertIn(record["severity"], {severity for word, severity in words.items() if word in rest}, line)

    def test_actions_follow_the_documented_rules(self):
        expected = {("ok", "vibration"): "none", ("ok", "level"): "none", ("warning", "vibration"): "inspect",
                    ("warning", "speed"): "inspect", ("warning", "current"): "derate", ("warning", "voltage"): "derate",
                    ("warning", "temperature"): "adjust", ("warning", "level"): "adjust",
                    ("critical", "vibration"): "stop", ("critical", "speed"): "stop", ("critical", "current"): "isolate",
                    ("critical", "voltage"): "isolate", ("critical", "pressure"): "shutdown",
                    ("critical", "humidity"): "shutdown"}
        for (severity, metric), action in expected.items():
            self.assertEqual(generator.action_for(severity, metric), action)

    def test_the_prompt_states_the_schema_and_every_allowed_value(self):
        for train, test in self.sets.values():
            for row in train + test:
                system, _, record = parts(row)
                self.assertEqual(system, {"role": "system", "content": generator.SYSTEM})
                for key in record:
                    self.assertIn(key, generator.SYSTEM)
                for key in ("metric", "unit", "severity", "action"):
                    self.assertIn(record[key], generator.SYSTEM.replace("(", " ").replace(")", " ").split())

    def test_severities_and_spellings_are_evenly_met(self):
        train, test = self.sets[1]
        for rows in (train, test):
            for severity in generator.SEVERITIES:
                count = sum(parts(row)[2]["severity"] == severity for row in rows)
                self.assertAlmostEqual(count / len(rows), 1 / 3, delta=0.04)
