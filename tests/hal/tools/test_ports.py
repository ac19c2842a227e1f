"""Ports of this machine, rules that name them, commands that bring CAN up."""

import re
from types import SimpleNamespace

import pytest

from humanoid_hal.tools.can_links import CanLink, commands
from humanoid_hal.tools.ports import Port, changes, find_ports
from humanoid_hal.tools.udev import rules

FTDI = Port("/dev/ttyUSB0", "", "USB <-> Serial", "FT4NRX", 0x0403, 0x6014, "1-2.3:1.0")
NAMELESS = Port("/dev/ttyUSB1", "", "CH340", "", 0x1A86, 0x7523, "1-2.4")
UART = Port("/dev/ttyS0")


def listed(device, serial=None, vid=None):
    return SimpleNamespace(
        device=device, product=None, serial_number=serial, vid=vid, pid=vid, location=None
    )


def test_serial_ports_have_their_lasting_name_and_can_interfaces_come_last(tmp_path):
    by_id, net = tmp_path / "by-id", tmp_path / "net"
    by_id.mkdir()
    for name, kind in (("can1", "280"), ("can0", "280"), ("eth0", "1")):
        (net / name).mkdir(parents=True)
        (net / name / "type").write_text(f"{kind}\n")
    (tmp_path / "ttyUSB1").touch()
    (by_id / "usb-FTDI_A").symlink_to(tmp_path / "ttyUSB1")
    usb = str(tmp_path / "ttyUSB1")
    found = find_ports(lambda: [listed(usb, "A", 1027), listed("/dev/ttyS0")], by_id, net)
    assert [port.device for port in found] == [*sorted(["/dev/ttyS0", usb]), "can0", "can1"]
    assert {port.device: port.name for port in found}[usb] == str(by_id / "usb-FTDI_A")


def test_a_machine_without_any_port_is_no_error(tmp_path):
    assert find_ports(list, tmp_path / "a", tmp_path / "b") == ()


def test_the_difference_is_what_went_and_what_came():
    assert changes((UART, FTDI), (UART,)) == ((FTDI,), ())
    assert changes((UART,), (UART, FTDI)) == ((), (FTDI,))


def test_a_rule_names_the_adapter_by_its_serial_number_and_socket_only_without_one():
    text = rules({"left_leg": FTDI, "right_leg": NAMELESS})
    left, right = (line for line in text.splitlines() if "SYMLINK" in line)
    assert 'ATTRS{serial}=="FT4NRX"' in left
    assert "KERNELS" not in left
    assert 'ENV{ID_USB_INTERFACE_NUM}=="00"' in left
    assert 'KERNELS=="1-2.4"' in right
    assert 'SYMLINK+="humanoid/left_leg"' in left


def test_rules_set_the_latency_timer_of_ftdi_chips_to_1_ms():
    assert re.search(r'DRIVER=="ftdi_sio", ATTR\{latency_timer\}="1"', rules({}))


def test_each_line_of_the_rules_is_a_comment_or_pairs_that_udev_reads():
    pair = r'[A-Z_]+(\{[^}"]+\})?(==|\+=|=)"[^"]*"'
    for line in rules({"left_leg": FTDI, "right_leg": NAMELESS}).splitlines():
        assert not line or line.startswith("#") or re.fullmatch(rf"{pair}(, {pair})*", line), line


@pytest.mark.parametrize(
    ("name", "port", "words"),
    [
        ("left leg", FTDI, "is no name"),
        ("../x", FTDI, "is no name"),
        ("uart", UART, "no USB adapter"),
        ("lost", Port("/dev/ttyUSB9", vendor_id=1, product_id=1), "neither serial number"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(name, port, words):
    with pytest.raises(ValueError, match=words):
        rules({name: port})


def test_can_goes_down_first_and_gets_a_queue_that_holds_a_limb():
    lines = [" ".join(command) for command in commands(CanLink("can0"))]
    assert lines == [
        "ip link set can0 down",
        "ip link set can0 type can bitrate 1000000",
        "ip link set can0 txqueuelen 1000",
        "ip link set can0 up",
    ]


def test_can_fd_gets_its_data_phase():
    (_, kind, *_) = commands(CanLink("can0", data_bitrate=5_000_000))
    assert kind[-4:] == ("dbitrate", "5000000", "fd", "on")


@pytest.mark.parametrize(
    "figures",
    [
        {"bitrate": 9_999},
        {"bitrate": 1_000_001},
        {"data_bitrate": 999_999},
        {"data_bitrate": 8_000_001},
        {"queue": 9},
        {"queue": 10_001},
        {"channel": "can0; reboot"},
        {"channel": ""},
    ],
)
def test_figures_that_no_interface_takes_are_refused(figures):
    with pytest.raises(ValueError):
        CanLink(**{"channel": "can0", **figures})
