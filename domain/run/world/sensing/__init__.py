"""What meters, sensors and registers show."""
