"""The ordered table of what files of each family look like: one file a family.

A signature looks at names and shapes (`WeightsHeader`) and answers with `Facts` or with `No` and the reason.
The first that takes a file has it, so narrow ones stand before wide ones.
"""

from __future__ import annotations

from webui.contracts.errors import NotAModel
from webui.weights.signatures import flow, ldm, sdxl, stable_diffusion
from webui.weights.signatures.facts import Facts, Signature, WeightsFile

SIGNATURES: tuple[Signature, ...] = (
    Signature("sd3 and flux", flow.describe),
    Signature("sdxl", sdxl.describe),
    Signature(ldm.FAMILY, ldm.describe),
    Signature("sd1", stable_diffusion.describe),
)


def identify(file: WeightsFile) -> Facts:
    """Which family's the file is.

    Raises:
        NotAModel: no family's; has the reason of each.
        BrokenModel: a family knows it, but it is damaged.
    """
    reasons = []
    for signature in SIGNATURES:
        answer = signature.describe(file)
        if isinstance(answer, Facts):
            return answer
        reasons.append(f"{signature.family}: {answer.reason}")
    raise NotAModel(f"It is no model of a family that we know. {' '.join(reasons)}")
