"""Frames of real devices and vendors' documents decode to the values given with them.

Where a frame holds both, its orientation turns its own acceleration upward: that proves order,
signs and direction of the quaternion without trusting any document.
"""

import numpy as np
import pytest

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.drivers.bno085 import codec as bno085
from humanoid_hal.drivers.hipnuc import codec as hipnuc
from humanoid_hal.drivers.imu.axes import DEGREE, GRAVITY, Reading, about, multiply, rotate
from humanoid_hal.drivers.microstrain import codec as microstrain
from humanoid_hal.drivers.vectornav import codec as vectornav
from humanoid_hal.drivers.xsens_mti import codec as xsens

# Scottapotamas/xsens-mti, test/test_xsens_mti_parse_messages.c: captured from an MTi-300 on its
# side, decoded by Xsens' MT Manager.
MTI_300 = bytes.fromhex(
    "FAFF3692 102002918D 1060040136 3FA6 2010103F35E0423F31CD15BD9F49DBBDA938CF"
    "40200CBD635A90411D08D43E5FAA50 40100CB91168003CC901003A0F7D00"
    "40300CBC3B29803C35FC003CA46E00 80200C3CAEA241BB56D800BAD5AC01"
    "8030103F80000037DF8801B6898000B608C000 C0200CBEFBFBF23F33C485BFA0A2C1"
    "08100442168000 301004000186E1 E0200400400003 DD"
)
# The same file: shaken beyond its range.
MTI_300_SHAKEN = bytes.fromhex(
    "FAFF368B 102002FB85 10600401A498DE 2010103F2A1463BED7EFA73CDEE5083F1DCEC9"
    "40200CC1F246C3C1ECE076C28F853F 40100CBD932CCCBD920A16BE3A6EEC"
    "40300C42519464C27B5A5AC1CCC0AE 80200C40854D6DC125559EC0908E1F"
    "8030103F7FF8983BAA9EE5BC539EC0BBB9060C C0200C3EDC7439BE752B483FAF9A3F"
    "301004000186DE E0200400481401 8E"
)
# hipnuc/products, examples/python: the vendor's example of an HI91 frame.
HI91 = bytes.fromhex(
    "5AA54C0014BB 91081523 09A2C447 08151C00 CCE861BE 9A35563E 65EA723F 31D07CBD 75DDC5BB 6BD724BC"
    "8988FC40 01006A41 AB2A70C2 96D45041 ED034341 41F4F4C2 CCCAF8BE 736A19BE F0001C3D 8D375C3F"
)
# HiPNUC CH100 manual, section 6.3: an older product's frame of the same packet.
HI91_CH100 = bytes.fromhex(
    "5AA54C006C51 9100A03B 01A80297 BDBB0400 9CA0653E A226453F 5CE7303F E2D45AC2 E59DA0C1 EB23EEC2"
    "78779941 ABAAD1C1 AB2A0AC2 8DE14242 8F1DA8C1 1E0C36C2 E6E55A3F C1949E3E B8C09EBE BEDF8DBE"
)
# CEVA BNO08X data sheet, section UART-RVC.
BNO085 = bytes.fromhex("AAAADE010092FF25088DFEECFFD103000000E7")
# VectorNav VN-100 user manual, binary output with yaw, pitch, roll only.
VN_100 = bytes.fromhex("FA01080093502E42833EF13F48B504BB9288")
# LORD-MicroStrain/mip_sdk, test/cpp/packet_interface.cpp: acceleration (1, 2, -3) g; and a ping.
MIP_ACCELERATION = bytes.fromhex("7565800E0E043F80000040000000C040000079ED")
MIP_PING = bytes.fromhex("756501020201E0C6")


def upward(reading: Reading) -> np.ndarray:
    assert reading.orientation is not None
    force = reading.linear_acceleration
    return rotate(reading.orientation, force / np.linalg.norm(force))


def test_an_mti_on_its_side() -> None:
    (frame,) = FrameReader(xsens.FORMAT).feed(MTI_300)
    reading = xsens.parse_reading(frame[4:-1])
    assert reading is not None
    assert reading.angular_velocity == pytest.approx(
        [0.0213176, -0.00327826, -0.00163019], abs=1e-7
    )
    assert reading.linear_acceleration == pytest.approx([-0.05550629, 9.8146553, 0.21842313])
    assert reading.orientation == pytest.approx(
        [0.69453555, -0.07777759, -0.08262789, 0.71045315], abs=1e-6
    )
    assert reading.temperature == 37.625
    assert upward(reading) == pytest.approx([0, 0, 1], abs=0.002)


def test_an_mti_shaken() -> None:
    (frame,) = FrameReader(xsens.FORMAT).feed(MTI_300_SHAKEN)
    reading = xsens.parse_reading(frame[4:-1])
    assert reading is not None
    assert reading.angular_velocity == pytest.approx([4.16570139, -10.33340263, -4.51734877])
    assert reading.linear_acceleration == pytest.approx([-30.28455162, -29.60960007, -71.76024628])
    status = dict(xsens.parse_items(frame[4:-1]))[xsens.STATUS_WORD]
    assert int.from_bytes(status, "big") & xsens.CLIPPING


@pytest.mark.parametrize(
    ("sent", "made"),
    [
        ("FAFF3000D1", xsens.make_message(xsens.GO_TO_CONFIG)),
        ("FAFF3100D0", xsens.make_message(xsens.GO_TO_CONFIG + 1)),
        ("FAFF1100F0", xsens.make_message(xsens.GO_TO_MEASUREMENT + 1)),
        ("FAFF0304037003F88C", xsens.make_message(3, bytes.fromhex("037003F8"))),
        (
            "FAFFC1081020FFFF1060FFFF9C",
            xsens.make_output_acknowledgement([(0x1020, 0xFFFF), (0x1060, 0xFFFF)]),
        ),
    ],
)
def test_xbus_messages(sent: str, made: bytes) -> None:
    assert made == bytes.fromhex(sent)


def test_a_hi14() -> None:
    (frame,) = FrameReader(hipnuc.FORMAT).feed(HI91)
    reading = hipnuc.parse_reading(frame)
    assert reading is not None
    assert hipnuc.parse_time(frame) == 1_840_392
    assert reading.temperature == 35.0
    assert reading.angular_velocity is not None
    assert reading.angular_velocity / DEGREE == pytest.approx(
        [-0.0617, -0.00604, -0.01006], abs=1e-4
    )
    assert reading.linear_acceleration / GRAVITY == pytest.approx(
        [-0.220615, 0.209189, 0.948889], abs=1e-6
    )
    # Its angles: roll 13.052, pitch 12.188, yaw -122.477 degrees, as z, then x (pitch), then y.
    expected = multiply(
        about(2, -122.477 * DEGREE), multiply(about(0, 12.188 * DEGREE), about(1, 13.052 * DEGREE))
    )
    assert reading.orientation is not None
    assert abs(float(reading.orientation @ expected)) == pytest.approx(1.0, abs=1e-6)
    assert upward(reading) == pytest.approx([0, 0, 1], abs=0.002)


def test_a_ch100_in_motion() -> None:
    (frame,) = FrameReader(hipnuc.FORMAT).feed(HI91_CH100)
    reading = hipnuc.parse_reading(frame)
    assert reading is not None
    assert reading.angular_velocity is not None
    assert reading.angular_velocity / DEGREE == pytest.approx(
        [-54.708, -20.077, -119.070], abs=1e-3
    )


def test_the_data_sheet_of_the_bno085() -> None:
    (frame,) = FrameReader(bno085.FORMAT).feed(BNO085)
    reading = bno085.parse_reading(frame)
    assert bno085.parse_index(frame) == 222
    assert reading.angular_velocity is None
    assert reading.linear_acceleration == pytest.approx([-3.638, -0.196, 9.581], abs=1e-3)
    assert upward(reading) == pytest.approx([0, 0, 1], abs=0.002)
    assert bno085.make_frame(222, (1, -110, 2085), (-371, -20, 977)) == BNO085


def test_the_checksum_of_the_vn_100() -> None:
    assert vectornav.crc16(VN_100[1:]) == 0


@pytest.mark.parametrize(
    "sentence", ["$VNRRG,01*72", "$VNWRG,06,14*59", "$VNWRG,07,50*58", "$VNWRG,75,0,4,01,0128*7A"]
)
def test_sentences_of_vectornav_programs(sentence: str) -> None:
    words = sentence[1:-3].split(",")
    numbered = [words[0], int(words[1]), *words[2:]]
    assert vectornav.make_sentence(*numbered) == sentence.encode() + b"\r\n"


def test_packets_of_the_mip_sdk() -> None:
    assert microstrain.make_command(microstrain.BASE, microstrain.PING) == MIP_PING
    (packet,) = FrameReader(microstrain.FORMAT).feed(MIP_ACCELERATION)
    ((field, content),) = microstrain.parse_fields(packet)
    assert field == microstrain.SCALED_ACCELERATION
    assert np.frombuffer(content, ">f4").tolist() == [1.0, 2.0, -3.0]
    assert microstrain.parse_reading(packet) is None  # no rate, no reading
