"""Gazebo's messages with the fields that the driver uses: ``gz.msgs10.imu_pb2.IMU`` and so on.

Real protobuf classes, so that parsing costs what it costs. Modules are named as in Gazebo: as the files of
the definitions (gz-msgs, proto/gz/msgs).
"""

import sys
from types import ModuleType

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "gz.msgs"
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "double": _FIELD.TYPE_DOUBLE,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
}

# Message -> its fields, in the order of their numbers; `*` marks a repeated one.
_MESSAGES = {
    "Time": "int64 sec, int32 nsec",
    "Header": "Time stamp",
    "Vector3d": "Header header, double x, double y, double z",
    "Quaternion": "Header header, double x, double y, double z, double w",
    "Pose": "Header header, string name, uint32 id, Vector3d position, Quaternion orientation",
    "Twist": "Header header, Vector3d linear, Vector3d angular",
    "Wrench": "Header header, Vector3d force, Vector3d torque, Vector3d force_offset",
    "Double": "Header header, double data",
    "Double_V": "double *data",
    "Boolean": "Header header, bool data",
    "Clock": "Header header, Time system, Time real, Time sim",
    "Axis": "Header header, Vector3d xyz, double position, double velocity, double force",
    "Joint": "Header header, string name, uint32 id, string parent, string child, Pose pose, Axis axis1",
    "Model": "Header header, string name, uint32 id, Joint *joint, Pose pose",
    "IMU": (
        "Header header, string entity_name, Quaternion orientation, Vector3d angular_velocity, "
        "Vector3d linear_acceleration"
    ),
    "Odometry": "Header header, Pose pose, Twist twist",
    "Entity": "Header header, uint64 id, string name, Type type",
    "EntityWrench": "Header header, Entity entity, Wrench wrench",
    "Contact": "Header header, Entity collision1, Entity collision2, Vector3d *position",
    "Contacts": "Header header, Contact *contact",
    "WorldReset": "Header header, bool all, bool time_only, bool model_only",
    "WorldControl": "Header header, bool pause, bool step, uint32 multi_step, WorldReset reset",
}
#: Files that are not just the message's name in lower case.
_FILES = {
    "EntityWrench": "entity_wrench",
    "WorldControl": "world_control",
    "WorldReset": "world_reset",
}
_ENTITY_TYPES = ("NONE", "LIGHT", "MODEL", "LINK", "VISUAL", "COLLISION", "SENSOR", "JOINT")


def _file():
    file = descriptor_pb2.FileDescriptorProto(
        name="gz/stand_in.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, text in enumerate(fields.split(", "), 1):
            kind, field = text.split()
            entry = message.field.add(name=field.lstrip("*"), number=number)
            entry.label = _FIELD.LABEL_REPEATED if field[0] == "*" else _FIELD.LABEL_OPTIONAL
            if kind in _SCALARS:
                entry.type = _SCALARS[kind]
            elif kind == "Type":
                entry.type, entry.type_name = _FIELD.TYPE_ENUM, f".{_PACKAGE}.Entity.Type"
            else:
                entry.type, entry.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
        if name == "Entity":
            kinds = message.enum_type.add(name="Type")
            for number, label in enumerate(_ENTITY_TYPES):
                kinds.value.add(name=label, number=number)
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())
for _name in _MESSAGES:
    _descriptor = _pool.FindMessageTypeByName(f"{_PACKAGE}.{_name}")
    _module = ModuleType(f"{__name__}.{_FILES.get(_name, _name.lower())}_pb2")
    setattr(_module, _name, message_factory.GetMessageClass(_descriptor))
    sys.modules[_module.__name__] = _module
