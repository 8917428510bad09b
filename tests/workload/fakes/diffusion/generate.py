import sys

from diffusers import TinyVideoPipeline
from diffusers.utils import export_to_video

pipe = TinyVideoPipeline.from_pretrained("tiny")
fails_at = int(sys.argv[1]) if len(sys.argv) > 1 else None
for prompt in ("a cat", "a dog"):
    print(export_to_video(pipe(prompt, num_frames=9, fails_at=fails_at), "video.mp4"))
