def save_sample(
    x, save_path=None, fps=8, normalize=True, value_range=(-1, 1), force_video=False, verbose=True
):
    x = x.to("cpu")
    with open(save_path, "w") as file:
        file.write(repr(x))
    return save_path
