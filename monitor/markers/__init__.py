"""Where markers come from: the MQTT feed, the broker, the client inside the workload."""
