from tiny import Module


class HFEmbedder(Module):
    def __init__(self, **_):
        super().__init__()

    def forward(self, text, added_tokens=0, seq_align=1):
        return float(sum(map(len, text)))
