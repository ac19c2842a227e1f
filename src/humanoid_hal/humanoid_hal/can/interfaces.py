"""Names only, so that nothing else is imported for them."""

#: Interfaces of python-can that may stand as `transport` of a bus; with ``+fd`` opened for CAN FD.
INTERFACES = (
    "canalystii", "cantact", "etas", "gs_usb", "iscan", "ixxat", "kvaser", "neousys", "neovi", "nican",
    "nixnet", "pcan", "robotell", "seeedstudio", "socketcan", "socketcand", "systec", "udp_multicast",
    "usb2can", "vector", "virtual",
)  # fmt: skip
