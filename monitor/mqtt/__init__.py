"""MQTT as marker feeds and power plugs use it: addresses, connections that close."""
