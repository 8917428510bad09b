from tiny import Module


class VAE_Temporal(Module):
    def decode(self, z, num_frames=None):
        return z + 1
