import torch


class T5Encoder:
    def __init__(self, **_):
        self.tokenize_fn = lambda texts: {"input_ids": texts, "attention_mask": None}

    def encode(self, input_ids, attention_mask=None):
        torch.cuda.work("text", 0.01)
        return {"y": float(sum(map(len, input_ids)))}

    def null(self, n):
        return 0.0
