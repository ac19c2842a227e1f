"""Model-based walking: the capture point decides where and when to step."""
