"""What the shell of every node needs: topics and QoS, the wait loop, real-time set-up, start and stop."""
