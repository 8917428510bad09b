"""The desktop app: reads snapshots and history, sends commands, decides nothing."""
