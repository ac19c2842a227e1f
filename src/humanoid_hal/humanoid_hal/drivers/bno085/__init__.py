"""CEVA BNO085 in UART-RVC mode."""
