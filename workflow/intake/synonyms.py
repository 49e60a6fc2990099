"""Ingredients with two official names: which one this product uses, and the other as its alias.

Only pairs that are the same substance; a look-alike has no place here. The first name is the one used.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_PAIRS = """
acetaminophen paracetamol | albuterol salbutamol | glyburide glibenclamide | epinephrine adrenaline
norepinephrine noradrenaline | meperidine pethidine | rifampin rifampicin | cyclosporine ciclosporin cyclosporin
lidocaine lignocaine | furosemide frusemide | acyclovir aciclovir | amoxicillin amoxycillin | cephalexin cefalexin
bendroflumethiazide bendrofluazide | chlorpheniramine chlorphenamine | isoproterenol isoprenaline
succinylcholine suxamethonium | phenobarbital phenobarbitone | thiopental thiopentone | sulfasalazine sulphasalazine
mesalamine mesalazine | torsemide torasemide | dicyclomine dicycloverine | benztropine benzatropine
trihexyphenidyl benzhexol | cosyntropin tetracosactide | scopolamine hyoscine | nitroglycerin glyceryl-trinitrate
indomethacin indometacin | estradiol oestradiol | levothyroxine thyroxine | cromolyn cromoglicate
leucovorin folinic-acid | metaproterenol orciprenaline | methimazole thiamazole
dextroamphetamine dexamfetamine | amphetamine amfetamine | bethanechol bethanecol | guaifenesin guaiphenesin
sulfamethoxazole sulphamethoxazole | hydroxyurea hydroxycarbamide | mechlorethamine chlormethine
penicillin-g benzylpenicillin | penicillin-v phenoxymethylpenicillin | vitamin-k1 phytomenadione phytonadione
aspirin acetylsalicylic-acid
"""
MAIN_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        other.replace("-", " "): names[0].replace("-", " ")
        for group in _PAIRS.replace("\n", " | ").split("|")
        if (names := group.split())
        for other in names
    }
)
"""The name in use by each name of a pair."""


def same_ingredient(name: str) -> tuple[str, ...]:
    """Give the other official names of an ingredient."""
    return tuple(other for other, main in MAIN_OF.items() if main == MAIN_OF.get(name) and other != name)
