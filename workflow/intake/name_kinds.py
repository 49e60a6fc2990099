"""Guesses from a name's form whether it is a drug or a condition, where no vocabulary knows it.

Owns word stems and endings: of generic names as the WHO assigns them, and of disorders as medicine builds them. A
guess asks for attention and decides nothing.
"""

from __future__ import annotations

import re

_DRUG = re.compile(
    r"\b(?:[\w-]*(?:olol|pril|prilat|sartan|statin|azole|idazole|mycin|micin|cillin|cef\w+|floxacin|cycline|vir"
    r"|tinib|ciclib|mab|cept|zepam|zolam"
    r"|zodone|triptan|setron|tidine|prazole|gliptin|glitazone|gliflozin|glinide|formin|parin|gatran|xaban|grel"
    r"|grelor|fibrate|caine|curonium"
    r"|dronate|dipine|thiazide|semide|terol|tropium|sone|solone|lone|nide|oxetine|pramine|triptyline|barbital|toin"
    r"|pine|zine|apine|peridone"
    r"|idone|perazine|promazine|azepam|profen|fenac|oxicam|coxib|platin|rubicin|taxel|tecan|trexate|trexed|bicin"
    r"|mustine|abine|uracil|vastatin"
    r"|steride|lukast|fylline|phylline|dopa|giline|gine|bamate|gabalin|gabapentin|cort|feron|stim|kinra|poetin|ase"
    r"|kacin|penem|bactam|quine"
    r"|oxacin|sulfa\w*|amide|zolid|ezolid|fungin|nafine|vudine|citabine|ribine|arone|ilide|ainide|idine|amine|arin"
    r"|osin|afil|prost|relin|tide"
    r"|orphan|orphine|codone|adol|fentanil|entanyl|naloxone|zosin|lamide|zomib|parib|degib|imus|limus|mycine"
    r"|thromycin|trel|estrol|gestrel|estradiol"
    r"|progesterone|stigmine|oxin|ide|ine|one|cin|xel|il|am|ol|an|on|in|ium|ate)|[A-Z]{2,5}\d{2,}|(?:IL|IFN)[\w-]*"
    r"|insulin\w*|aspirin|heparin|warfarin"
    r"|lithium|digoxin|interferon[\w-]*|vaccine|contraceptives?|MTX|AZT|DDI|L-dopa|acid|drugs?|agents?|inhibitors?"
    r"|antagonists?|agonists?|blockers?"
    r"|tablets?|therapy|chemotherapy|monotherapy|treatment|injections?)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:[\w-]*(?:itis|osis|oses|emia|aemia|penia|pathy|pathies|plegia|algia|rrhea|rrhoea|rrhage|rrhagic|uria"
    r"|edema|oedema|oma|omas|ectasia|plasia|trophy|megaly"
    r"|sclerosis|stenosis|spasm|toxicity|toxicities|dystonia|kinesia|phobia|mania|esthesia|aesthesia|philia|cytosis"
    r"|lysis|rrhythmia|cardia|pnea"
    r"|pnoea|xia|phasia|genesis|opia|opsia|ism|icterus|ache|aches|necrosis|thrombosis|embolism|tension|gestion)"
    r"|syndromes?|disease|disorders?"
    r"|failure|infections?|seizures?|convulsions?|rash|eruptions?|pain|nausea|vomiting|dizziness|fever|pyrexia|death"
    r"|hepatitis|injury|hemorrhage"
    r"|haemorrhage|bleeding|reactions?|hypersensitivity|anaphyla\w+|shock|coma|delirium|psychosis|depression|anxiety"
    r"|insomnia|fatigue|weakness"
    r"|tremor|ataxia|paralysis|palsy|neuropath\w+|myopathy|lesions?|ulcers?|cancer|carcinoma|lymphoma|leuk[a]?emia"
    r"|tumou?rs?|asthma|hypotension"
    r"|hypertension|arrest|block|arrhythmias?|infarction|stroke|ischemi\w+|ischaemi\w+|deficiency|dysfunction"
    r"|impairment|insufficiency|loss|abnormalit\w+"
    r"|cough|dyspn\w+|pruritus|urticaria|alopecia|diarrh\w+|constipation|swelling|symptoms?|attacks?|episodes?"
    r"|complications?|damage|defects?"
    r"|ileus|abnormal\w*|atrophy|suicid\w+|hallucinations?|confusion|agitation|flushing|burns?|blindness|deafness"
    r"|toxic\s+effects?|side\s+effects?|effects?|events?|prolongation"
    r"|elevations?|increases?|decreases?|changes?|suppression|withdrawal|overdose|dependence|abuse|pregnancy"
    r"|malformations?)\b",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    r"\b(?:vaccines?|inhibitors?|blockers?|antagonists?|agonists?|drugs?|agents?|therap(?:y|ies)|treatments?"
    r"|antibod(?:y|ies)|globulins?|factors?"
    r"|insulin\w*|interferons?|medications?|medicines?|tablets?|capsules?|creams?|regimens?|anti[\w-]+s)\s*$",
    re.IGNORECASE,
)
"""Last words of names of what is given."""
_COMMON = re.compile(
    r"\b(?:pain|edema|oedema|stroke|fall|cough|burn|rash|gain|loss|injury|death|infection|reaction|medicine|migraine"
    r"|urine|pneumon\w+|inflammation"
    r"|vision|lesion|depression|hypertension|hypotension|tension|congestion|infarction|prolongation|dysfunction"
    r"|abrasion|agitation|confusion|hallucination\w*"
    r"|obstruction|perforation|constipation|malformation|abortion|elevation|erosion|effusion|occlusion|reduction"
    r"|retention|exacerbation|sedation"
    r"|deterioration|suppression|formation|condition|arrest|vertigo|coma|skin|brain|spleen|angina|chorea|tetany"
    r"|chest|creatinine|albumin|bilirubin|hemoglobin|protein\w*)\b",
    re.IGNORECASE,
)


def looks_like_drug(name: str) -> bool:
    """Say whether a word of the name is built like a drug's."""
    return _DRUG.search(_COMMON.sub(" ", _CONDITION.sub(" ", name))) is not None


def looks_like_condition(name: str) -> bool:
    """Say whether the name is built like that of a disorder or a harm, and not of what is given against one."""
    return _CONDITION.search(name) is not None and _GIVEN.search(name) is None
