class T5Encoder:
    def __init__(self, **_):
        pass

    def encode(self, text):
        return {"y": float(sum(map(len, text)))}
