"""What docs/reference/markers.md shows is so."""

import inspect
import re
from pathlib import Path

from monitor.markers import telemetry
from monitor.markers.client import MarkerClient
from monitor.markers.payload import decode
from monitor.model import Edge

PAGE = (Path(__file__).parents[2] / "docs/reference/markers.md").read_text()


def test_the_example_is_a_marker():
    example, *_ = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    marker = decode(example.encode(), 1)
    assert (marker.stage, marker.edge, marker.index) == ("denoise_step", Edge.BEGIN, 3)


def test_the_example_has_every_field_of_the_table():
    example, *_ = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    table = PAGE.split("| Field |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(
        re.findall(r'^  "(\w+)":', example, re.MULTILINE)
    )


def test_the_shell_command_publishes_a_marker():
    (command,) = re.findall(r"-m \\\n\s+'(.*)'\n", PAGE)
    payload = command.replace("'$(date +%s%N)'", "1772366412345678901")
    assert decode(payload.encode(), 1).attrs == {"text": "door opened"}


def test_the_methods_are_as_described():
    shown = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", PAGE, re.MULTILINE))
    assert set(shown) == {"stage", "header", "begin", "end", "point", "say", "close"}
    for name, parameters in shown.items():
        signature = inspect.signature(getattr(MarkerClient, name))
        plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()][1:]
        said = str(inspect.Signature(plain)).strip("()").replace("'", '"')
        assert said == parameters


def test_the_examples_of_telemetry_are_understood():
    _, sensors, values = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (sensor,) = telemetry.decode_sensors(sensors.encode()).sensors
    assert sensor.window_s == 1.0
    assert {number for number, _, _ in telemetry.decode_values(values.encode()).values} == {0}
