"""What a terminal shows: a session that runs, a recording, the stage table."""
