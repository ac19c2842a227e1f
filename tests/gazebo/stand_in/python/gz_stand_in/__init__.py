"""The stand-in's server: an SDF world moved by MuJoCo, behind Gazebo's topics and services."""
