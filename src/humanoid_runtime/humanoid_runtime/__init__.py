"""What the shell of every node needs: topics, wait loop, real-time set-up, start and stop."""
