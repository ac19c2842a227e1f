#!/bin/bash
# Sources ROS 2, then runs a command: `humanoid …`, `ros2 …`, `bash`, or `healthcheck`.
set -eo pipefail
if [ -f "/opt/ros/${ROS_DISTRO:-jazzy}/setup.bash" ]; then
    # shellcheck disable=SC1090
    source "/opt/ros/${ROS_DISTRO:-jazzy}/setup.bash"
fi
here=$(dirname "$(readlink -f "$0")")
case "${1:-}" in
    humanoid)
        shift
        exec "$here/../humanoid" "$@"
        ;;
    healthcheck)
        # Exit code 4: no graph runs here. What doctor finds wrong with one that does is unhealthy.
        "$here/../humanoid" doctor --json >/dev/null || code=$?
        [ "${code:-0}" -eq 0 ] || [ "${code:-0}" -eq 4 ] || exit 1
        ;;
    *)
        # `ros2` and whatever else shall see the packages and messages of the environment.
        venv=${HUMANOID_VENV:-$here/../.venv}
        export AMENT_PREFIX_PATH="$venv${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}"
        export PATH="$venv/bin:$PATH"
        export LD_LIBRARY_PATH="$venv/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
        exec "$@"
        ;;
esac
