def save_sample(x, fps=8, save_path=None, normalize=True, value_range=(-1, 1)):
    with open(save_path, "w") as file:
        file.write(repr(x))
    return save_path
