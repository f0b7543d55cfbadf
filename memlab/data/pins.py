"""Size and SHA-256 sum of each published file, by the MD5 sum that torchvision knows it by.

MD5 does not keep anybody from putting another file in its place; a file that is not listed here is
therefore fetched by https only. The figures are those of TensorFlow Datasets' `url_checksums` (IDX
and MATLAB files) and of Keras (CIFAR), compared with torchvision's own prototype datasets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Pin:
    """A file's size in bytes and its SHA-256 sum, in hexadecimal."""

    size: int
    sha256: str


PINS: Final[dict[str, Pin]] = {
    # MNIST: images and labels for training, for test
    "f68b3c2dcbeaaa9fbdd348bbdeb94873": Pin(
        9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "d53e105ee54ea40749a09fcbcd1e9432": Pin(
        28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "9fb629c4189551a2d022fa330f9573f3": Pin(
        1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "ec29112dd5afa0611ce80d1b7f02629c": Pin(
        4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
    # Fashion-MNIST
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d": Pin(
        26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "25c81989df183df01b3e8a0aad5dffbe": Pin(
        29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "bef4ecab320f06d8554ea6380940ec79": Pin(
        4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "bb300cfdad3c16e7a12a480ee83cd310": Pin(
        5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
    # Kuzushiji-MNIST
    "bdb82020997e1d708af4cf47b453dcf7": Pin(
        18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
    ),
    "e144d726b3acfaa3e44228e80efcd344": Pin(
        29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
    ),
    "5c965bf0a639b31b8f53240b1b52f4d7": Pin(
        3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
    ),
    "7320c461ea6c1c855c0b718fb2a4b134": Pin(
        5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"
    ),
    # CIFAR-10 and CIFAR-100
    "c58f30108f718f92721af3b95e74349a": Pin(
        170_498_071, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    ),
    "eb9058c3a382ffc7106e4002c42a8d85": Pin(
        169_001_437, "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
    ),
    # SVHN, training and test
    "e26dedcc434d2e4c54c9b2d4a06d8373": Pin(
        182_040_794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"
    ),
    "eb5a983be6a315427106f1b164d9cef3": Pin(
        64_275_384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"
    ),
}
