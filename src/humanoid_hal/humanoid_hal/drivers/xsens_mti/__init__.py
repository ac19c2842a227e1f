"""Xsens (Movella) MTi: Xbus messages, MTData2."""
