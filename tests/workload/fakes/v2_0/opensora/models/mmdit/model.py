from tiny import Module


class MMDiTModel(Module):
    def __init__(self, **_):
        super().__init__()
        self.forward = self.forward_ckpt

    def forward_ckpt(self, img, timesteps, **_):
        print("step", timesteps)
        return img * (1 - timesteps / 10)
