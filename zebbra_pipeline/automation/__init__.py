"""What starts runs without a person: the sensor on connections."""
