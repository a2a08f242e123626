#!/usr/bin/env python3
"""Generates the data set edge_events: one terse equipment or sensor log line -> one strict JSON record.

Usage: make_edge_events.py [--seed N] [--train ROWS] [--test ROWS] [--out DIR]

Writes DIR/train.jsonl and DIR/test.jsonl, rows {"messages": [system, user, assistant]}. The lines of test.jsonl are
made from templates and devices that no line of train.jsonl uses. The rules are in data/README.md. The same seed gives
the same bytes with every Python 3.
"""

import argparse
import json
import os
import random

# metric: (spellings in a line, [(unit in the record, spellings in a line, lowest value, highest value, decimals)])
METRICS = {
    "temperature": (("temperature", "temp", "TEMP", "Temp"),
                    [("C", ("C", "degC", "°C"), 15, 120, 1), ("F", ("F", "degF", "°F"), 60, 250, 0)]),
    "pressure": (("pressure", "press", "PRESSURE", "Pressure"),
                 [("bar", ("bar", "Bar"), 1, 16, 1), ("kPa", ("kPa", "kpa"), 80, 900, 0)]),
    "vibration": (("vibration", "vib", "VIB", "Vibration"), [("mm/s", ("mm/s", "mm/sec"), 0.2, 18, 1)]),
    "speed": (("speed", "spd", "SPEED", "Speed"), [("rpm", ("rpm", "RPM", "r/min"), 200, 3600, 0)]),
    "current": (("current", "curr", "CURRENT", "Current"), [("A", ("A", "amps", "Amp"), 1, 90, 1)]),
    "voltage": (("voltage", "volt", "VOLTAGE", "Voltage"), [("V", ("V", "volts", "Volt"), 12, 480, 0)]),
    "flow": (("flow", "FLOW", "flow rate", "Flow"),
             [("L/min", ("L/min", "lpm", "l/min"), 2, 240, 1)]),
    "level": (("level", "lvl", "LEVEL", "Level"), [("%", ("%", "pct", "percent"), 5, 99, 0)]),
    "humidity": (("humidity", "hum", "HUMIDITY", "RH"), [("%", ("%", "pct", "percent"), 20, 98, 0)]),
}

SEVERITIES = {
    "ok": ("OK", "ok", "normal", "NORMAL", "nominal", "within limits", "in range", "INFO", "green", "healthy",
           "no alarm"),
    "warning": ("WARN", "WARNING", "warning", "high", "HIGH", "above limit", "elevated", "caution", "yellow",
                "over setpoint", "needs attention"),
    "critical": ("CRIT", "CRITICAL", "critical", "trip level", "TRIP", "danger", "emergency", "red", "FATAL",
                 "above trip level", "very high"),
}
# Where in the metric's span the value of a severity lies, so that lines read like real ones.
BANDS = {"ok": (0.0, 0.55), "warning": (0.6, 0.78), "critical": (0.82, 1.0)}

MECHANICAL = ("vibration", "speed")
ELECTRICAL = ("current", "voltage")
ACTIONS = {  # severity: (mechanical, electrical, every other metric)
    "ok": ("none", "none", "none"),
    "warning": ("inspect", "derate", "adjust"),
    "critical": ("stop", "isolate", "shutdown"),
}

SYSTEM = (
    "Write the log line as JSON: device, metric (temperature pressure vibration speed current voltage flow level "
    "humidity), value, unit (C F bar kPa mm/s rpm A V L/min %), severity (ok warning critical), "
    "action (none inspect derate adjust stop isolate shutdown)"
)

# {d} device, {m} metric, {v} value, {u} unit, {s} severity, {t} hh:mm, {n} a number that means nothing.
TRAIN_TEMPLATES = (
    "{s} {d} {m}={v}{u}",
    "{s}: {d} {m} {v} {u}",
    "[{s}] {d} {m} {v} {u}",
    "[{s}] {d}: {m} at {v} {u}",
    "<{s}> {m} on {d} reads {v} {u}",
    "{d} {m} {v} {u} {s}",
    "{d} {m}={v}{u} {s}",
    "{d}: {m} {v} {u} ({s})",
    "{d}: {m}={v} {u}, {s}",
    "{d} {m} {v}{u} [{s}]",
    "{d} | {m} | {v} | {u} | {s}",
    "{d};{m};{v};{u};{s}",
    "{d},{m},{v},{u},{s}",
    "{s};{d};{m};{v} {u}",
    "{s}|{d}|{m}|{v}{u}",
    "{t} {d} {m} {v} {u} {s}",
    "{t} {s} {d} {m}={v}{u}",
    "{t} [{s}] {d} {m}: {v} {u}",
    "{t};{d};{m};{v}{u};{s}",
    "{t} {d} reports {m} of {v} {u}, status {s}",
    "{t} | {s} | {d} | {m} {v} {u}",
    "dev={d} {m}={v} unit={u} sev={s}",
    "device={d} metric={m} value={v}{u} state={s}",
    "id={d} status={s} {m}={v}{u}",
    "sev={s} dev={d} {m}={v} {u}",
    "src={d} {m}:{v}{u} st:{s}",
    "{m} of {d} is {v} {u}: {s}",
    "{m} {v} {u} at {d}, {s}",
    "{m}={v}{u} dev={d} {s}",
    "{m} {s} on {d}: {v} {u}",
    "{m} {s} ({v} {u}) {d}",
    "{m} [{d}] {v} {u} - {s}",
    "{d} - {m} {s} - {v} {u}",
    "{d} {m} {s} {v}{u}",
    "{d} {s}: {m} now {v} {u}",
    "{d}/{m} {v} {u} {s}",
    "{d}> {m} {v}{u} > {s}",
    "@{d} {s} {m} {v} {u}",
    "#{n} {d} {m} {v} {u} {s}",
    "#{n} {s} {d}: {m} = {v} {u}",
    "seq {n}: {d} {m} {v}{u} ({s})",
    "sensor {d} read {m} {v} {u}; {s}",
    "alert? {s}. {d} {m} {v} {u}",
    "node {d}: {s}, {m} {v} {u}",
    "unit {d} {m} reading {v} {u} is {s}",
    "{v} {u} {m} on {d}, {s}",
    "{v}{u} {m} {d} {s}",
    "{s} - {v} {u} - {m} - {d}",
)
TEST_TEMPLATES = (
    "{s} | {d} {m} {v} {u}",
    "{d} [{s}] {m} {v}{u}",
    "{d}: {s}, {m} {v} {u}",
    "{t} {d}: {m}={v}{u} ({s})",
    "{t} {m} {d} {v} {u} {s}",
    "{s} {m} {v} {u} from {d}",
    "dev:{d} {m}:{v}{u} status:{s}",
    "{m} on {d} = {v} {u} [{s}]",
    "{d} has {m} {v} {u}, {s}",
    "({s}) {d} {m} {v} {u}",
    "#{n} {d};{m};{v}{u};{s}",
    "{d} {m} at {v} {u} - {s}",
)

TRAIN_KINDS = (
    "pump", "fan", "ahu", "chiller", "boiler", "compressor", "conveyor", "mixer", "motor", "cnc", "lathe", "robot", "tank",
    "silo", "oven", "dryer", "turbine", "gen", "ups", "panel", "rack", "crane", "spindle", "feeder", "blower", "reactor",
    "heater", "valve", "P", "TK", "M", "K", "VFD", "HX", "washer", "tower",
)
TEST_KINDS = ("pump", "fan", "chiller", "motor", "tank", "washer", "mill", "kiln", "hoist", "filter", "saw", "E", "cooler")
DEVICE_SHAPES = ("{k}-{i:02}", "{k}{i}", "{k}_{i}{a}", "{k}.line{j}", "{k}-{h}", "{k}{i:02}{a}", "{p}-{k}-{j}",
                 "{p}.{k}{j}", "{k}_{p}_{j}", "{k}/{i}", "{k}-{h}{a}", "{p}{j}-{k}")
PLACES = ("north", "south", "hall", "lab", "roof", "B", "L", "dock", "cell")
TRAIN_DEVICES, TEST_DEVICES = 480, 60


class Dice:
    """Choices from random.Random.random() alone: the one sequence that Python promises to keep between versions."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def integer(self, low, high):
        return low + int(self._random() * (high - low + 1))

    def real(self, low, high):
        return low + self._random() * (high - low)

    def pick(self, items):
        return items[self.integer(0, len(items) - 1)]

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.integer(0, last)
            items[last], items[other] = items[other], items[last]
        return items

    def deal(self, items, count):
        """`count` items in random order, each as often as every other, give or take one."""
        dealt = []
        while len(dealt) < count:
            dealt += self.shuffled(items)
        return dealt[:count]


def make_device(dice, kinds):
    kind = dice.pick(kinds)
    kind = dice.pick((kind, kind, kind.upper(), kind.capitalize()))
    place = dice.pick(PLACES)
    place = dice.pick((place, place.upper()))
    return dice.pick(DEVICE_SHAPES).format(k=kind, p=place, i=dice.integer(1, 40), j=dice.integer(1, 9),
                                           h=dice.integer(101, 699), a=dice.pick("ABC"))


def make_devices(dice, kinds, count, taken):
    """`count` device names, different from each other and from `taken` even without regard to case."""
    devices, used = [], {name.lower() for name in taken}
    while len(devices) < count:
        device = make_device(dice, kinds)
        if device.lower() not in used:
            used.add(device.lower())
            devices.append(device)
    return devices


def action_for(severity, metric):
    mechanical, electrical, other = ACTIONS[severity]
    return mechanical if metric in MECHANICAL else electrical if metric in ELECTRICAL else other


def make_row(dice, template, device, metric, severity, spelling):
    metric_spellings, units = METRICS[metric]
    unit, unit_spellings, lowest, highest, decimals = dice.pick(units)
    low, high = (lowest + share * (highest - lowest) for share in BANDS[severity])
    value = f"{dice.real(low, high):.{decimals}f}"
    line = template.format(d=device, m=dice.pick(metric_spellings), v=value, u=dice.pick(unit_spellings), s=spelling,
                           t=f"{dice.integer(0, 23):02}:{dice.integer(0, 59):02}", n=dice.integer(10, 999))
    # The value stands in the record as it stands in the line: 7.0 stays 7.0.
    record = (f'{{"device":{json.dumps(device)},"metric":"{metric}","value":{value},"unit":"{unit}",'
              f'"severity":"{severity}","action":"{action_for(severity, metric)}"}}')
    return {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": line},
                         {"role": "assistant", "content": record}]}


def make_rows(dice, count, templates, devices):
    spellings = [(severity, word) for severity, words in SEVERITIES.items() for word in words]
    columns = zip(dice.deal(templates, count), dice.deal(devices, count), dice.deal(list(METRICS), count),
                  dice.deal(spellings, count))
    return [make_row(dice, template, device, metric, severity, word)
            for template, device, metric, (severity, word) in columns]


def generate(seed, train_rows, test_rows):
    """(training rows, held-out rows) of a seed."""
    train_devices = make_devices(Dice(f"{seed}/train/devices"), TRAIN_KINDS, TRAIN_DEVICES, ())
    test_devices = make_devices(Dice(f"{seed}/test/devices"), TEST_KINDS, TEST_DEVICES, train_devices)
    return (make_rows(Dice(f"{seed}/train/rows"), train_rows, TRAIN_TEMPLATES, train_devices),
            make_rows(Dice(f"{seed}/test/rows"), test_rows, TEST_TEMPLATES, test_devices))


def write_rows(path, rows):
    with open(path + ".partial", "w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(path + ".partial", path)


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="which rows and devices are made")
    parser.add_argument("--train", type=int, default=1200, metavar="ROWS", help="rows of train.jsonl")
    parser.add_argument("--test", type=int, default=100, metavar="ROWS", help="rows of test.jsonl")
    parser.add_argument("--out", default=os.path.join(root, "data", "edge_events"), metavar="DIR",
                        help="folder that takes the two files")
    options = parser.parse_args()
    if options.train < 1 or options.test < 1:
        parser.error("--train and --test must be at least 1")
    os.makedirs(options.out, exist_ok=True)
    train, test = generate(options.seed, options.train, options.test)
    write_rows(os.path.join(options.out, "train.jsonl"), train)
    write_rows(os.path.join(options.out, "test.jsonl"), test)


if __name__ == "__main__":
    main()
