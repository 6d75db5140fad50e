"""The numbers of the 8-bit grids, for whoever writes weights and ranges."""

# The weight grid of quantization-aware training: integers -63..63 times a scale of max|w| / 63, stored as the even
# numbers of the 8-bit grid, -126..126 times max|w| / 126. Two products of an unsigned 8-bit activation and a weight in
# -63..63 add up to at most 2 x 255 x 63 = 32,130 < 32,767, so the 16-bit sums of x86 processors without VNNI cannot
# saturate. TFLite holds the even integers, ONNX their halves: the same weights in both.
WEIGHT_LEVELS = 63
# Sums are kept in 32 bits: half of them for the bias, half for the products.
BIAS_LEVELS = 2**30
# What TFLite's kernels give for these functions, whatever the range of their input: 1/256 and 1/128 a step.
FIXED_RANGES = {"sigmoid": (0.0, 255 / 256), "softmax": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}
