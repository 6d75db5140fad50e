"""What others published of small CIFAR-10 networks: quoted, not measured here.

Only tables and logs of the authors themselves, as named. All are float networks; where their best epoch on the test
images was picked, as most do, an honest last epoch would be some tenths lower. At most a million parameters.
"""

from dataclasses import dataclass

_CHENYAOFO = "github.com/chenyaofo/pytorch-cifar-models, README at 786c162; best epoch on the test images"
_CONDENSENET = "github.com/ShichenLiu/CondenseNet, README"
_SIMPNET = (
    "github.com/Coderx7/SimpNet at acd7aa0, its log; MACs computed from its prototxt; best epoch on the test images"
)
_CCT = "github.com/SHI-Labs/Compact-Transformers, README"


@dataclass(frozen=True)
class Published:
    """``top1`` is a fraction 0..1; ``macs`` are multiply-accumulates of one 32 x 32 image."""

    name: str
    top1: float
    parameters: int
    macs: int
    source: str

    def __post_init__(self) -> None:
        if not (0 < self.top1 < 1 and self.parameters > 0 and self.macs > 0):
            raise ValueError(f"{self.name}: expected a fraction and two counts above 0")


CIFAR10 = (
    Published("ShuffleNetV2 x0.5", 0.9013, 350_000, 10_900_000, _CHENYAOFO),
    Published("ResNet-20", 0.9260, 270_000, 40_800_000, _CHENYAOFO),
    Published("ResNet-32", 0.9353, 470_000, 69_100_000, _CHENYAOFO),
    Published("ResNet-44", 0.9401, 660_000, 97_000_000, _CHENYAOFO),
    Published("ResNet-56", 0.9437, 860_000, 126_000_000, _CHENYAOFO),
    Published("MobileNetV2 x0.5", 0.9288, 700_000, 28_000_000, _CHENYAOFO),
    Published("CondenseNet-50", 0.9378, 220_000, 28_600_000, _CONDENSENET),
    Published("CondenseNet-74", 0.9472, 410_000, 51_900_000, _CONDENSENET),
    Published("CondenseNet-86", 0.9494, 520_000, 65_800_000, _CONDENSENET),
    Published("SimpNet-Slim, 300,000 parameters", 0.9325, 298_000, 93_700_000, _SIMPNET),
    Published("SimpNet-Slim, 600,000 parameters", 0.9403, 597_000, 200_000_000, _SIMPNET),
    Published("CCT-2/3x2", 0.8917, 284_000, 33_000_000, _CCT),
    Published("CCT-4/3x2", 0.9145, 482_000, 46_000_000, _CCT),
)

# MLPerf Tiny's image classification files (github.com/mlcommons/tiny at 1afd2c9), by their names there.
ANCHOR_NAMES = {
    "pretrainedResnet_quant.tflite": "MLPerf ResNet-8 int8",
    "pretrainedResnet.tflite": "MLPerf ResNet-8 float",
    "pretrainedResnet_large_int8.tflite": "MLPerf large int8",
    "pretrainedResnet_large_float.tflite": "MLPerf large float",
}
