"""Topic and service names of the graph, and the quality of service each one has.

Names are relative, so that a namespace moves the whole robot.
"""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

JOINT_STATES = "joint_states"  # sensor_msgs/JointState, every sample
IMU = "imu/data"  # sensor_msgs/Imu, every sample
WRENCH = "wrench/{foot}"  # geometry_msgs/WrenchStamped, every sample, one topic per foot
ROBOT_STATE = "robot_state"  # humanoid_interfaces/RobotState, one per sample
ODOM = "odom"  # nav_msgs/Odometry, at 100 Hz
JOINT_COMMANDS = "joint_commands"  # humanoid_interfaces/JointCommand, one per robot_state
SAFETY_STATE = "safety_state"  # humanoid_interfaces/SafetyState
MODE = "mode"  # humanoid_interfaces/ModeState
FAULTS = "faults"  # humanoid_interfaces/FaultReport
DIAGNOSTICS = "/diagnostics"  # diagnostic_msgs/DiagnosticArray, 1 Hz
ROBOT_DESCRIPTION = "robot_description"  # std_msgs/String, latched
BODY_POSE = "body_pose"  # geometry_msgs/PoseStamped, CoM and torso reference in base_footprint
CMD_VEL = "cmd_vel"  # geometry_msgs/TwistStamped, walking velocity in base_footprint
JOINT_TRAJECTORY = "joint_trajectory"  # trajectory_msgs/JointTrajectory
# What control took of orders, stamped with the sample answered last: each acts on the next one.
# Same types as asked with, for set_mode a ModeState whose `target` was asked for.
ORDER_MODE = "orders/set_mode"
ORDER_POSE = "orders/body_pose"
ORDER_VELOCITY = "orders/cmd_vel"
ORDER_TRAJECTORY = "orders/joint_trajectory"
RECORDING = "recording"  # std_msgs/Bool, latched: the recorder misses nothing from here on
TRUTH = "simulator/truth"  # nav_msgs/Odometry, simulators only, for benchmarks

WALK_TO = "walk_to"  # action humanoid_interfaces/WalkTo
SET_MODE = "set_mode"  # humanoid_interfaces/SetMode
STOP = "stop"  # std_srvs/Trigger: DAMP now, stay disarmed
EMERGENCY_STOP = "emergency_stop"  # std_srvs/Trigger: latch TORQUE_OFF
REARM = "rearm"  # std_srvs/Trigger: clear latched faults and arm again
PUSH = "simulator/push"  # humanoid_interfaces/Push
RESET = "simulator/reset"  # std_srvs/Trigger

# A busy machine loses messages at depth 1 (measured: 36 %); 5 keeps them and stays fresh.
STREAM = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
EVENT = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
