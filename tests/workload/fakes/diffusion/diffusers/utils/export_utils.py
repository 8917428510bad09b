def export_to_video(frames, path):
    return path


def export_to_gif(frames, path):
    return path
