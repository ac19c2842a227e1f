"""VectorNav VN-100, 200, 300: binary outputs, configured in ASCII."""
