"""What starts runs without a person: sensors and schedules."""
